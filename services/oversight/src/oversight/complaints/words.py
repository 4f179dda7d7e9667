"""What people may say to a complaint, and what oversight knows of each: the kinds of its words."""

from __future__ import annotations

from typing import Final

from anju_contracts import complaint as contract
from casekit.engine import CLOSED, OnRecord
from casekit.words import Kind, Said
from sqlalchemy.ext.asyncio import AsyncSession

from oversight.complaints import store
from oversight.complaints.errors import COMPLAINT_MOVED_ON, PROBLEMS


def number_of(said: Said) -> str:
    return said.workflow_id.removeprefix(contract.workflow_id(""))


async def _on_record(session: AsyncSession, said: Said) -> OnRecord:
    return await store.on_record(session, number_of(said))


async def _timely(session: AsyncSession, said: Said) -> bool:
    """The record is where one of the word's events leads on."""
    found = await store.complaint(session, number_of(said))
    return found is not None and any(contract.MOVES.allows(found.stage, event) for event in contract.BY_ACTION[said.word.action])


async def _drop_text(session: AsyncSession, said: Said) -> None:
    await store.drop_text(session, said.id)


_PROBLEMS: Final = PROBLEMS | {CLOSED.reason: COMPLAINT_MOVED_ON}
_NOT_NOW: Final = frozenset({COMPLAINT_MOVED_ON.reason})

KINDS: Final = (
    Kind(contract.HANDLE, contract.ComplaintHandled, _timely, _on_record, refused=_drop_text, problems=_PROBLEMS, not_now=_NOT_NOW),
    Kind(contract.RESPOND, contract.ComplaintResponse, _timely, _on_record, refused=_drop_text, problems=_PROBLEMS, not_now=_NOT_NOW),
)
