"""C1 and C2: complaints as the service itself has recorded them, each broken by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.conftest import MakeDatabase
from tests.services.oversight.desk import CITY, CITY_SECOND, DISTRICT, OTHER, STREET, Desk, desk
from tests.services.verify.records import Records

SERVICE = "oversight"
CONTACT = "13911112222"


@pytest_asyncio.fixture(loop_scope="session")
async def heard(records: Records, make_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[Records]:
    """One at its desk, one rated, one about staff, one under investigation, one merged and one withdrawn."""
    async with desk(make_database, keys_dir) as running:
        await _letters(running)
        records.urls[SERVICE] = running.database_url
        records.aim()
        yield records


async def _letters(desk: Desk) -> None:
    waiting = await desk.file(OTHER, "暖气不热，已经报修。")
    rated = await desk.file()
    await desk.act(rated.no, "accept")
    await desk.act(rated.no, "answer", said="本周修好。")
    await desk.respond(rated.no, "rate", score=4)
    staff = await desk.file(said="窗口人员态度很差。", about_staff=True)
    await desk.act(staff.no, "accept", CITY, about="clerk-7")
    await desk.act(staff.no, "answer", CITY, said="已批评教育。")
    await desk.act(staff.no, "agree", CITY_SECOND)
    misuse = await desk.file(said="有人把房子转租了。", kind="misuse", contact=CONTACT)
    await desk.act(misuse.no, "accept", said="请核查五楼是否由承租人居住。")
    merged = await desk.file(OTHER, "暖气还是不热。")
    await desk.act(merged.no, "merge", said="同一处暖气。", into=waiting.no)
    withdrawn = await desk.file(OTHER, "问题已经解决了。", kind="consultation", division=DISTRICT)
    await desk.respond(withdrawn.no, "withdraw", OTHER)
    assert STREET


BROKEN: list[tuple[str, str]] = [
    ("UPDATE complaint SET deadline_at = NULL WHERE stage = 'accepting'", "has no clock"),
    ("UPDATE complaint SET level = '' WHERE stage = 'accepting'", "lies with no desk"),
    ("UPDATE complaint SET answer_word = '' WHERE stage = 'closed'", "without an answer"),
    ("DELETE FROM complaint_text WHERE action = 'answer'", "without an answer"),
    ("UPDATE complaint SET merged_into = '' WHERE stage = 'merged'", "which answers nothing"),
    ("UPDATE complaint SET stage = 'withdrawn', waiting_on = 'nobody' WHERE stage = 'accepting'", "its last step leads to accepting"),
    ("DELETE FROM word WHERE said->>'action' = 'withdraw'", "nobody has said so"),
    ("UPDATE complaint_step SET actor = 'somebody-else' WHERE event = 'accepted'", "its person has not said so"),
    ("UPDATE complaint SET about_sub = 'city-1' WHERE about_staff", "was answered by whom it is about"),
    ("UPDATE complaint SET owner_person = written_by_person WHERE about_staff", "was answered by who wrote it"),
    ("UPDATE complaint_step SET event = 'answered' WHERE event = 'agreed'", "no second person has read its answer"),
    ("UPDATE word SET person = (SELECT written_by_person FROM complaint WHERE about_staff) WHERE sub = 'city-2'", "no second person"),
]


async def test_c1_holds_for_what_the_service_has_recorded_and_finds_whatever_is_forgotten(heard: Records) -> None:
    await heard.passes("C1", "C2", "F1")
    whole = await heard.snapshot()
    for statement, words in BROKEN:
        await heard.sabotage(SERVICE, statement)
        result = await heard.check("C1")
        assert any(words in text for text in result.violations), (statement, result.violations)
        await heard.restore(whole)
    await heard.passes("C1")


async def test_c2_finds_a_brief_that_tells_who_reported_it_and_a_look_of_whom_it_is_about(heard: Records) -> None:
    whole = await heard.snapshot()
    no = await heard.value(SERVICE, "SELECT no FROM complaint WHERE kind = 'misuse'")
    sealed = heard.ring.encrypt(f"举报人电话 {CONTACT[:3]}-{CONTACT[3:]}，请核查。".encode(), f"complaint|brief_sealed|{no}").hex()
    await heard.sabotage(SERVICE, f"UPDATE complaint SET brief_sealed = '\\x{sealed}' WHERE no = '{no}'")
    result = await heard.violates("C2", "its brief tells who reported it")
    assert not any(CONTACT in text for text in result.violations)
    await heard.restore(whole)
    await heard.sabotage(SERVICE, "UPDATE complaint SET brief_sealed = '\\x00' WHERE kind = 'misuse'")
    await heard.violates("C2", "its brief does not open")
    await heard.restore(whole)
    look = "INSERT INTO staff_read (id, reader, roles, what, households, day, at) SELECT 900, 'clerk-7', 'street_clerk', 'complaint', ARRAY[no], now()::date, now() + interval '1 minute' FROM complaint WHERE about_staff"
    await heard.sabotage(SERVICE, look)
    await heard.violates("C2", "was read by whom it is about")
    await heard.restore(whole)
    await heard.passes("C2")


async def test_f1_finds_a_step_of_a_complaint_without_its_fact(heard: Records) -> None:
    await heard.sabotage(SERVICE, "DELETE FROM fact WHERE codes->>'complaint_events' = 'rated'")
    await heard.violates("F1", "is on record and has no fact")
