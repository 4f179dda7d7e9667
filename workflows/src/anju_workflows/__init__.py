"""The durable workflows: application, waiting, lease, rent. Read contracts.py, then application.py."""
