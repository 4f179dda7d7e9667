"""Steps recorded by casework, facts from the registry gateway, their judgement by eligibility."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from anju.casework.v1 import casework_pb2, casework_pb2_grpc
from anju.common.v1 import common_pb2
from anju.eligibility.v1 import eligibility_pb2, eligibility_pb2_grpc
from anju.registry.v1 import registry_pb2, registry_pb2_grpc
from anju_contracts.application import LookupOutcome, Verdict
from chassis.errors import Refusal, to_application_error
from chassis.grpc_client import Client, activity_call
from chassis.wire import stamp, utc
from temporalio import activity

from anju_workflows import wire
from anju_workflows.application import calls

OUTCOMES = {common_pb2.LookupOutcome.Value(f"LOOKUP_OUTCOME_{outcome.name}"): outcome for outcome in LookupOutcome}
VERDICTS = {eligibility_pb2.Verdict.Value(f"VERDICT_{verdict.name}"): verdict for verdict in Verdict}
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


class ApplicationActivities:
    def __init__(self, casework: Client, registry: Client, eligibility: Client) -> None:
        self._casework_client = casework
        self._casework = casework_pb2_grpc.CaseworkServiceStub(casework.channel)
        self._registry_client = registry
        self._registry = registry_pb2_grpc.RegistryGatewayServiceStub(registry.channel)
        self._eligibility_client = eligibility
        self._eligibility = eligibility_pb2_grpc.EligibilityServiceStub(eligibility.channel)

    @activity.defn(name=calls.ADVANCE_APPLICATION)
    async def advance(self, arg: calls.Advance) -> int:
        request = casework_pb2.AdvanceApplicationRequest(
            no=arg.no,
            step=wire.step(arg.step),
            event=arg.event,
            stage=arg.stage,
            waiting_on=arg.waiting_on,
            deadline_at=stamp(arg.deadline),
            overdue=arg.overdue,
            note=arg.note,
            objection_id=arg.objection_id,
            doubts=arg.doubts,
        )
        answer: casework_pb2.AdvanceApplicationResponse = await activity_call(
            self._casework_client.call(self._casework.AdvanceApplication, request)
        )
        return answer.version

    @activity.defn(name=calls.CASE_STANDING)
    async def standing(self, arg: calls.CaseStanding) -> calls.Standing:
        request = casework_pb2.GetStandingRequest(no=arg.no)
        found: casework_pb2.GetStandingResponse = await activity_call(self._casework_client.call(self._casework.GetStanding, request))
        return calls.Standing(
            stage=found.stage,
            waiting_on=found.waiting_on,
            deadline=utc(found.deadline_at) if found.HasField("deadline_at") else None,
            overdue=found.overdue,
            round=found.round,
            notice_closes=utc(found.notice_closes_at) if found.HasField("notice_closes_at") else None,
            awaited=tuple(found.awaited),
            objections=tuple((each.id, utc(each.raised_at)) for each in found.objections),
        )

    @activity.defn(name=calls.RELEASE_HOUSEHOLD)
    async def release_household(self, arg: calls.ReleaseHousehold) -> str:
        request = casework_pb2.ReleaseHouseholdRequest(application_no=arg.no)
        await activity_call(self._casework_client.call(self._casework.ReleaseHousehold, request))
        return arg.no

    @activity.defn(name=calls.LOOKUP_REGISTER)
    async def lookup(self, arg: calls.Lookup) -> calls.LookupAnswer:
        request = registry_pb2.LookupRequest(application_no=arg.no, round=arg.round, register=arg.register_code, as_of=stamp(arg.as_of))
        silent = _silent_tries()
        async with _alive(silent):
            try:
                answer: registry_pb2.LookupResponse = await self._registry_client.call(
                    self._registry.Lookup, request, timeout=LOOKUP_SECONDS
                )
            except Refusal as refusal:
                if refusal.problem.reason == DEPARTMENT_SILENT:
                    silent += 1
                    pause = _pause_for_department(silent)
                else:
                    pause = _pause_for_us(activity.info().attempt - silent)
                activity.heartbeat(silent)
                raise to_application_error(refusal, again_after=pause) from refusal
        return calls.LookupAnswer(outcome=OUTCOMES[answer.outcome], summary=answer.summary.zh)

    @activity.defn(name=calls.ASSESS)
    async def assess(self, arg: calls.Assess) -> calls.AssessAnswer:
        request = eligibility_pb2.AssessRequest(application_no=arg.no, round=arg.round, as_of=stamp(arg.as_of))
        answer: eligibility_pb2.AssessResponse = await activity_call(self._eligibility_client.call(self._eligibility.Assess, request))
        found = answer.assessment
        against = [c for c in found.criteria if VERDICTS.get(c.verdict) in (Verdict.NOT_MET, Verdict.NEEDS_REVIEW)]
        return calls.AssessAnswer(
            verdict=VERDICTS[found.verdict],
            rule_set=found.rule_set,
            unmet=tuple(c.title.zh for c in against),
            doubts=tuple(c.code for c in against),
        )
