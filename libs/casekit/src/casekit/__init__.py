"""How a service speaks with workflows, and what is told with a workflow's step: one mechanism for every service."""
