"""What an official is listed and what he may read of complaints are one rule said twice: in SQL and row by row."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product
from random import Random

import pytest
from anju_terms import terms
from chassis.errors import Refusal
from oversight.complaints.reach import Reader, listed, view_of
from oversight.tables import Complaint
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import col

from tests.conftest import MakeDatabase
from tests.support.keys import staff

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROLES = tuple(terms("roles"))
DIVISIONS = ("4102", "410202", "410203", "410202001", "4103")


def complaint(number: int, chance: Random) -> Complaint:
    return Complaint(
        no=f"TS-{number}", seq=number, kind=chance.choice(["misuse", "complaint"]), channel="counter",
        district=chance.choice(["410202", "410203", "410301"]), street="410202001", level=chance.choice(["district", "city"]),
        about_staff=chance.random() < 0.5, flags=[], stage="handling", waiting_on="district", received_at=datetime.now(UTC),
        updated_at=datetime.now(UTC), request_index=str(number), fingerprint="", text_index="", text_sealed=b"",
        brief_sealed=chance.choice([b"", b"x"]), taken_by=chance.choice(["", "staff-1"]),
        owner_person=chance.choice(["", "", "index of staff-1"]), about_sub=chance.choice(["", "", "staff-1"]),
        about_name_index=chance.choice(["", "", "named"]),
    )  # fmt: skip


async def test_who_is_listed_a_complaint_may_read_it_and_who_may_read_it_is_listed_it(make_database: MakeDatabase) -> None:
    found = [complaint(number, Random(number)) for number in range(1, 301)]
    engine = create_async_engine((await make_database("oversight")).replace("postgresql://", "postgresql+asyncpg://"))
    shown = 0
    async with engine.begin() as connection:
        await connection.run_sync(Complaint.metadata.tables["complaint"].create)
        await connection.execute(insert(Complaint), [each.model_dump() for each in found])
        for role, division, name_index in product(ROLES, DIVISIONS, ("", "named")):
            reader = Reader(staff(role, division), name_index)
            rows = set((await connection.execute(select(col(Complaint.no)).where(listed(reader)))).scalars())
            readable = set()
            for each in found:
                try:
                    view_of(reader, each)
                except Refusal:
                    continue
                readable.add(each.no)
            assert rows == readable, (role, division, name_index)
            shown += len(rows)
    await engine.dispose()
    assert shown > 1_000
