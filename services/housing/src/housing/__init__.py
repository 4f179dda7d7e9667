"""Housing: estates, units, the waiting list, offers and leases."""
