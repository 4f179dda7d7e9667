"""Facts and their judgement: the registry gateway and eligibility."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from anju.eligibility.v1 import eligibility_pb2, eligibility_pb2_grpc
from anju.registry.v1 import registry_pb2, registry_pb2_grpc
from chassis.errors import Refusal, to_application_error
from chassis.grpc_client import Client, activity_call
from temporalio import activity

from anju_workflows import calls
from anju_workflows.activities.wire import OUTCOMES, VERDICTS, instant
from anju_workflows.contracts import Verdict

# Below the activity's start-to-close, above the gateway's own five seconds a try for every person and county asked.
LOOKUP_SECONDS = 50.0
# A lookup that takes longer says every few seconds that it lives, so that a killed worker is noticed long before start-to-close.
HEARTBEAT_SECONDS = 3.0
_LONGEST_OWN_PAUSE_SECONDS = 30
# The gateway's word that it asked the department in vain. Every other failure is our own, a deadline of ours that passed included.
DEPARTMENT_SILENT = "REGISTER_UNAVAILABLE"


@asynccontextmanager
async def _alive(silent: int) -> AsyncIterator[None]:
    """``silent`` is said with every beat: the next try is given what was said last."""

    async def beat() -> None:
        while True:
            await asyncio.sleep(HEARTBEAT_SECONDS)
            activity.heartbeat(silent)

    beating = asyncio.create_task(beat())
    try:
        yield
    finally:
        beating.cancel()


def _silent_tries() -> int:
    """How often the department itself has been silent in the tries before; one of our own outages does not count."""
    said = activity.info().heartbeat_details
    return int(said[0]) if said else 0


def _pause_for_us(ours: int) -> timedelta:
    """Our own gateway is back within seconds, and is asked again within seconds."""
    return timedelta(seconds=min(2 ** min(ours - 1, 10), _LONGEST_OWN_PAUSE_SECONDS))


def _pause_for_department(silent: int) -> timedelta | None:
    """The policy's growing pauses spare a department that is away. The engine itself would let them grow with every try, those in vain at our own
    gateway included: after a restart of ours a department's first hiccup would cost ten minutes."""
    policy = activity.info().retry_policy
    if policy is None:
        return None
    pause = policy.initial_interval.total_seconds() * policy.backoff_coefficient ** min(silent - 1, 30)
    longest = policy.maximum_interval
    return timedelta(seconds=pause) if longest is None else min(timedelta(seconds=pause), longest)


class RegistryActivities:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = registry_pb2_grpc.RegistryGatewayServiceStub(client.channel)

    @activity.defn(name=calls.LOOKUP_REGISTER)
    async def lookup(self, arg: calls.Lookup) -> calls.LookupAnswer:
        request = registry_pb2.LookupRequest(application_no=arg.no, round=arg.round, register=arg.which.value, as_of=instant(arg.as_of))
        silent = _silent_tries()
        async with _alive(silent):
            try:
                answer: registry_pb2.LookupResponse = await self._client.call(self._stub.Lookup, request, timeout=LOOKUP_SECONDS)
            except Refusal as refusal:
                if refusal.problem.reason == DEPARTMENT_SILENT:
                    silent += 1
                    pause = _pause_for_department(silent)
                else:
                    pause = _pause_for_us(activity.info().attempt - silent)
                activity.heartbeat(silent)
                raise to_application_error(refusal, again_after=pause) from refusal
        return calls.LookupAnswer(outcome=OUTCOMES[answer.outcome], summary=answer.summary.zh)


class EligibilityActivities:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = eligibility_pb2_grpc.EligibilityServiceStub(client.channel)

    @activity.defn(name=calls.ASSESS)
    async def assess(self, arg: calls.Assess) -> calls.AssessAnswer:
        request = eligibility_pb2.AssessRequest(application_no=arg.no, round=arg.round, as_of=instant(arg.as_of))
        answer: eligibility_pb2.AssessResponse = await activity_call(self._client.call(self._stub.Assess, request))
        found = answer.assessment
        unmet = tuple(c.title for c in found.criteria if VERDICTS.get(c.verdict) in (Verdict.NOT_MET, Verdict.NEEDS_REVIEW))
        return calls.AssessAnswer(verdict=VERDICTS[found.verdict], rule_set=found.rule_set, unmet=unmet)
