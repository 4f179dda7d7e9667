"""Complaints whose workflow is gone: which they are, and with what it is started again (``casekit.blocked``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from anju_contracts import complaint as contract
from casekit.blocked import Again, Open
from chassis.errors import NOT_FOUND, Refusal
from sqlalchemy.ext.asyncio import AsyncSession

from oversight.complaints import store
from oversight.complaints.intake import memo, summary, workflow_input
from oversight.complaints.parts import Parts


class Complaints:
    """Records of oversight behind ``Complaint`` workflows."""

    type = contract.NAME

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def prefix(self) -> str:
        return contract.workflow_id("")

    async def open(self, session: AsyncSession) -> Sequence[Open]:
        return [
            Open(
                contract.workflow_id(found.no),
                found.stage,
                contract.MOVES.stages[found.stage],
                found.waiting_on,
                found.deadline_at,
                found.blocked_at,
            )
            for found in await store.served(session)
        ]

    async def again(self, session: AsyncSession, workflow_id: str, generation: int) -> Again | None:
        found = await store.complaint(session, workflow_id.removeprefix(self.prefix()), lock=True)
        if found is None:
            raise Refusal(NOT_FOUND)
        if found.stage in contract.MOVES.ends:
            return None
        standing = {
            "generation": generation,
            "not_before": found.updated_at,
            "stage": found.stage,
            "deadline": found.deadline_at,
            "overdue": found.overdue,
            "rounds": found.rounds,
            "before": found.before,
        }
        given = workflow_input(found, self._parts).model_copy(update=standing)
        await self._parts.words.begun_again(session, workflow_id)
        return Again(given, summary(found.no), memo(given), found.stage, found.version)

    async def mark(self, session: AsyncSession, workflow_ids: Collection[str], at: datetime | None) -> None:
        await store.mark_blocked(session, [each.removeprefix(self.prefix()) for each in workflow_ids], at)
