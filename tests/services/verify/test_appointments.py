"""I6: what officials have said against what they had been given, each broken as somebody would who can write to one of the two databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.services.verify.records import NOW, Records
from tests.services.verify.test_requests import NO, Office, office

__all__ = ["office"]
ORG, CASE = "organisation", "casework"
TODAY = NOW.date()


async def given(records: Records, account: str, duty: str, unit: str) -> None:
    await records.put(ORG, "member", account=account, person="", name_sealed=b"", entered_at=NOW)
    values: dict[str, Any] = {"id": f"ap-{account}", "account": account, "duty": duty, "unit": unit, "begins": TODAY, "ends": TODAY}
    kept = {
        "state": "in_force",
        "entered_by": "users",
        "entered_by_person": "",
        "entered_at": NOW,
        "confirmed_by": "",
        "confirmed_by_person": "",
    }
    await records.put(ORG, "appointment", **values, **kept, work_to="")


BROKEN = [
    (ORG, "DELETE FROM appointment WHERE account = 'clerk-1'", "clerk-1 had no such duty then"),
    (ORG, "UPDATE appointment SET unit = '410203' WHERE account = 'district-1'", "district-1 had that duty somewhere else"),
    (ORG, "UPDATE appointment SET ends = begins - 1, begins = begins - 1", "had no such duty then"),
    (ORG, "UPDATE appointment SET begins = begins + 1, ends = NULL", "had no such duty then"),
    (ORG, "UPDATE appointment SET state = 'proposed' WHERE account = 'city-1'", "city-1 had no such duty then"),
    (ORG, "UPDATE appointment SET revoked_at = '2026-01-01' WHERE account = 'city-1'", "city-1 had no such duty then"),
    (CASE, "UPDATE word SET acting_for = 'clerk-1' WHERE level = 'district'", "clerk-1 had no such duty then"),
    (CASE, "UPDATE word SET acting_for = 'city-1', sub = 'x' WHERE level = 'city'", "nobody had him stand in for city-1 then"),
]


@pytest.mark.usefixtures("office")
async def test_i6_finds_whoever_decides_what_he_was_not_given(office: Office) -> None:
    records = office.records
    await records.need(CASE, ORG)
    await records.sabotage(CASE, f"UPDATE word SET said_at = '{NOW.isoformat()}'")
    for account, duty, unit in (
        ("clerk-1", "street_clerk", "410202001"),
        ("district-1", "district_reviewer", "410202"),
        ("city-1", "city_reviewer", "4102"),
    ):
        await given(records, account, duty, unit)
    await records.passes("I6")
    whole = await records.snapshot()
    for service, statement, words in BROKEN:
        await records.sabotage(service, statement)
        result = await records.check("I6")
        assert any(words in text for text in result.violations), (statement, result.violations, result.notes)
        await records.restore(whole)
    # Who stands in for somebody does it with the other's duty, while he is told to.
    await records.sabotage(CASE, "UPDATE word SET acting_for = 'city-1', sub = 'x' WHERE level = 'city'")
    await records.put(ORG, "member", account="x", person="", name_sealed=b"", entered_at=NOW)
    days = {"begins": TODAY - timedelta(days=1), "ends": TODAY}
    await records.put(ORG, "cover", id="co-1", absent="city-1", substitute="x", **days, entered_by="users", entered_at=NOW)
    await records.passes("I6")
    assert NO
