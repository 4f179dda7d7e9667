"""Who leaves a case to others (回避): what officials have declared, what registers say, and who holds a duty (ADR 14)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from chassis.identity import Caller
from sqlalchemy import ColumnElement, Select, any_, exists, func, or_, select
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from casework.store.shared import by, verified
from casework.tables import Application, DeclaredRelative, Dossier, DutyHolder, Proposal, Recusal, RecusalDeclaration, RegisteredSpouse

_SEEN_ANEW = timedelta(hours=1)
_DECLARES: Final = "declares:"


def counting(who: Caller | type[Proposal]) -> Select[str]:
    """Ids of the declarations of somebody that count now: the newest, and what was in force within the time that one is good for. Who takes a relative
    out of his declaration does not decide about him for as long as that."""
    later = aliased(RecusalDeclaration)
    replaced = (
        exists()
        .where(
            by(col(later.sub), col(later.person), who),
            col(later.declared_at) > col(RecusalDeclaration.declared_at),
            col(later.renew_by) <= func.now(),
        )
        .correlate_except(later)
    )
    mine = by(col(RecusalDeclaration.sub), col(RecusalDeclaration.person), who)
    return select(col(RecusalDeclaration.id)).where(mine, ~replaced).correlate_except(RecusalDeclaration)


def why_recused(who: Caller | type[Proposal]) -> ColumnElement[str]:
    """Why the caller, or whoever has made the proposal of the query, does not act in the application of the query, as a code of the vocabulary
    ``recusals``; "" when nothing is known against it."""
    # A correction leaves nobody out for as long as he decides: every dossier of the case counts.
    named = exists().where(col(Dossier.application_no) == col(Application.no), any_(col(Dossier.blinds)) == who.person, verified(who))
    own = or_(col(Application.owner) == who.sub, named)
    spouse = exists().where(
        col(RegisteredSpouse.application_no) == col(Application.no), col(RegisteredSpouse.blind) == who.person, verified(who)
    )
    relative = (
        exists()
        .where(
            col(Dossier.application_no) == col(Application.no),
            col(DeclaredRelative.blind) == any_(col(Dossier.blinds)),
            col(DeclaredRelative.declaration_id).in_(counting(who)),
        )
        .correlate_except(Dossier, DeclaredRelative)
    )
    declared = aliased(RecusalDeclaration)
    neighbour = (
        exists()
        .where(
            col(declared.id).in_(counting(who)),
            col(declared.community) == col(Application.community),
            col(Application.community) != "",
        )
        .correlate_except(declared)
    )
    left = exists().where(col(Recusal.application_no) == col(Application.no), by(col(Recusal.sub), col(Recusal.person), who))
    return sql_case(
        (own, "OWN_CASE"), (spouse, "SPOUSE_CASE"), (relative, "RELATIVE_CASE"), (neighbour, "OWN_COMMUNITY"), (left, "RECUSED"), else_=""
    )


def has_declared(caller: Caller) -> ColumnElement[bool]:
    """That a declaration of the caller's is within its time."""
    mine = by(col(RecusalDeclaration.sub), col(RecusalDeclaration.person), caller)
    return exists().where(mine, col(RecusalDeclaration.renew_by) > func.now())


async def conflict(session: AsyncSession, no: str, caller: Caller) -> tuple[str, bool]:
    """Why the caller does not act in a case, "" for nothing known; and that he has declared what there is to know."""
    query = select(why_recused(caller), has_declared(caller)).select_from(Application).where(col(Application.no) == no)
    found = (await session.execute(query)).one_or_none()
    return (found[0], found[1]) if found is not None else ("", False)


async def recusal(session: AsyncSession, no: str, caller: Caller) -> str:
    found: str | None = (
        await session.execute(select(why_recused(caller)).select_from(Application).where(col(Application.no) == no))
    ).scalar_one_or_none()
    return found or ""


def not_declaring(person: str) -> ColumnElement[None]:
    """Holds, until the transaction ends, what somebody has declared as it is."""
    return func.pg_advisory_xact_lock_shared(func.hashtextextended(_DECLARES + person, 0))


async def declaring(session: AsyncSession, person: str) -> None:
    """Until the transaction ends somebody decides nothing: he declares."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(_DECLARES + person, 0))))


async def declaration(session: AsyncSession, caller: Caller) -> tuple[RecusalDeclaration, Sequence[DeclaredRelative]] | None:
    """The newest declaration of a person, with the relatives in it."""
    query = (
        select(RecusalDeclaration)
        .where(by(col(RecusalDeclaration.sub), col(RecusalDeclaration.person), caller))
        .order_by(col(RecusalDeclaration.declared_at).desc(), col(RecusalDeclaration.id))
        .limit(1)
    )
    found = (await session.execute(query)).scalar_one_or_none()
    if found is None:
        return None
    relatives = select(DeclaredRelative).where(col(DeclaredRelative.declaration_id) == found.id).order_by(col(DeclaredRelative.kinship))
    return found, (await session.execute(relatives)).scalars().all()


async def recusals(session: AsyncSession, no: str) -> Sequence[Recusal]:
    query = select(Recusal).where(col(Recusal.application_no) == no).order_by(col(Recusal.at), col(Recusal.id))
    return (await session.execute(query)).scalars().all()


async def see_duties(session: AsyncSession, caller: Caller, duties: Iterable[str], at: datetime) -> None:
    """Notes where somebody holds each of these duties, nowhere too; once an hour is enough where nothing has changed."""
    values = [
        {
            "role": duty,
            "sub": caller.sub,
            "person": caller.person,
            "divisions": list(caller.divisions) if caller.has_role(duty) else [],
            "seen_at": at,
        }
        for duty in duties
    ]
    seen = insert(DutyHolder).values(values)
    new = seen.excluded
    changed = or_(
        col(DutyHolder.seen_at) < at - _SEEN_ANEW, col(DutyHolder.divisions) != new.divisions, col(DutyHolder.person) != new.person
    )
    await session.execute(
        seen.on_conflict_do_update(
            index_elements=["role", "sub"], set_={"person": new.person, "divisions": new.divisions, "seen_at": new.seen_at}, where=changed
        )
    )


async def holders(session: AsyncSession, role: str, since: datetime) -> Sequence[DutyHolder]:
    """Who has looked at the tasks of a duty since then."""
    query = select(DutyHolder).where(col(DutyHolder.role) == role, col(DutyHolder.seen_at) >= since).order_by(col(DutyHolder.sub))
    return (await session.execute(query)).scalars().all()


async def note_spouses(session: AsyncSession, no: str, blinds: Iterable[str]) -> None:
    """Those of them who are of the household stand in it already; the others do not decide its case either."""
    values = [{"application_no": no, "blind": blind} for blind in blinds]
    if values:
        await session.execute(insert(RegisteredSpouse).values(values).on_conflict_do_nothing())
