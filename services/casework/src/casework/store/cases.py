"""Cases: one, lists of them, how many there are, and those nobody works on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from anju.common.v1 import common_pb2 as common
from anju_contracts.application import ENDS
from casekit.engine import OnRecord
from casekit.listing import NEVER, By, Listing
from chassis.identity import Caller
from sqlalchemy import ColumnElement, and_, exists, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.process import BEGUN_AFTER, START_APPLICATION, WAITING_BEGUN
from casework.store.assistance import typed_by
from casework.store.conflicts import not_declaring
from casework.store.shared import NO, in_divisions
from casework.tables import NUMBERS, Application, Dossier, Interruption, Outbox

_LOCK_CASE = select(Application).where(col(Application.no) == NO).with_for_update()


async def next_number(session: AsyncSession) -> int:
    return int((await session.execute(select(NUMBERS.next_value()))).scalar_one())


async def case(session: AsyncSession, no: str) -> Application | None:
    return await session.get(Application, no)


async def lock_case(session: AsyncSession, no: str, *, deciding: str = "") -> Application | None:
    """The case, held until the transaction ends: steps of one case are recorded one after another. ``deciding``: the person who decides it, under whom
    nothing is declared meanwhile."""
    if deciding:
        query = select(Application, not_declaring(deciding)).where(col(Application.no) == no).with_for_update(of=Application)
        row = (await session.execute(query)).one_or_none()
        return row[0] if row is not None else None
    found: Application | None = (await session.execute(_LOCK_CASE, {"no": no})).scalar_one_or_none()
    return found


_CASES = Listing(
    {
        "no": By(col(Application.seq), int),
        "deadline_at": By(func.coalesce(col(Application.deadline_at), NEVER), datetime),
        "updated_at": By(col(Application.updated_at), datetime),
    },
    own="-no",
    unique="no",
)


async def list_cases(
    session: AsyncSession,
    caller: Caller,
    *,
    stage: str,
    district: str,
    blocked: bool,
    overdue: bool,
    changed_since: datetime | None,
    asked: common.PageRequest,
    typed_by_me: bool = False,
) -> tuple[list[Application], common.PageInfo]:
    """The citizen's own, or those in the divisions of the staff member; the newest first unless asked otherwise."""
    query = select(Application)
    if caller.kind == "citizen":
        query = query.where(col(Application.owner).in_(caller.accounts))
    else:
        query = query.where(in_divisions(col(Application.street), caller.divisions))
    if stage:
        query = query.where(col(Application.stage) == stage)
    if district:
        query = query.where(col(Application.district) == district)
    if blocked:
        query = query.where(col(Application.blocked_at).is_not(None))
    if overdue:
        query = query.where(col(Application.overdue).is_(True))
    if typed_by_me:
        query = query.where(typed_by(caller))
    if changed_since is not None:
        query = query.where(col(Application.updated_at) >= changed_since)
    rows, info = await _CASES.page(session, query, asked)
    return [row[0] for row in rows], info


async def cases_in_reach(
    session: AsyncSession, caller: Caller, most: int, *, no: str = "", person: str = "", name: str = ""
) -> Sequence[Application]:
    """Cases in the divisions of the staff member, newest first: the one of a number, or those whose dossier of now names somebody by blind index of his
    number or of his name."""
    query = (
        select(Application).where(in_divisions(col(Application.street), caller.divisions)).order_by(col(Application.seq).desc()).limit(most)
    )
    if no:
        return (await session.execute(query.where(col(Application.no) == no))).scalars().all()
    now = and_(col(Dossier.application_no) == col(Application.no), col(Dossier.round) == col(Application.round))
    named = col(Dossier.blinds).contains([person]) if person else col(Dossier.name_blinds).contains([name])
    return (await session.execute(query.join(Dossier, now).where(named))).scalars().all()


async def counters(session: AsyncSession, divisions: Sequence[str], district: str, changed_since: datetime | None) -> Sequence[Any]:
    """Rows (district, street, stage, count, how many of them changed since)."""
    place = (col(Application.district), col(Application.street), col(Application.stage))
    changed = func.count().filter(col(Application.updated_at) >= changed_since) if changed_since is not None else literal(0)
    query = select(*place, func.count(), changed).where(in_divisions(col(Application.street), divisions)).group_by(*place).order_by(*place)
    if district:
        query = query.where(col(Application.district) == district)
    return (await session.execute(query)).all()


async def on_record(session: AsyncSession, no: str) -> OnRecord:
    """How a case stands by its record. Until its first step its workflow may still be on its way: the entry that starts it is not delivered yet."""
    found = await case(session, no)
    if found is None or found.stage in ENDS:
        return OnRecord.OVER
    on_its_way = select(exists().where(_on_its_way(), col(Outbox.payload)["no"].astext == no))
    return OnRecord.STARTING if (await session.execute(on_its_way)).scalar_one() else OnRecord.OPEN


def _on_its_way() -> ColumnElement[bool]:
    return and_(col(Outbox.kind) == START_APPLICATION, col(Outbox.done_at).is_(None))


def _not_handed_on() -> ColumnElement[bool]:
    """Registered, and looked at: its household has no workflow on the list, so that its own has still to begin one."""
    waits = exists().where(
        col(Outbox.kind) == WAITING_BEGUN,
        col(Outbox.done_at).is_(None),
        col(Outbox.attempts) > 0,
        col(Outbox.payload)["no"].astext == col(Application.no),
    )
    return and_(col(Application.stage) == "registered", waits)


async def look_again(session: AsyncSession, no: str) -> None:
    """Of a registered case whose workflow was started again: it is given the time to begin what it has left to do."""
    entry = (col(Outbox.kind) == WAITING_BEGUN, col(Outbox.done_at).is_(None), col(Outbox.payload)["no"].astext == no)
    await session.execute(update(Outbox).where(*entry).values(attempts=0, next_try_at=func.now() + BEGUN_AFTER))


async def is_handed_on(session: AsyncSession, no: str) -> bool:
    """Of a registered case: that nothing is left for its workflow to do."""
    return not (await session.execute(select(exists().where(col(Application.no) == no, _not_handed_on())))).scalar_one()


async def served_cases(session: AsyncSession) -> Sequence[Application]:
    """Cases with something left to do, without those whose workflow is still on its way to the engine."""
    starting = select(col(Outbox.payload)["no"].astext).where(_on_its_way())
    open_ = and_(col(Application.outcome) == "", col(Application.no).not_in(starting))
    query = select(Application).where(or_(open_, _not_handed_on())).order_by(col(Application.seq))
    return (await session.execute(query)).scalars().all()


async def mark_blocked(session: AsyncSession, numbers: Sequence[str], at: datetime | None) -> None:
    """Notes since when nobody works on these cases, as far as they are open; None: somebody does again. Each is a version of its case."""
    # The case's own calendar may be ahead of our clock.
    changed = {"version": col(Application.version) + 1, "updated_at": func.greatest(col(Application.updated_at), func.now())}
    marking = update(Application).where(col(Application.no).in_(numbers)).values(blocked_at=at, **changed)
    if at is None:
        marking = marking.where(col(Application.blocked_at).is_not(None))
    else:
        marking = marking.where(or_(col(Application.outcome) == "", _not_handed_on()), col(Application.blocked_at).is_(None))
    marked = marking.returning(col(Application.no), col(Application.version)).cte("marked")
    noted = select(marked.c.no, marked.c.version, literal(at is not None), func.now())
    await session.execute(insert(Interruption).from_select(["application_no", "seq", "blocked", "at"], noted))
