"""Eligibility: rule sets as data; assess and explain."""
