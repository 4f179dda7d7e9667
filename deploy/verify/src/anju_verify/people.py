"""Who stands in the dossiers: needed to know what must not be found in the clear, and whom a register may have been asked about.

Only here are sealed columns opened, and what comes out never reaches a report.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg
from chassis.crypto import KeyRing


@dataclass(frozen=True)
class Member:
    name: str
    id_number: str


@dataclass(frozen=True)
class Household:
    """One dossier. Members in the order in which everything else counts them, the applicant first."""

    application_no: str
    round: int
    members: tuple[Member, ...]
    phone: str
    address: str


def households(rows: Iterable[asyncpg.Record], ring: KeyRing) -> dict[tuple[str, int], Household]:
    """From (application_no, round, sealed). Raises DecryptionError for one which was changed or moved."""
    found = {}
    for row in rows:
        no, round_ = row["application_no"], row["round"]
        raw = json.loads(ring.decrypt(row["sealed"], f"dossier|sealed|{no}/{round_}"))
        members = tuple(Member(member["name"], member["id_number"]) for member in raw["members"])
        found[no, round_] = Household(no, round_, members, raw["phone"], raw["address"])
    return found
