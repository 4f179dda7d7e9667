"""What registry-gateway knows, in plain Python: no I/O, no frameworks."""
