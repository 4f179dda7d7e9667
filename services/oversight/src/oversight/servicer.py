"""gRPC surface of oversight: proto in, domain, proto out; nothing else."""

from __future__ import annotations

from typing import Any

from anju.oversight.v1 import oversight_pb2 as pb
from anju.oversight.v1 import oversight_pb2_grpc as rpc
from chassis.identity import current_caller

from oversight.editing import Editing
from oversight.reading import Reading


class OversightServicer(rpc.OversightServiceServicer):
    def __init__(self, reading: Reading, editing: Editing) -> None:
        self._reading = reading
        self._editing = editing

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
