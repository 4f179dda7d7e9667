"""What levels decide: what stands against an approval, the proposal of the first of two persons, and who has signed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anju_contracts.application import DECIDE
from casekit.words import REFUSED
from sqlalchemy import exists, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.store.conflicts import why_recused
from casework.store.households import shares_a_minor, sharing_a_minor
from casework.tables import Application, Proposal, Signature, Task, Timeline, Word

# The doubt, in the vocabulary of the criteria.
MINOR_ELSEWHERE: Final = "minor_elsewhere"


async def takes_one(session: AsyncSession, no: str, key: str) -> bool:
    """That nothing stands against an approval at this moment (``against``), and this one has not been proposed before."""
    proposed = exists().where(col(Proposal.id) == key)
    found = (
        await session.execute(select(col(Application.doubts), sharing_a_minor(no), proposed).where(col(Application.no) == no))
    ).one_or_none()
    return found is not None and not any(found)


async def against(session: AsyncSession, case: Application) -> Sequence[str]:
    """Codes of what stands against an approval now, so that it takes two: what the assessment found, and a minor whom another household names too."""
    return [*case.doubts, *([MINOR_ELSEWHERE] if await shares_a_minor(session, case.no) else [])]


async def was_said(session: AsyncSession, word_id: str) -> bool:
    """That there is such a word, and it was not refused."""
    return bool((await session.execute(select(exists().where(col(Word.id) == word_id, col(Word.state) != REFUSED)))).scalar_one())


async def first(session: AsyncSession, no: str) -> tuple[Proposal, str] | None:
    """The approval proposed on the open task, and why whoever has proposed it may not decide the case any more ("" for nothing)."""
    query = (
        select(Proposal, why_recused(Proposal))
        .join(Task, col(Task.id) == col(Proposal.task_id))
        .join(Application, col(Application.no) == col(Task.application_no))
        .where(col(Task.application_no) == no, col(Task.closed_at).is_(None), col(Proposal.void) == "")
    )
    found = (await session.execute(query)).one_or_none()
    return (found[0], found[1]) if found is not None else None


async def proposal(session: AsyncSession, no: str) -> Proposal | None:
    """The approval proposed on the open task by somebody who may decide the case."""
    found = await first(session, no)
    return found[0] if found is not None and not found[1] else None


async def proposals(session: AsyncSession, no: str) -> Sequence[Proposal]:
    return (await session.execute(select(Proposal).where(col(Proposal.application_no) == no))).scalars().all()


async def is_seconded(session: AsyncSession, no: str, level: str, word_id: str) -> bool:
    """That a word is the second person's agreement to an approval proposed at this level."""
    agreed = (col(Proposal.application_no) == no, col(Proposal.level) == level, col(Proposal.word_id) == word_id, col(Proposal.void) == "")
    query = select(exists().where(*agreed))
    return bool((await session.execute(query)).scalar_one())


async def sign(session: AsyncSession, word_id: str, official_sealed: bytes) -> None:
    """Keeps whose word it is; of a word that was refused and is said again, who says it now."""
    given = insert(Signature).values(word_id=word_id, official_sealed=official_sealed)
    await session.execute(given.on_conflict_do_update(index_elements=["word_id"], set_={"official_sealed": given.excluded.official_sealed}))


async def decisions(session: AsyncSession, no: str) -> Sequence[tuple[Timeline, Word, Signature | None]]:
    """The steps in which levels decided, each with the word behind it and who signed it, in order."""
    query = (
        select(Timeline, Word, Signature)
        .join(Word, col(Word.id) == col(Timeline.word_id))
        .outerjoin(Signature, col(Signature.word_id) == col(Word.id))
        .where(col(Timeline.application_no) == no, col(Word.update_name) == DECIDE)
        .order_by(col(Timeline.seq))
    )
    return [(step, word, signed) for step, word, signed in (await session.execute(query)).all()]
