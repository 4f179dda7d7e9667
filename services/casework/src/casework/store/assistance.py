"""What a counter acts on: authorisations, visits, and whose cases they are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from chassis.identity import Caller
from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.store.conflicts import counting, has_declared
from casework.store.dossiers import OF_APPLICANT
from casework.store.shared import by
from casework.tables import (
    Application,
    Assistance,
    AssistanceEnd,
    Authorisation,
    AuthorisationEnd,
    AuthorisationPhoto,
    Consent,
    DeclaredRelative,
    Dossier,
    Timeline,
    Word,
)

# More applications than one person ever makes.
_MOST_CASES = 50


class Visit(NamedTuple):
    """A visit, on whose authorisation it is, whether it was ended before its time, and whether the authorisation was taken back."""

    assistance: Assistance
    authorisation: Authorisation
    ended: bool
    revoked: bool


class Signed(NamedTuple):
    """An authorisation, and when it was taken back."""

    authorisation: Authorisation
    revoked_at: datetime | None


_SIGNED = select(Authorisation, col(AuthorisationEnd.at)).outerjoin(
    AuthorisationEnd, col(AuthorisationEnd.authorisation_id) == col(Authorisation.id)
)


async def authorisation(session: AsyncSession, id: str) -> Signed | None:
    row = (await session.execute(_SIGNED.where(col(Authorisation.id) == id))).one_or_none()
    return Signed(*row) if row is not None else None


async def authorisations(session: AsyncSession, person: str) -> Sequence[Signed]:
    """What somebody has signed, the newest first."""
    query = _SIGNED.where(col(Authorisation.person) == person).order_by(col(Authorisation.recorded_at).desc()).limit(_MOST_CASES)
    return [Signed(*row) for row in (await session.execute(query)).all()]


async def applicant_of(session: AsyncSession, no: str) -> str:
    """Blind index of the applicant of a case."""
    query = select(col(Consent.blind)).where(col(Consent.application_no) == no, col(Consent.id).endswith(OF_APPLICANT))
    return str((await session.execute(query)).scalar_one())


async def end_authorisation(session: AsyncSession, ended: AuthorisationEnd) -> None:
    """Once; the second time changes nothing."""
    await session.execute(insert(AuthorisationEnd).values(ended.model_dump()).on_conflict_do_nothing())


async def visit(session: AsyncSession, id: str) -> Visit | None:
    query = (
        select(
            Assistance, Authorisation, col(AssistanceEnd.assistance_id).is_not(None), col(AuthorisationEnd.authorisation_id).is_not(None)
        )
        .join(Authorisation, col(Authorisation.id) == col(Assistance.authorisation_id))
        .outerjoin(AuthorisationEnd, col(AuthorisationEnd.authorisation_id) == col(Authorisation.id))
        .outerjoin(AssistanceEnd, col(AssistanceEnd.assistance_id) == col(Assistance.id))
        .where(col(Assistance.id) == id)
    )
    row = (await session.execute(query)).one_or_none()
    return Visit(*row) if row is not None else None


async def end_visit(session: AsyncSession, ended: AssistanceEnd) -> None:
    """Once; the second time changes nothing."""
    await session.execute(insert(AssistanceEnd).values(assistance_id=ended.assistance_id, at=ended.at).on_conflict_do_nothing())


async def cases_of(session: AsyncSession, person: str) -> Sequence[Application]:
    """Cases whose applicant somebody is, the newest first."""
    query = (
        select(Application)
        .join(Consent, and_(col(Consent.application_no) == col(Application.no), col(Consent.id).endswith(OF_APPLICANT)))
        .where(col(Consent.blind) == person)
        .order_by(col(Application.seq).desc())
        .limit(_MOST_CASES)
    )
    return (await session.execute(query)).scalars().all()


async def relation_to(session: AsyncSession, caller: Caller, person: str) -> tuple[str, bool]:
    """Why the caller does not act for somebody, as a code of the vocabulary ``recusals``, "" for nothing known; and that he has declared what there is to
    know."""
    related = exists().where(col(DeclaredRelative.blind) == person, col(DeclaredRelative.declaration_id).in_(counting(caller)))
    is_related, declared = (await session.execute(select(related, has_declared(caller)))).one()
    if caller.person == person:
        return "OWN_CASE", declared
    return "RELATIVE_CASE" if is_related else "", declared


def typed_by(caller: Caller) -> ColumnElement[bool]:
    """That the caller has typed a dossier of the application of the query, at a counter."""
    return exists().where(
        col(Dossier.application_no) == col(Application.no),
        col(Dossier.assistance_id) == col(Assistance.id),
        by(col(Assistance.sub), col(Assistance.clerk_person), caller),
    )


def has_typed(caller: Caller) -> ColumnElement[bool]:
    """As ``typed_by``, and whatever else he has typed in somebody's name that is on its timeline: an objection to it."""
    word = (
        exists()
        .where(
            col(Timeline.application_no) == col(Application.no),
            col(Timeline.word_id) == col(Word.id),
            col(Word.assistance) == col(Assistance.id),
            by(col(Assistance.sub), col(Assistance.clerk_person), caller),
        )
        .correlate_except(Timeline, Word, Assistance)
    )
    return or_(typed_by(caller), word)


async def photo_of(session: AsyncSession, no: str) -> AuthorisationPhoto | None:
    """Of the paper on which the newest dossier was typed that was typed at a counter."""
    query = (
        select(AuthorisationPhoto)
        .join(Assistance, col(Assistance.authorisation_id) == col(AuthorisationPhoto.authorisation_id))
        .join(Dossier, col(Dossier.assistance_id) == col(Assistance.id))
        .where(col(Dossier.application_no) == no)
        .order_by(col(Dossier.round).desc())
        .limit(1)
    )
    return (await session.execute(query)).scalar_one_or_none()
