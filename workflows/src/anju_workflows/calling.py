"""How a workflow asks our services for a step.

A quick idempotent step is a local activity (no engine action of its own), tried once for three seconds and then made again as an ordinary one;
whatever leaves the house, may take long, or must be on record before it happens is an ordinary activity from the start. Each makes exactly one RPC;
retries belong to the engine and are bounded by time, not by tries.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TypeVar

from anju_contracts.base import Model
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, TimeoutError

from anju_workflows.telling import Telling

T = TypeVar("T")


class Step(Model):
    """Where in which workflow a record comes from: makes the record happen once. ``tell`` is handed on with it, in the same transaction."""

    step_id: str
    as_of: datetime
    actor: str = "system"
    word_id: str = ""
    tell: tuple[Telling, ...] = ()


# Our own services are back within seconds after a crash; until then the step waits, for as long as it takes.
_OWN: Final = RetryPolicy(initial_interval=timedelta(milliseconds=500), backoff_coefficient=2, maximum_interval=timedelta(seconds=30))
_ONE_TRY: Final = timedelta(seconds=10)
# A local step holds its workflow's task. A service that hangs must not hold those of everybody: after this long the step goes on as an ordinary one.
LOCAL_PATIENCE: Final = timedelta(seconds=3)
_ONCE: Final = RetryPolicy(maximum_attempts=1)

# How a step ends without an answer: a local one raises its failure bare, an ordinary one wraps it.
FAILED: Final = (ActivityError, ApplicationError, TimeoutError)


def refused(error: FailureError) -> ApplicationError | None:
    """The service's answer that it will not; None when there was no answer."""
    cause = error.cause if isinstance(error, ActivityError) else error
    return cause if isinstance(cause, ApplicationError) and cause.non_retryable else None


async def quick(name: str, arg: Model, result: type[T], summary: str) -> T:
    """Tried once in the worker; the same step as an ordinary activity when that has no answer within ``LOCAL_PATIENCE``."""
    try:
        answer: T = await workflow.execute_local_activity(
            name,
            arg,
            result_type=result,
            start_to_close_timeout=LOCAL_PATIENCE,
            retry_policy=_ONCE,
            summary=summary,
        )
    except FAILED as error:
        if refused(error) is not None:
            raise
        workflow.logger.warning("%s goes on as an ordinary activity", name)
        return await recorded(name, arg, result, summary)
    return answer


async def recorded(name: str, arg: Model, result: type[T], summary: str) -> T:
    """An ordinary activity: the engine has written down that it will happen before it does, so no message arriving meanwhile can undo it."""
    answer: T = await workflow.execute_activity(
        name, arg, result_type=result, start_to_close_timeout=_ONE_TRY, retry_policy=_OWN, summary=summary
    )
    return answer
