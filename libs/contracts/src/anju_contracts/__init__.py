"""What the world may say to a workflow, and what a workflow is started with: one module a subject.

Plain data. Services import these modules to start a workflow or to talk to one, and nothing else of the workflows. No personal data and no fact
that a service owns may be added: these models are stored in workflow histories, where they grow old.
"""
