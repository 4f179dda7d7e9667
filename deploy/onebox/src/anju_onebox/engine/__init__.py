"""The engines below the services: a real PostgreSQL and a real Temporal server, as child processes of the box."""
