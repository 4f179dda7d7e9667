"""Payments: ledger, bills, payment intents and the bank."""
