"""Who stands in which household, by blind index; a person is claimed by one open case at most."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, exists, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlmodel import col

from casework.store.dossiers import OF_APPLICANT
from casework.tables import Application, Consent, Resident


async def name_residents(session: AsyncSession, no: str, blinds: Sequence[str], round_: int, applicant: str) -> bool:
    """Enters the members of a household; False when its applicant stands in another active application which is his own, or which he has confirmed.
    The others are only named: that keeps nobody from anything.

    A concurrent claim of the same person waits here until the other transaction ends: exactly one of two gets the person.
    """
    values = [
        {"application_no": no, "blind": blind, "since_round": round_, "active": True, "confirmed": blind == applicant} for blind in blinds
    ]
    await session.execute(insert(Resident).values(values).on_conflict_do_nothing())
    return await _is_confirmed(session, no, applicant)


async def confirm_resident(session: AsyncSession, no: str, blind: str) -> bool:
    """Takes a person who has confirmed into the household; False when he stands in another active application. Waits as ``name_residents`` does."""
    try:
        async with session.begin_nested():
            mine = (col(Resident.application_no) == no, col(Resident.blind) == blind, col(Resident.active).is_(True))
            await session.execute(update(Resident).where(*mine).values(confirmed=True))
    except IntegrityError:
        return False
    return await _is_confirmed(session, no, blind)


async def release_resident(session: AsyncSession, no: str, blind: str) -> None:
    """Whom this household has no word of stands in it no longer, and may be confirmed in another."""
    mine = (col(Resident.application_no) == no, col(Resident.blind) == blind)
    await session.execute(update(Resident).where(*mine).values(confirmed=False))


async def _is_confirmed(session: AsyncSession, no: str, blind: str) -> bool:
    mine = (col(Resident.application_no) == no, col(Resident.blind) == blind, col(Resident.active).is_(True))
    return bool((await session.execute(select(exists().where(*mine, col(Resident.confirmed).is_(True))))).scalar_one())


async def named_elsewhere(session: AsyncSession, no: str, blinds: Sequence[str]) -> frozenset[str]:
    """Those of these people whom another active case names too."""
    query = select(col(Resident.blind)).where(
        col(Resident.blind).in_(blinds), col(Resident.active).is_(True), col(Resident.application_no) != no
    )
    return frozenset((await session.execute(query)).scalars().all())


def sharing_a_minor(no: str) -> ColumnElement[bool]:
    other = aliased(Resident)
    query = (
        select(Consent)
        .join(Resident, and_(col(Resident.application_no) == no, col(Resident.blind) == col(Consent.blind)))
        .join(other, and_(col(other.blind) == col(Consent.blind), col(other.application_no) != no))
        .where(col(Consent.application_no) == no, col(Consent.channel) == "parent", col(Consent.withdrawn_at).is_(None))
        .where(col(Resident.active).is_(True), col(other.active).is_(True))
    )
    return query.exists()


async def shares_a_minor(session: AsyncSession, no: str) -> bool:
    """Whether another active case names a minor of this household, for whom its applicant speaks."""
    return bool((await session.execute(select(sharing_a_minor(no)))).scalar_one())


async def own_cases(session: AsyncSession, blinds: Sequence[str], except_no: str) -> Sequence[str]:
    """Numbers of other active cases in which one of these people is the applicant."""
    query = (
        select(col(Application.no))
        .join(Consent, and_(col(Consent.application_no) == col(Application.no), col(Consent.id).endswith(OF_APPLICANT)))
        .join(Resident, and_(col(Resident.application_no) == col(Application.no), col(Resident.blind) == col(Consent.blind)))
        .where(col(Consent.blind).in_(blinds), col(Resident.active).is_(True))
        .where(col(Application.no) != except_no)
    )
    return (await session.execute(query)).scalars().all()


async def own_case_of(session: AsyncSession, accounts: Sequence[str], blinds: Sequence[str], except_no: str) -> str:
    """Number of another active case active case with one of these members; "" when it is somebody else's."""
    query = (
        select(col(Application.no))
        .join(Resident, col(Resident.application_no) == col(Application.no))
        .where(col(Resident.blind).in_(blinds), col(Resident.active).is_(True), col(Application.owner).in_(accounts))
        .where(col(Application.no) != except_no)
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none() or ""


async def keep_residents(session: AsyncSession, no: str, blinds: Sequence[str]) -> None:
    """After a correction: who is no longer in the household is free to apply elsewhere."""
    await session.execute(delete(Resident).where(col(Resident.application_no) == no, col(Resident.blind).not_in(blinds)))


async def release_residents(session: AsyncSession, no: str) -> None:
    await session.execute(update(Resident).where(col(Resident.application_no) == no).values(active=False))


async def is_of_household(session: AsyncSession, no: str, person: str) -> bool:
    """Nobody does whose number nobody has verified."""
    named = exists().where(col(Resident.application_no) == no, col(Resident.blind) == person)
    return bool(person) and bool((await session.execute(select(named))).scalar_one())
