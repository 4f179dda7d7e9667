"""The bank: payment orders, the payer's page, signed callbacks, queries and the daily settlement file (protocol 4.4)."""
