"""RegistryGateway: the one door to the departments: connectors, consent, receipts, access log."""
