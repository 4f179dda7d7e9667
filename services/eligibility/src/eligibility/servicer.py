"""gRPC surface of eligibility: proto in, domain, proto out; nothing else."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import grpc
from anju.casework.v1 import casework_pb2 as casework_pb
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from anju.registry.v1 import registry_pb2 as registry_pb
from anju.registry.v1 import registry_pb2_grpc as registry_rpc
from anju_calendar import local_date
from anju_profile import UnknownVersionError
from anju_terms import laws
from chassis.errors import NOT_ALLOWED, FieldViolation, Refusal, invalid
from chassis.grpc_client import Client
from chassis.wire import day

from eligibility import convert
from eligibility.assessments import Assessments
from eligibility.domain import rules
from eligibility.domain.criterion import Universal
from eligibility.domain.inputs import Inputs
from eligibility.errors import NO_ASSESSMENT, UNKNOWN_CATEGORY, UNKNOWN_PROFILE_VERSION
from eligibility.tables import Assessment

Context = grpc.aio.ServicerContext[Any, Any]

# Both are asked at once and the caller gives five seconds for the whole.
_PULL_SECONDS = 4.0


class EligibilityServicer(rpc.EligibilityServiceServicer):
    def __init__(self, assessments: Assessments, casework: Client, registry_gateway: Client) -> None:
        self._assessments = assessments
        self._casework = casework
        self._casework_stub = casework_rpc.CaseworkServiceStub(casework.channel)
        self._registry = registry_gateway
        self._registry_stub = registry_rpc.RegistryGatewayServiceStub(registry_gateway.channel)

    async def Assess(self, request: pb.AssessRequest, context: Context) -> pb.AssessResponse:
        wrong = []
        if not request.application_no or request.round < 1:
            wrong.append(
                FieldViolation("/application_no", "required", "请给出受理编号和轮次。", "Give the application number and its round.")
            )
        if request.as_of.seconds <= 0:
            wrong.append(FieldViolation("/as_of", "required", "请给出业务时间。", "Give the business instant."))
        if wrong:
            raise invalid(wrong)
        row = await self._assessments.find(request.application_no, request.round)
        if row is None:
            row = await self._make(request)
        return pb.AssessResponse(assessment=self._message(row))

    async def _make(self, request: pb.AssessRequest) -> Assessment:
        declared, known = await asyncio.gather(
            self._casework.call(
                self._casework_stub.GetDeclaration,
                casework_pb.GetDeclarationRequest(application_no=request.application_no, round=request.round),
                timeout=_PULL_SECONDS,
            ),
            self._registry.call(
                self._registry_stub.GetFacts,
                registry_pb.GetFactsRequest(application_no=request.application_no, round=request.round),
                timeout=_PULL_SECONDS,
            ),
        )
        as_of = request.as_of.ToDatetime(UTC)
        inputs = Inputs(declaration=convert.declaration(declared), facts=convert.facts(known), on=local_date(as_of))
        try:
            return await self._assessments.make(request.application_no, request.round, inputs, declared.profile_version, as_of)
        except rules.UnknownCategoryError:
            raise Refusal(UNKNOWN_CATEGORY) from None
        except UnknownVersionError:
            raise Refusal(UNKNOWN_PROFILE_VERSION) from None

    async def GetAssessment(self, request: pb.GetAssessmentRequest, context: Context) -> pb.GetAssessmentResponse:
        # Asked as the caller: who may see the case may see how it was judged.
        await self._casework.call(
            self._casework_stub.GetApplication, casework_pb.GetApplicationRequest(no=request.application_no), forward=True
        )
        row = await self._assessments.find(request.application_no)
        if row is None:
            raise Refusal(NO_ASSESSMENT)
        return pb.GetAssessmentResponse(assessment=self._message(row))

    async def GetComparison(self, request: pb.GetComparisonRequest, context: Context) -> pb.GetComparisonResponse:
        # Asked as the caller, and of the round the case is in: beside another dossier the figures would be about other people.
        found: casework_pb.GetApplicationResponse = await self._casework.call(
            self._casework_stub.GetApplication, casework_pb.GetApplicationRequest(no=request.application_no), forward=True
        )
        if found.application.recusal:
            raise Refusal(
                NOT_ALLOWED,
                zh="该件您应当回避，核对明细由办理该件的同事查看。",
                en="You leave this case to others; your colleagues who act in it see what was compared.",
            )
        row = await self._assessments.find(request.application_no, found.application.round)
        if row is None:
            raise Refusal(NO_ASSESSMENT)
        return pb.GetComparisonResponse(comparison=convert.comparison(row, self._assessments.compare(row)))

    def _message(self, row: Assessment) -> pb.Assessment:
        judgement = self._assessments.judgement(row)
        return convert.assessment(row.id, row.application_no, row.round, row.rule_set, judgement, row.as_of)

    async def GetRuleSet(self, request: pb.GetRuleSetRequest, context: Context) -> pb.GetRuleSetResponse:
        current = self._assessments.current
        on = _date(request.on_date)
        response = pb.GetRuleSetResponse(version=current.version)
        for category, limits in current.categories.items():
            for criterion, limit in rules.in_force(limits, on):
                shown = response.criteria.add(code=criterion.code, category=category, title=convert.text(rules.title(criterion)))
                if isinstance(criterion, Universal):
                    stands_on, shown.confirmed = criterion.legal_ref, True
                else:
                    assert limit is not None
                    shown.threshold.CopyFrom(convert.text(criterion.threshold(limit.value)))
                    stands_on, shown.confirmed = limit.source, not limit.sample
                shown.legal_ref.CopyFrom(convert.text(laws.reference(stands_on)))
        return response


def _date(text: str) -> date:
    """Empty is today: this page is asked for by people, not by a workflow with a business date."""
    if not text:
        return local_date(datetime.now(UTC))
    return day(text, "/on_date")
