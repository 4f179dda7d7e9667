"""How a policy comes to the shelf: somebody writes a draft, somebody else publishes what he has read. Every call may be repeated: it names what it is about
by digest, and finds that already done."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from anju.oversight.v1 import oversight_pb2 as pb
from anju_terms import is_code
from chassis import wire
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal, invalid
from chassis.identity import Caller
from sqlalchemy.ext.asyncio import AsyncSession

from oversight import convert, store
from oversight.domain import words
from oversight.domain.content import Content, is_policy_id
from oversight.domain.versions import Hindrance
from oversight.errors import DRAFT_CHANGED, IN_THE_PAST, POLICY_WITHDRAWN, SECOND_READER
from oversight.reading import policy_on, today
from oversight.tables import Policy, PolicyVersion

MAX_REASON_CHARS = 500
_HINDERED = {"withdrawn": POLICY_WITHDRAWN, "in_the_past": IN_THE_PAST, "never_published": NOT_FOUND}


class Editing:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(self, request: pb.ListPolicyDraftsRequest) -> pb.ListPolicyDraftsResponse:
        if request.state and not is_code("policy_work_states", request.state):
            raise invalid([wire.wrong("/state", "没有这个状态。", "There is no such state.")])
        async with self._database.snapshot() as session:
            rows, page = await store.works(session, words.normal(request.words), request.state, request.page)
        return pb.ListPolicyDraftsResponse(policies=[convert.to_work(*row) for row in rows], page=page)

    async def draft(self, request: pb.GetPolicyDraftRequest) -> pb.GetPolicyDraftResponse:
        """Raises Refusal(NOT_FOUND)."""
        async with self._database.snapshot() as session:
            policy = await store.policy(session, request.policy_id)
            if policy is None:
                raise Refusal(NOT_FOUND)
            row, published = await store.draft(session, policy.id), await store.published(session, policy.id)
        return convert.to_desk(policy, row, published, today())

    async def save(self, caller: Caller, request: pb.SavePolicyDraftRequest) -> pb.SavePolicyDraftResponse:
        """Raises Refusal."""
        if not is_policy_id(request.policy_id):
            text = "网址名称只用小写字母、数字和连字符。", "The name in the address has small letters, digits and hyphens only."
            raise invalid([wire.wrong("/policy_id", *text)])
        content = convert.content(request.content)
        async with self._database.transaction() as session:
            await store.hold(session, request.policy_id)
            row = await self._draft(session, request.policy_id)
            if row is None or row.digest != content.digest:
                if request.base_digest != ("" if row is None else row.digest):
                    raise Refusal(DRAFT_CHANGED)
                row = await self._write(session, request.policy_id, row, content, caller)
            await session.flush()
        return pb.SavePolicyDraftResponse(draft=convert.to_draft(row))

    async def publish(self, caller: Caller, request: pb.PublishPolicyRequest) -> pb.PublishPolicyResponse:
        """Raises Refusal."""
        async with self._database.transaction() as session:
            await store.hold(session, request.policy_id)
            policy, row = await store.policy(session, request.policy_id), await store.draft(session, request.policy_id)
            published = await store.published(session, request.policy_id)
            if policy is None:
                raise Refusal(NOT_FOUND)
            if not (row is None and published and published[-1].digest == request.digest):
                if row is None or row.digest != request.digest:
                    raise Refusal(DRAFT_CHANGED)
                if any(_same(each, caller) for each in row.writers):
                    raise Refusal(SECOND_READER)
                _refuse(convert.history_of(policy, published).hinders_publishing(row.effective_on, today()))
                row.state, row.published_at = "published", datetime.now(UTC)
                row.published_by, row.published_by_person = caller.sub, caller.person
                await session.flush()
            return pb.PublishPolicyResponse(policy=await policy_on(session, policy.id, today()))

    async def withdraw(self, caller: Caller, request: pb.WithdrawPolicyRequest) -> pb.WithdrawPolicyResponse:
        """Raises Refusal."""
        from_on = wire.day(request.from_on, "/from_on")
        reason = request.reason.strip()
        if not reason or len(reason) > MAX_REASON_CHARS:
            text = f"请写明理由，不超过 {MAX_REASON_CHARS} 字。", f"Give the reason, in at most {MAX_REASON_CHARS} characters."
            raise invalid([wire.wrong("/reason", *text)])
        async with self._database.transaction() as session:
            await store.hold(session, request.policy_id)
            policy = await store.policy(session, request.policy_id)
            if policy is None:
                raise Refusal(NOT_FOUND)
            if request.superseded_by and not await self._may_supersede(session, request):
                raise invalid([wire.wrong("/superseded_by", "没有这项已发布的政策。", "There is no such published policy.")])
            said = (from_on, reason, request.superseded_by)
            if said != (policy.withdrawn_on, policy.withdrawal_reason, policy.superseded_by):
                _refuse(convert.history_of(policy, await store.published(session, policy.id)).hinders_withdrawal(from_on, today()))
                policy.withdrawn_on, policy.withdrawal_reason, policy.superseded_by = said
                policy.withdrawn_at, policy.withdrawn_by, policy.withdrawn_by_person = datetime.now(UTC), caller.sub, caller.person
                await session.flush()
            return pb.WithdrawPolicyResponse(policy=await policy_on(session, policy.id, today()))

    @staticmethod
    async def _may_supersede(session: AsyncSession, request: pb.WithdrawPolicyRequest) -> bool:
        return request.superseded_by != request.policy_id and bool(await store.published(session, request.superseded_by))

    @staticmethod
    async def _draft(session: AsyncSession, id: str) -> PolicyVersion | None:
        """Raises Refusal(POLICY_WITHDRAWN)."""
        policy = await store.policy(session, id)
        if policy is None:
            session.add(Policy(id=id, begun_at=datetime.now(UTC)))
            await session.flush()
        elif policy.withdrawn_on is not None:
            raise Refusal(POLICY_WITHDRAWN)
        return await store.draft(session, id)

    @staticmethod
    async def _write(session: AsyncSession, id: str, row: PolicyVersion | None, content: Content, caller: Caller) -> PolicyVersion:
        said: dict[str, Any] = {
            "category": content.category,
            "effective_on": content.effective_on,
            "content": content.as_json(),
            "digest": content.digest,
            "title": content.title,
            "plain": content.plain,
            "pairs": words.index(content.texts),
            "saved_at": datetime.now(UTC),
        }
        if row is None:
            number = len(await store.published(session, id)) + 1
            row = PolicyVersion(policy_id=id, number=number, state="draft", writers=[], **said)
            session.add(row)
        else:
            for name, value in said.items():
                setattr(row, name, value)
        if not any(_same(each, caller) for each in row.writers):
            row.writers = [*row.writers, {"account": caller.sub, "person": caller.person}]
        return row


def _same(writer: dict[str, str], caller: Caller) -> bool:
    """One person with two accounts is one person."""
    return writer["account"] == caller.sub or (caller.person != "" and writer["person"] == caller.person)


def _refuse(hindrance: Hindrance | None) -> None:
    if hindrance is not None:
        raise Refusal(_HINDERED[hindrance])
