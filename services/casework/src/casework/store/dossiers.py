"""What households have declared, round by round, and what its members have said to being asked about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Integer, and_, bindparam, delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from casework.store.shared import NO
from casework.tables import Application, Consent, Dossier, Resident

# How the id of a consent ends that came with a dossier, of its first member (``tables.Consent``).
OF_APPLICANT: Final = "-0"
# More households than name anybody who is not being made fun of.
_MOST_CLAIMS = 50
_DECLARED = (
    select(Application, Dossier, Consent)
    .outerjoin(
        Dossier,
        and_(
            col(Dossier.application_no) == col(Application.no),
            col(Dossier.round) == func.coalesce(bindparam("round", type_=Integer), col(Application.round)),
            col(Dossier.round) <= col(Application.round),
        ),
    )
    .outerjoin(Consent, col(Consent.application_no) == col(Application.no))
    .where(col(Application.no) == NO)
    .order_by(col(Consent.given_at), col(Consent.id))
)


async def naming(session: AsyncSession, person: str) -> Sequence[Declared]:
    """Open cases that name a person, the newest first; with their own dossiers, and what this person has said."""
    query = (
        select(Application, Dossier, Consent)
        .join(Resident, and_(col(Resident.application_no) == col(Application.no), col(Resident.blind) == person))
        .join(Dossier, and_(col(Dossier.application_no) == col(Application.no), col(Dossier.round) == col(Application.round)))
        .outerjoin(Consent, and_(col(Consent.application_no) == col(Application.no), col(Consent.blind) == person))
        .where(col(Resident.active).is_(True), col(Application.outcome) == "", col(Dossier.blinds).contains([person]))
        .order_by(col(Application.seq).desc(), col(Consent.given_at))
        .limit(_MOST_CLAIMS)
    )
    found: dict[str, Declared] = {}
    for case, row, consent in (await session.execute(query)).all():
        known = found.setdefault(case.no, Declared(case, row, []))
        if consent is not None:
            found[case.no] = known._replace(consents=[*known.consents, consent])
    return list(found.values())


async def dossier(session: AsyncSession, no: str, round_: int) -> Dossier | None:
    return await session.get(Dossier, (no, round_))


async def drop_correction(session: AsyncSession, case: Application, request_id: str) -> None:
    """Removes a refused correction with everything it brought; a correction which has become the case's dossier stays."""
    gone = (
        delete(Dossier)
        .where(col(Dossier.application_no) == case.no, col(Dossier.round) > case.round, col(Dossier.request_id) == request_id)
        .returning(col(Dossier.round))
    )
    for round_ in (await session.execute(gone)).scalars().all():
        await session.execute(delete(Resident).where(col(Resident.application_no) == case.no, col(Resident.since_round) == round_))
        await session.execute(delete(Consent).where(col(Consent.application_no) == case.no, col(Consent.round) == round_))


class Declared(NamedTuple):
    """A case with its dossier of a round, and everything its members have said to being asked about, in the order in which they did."""

    case: Application
    dossier: Dossier | None
    consents: Sequence[Consent]

    @property
    def applicants(self) -> Consent | None:
        """The applicant's own, which came with the submission."""
        return next((each for each in self.consents if each.id.endswith(OF_APPLICANT)), None)

    def given(self) -> dict[str, Consent]:
        """By blind index of the person."""
        return {each.blind: each for each in self.consents if each.agrees and each.withdrawn_at is None}


async def declared(session: AsyncSession, no: str, round_: int = 0) -> Declared | None:
    """With the dossier of a round, 0 for the newest the workflow has taken. One it has not taken yet does not exist for anybody."""
    rows = (await session.execute(_DECLARED, {"no": no, "round": round_ or None})).all()
    return Declared(rows[0][0], rows[0][1], [row[2] for row in rows if row[2] is not None]) if rows else None
