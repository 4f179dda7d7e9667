"""What the city has published: who wrote it and who published it, and what was in force when."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Final

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()


@check(
    "O1",
    "every published version of a policy was written by one person and published by another, and of one policy one version is in force at a time",
)
async def o1(sources: Sources, found: Findings) -> None:
    """Versions follow each other in number and in day: two that begin on one day would both be in force."""
    if not sources.has("oversight"):
        found.note("no database of oversight is known: what was published was not looked at")
        return
    rows = await sources.rows(
        "oversight",
        """
        SELECT policy_id, number, effective_on, writers, published_by, published_by_person FROM policy_version
        WHERE state = 'published' ORDER BY policy_id, number
        """,
    )
    for row in rows:
        found.looked()
        named = f"policy {row['policy_id']}, version {row['number']}"
        writers = json.loads(row["writers"])
        found.unless(writers, f"{named}: nobody is on record as its writer")
        found.unless(row["published_by"], f"{named}: nobody is on record as its publisher")
        same = any(
            each["account"] == row["published_by"] or (each["person"] != "" and each["person"] == row["published_by_person"])
            for each in writers
        )
        found.unless(not same, f"{named}: who has published it had written in it")
    for before, after in pairwise(rows):
        if before["policy_id"] != after["policy_id"]:
            continue
        named = f"policy {after['policy_id']}, version {after['number']}"
        found.unless(after["number"] == before["number"] + 1, f"{named}: the version before it is missing")
        found.unless(before["effective_on"] < after["effective_on"], f"{named}: it does not begin after the version before it")
