"""Facts and their judgement: the registry gateway and eligibility."""

from __future__ import annotations

from anju.eligibility.v1 import eligibility_pb2, eligibility_pb2_grpc
from anju.registry.v1 import registry_pb2, registry_pb2_grpc
from chassis.grpc_client import Client, activity_call
from temporalio import activity

from anju_workflows import calls
from anju_workflows.activities.wire import OUTCOMES, REGISTERS, VERDICTS, instant
from anju_workflows.contracts import Verdict

# Below the activity's start-to-close, above the gateway's own five seconds a try for every person and county asked.
LOOKUP_SECONDS = 50.0


class RegistryActivities:
    def __init__(self, client: Client) -> None:
        self._client = client
        self._stub = registry_pb2_grpc.RegistryGatewayServiceStub(client.channel)

    @activity.defn(name=calls.LOOKUP_REGISTER)
    async def lookup(self, arg: calls.Lookup) -> calls.LookupAnswer:
        request = registry_pb2.LookupRequest(
            application_no=arg.no, round=arg.round, register=REGISTERS[arg.which], as_of=instant(arg.as_of)
        )
        answer: registry_pb2.LookupResponse = await activity_call(self._client.call(self._stub.Lookup, request, timeout=LOOKUP_SECONDS))
        return calls.LookupAnswer(outcome=OUTCOMES[answer.outcome], summary=answer.summary)


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
