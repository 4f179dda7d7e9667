"""Who lives in the sandbox city and what is true about them; no I/O except the override book."""
