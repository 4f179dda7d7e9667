"""Who of a household has agreed to be asked about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from casekit.words import REFUSED
from sqlalchemy import Integer, bindparam, delete, exists, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.store.households import release_resident
from casework.store.shared import NO
from casework.tables import Consent, Dossier, Resident, Word

_MEMBERS = select(func.unnest(col(Dossier.blinds))).where(
    col(Dossier.application_no) == NO, col(Dossier.round) == bindparam("of_round", type_=Integer)
)
_AGREED = select(col(Consent.blind)).where(
    col(Consent.application_no) == NO, col(Consent.agrees).is_(True), col(Consent.withdrawn_at).is_(None)
)
_ANYBODY_AWAITED = select(exists(_MEMBERS.except_(_AGREED)))


async def retract(session: AsyncSession, word_id: str) -> None:
    """A confirmation which the workflow has refused was none."""
    gone = (await session.execute(delete(Consent).where(col(Consent.id) == word_id).returning(Consent))).scalar_one_or_none()
    if gone is not None and gone.agrees:
        await release_resident(session, gone.application_no, gone.blind)


async def unconfirmed(session: AsyncSession, no: str, blinds: Iterable[str]) -> frozenset[str]:
    """Those of these members who have not agreed to be asked about."""
    return frozenset(blinds) - frozenset((await session.execute(_AGREED, {"no": no})).scalars().all())


async def withdraw_consent(session: AsyncSession, no: str, blind: str, at: datetime) -> Consent | None:
    """Ends a person's consent; None when he has given none."""
    mine = (
        col(Consent.application_no) == no,
        col(Consent.blind) == blind,
        col(Consent.agrees).is_(True),
        col(Consent.withdrawn_at).is_(None),
    )
    ended: Consent | None = (
        await session.execute(update(Consent).where(*mine).values(withdrawn_at=at).returning(Consent))
    ).scalar_one_or_none()
    return ended


async def release_silent(session: AsyncSession, no: str) -> None:
    """Who has not agreed, or no longer does, stands in no household: that its dossier names him keeps him out of nothing."""
    agrees = exists().where(
        col(Consent.application_no) == no,
        col(Consent.blind) == col(Resident.blind),
        col(Consent.agrees).is_(True),
        col(Consent.withdrawn_at).is_(None),
    )
    await session.execute(
        update(Resident).where(col(Resident.application_no) == no, col(Resident.confirmed).is_(True), ~agrees).values(confirmed=False)
    )


async def on_its_way(session: AsyncSession, workflow_id: str, update_name: str, since: datetime) -> str | None:
    """A word said since then that is not on record as a step yet, nor refused. (One that was dropped never will be.)"""
    query = select(col(Word.id)).where(
        col(Word.workflow_id) == workflow_id,
        col(Word.update_name) == update_name,
        col(Word.step_id) == "",
        col(Word.state) != REFUSED,
        col(Word.said_at) > since,
    )
    return (await session.execute(query.limit(1))).scalar_one_or_none()


async def anybody_awaited(session: AsyncSession, no: str, round_: int) -> bool:
    """Whether somebody of a dossier has not agreed to be asked about."""
    return bool((await session.execute(_ANYBODY_AWAITED, {"no": no, "of_round": round_})).scalar_one())
