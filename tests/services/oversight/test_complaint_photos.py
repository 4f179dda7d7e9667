"""Photographs beside what was written: six at most, sealed, added by who wrote it, shown to who may read it."""

from __future__ import annotations

import asyncio

import pytest
from anju.oversight.v1 import complaints_pb2 as pb
from chassis.identity import Caller
from chassis.ids import new_id

from tests.services.oversight.desk import (
    CITIZEN,
    CITY,
    CLERK,
    COLLEAGUE,
    EVERYBODY,
    MANAGER,
    OFFICER,
    OTHER,
    Desk,
    reason,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")
PHOTO = b"\xff\xd8\xff" + b"what is seen of the stairs" + b"\xff\xd9"


async def add(desk: Desk, no: str, caller: Caller = CITIZEN, photo: bytes = PHOTO, code: str = "", key: str = "") -> int:
    request = pb.AddComplaintPhotoRequest(idempotency_key=key or new_id(), no=no, code=code, photo=photo)
    return int((await desk.ask("AddComplaintPhoto", request, caller)).photo.number)


async def look(desk: Desk, no: str, caller: Caller = CITIZEN, number: int = 1, code: str = "", official: str = "") -> bytes:
    request = pb.GetComplaintPhotoRequest(no=no, number=number, code=code, official=official)
    return bytes((await desk.ask("GetComplaintPhoto", request, caller)).photo)


async def test_six_at_most_and_a_repeat_is_the_same_one(desk: Desk) -> None:
    no, key = (await desk.file()).no, new_id()
    assert set(await asyncio.gather(add(desk, no, key=key), add(desk, no, key=key))) == {1}
    assert await reason(add(desk, no, key=key, photo=PHOTO + b"\xff\xd9")) == "IDEMPOTENCY_KEY_REUSED"
    assert sorted(await asyncio.gather(*(add(desk, no) for _ in range(5)))) == [2, 3, 4, 5, 6]
    assert await reason(add(desk, no)) == "PHOTOS_FULL"
    mine = await desk.read(no)
    assert ([each.number for each in mine.photos], {each.size_bytes for each in mine.photos}, mine.photos_left) == (
        [1, 2, 3, 4, 5, 6],
        {len(PHOTO)},
        0,
    )
    assert await look(desk, no, number=6) == PHOTO
    assert await reason(look(desk, no, number=7)) == "NOT_FOUND"


@pytest.mark.parametrize("photo", [b"", b"GIF89a", b"%PDF-1.7", b"\xff\xd8\xff" + b"x" * (900 << 10)])
async def test_what_was_not_drawn_anew_is_not_kept(desk: Desk, photo: bytes) -> None:
    assert await reason(add(desk, (await desk.file()).no, photo=photo)) == "INVALID_FIELDS"


async def test_only_who_wrote_it_adds_one_and_only_while_it_is_open(desk: Desk) -> None:
    no = (await desk.file()).no
    assert [await reason(add(desk, no, who)) for who in (OTHER, EVERYBODY, CLERK, OFFICER, CITY)] == [
        "NOT_FOUND",
        "FOLLOW_UP_UNKNOWN",
        "NOT_FOUND",
        "NOT_ALLOWED",
        "NOT_ALLOWED",
    ]
    assert [(await desk.read(no, who)).photos_left for who in (CITIZEN, OFFICER)] == [6, 0]
    await desk.respond(no, "withdraw")
    assert await reason(add(desk, no)) == "COMPLAINT_MOVED_ON"
    assert (await desk.read(no)).photos_left == 0
    # What a clerk has written down he photographs too.
    taken = await desk.file(CLERK, channel="counter")
    assert (await desk.read(taken.no, CLERK)).photos_left == 6
    assert await add(desk, taken.no, CLERK) == 1


async def test_who_may_not_read_the_words_sees_no_photograph(desk: Desk) -> None:
    report = await desk.file(kind="misuse", said="这套房转租给了别人，每月收两千元。", about_staff=False)
    await add(desk, report.no)
    await desk.act(report.no, "accept", said="核查该房屋是否由承租人居住。")
    assert (await desk.read(report.no, MANAGER)).brief
    assert list((await desk.read(report.no, MANAGER)).photos) == []
    seen = [await reason(look(desk, report.no, who)) for who in (CITIZEN, OFFICER, COLLEAGUE, CITY, MANAGER, OTHER, EVERYBODY, CLERK)]
    assert seen == ["", "", "", "", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND"]
    looks = await desk.sql(f"SELECT reader FROM staff_read WHERE what = 'complaint' AND households @> ARRAY['{report.no}'::varchar]")
    assert {row[0] for row in looks} >= {OFFICER.sub, COLLEAGUE.sub, CITY.sub}
    about = await desk.file(about_staff=True, about_name="王强", said="窗口人员态度很差，请核实。")
    await add(desk, about.no)
    assert await reason(look(desk, about.no, CITY, official="王强")) == "NOT_FOUND"


async def test_by_the_code_and_no_other_way_to_one_without_a_name(desk: Desk) -> None:
    filed = await desk.file(EVERYBODY)
    assert await add(desk, filed.no, EVERYBODY, code=filed.code) == 1
    assert await look(desk, filed.no, EVERYBODY, code=filed.code) == PHOTO
    assert (await desk.follow(filed.no, filed.code)).photos_left == 5
    wrong = [look(desk, filed.no, EVERYBODY, code="AAAA-AAAA-AAAA-AAAA"), add(desk, filed.no, EVERYBODY, code="AAAA")]
    assert [await reason(each) for each in wrong] == ["FOLLOW_UP_UNKNOWN"] * 2
    assert [await reason(look(desk, filed.no, who)) for who in (EVERYBODY, CITIZEN)] == ["NOT_FOUND"] * 2


async def test_it_is_sealed_in_its_place_and_stays(desk: Desk) -> None:
    no = (await desk.file()).no
    await add(desk, no)
    await add(desk, no)
    kept = await desk.sql("SELECT number, sealed FROM complaint_photo ORDER BY number")
    assert not any(b"stairs" in bytes(row[1]) for row in kept)
    assert kept[0][1] != kept[1][1]
    for statement in ("UPDATE complaint_photo SET number = 6 WHERE number = 2", "DELETE FROM complaint_photo"):
        with pytest.raises(Exception, match=r"permission denied"):
            await desk.sql(statement)
    # Put in another's place by whoever holds the tables, it does not open.
    await desk.sql(
        f"INSERT INTO complaint_photo SELECT no, 3, size_bytes, sealed, added_at FROM complaint_photo WHERE number = 1 AND no = '{no}'"
    )
    assert await reason(look(desk, no, number=3)) == "INTERNAL"
