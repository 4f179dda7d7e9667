"""Shared runtime of every Anju process. Nothing in here knows what public rental housing is."""
