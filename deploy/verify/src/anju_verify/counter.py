"""What a counter has done for households: on whose paper, typed by whom, in the name of whom.

Casework's visits and authorisations are compared with the dossiers and words that name them, and with the book of words of housing, which knows nothing of
either. A household that has no account of its own says nothing without a visit.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from chassis.crypto import FIELD_KEYS, DecryptionError, KeyRing

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()

Row = asyncpg.Record
_ON_ITS_WAY: Final = timedelta(minutes=1)


@check("C4", "an assisted case has an authorisation and both actors, and so has whatever else is typed in a household's name")
async def c4(sources: Sources, found: Findings) -> None:
    rows = await sources.rows(
        "casework",
        """
        SELECT assistance.*, authorisation.person, authorisation.id AS paper, authorisation.photo_sha256, authorisation_photo.photo_sealed,
               authorisation_end.at AS revoked_at
        FROM assistance LEFT JOIN authorisation ON authorisation.id = assistance.authorisation_id
             LEFT JOIN authorisation_photo ON authorisation_photo.authorisation_id = authorisation.id
             LEFT JOIN authorisation_end ON authorisation_end.authorisation_id = authorisation.id
        """,
    )
    visits = {row["id"]: row for row in rows}
    found.looked(len(visits))
    ring = sources.keys(FIELD_KEYS)
    if ring is None:
        found.note("no keys: photographs of authorisations were not opened")
    for visit in visits.values():
        _authorised(visit, ring, found)
    await _dossiers(sources, visits, found)
    for service in ("casework", "housing"):
        await _words(sources, service, visits, found)


def _authorised(visit: Row, ring: KeyRing | None, found: Findings) -> None:
    named = f"visit {visit['id']}"
    if visit["paper"] is None:
        found.violation(f"{named} stands on no authorisation")
        return
    found.unless(not _revoked(visit, visit["opened_at"]), f"{named} was opened on an authorisation taken back before")
    found.unless(visit["sub"] and visit["clerk_person"], f"{named}: nobody knows which clerk it was")
    found.unless(visit["clerk_person"] != visit["person"], f"{named}: the clerk has acted for himself")
    if visit["photo_sealed"] is None:
        found.violation(f"{named}: there is no photograph of its authorisation")
    elif ring is not None:
        found.unless(
            _sha256(ring, visit["photo_sealed"], f"authorisation_photo|file|{visit['paper']}") == visit["photo_sha256"],
            f"{named}: the photograph of its authorisation is not the one that was taken",
        )


async def _dossiers(sources: Sources, visits: dict[str, Row], found: Findings) -> None:
    rows = await sources.rows(
        "casework",
        """
        SELECT dossier.application_no, dossier.round, dossier.actor, dossier.blinds, dossier.created_at, dossier.assistance_id,
               consent.channel, consent.given_by, consent.blind
        FROM dossier JOIN application ON application.no = dossier.application_no
             LEFT JOIN consent ON dossier.request_id <> '' AND consent.id = dossier.request_id || '-0'
        WHERE dossier.assistance_id IS NOT NULL OR dossier.actor LIKE 'counter-%' OR (consent.channel = 'authorisation')
        """,
    )
    found.looked(len(rows))
    for row in rows:
        named = f"dossier {row['application_no']}/{row['round']}"
        visit = visits.get(row["assistance_id"] or "")
        if visit is None:
            found.violation(f"{named} was typed at a counter, and in no visit on record")
            continue
        found.unless(row["actor"] == visit["owner"], f"{named} is in another's name than its visit")
        found.unless(visit["person"] in row["blinds"], f"{named} names nobody who has signed the authorisation")
        found.unless(visit["clerk_person"] not in row["blinds"], f"{named} was typed by somebody of the household")
        found.unless(visit["opened_at"] <= row["created_at"] <= visit["ends_at"], f"{named} was typed outside of its visit")
        found.unless(not _revoked(visit, row["created_at"]), f"{named} was typed after its authorisation was taken back")
        if row["channel"] is not None:
            said = row["channel"], row["given_by"], row["blind"]
            found.unless(
                said == ("authorisation", visit["sub"], visit["person"]), f"{named}: its consent is not the one signed before this clerk"
            )


async def _words(sources: Sources, service: str, visits: dict[str, Row], found: Findings) -> None:
    rows = await sources.rows(
        service,
        "SELECT id, sub, person, assisted_by, assistance, said_at FROM word WHERE assistance <> '' OR assisted_by <> '' OR sub LIKE 'counter-%'",
    )
    found.looked(len(rows))
    for row in rows:
        named = f"word {row['id']} of {service}"
        visit = visits.get(row["assistance"])
        if visit is None:
            found.violation(f"{named} was typed at a counter, and in no visit on record")
            continue
        found.unless(row["assisted_by"] == visit["sub"], f"{named} was typed by another than the clerk of its visit")
        found.unless((row["sub"], row["person"]) == (visit["owner"], visit["person"]), f"{named} is in another's name than its visit")
        found.unless(visit["opened_at"] <= row["said_at"], f"{named} was said before its visit")
        found.unless(not _revoked(visit, row["said_at"]), f"{named} was said after its authorisation was taken back")


def _revoked(visit: Row, at: datetime) -> bool:
    """That the authorisation of a visit had been taken back by then. What was on its way at that moment may have been written down a little later."""
    return visit["revoked_at"] is not None and at > visit["revoked_at"] + _ON_ITS_WAY


def _sha256(ring: KeyRing, sealed: bytes, place: str) -> str:
    try:
        return hashlib.sha256(ring.decrypt(sealed, place)).hexdigest()
    except DecryptionError:
        return ""
