"""Settings of a worker process."""

from __future__ import annotations

from anju_contracts.base import PAYMENTS_TASK_QUEUE, REGISTRY_TASK_QUEUE, TASK_QUEUE
from anju_simclock import SimulatedSettings
from chassis.settings import GrpcServiceSettings
from pydantic import Field

ROLES = (TASK_QUEUE, REGISTRY_TASK_QUEUE, PAYMENTS_TASK_QUEUE)


class Settings(SimulatedSettings, GrpcServiceSettings):
    worker_roles: str = Field(
        default=",".join(ROLES),
        description="Task queues this process serves, comma-separated; anju runs workflows and quick steps, the others slow calls.",
    )
    public_url: str = Field(
        default="",
        description="Address people see (https://…): operators find it beside each workflow, as the way to its case; without it there is none.",
    )
    worker_max_cached_workflows: int = Field(default=600, ge=1, description="Workflows kept in memory (50 to 90 kB each).")
    worker_max_lookups: int = Field(default=20, ge=1, description="Registry lookups this process runs at once.")
    worker_drain_seconds: float = Field(default=10.0, ge=0, description="How long running activities may finish after SIGTERM.")

    @property
    def roles(self) -> tuple[str, ...]:
        """Raises ValueError for a role nobody knows."""
        roles = tuple(role.strip() for role in self.worker_roles.split(",") if role.strip())
        unknown = set(roles) - set(ROLES)
        if unknown or not roles:
            raise ValueError(f"ANJU_WORKER_ROLES: unknown {sorted(unknown)}; known are {', '.join(ROLES)}")
        return roles
