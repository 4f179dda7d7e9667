"""The worker: runs the workflows and the activities of the roles it is given."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import anju_profile
from anju_contracts.base import PAYMENTS_TASK_QUEUE, REGISTRY_TASK_QUEUE, TASK_QUEUE
from chassis import logs, temporal
from chassis.service import signer
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions

from anju_workflows import console, setup
from anju_workflows.activities import Activities, activities
from anju_workflows.flows import WORKFLOWS
from anju_workflows.settings import Settings

NAME = "worker"

# Pure modules, loaded once for the process instead of once for every workflow run: they hold tables and models, no state of a run.
PURE_MODULES = (
    "anju_contracts",
    "anju_calendar",
    "anju_terms",
    "anju_workflows.calling",
    "anju_workflows.telling",
    "anju_workflows.console",
    "anju_workflows.deadlines",
    "anju_workflows.search_attributes",
    "anju_workflows.case",
    "anju_workflows.application.calls",
    "anju_workflows.application.confirmation",
    "anju_workflows.application.correction",
    "anju_workflows.application.notice",
    "anju_workflows.application.review",
    "anju_workflows.application.steps",
    "anju_workflows.application.verification",
    "anju_workflows.waiting.calls",
    "anju_workflows.lease.calls",
    "anju_workflows.rent_cycle.calls",
    "anju_workflows.complaint.calls",
    "anju_profile",
    "chassis",
    "chinese_calendar",
)


def workflow_runner() -> SandboxedWorkflowRunner:
    return SandboxedWorkflowRunner(restrictions=SandboxRestrictions.default.with_passthrough_modules(*PURE_MODULES))


def activities_of(role: str, made: Activities) -> Sequence[Callable[..., Any]]:
    """What each role runs. The main role can run everything, so that one box needs one queue only."""
    registry: list[Callable[..., Any]] = [made.application.lookup]
    payments: list[Callable[..., Any]] = [made.rent_cycle.confirm_payment]
    by_role: dict[str, list[Callable[..., Any]]] = {
        REGISTRY_TASK_QUEUE: registry,
        PAYMENTS_TASK_QUEUE: payments,
        TASK_QUEUE: [
            made.application.advance,
            made.application.standing,
            made.application.release_household,
            made.application.assess,
            made.waiting.register_waiting,
            made.waiting.take_offer,
            made.waiting.close_offer,
            made.waiting.close_waiting,
            made.lease.advance_lease,
            made.lease.open_rent,
            made.lease.start_rent_cycle,
            made.lease.bills_of_lease,
            made.rent_cycle.issue_bill,
            made.rent_cycle.mark_bill,
            made.rent_cycle.bill_standing,
            made.complaint.advance_complaint,
            made.telling.notify,
            *registry,
            *payments,
        ],
    }
    return by_role[role]


def build(client: Client, role: str, made: Activities, settings: Settings) -> Worker:
    return Worker(
        client,
        task_queue=role,
        workflows=WORKFLOWS if role == TASK_QUEUE else (),
        activities=activities_of(role, made),
        workflow_runner=workflow_runner(),
        max_cached_workflows=settings.worker_max_cached_workflows,
        max_concurrent_activities=settings.worker_max_lookups if role == REGISTRY_TASK_QUEUE else 100,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        # The default of 0 cancels running activities at once.
        graceful_shutdown_timeout=timedelta(seconds=settings.worker_drain_seconds),
    )


@asynccontextmanager
async def worker(settings: Settings, client: Client | None = None) -> AsyncIterator[list[Worker]]:
    """Runs one Worker for every role until the block ends. Raises NotSetUpError when the cluster cannot hold our workflows."""
    # Deadlines need the profile's working-day years before the first workflow task.
    anju_profile.load(settings.profile_dir, production=settings.production)
    console.is_at(settings.public_url)
    async with AsyncExitStack() as stack:
        connected = client or await temporal.connect(settings, settings.clocks())
        await setup.require(connected)
        made = await stack.enter_async_context(activities(settings, signer(settings, NAME), connected))
        workers = [build(connected, role, made, settings) for role in settings.roles]
        for each in workers:
            await stack.enter_async_context(each)
        logs.get(__name__).info("working", roles=settings.roles)
        yield workers
