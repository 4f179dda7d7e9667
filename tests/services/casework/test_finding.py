"""The search of the staff console: exactly, within the division, and on record at the household it shows."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju.reads.v1 import reads_pb2 as reads_pb
from casework.finding import MAX_CHARS, MOST
from casework.settings import Settings
from chassis.identity import Caller
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import (
    CITY_REVIEWER,
    CLERK,
    DISTRICT,
    ELSEWHERE_DISTRICT,
    ELSEWHERE_STREET,
    STREET,
    TO_STREET,
    Desk,
    dossier,
    member,
    page,
    person_number,
    reason_of,
    someone,
)
from tests.support.keys import staff

ALARM: Final = int(Settings.model_fields["missed_search_alarm"].default)
LIMIT: Final = int(Settings.model_fields["missed_search_limit"].default)
MANAGER = staff("house_manager", DISTRICT, sub="manager-1")


async def find(desk: Desk, caller: Caller, words: str) -> list[str]:
    found = await desk.call(caller, "FindApplications", pb.FindApplicationsRequest(words=words))
    assert all("*" in case.masked_name and not case.HasField("dossier") for case in found.applications)
    return [case.no for case in found.applications]


async def test_a_case_is_found_by_its_number_and_by_everybody_of_its_household(desk: Desk) -> None:
    number = person_number()
    household = dossier(member(name="欧阳晓"), member("child", name="欧阳·明", id_number=person_number("20150101")))
    household.members[0].id_number, household.members[0].birth_date = number, "1990-01-01"
    no = (await desk.submit(someone(), household)).no
    for words in (
        no,
        no.lower(),
        no.replace("-", ""),
        f"  {no} ",
        number,
        " ".join(number),
        "欧阳晓",
        "欧阳 晓",
        "欧阳•明",
        household.members[1].id_number,
    ):
        assert await find(desk, CLERK, words) == [no], words
    # Exactly: no part of a number or a name finds anybody.
    for words in (no[:-1], number[:-1], "欧阳", "晓", "欧阳%", "%", "KF-2026-999999"):
        assert await find(desk, CLERK, words) == [], words


async def test_of_one_name_there_may_be_many_and_the_newest_come_first(desk: Desk) -> None:
    cases = [(await desk.submit(someone(), dossier(member(name="司马同名")))).no for _ in range(2)]
    assert await find(desk, CITY_REVIEWER, "司马同名") == cases[::-1]


async def test_the_search_ends_at_the_division(desk: Desk) -> None:
    household = dossier(member(name="上官远"))
    no = (await desk.submit(someone(), household)).no
    for caller in (
        staff("street_clerk", ELSEWHERE_STREET, sub="clerk-2"),
        staff("district_reviewer", ELSEWHERE_DISTRICT, sub="d-2"),
        Caller(sub="c-2", kind="staff", roles=("city_reviewer",)),
    ):
        for words in (no, household.members[0].id_number, "上官远"):
            assert await find(desk, caller, words) == []


async def test_who_may_not_read_dossiers_finds_nobody_by_himself(desk: Desk) -> None:
    household = dossier(member(name="诸葛亮工"))
    no = (await desk.submit(someone(), household)).no
    for duty in ("house_manager", "operator", "auditor"):
        caller = staff(duty, STREET, sub=f"{duty}-1")
        assert await find(desk, caller, no) == [no]
        assert await find(desk, caller, household.members[0].id_number) == []
        assert await find(desk, caller, "诸葛亮工") == []


async def test_looking_for_a_person_is_on_record_and_the_household_sees_it(office: Office) -> None:
    owner = someone()
    household = dossier(member(name="东方记"))
    no = (await office.desk.submit(owner, household)).no
    for words in (no, household.members[0].id_number, "东方记", "东方无"):
        await find(office.desk, CLERK, words)
    log = "SELECT what, households FROM staff_read WHERE reader = $1 ORDER BY id DESC LIMIT 4"
    assert await office.rows(log, CLERK.sub) == [("search", []), ("search", [no]), ("search", [no]), ("applications", [no])]
    reads = await office.desk.ask_reads(owner, "ListReads", reads_pb.ListReadsRequest(application_no=no, page=page()))
    assert {(read.what, *read.roles) for read in reads.reads} == {("search", "street_clerk"), ("applications", "street_clerk")}


async def test_who_has_left_a_household_is_not_found_with_it_any_more(desk: Desk) -> None:
    owner = someone()
    applicant, child = member(name="令狐在"), member("child", name="令狐走", id_number=person_number("20150101"))
    no = (await desk.submit(owner, dossier(applicant, child))).no
    assert await find(desk, CLERK, "令狐走") == [no]
    await desk.bring_to(no, *TO_STREET)
    await desk.advance(no, "street_returned", "correction", note="请核对家庭成员")
    request = pb.CorrectApplicationRequest(idempotency_key=new_id(), no=no, dossier=dossier(applicant))
    await desk.call(owner, "CorrectApplication", request)
    assert await find(desk, CLERK, "令狐走") == []
    assert await find(desk, CLERK, "令狐在") == [no]


@pytest.mark.parametrize("words", ["", "  ", "张" * (MAX_CHARS + 1)])
async def test_nothing_and_too_much_are_refused(desk: Desk, words: str) -> None:
    assert await reason_of(desk.call(CLERK, "FindApplications", pb.FindApplicationsRequest(words=words))) == "INVALID_FIELDS"


async def test_names_are_nowhere_in_the_clear(office: Office) -> None:
    await office.desk.submit(someone(), dossier(member(name="慕容隐")))
    ((names,),) = await office.rows("SELECT name_blinds FROM dossier ORDER BY created_at DESC LIMIT 1")
    assert len(names) == 1
    assert "慕容" not in names[0]


# --- looking for people who are not there ------------------------------------------------------------------------------------------------


async def day_of(office: Office, caller: Caller) -> tuple[Any, ...]:
    rows = await office.rows("SELECT households, misses, refused, alarmed_at IS NOT NULL FROM staff_read_day WHERE reader = $1", caller.sub)
    return rows[0] if rows else (0, 0, 0, False)


async def test_a_search_that_finds_nobody_is_counted_alarmed_and_limited(office: Office) -> None:
    desk, prober = office.desk, staff("street_clerk", STREET, sub=new_id("prober-"))
    no = (await desk.submit(someone(), dossier(member(name="宇文在")))).no
    for _ in range(ALARM):
        assert await find(desk, prober, person_number()) == []
    assert await day_of(office, prober) == (0, ALARM, 0, False)
    assert await find(desk, prober, "宇文无") == []
    assert await day_of(office, prober) == (0, ALARM + 1, 0, True)
    for _ in range(LIMIT - ALARM - 1):
        assert await find(desk, prober, person_number()) == []
    # Whoever is there, and whoever is not: the refusal says nothing of them.
    for words in ("宇文在", "宇文无", person_number()):
        assert await reason_of(find(desk, prober, words)) == "TOO_MANY_SEARCHES"
    assert await day_of(office, prober) == (0, LIMIT, 3, True)
    assert await find(desk, prober, no) == [no], "work goes on by numbers"
    [row] = (await desk.ask_reads(staff("auditor", "4102"), "ListReaders", reads_pb.ListReadersRequest(reader=prober.sub))).readers
    assert (row.misses, row.misses_alarm_above, row.refused, row.HasField("alarmed_at")) == (LIMIT, ALARM, 3, True)


async def test_whether_a_search_would_find_somebody_is_not_read_from_a_full_day(office: Office) -> None:
    """There has to be room for all it might show: else a refusal would say that somebody was found."""
    desk, prober = office.desk, staff("street_clerk", STREET, sub=new_id("prober-"))
    await desk.submit(someone(), dossier(member(name="澹台在")))
    assert await find(desk, prober, "澹台无") == []
    await office.rows("UPDATE staff_read_day SET households = at_most - $2::int WHERE reader = $1", prober.sub, MOST - 1)
    for words in ("澹台在", "澹台无"):
        assert await reason_of(find(desk, prober, words)) == "TOO_MANY_READS", words


async def test_many_searches_at_once_do_not_get_past_the_limit(office: Office) -> None:
    desk, prober = office.desk, staff("street_clerk", STREET, sub=new_id("prober-"))
    answers = await asyncio.gather(*(reason_of(find(desk, prober, person_number())) for _ in range(LIMIT + 10)))
    assert (answers.count(""), answers.count("TOO_MANY_SEARCHES")) == (LIMIT, 10)


async def test_a_number_typed_wrong_is_nobody_looked_for(office: Office) -> None:
    clerk = staff("street_clerk", STREET, sub=new_id("clerk-"))
    assert await find(office.desk, clerk, "KF-2026-999999") == []
    assert await day_of(office, clerk) == (0, 0, 0, False)
