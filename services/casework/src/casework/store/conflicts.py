"""Who leaves a case to others (回避): what officials have declared, what registers say, and who holds a duty (ADR 14)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from chassis.identity import Caller
from sqlalchemy import ColumnElement, exists, literal, or_, select
from sqlalchemy import case as sql_case
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.store.households import of_household
from casework.store.shared import by
from casework.tables import Application, DeclaredRelative, DutyHolder, Recusal, RecusalDeclaration, RegisteredSpouse, Resident

_SEEN_ANEW = timedelta(hours=1)


def why_recused(caller: Caller) -> ColumnElement[str]:
    """Why the caller does not act in the application of the query, as a code of the vocabulary ``recusals``; "" when nothing is known against it."""
    declared = (
        select(col(RecusalDeclaration.id))
        .where(by(col(RecusalDeclaration.sub), col(RecusalDeclaration.person), caller))
        .order_by(col(RecusalDeclaration.declared_at).desc(), col(RecusalDeclaration.id))
        .limit(1)
        .scalar_subquery()
    )
    own = or_(col(Application.owner) == caller.sub, of_household(caller.person))
    spouse = exists().where(
        col(RegisteredSpouse.application_no) == col(Application.no),
        col(RegisteredSpouse.blind) == caller.person,
        literal(bool(caller.person)),
    )
    relative = exists().where(
        col(Resident.application_no) == col(Application.no),
        col(Resident.blind) == col(DeclaredRelative.blind),
        col(DeclaredRelative.declaration_id) == declared,
    )
    neighbour = exists().where(
        col(RecusalDeclaration.id) == declared,
        col(RecusalDeclaration.community) == col(Application.community),
        col(Application.community) != "",
    )
    left = exists().where(col(Recusal.application_no) == col(Application.no), by(col(Recusal.sub), col(Recusal.person), caller))
    return sql_case(
        (own, "OWN_CASE"), (spouse, "SPOUSE_CASE"), (relative, "RELATIVE_CASE"), (neighbour, "OWN_COMMUNITY"), (left, "RECUSED"), else_=""
    )


async def recusal(session: AsyncSession, no: str, caller: Caller) -> str:
    found: str | None = (
        await session.execute(select(why_recused(caller)).select_from(Application).where(col(Application.no) == no))
    ).scalar_one_or_none()
    return found or ""


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


async def see_duties(session: AsyncSession, caller: Caller, roles: Iterable[str], at: datetime) -> None:
    """Notes that somebody holds these duties; once an hour is enough."""
    values = [
        {"role": role, "sub": caller.sub, "person": caller.person, "divisions": list(caller.divisions), "seen_at": at} for role in roles
    ]
    if not values:
        return
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
