"""The way of a case: its timeline, the open review task, and how somebody stands to it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from anju.common.v1 import common_pb2 as common
from anju_contracts.application import DECIDE
from casekit.listing import By, Listing
from chassis.identity import Caller
from sqlalchemy import and_, exists, func, or_, outerjoin, select
from sqlalchemy import case as sql_case
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.domain.progress import OBJECTION
from casework.store.assistance import has_typed
from casework.store.conflicts import has_declared, why_recused
from casework.store.shared import NO, by, in_divisions
from casework.tables import Application, Notice, Proposal, Task, Timeline, Word

_TIMELINE = (
    select(Timeline, func.coalesce(col(Word.assistance), "") != "")
    .outerjoin(Word, col(Word.id) == col(Timeline.word_id))
    .where(col(Timeline.application_no) == NO)
    .order_by(col(Timeline.seq))
)
_OPEN_TASK_AND_NOTICE = (
    select(Task, Notice)
    .select_from(Application)
    .outerjoin(Task, and_(col(Task.application_no) == col(Application.no), col(Task.closed_at).is_(None)))
    .outerjoin(Notice, and_(col(Notice.application_no) == col(Application.no), col(Notice.closed_at).is_(None)))
    .where(col(Application.no) == NO)
)


async def timeline(session: AsyncSession, no: str) -> Sequence[tuple[Timeline, bool]]:
    """Every step, and whether it was typed at a counter for whom it is from."""
    return [(row[0], row[1]) for row in (await session.execute(_TIMELINE, {"no": no})).all()]


async def step(session: AsyncSession, no: str, step_id: str) -> Timeline | None:
    query = select(Timeline).where(col(Timeline.application_no) == no, col(Timeline.step_id) == step_id)
    return (await session.execute(query)).scalar_one_or_none()


async def said_until(session: AsyncSession, no: str, seq: int, updates: Collection[str]) -> Sequence[tuple[str, str]]:
    """Account and person of whoever has decided the case up to a step, by these words, the first of two included."""
    words = (
        select(col(Word.sub), col(Word.person))
        .join(Timeline, col(Timeline.word_id) == col(Word.id))
        .where(col(Timeline.application_no) == no, col(Timeline.seq) <= seq, col(Word.update_name).in_(updates))
    )
    first = select(col(Proposal.sub), col(Proposal.person)).where(col(Proposal.application_no) == no, col(Proposal.void) == "")
    return [(sub, person) for sub, person in (await session.execute(words.union(first))).all()]


async def open_task_and_notice(session: AsyncSession, no: str) -> tuple[Task | None, Notice | None]:
    task, notice = (await session.execute(_OPEN_TASK_AND_NOTICE, {"no": no})).one()
    return task, notice


async def open_task(session: AsyncSession, no: str) -> Task | None:
    query = select(Task).where(col(Task.application_no) == no, col(Task.closed_at).is_(None))
    return (await session.execute(query)).scalar_one_or_none()


class Standing(NamedTuple):
    """How somebody stands to the open task of a case, as an account or as a person under another."""

    # "" for none open.
    level: str
    # Events of the steps he has made in the case before, and levels at which he has proposed an approval.
    made: frozenset[str]
    proposed: frozenset[str]
    # Why he does not act in the case; "" when nothing is known against it. That he has declared what there is to know.
    recusal: str
    declared: bool
    # That he has typed at a counter what the case is made of, or what was said in it.
    typed: bool


async def standing(session: AsyncSession, no: str, caller: Caller) -> Standing:
    made = (
        select(func.array_agg(col(Timeline.event)))
        .select_from(outerjoin(Timeline, Word, col(Word.id) == col(Timeline.word_id)))
        .where(col(Timeline.application_no) == no, by(col(Timeline.actor), col(Word.person), caller))
        .scalar_subquery()
    )
    proposed = (
        select(func.array_agg(col(Proposal.level)))
        .where(col(Proposal.application_no) == no, by(col(Proposal.sub), col(Proposal.person), caller))
        .scalar_subquery()
    )
    query = (
        select(col(Task.level), made, proposed, why_recused(caller), has_declared(caller), has_typed(caller))
        .select_from(outerjoin(Application, Task, and_(col(Task.application_no) == col(Application.no), col(Task.closed_at).is_(None))))
        .where(col(Application.no) == no)
    )
    level, events, levels, recusal, declared, typed = (await session.execute(query)).one()
    return Standing(level or "", frozenset(events or ()), frozenset(levels or ()), recusal, declared, typed)


class Listed(NamedTuple):
    task: Task
    case: Application
    # Code of the vocabulary ``task_states``, and why the reader does not decide it.
    state: str
    recusal: str


_TASKS = Listing(
    {
        "deadline_at": By(col(Task.deadline_at), datetime),
        "opened_at": By(col(Task.opened_at), datetime),
        "application_no": By(col(Task.application_no), str),
    },
    own="deadline_at",
    unique="application_no",
)


async def list_tasks(
    session: AsyncSession, caller: Caller, levels: Mapping[str, str], state: str, asked: common.PageRequest, *, overdue: bool = False
) -> tuple[list[Listed], common.PageInfo]:
    """Open tasks of these levels (code to scope) in the caller's divisions, the nearest deadline first unless asked otherwise; those he does not decide
    marked so. ``state``: only these, "" for any."""
    by_level = [
        and_(
            or_(col(Task.level) == level, and_(col(Task.level) == OBJECTION, col(Application.objection_level) == level)),
            in_divisions(col(Application.street if scope == "street" else Application.district), caller.divisions),
        )
        for level, scope in levels.items()
    ]
    mine = by(col(Proposal.sub), col(Proposal.person), caller)
    spoken = (col(Timeline.word_id) == col(Word.id), col(Word.update_name) == DECIDE, by(col(Word.sub), col(Word.person), caller))
    decided = exists().where(col(Timeline.application_no) == col(Application.no), *spoken, col(Word.level) != col(Task.level))
    why = sql_case(
        (why_recused(caller) != "", why_recused(caller)),
        (has_typed(caller), "TYPED_CASE"),
        (and_(col(Task.level) != OBJECTION, decided), "SAME_REVIEWER"),
        else_="",
    )
    proposed = and_(col(Proposal.id).is_not(None), why_recused(Proposal) == "")
    states = sql_case((why != "", "recusal"), (~proposed, "open"), (mine, "proposed"), else_="second")
    query = (
        select(Task, Application, states, why)
        .join(Application, col(Application.no) == col(Task.application_no))
        .outerjoin(Proposal, and_(col(Proposal.task_id) == col(Task.id), col(Proposal.void) == ""))
        .where(col(Task.closed_at).is_(None), or_(False, *by_level))
    )
    if state:
        query = query.where(states == state)
    if overdue:
        query = query.where(col(Task.overdue).is_(True))
    rows, info = await _TASKS.page(session, query, asked)
    return [Listed(*row) for row in rows], info
