"""Oversight: what the city publishes about public rental housing."""
