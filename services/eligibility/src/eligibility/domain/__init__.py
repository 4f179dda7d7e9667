"""What eligibility knows, in plain Python: no I/O, no frameworks."""
