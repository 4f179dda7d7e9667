"""O1: what was published, broken as somebody would who can write to the database."""

from __future__ import annotations

import json
from datetime import timedelta

from tests.services.verify.records import NOW, Records

SERVICE = "oversight"
BROKEN = [
    ("UPDATE policy_version SET published_by = 'writer' WHERE number = 1", "version 1: who has published it had written in it"),
    (
        "UPDATE policy_version SET published_by_person = 'person of writer' WHERE number = 2",
        "version 2: who has published it had written in it",
    ),
    ("UPDATE policy_version SET published_by = '' WHERE number = 2", "version 2: nobody is on record as its publisher"),
    ("UPDATE policy_version SET writers = '[]' WHERE number = 1", "version 1: nobody is on record as its writer"),
    ("UPDATE policy_version SET effective_on = effective_on - 30 WHERE number = 2", "version 2: it does not begin after"),
    ("UPDATE policy_version SET effective_on = '2026-11-01'", "version 2: it does not begin after"),
    ("UPDATE policy_version SET number = 3 WHERE number = 2", "version 3: the version before it is missing"),
]


async def version(records: Records, number: int, days: int) -> None:
    await records.put(
        SERVICE,
        "policy_version",
        policy_id="rent",
        number=number,
        state="published",
        category="rent",
        effective_on=NOW.date() + timedelta(days=days),
        content={},
        digest=str(number),
        title="",
        plain="",
        pairs=[],
        writers=json.dumps([{"account": "writer", "person": "person of writer"}]),
        saved_at=NOW,
        published_at=NOW,
        published_by="second",
        published_by_person="person of second",
    )


async def test_o1_finds_what_one_person_has_published_alone_and_two_versions_at_a_time(records: Records) -> None:
    kept = {"withdrawn_by": "", "withdrawn_by_person": "", "withdrawal_reason": "", "superseded_by": ""}
    await records.put(SERVICE, "policy", id="rent", begun_at=NOW, **kept)
    await version(records, 1, 0)
    await version(records, 2, 10)
    await records.passes("O1")
    whole = await records.snapshot()
    for statement, words in BROKEN:
        await records.sabotage(SERVICE, statement)
        result = await records.check("O1")
        assert any(words in text for text in result.violations), (statement, result.violations, result.notes)
        await records.restore(whole)
