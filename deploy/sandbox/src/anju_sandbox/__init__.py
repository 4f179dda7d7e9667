"""The outside world on one machine: departments, bank, SMS and city sign-on, each with its own true books."""
