"""gRPC surface of oversight: proto in, domain, proto out; nothing else."""

from __future__ import annotations

from typing import Any

from anju.oversight.v1 import oversight_pb2 as pb
from anju.oversight.v1 import oversight_pb2_grpc as rpc
from chassis.identity import current_caller

from oversight.editing import Editing
from oversight.evaluations.parts import Evaluations
from oversight.reading import Reading


class OversightServicer(rpc.OversightServiceServicer):
    def __init__(self, reading: Reading, editing: Editing, evaluations: Evaluations) -> None:
        self._reading = reading
        self._editing = editing
        self._evaluations = evaluations

    async def ListPolicies(self, request: pb.ListPoliciesRequest, context: Any) -> pb.ListPoliciesResponse:
        return await self._reading.find(request)

    async def GetPolicy(self, request: pb.GetPolicyRequest, context: Any) -> pb.GetPolicyResponse:
        return await self._reading.one(request)

    async def ListRuleArticles(self, request: pb.ListRuleArticlesRequest, context: Any) -> pb.ListRuleArticlesResponse:
        return await self._reading.rule_articles(request)

    async def CountView(self, request: pb.CountViewRequest, context: Any) -> pb.CountViewResponse:
        return await self._reading.count_view(request)

    async def GetViews(self, request: pb.GetViewsRequest, context: Any) -> pb.GetViewsResponse:
        return await self._reading.views(request)

    async def ListPolicyDrafts(self, request: pb.ListPolicyDraftsRequest, context: Any) -> pb.ListPolicyDraftsResponse:
        return await self._editing.list(request)

    async def GetPolicyDraft(self, request: pb.GetPolicyDraftRequest, context: Any) -> pb.GetPolicyDraftResponse:
        return await self._editing.draft(request)

    async def SavePolicyDraft(self, request: pb.SavePolicyDraftRequest, context: Any) -> pb.SavePolicyDraftResponse:
        return await self._editing.save(current_caller(), request)

    async def PublishPolicy(self, request: pb.PublishPolicyRequest, context: Any) -> pb.PublishPolicyResponse:
        return await self._editing.publish(current_caller(), request)

    async def WithdrawPolicy(self, request: pb.WithdrawPolicyRequest, context: Any) -> pb.WithdrawPolicyResponse:
        return await self._editing.withdraw(current_caller(), request)

    async def ListServices(self, request: pb.ListServicesRequest, context: Any) -> pb.ListServicesResponse:
        return await self._evaluations.rating.mine(current_caller(), request)

    async def EvaluateService(self, request: pb.EvaluateServiceRequest, context: Any) -> pb.EvaluateServiceResponse:
        return await self._evaluations.rating.evaluate(current_caller(), request)

    async def OpenCounterVisit(self, request: pb.OpenCounterVisitRequest, context: Any) -> pb.OpenCounterVisitResponse:
        return await self._evaluations.rating.open_visit(current_caller(), request.application_no, self._evaluations.case_of)

    async def GetVisit(self, request: pb.GetVisitRequest, context: Any) -> pb.GetVisitResponse:
        return await self._evaluations.rating.visit(request)

    async def EvaluateVisit(self, request: pb.EvaluateVisitRequest, context: Any) -> pb.EvaluateVisitResponse:
        return await self._evaluations.rating.evaluate_visit(current_caller(), request)

    async def GetEvaluationFigures(self, request: pb.GetEvaluationFiguresRequest, context: Any) -> pb.GetEvaluationFiguresResponse:
        return await self._evaluations.public.figures(request)

    async def ListFollowUps(self, request: pb.ListFollowUpsRequest, context: Any) -> pb.ListFollowUpsResponse:
        return await self._evaluations.follow_ups.page(current_caller(), request, self._evaluations.reads)

    async def AnswerFollowUp(self, request: pb.AnswerFollowUpRequest, context: Any) -> pb.AnswerFollowUpResponse:
        return await self._evaluations.follow_ups.answer(current_caller(), request, self._evaluations.case_of)
