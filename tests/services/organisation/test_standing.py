"""Who may do what today, and the first people of a city."""

from __future__ import annotations

import pytest
from anju.organisation.v1 import organisation_pb2 as pb
from chassis.errors import Refusal
from chassis.identity import Caller
from sqlalchemy.exc import DBAPIError

from tests.services.organisation.office import CITY, PEOPLE, STREET, Office, somebody


async def test_what_is_given_holds_on_its_days_and_one_place_is_not_the_other(town: Office) -> None:
    assert await town.standing("clerk") == [("", ("street_clerk",), (STREET,))]
    assert await town.standing("both") == [("", ("finance",), (CITY,)), ("", ("street_clerk",), (STREET,))]
    for nobody in ("gone", "later", "stranger"):
        assert await town.standing(nobody) == []


async def test_an_account_is_one_persons(town: Office) -> None:
    assert await town.standing("clerk", person="somebody else") == []
    assert await town.standing("clerk") != []
    # A sign-on that verifies no numbers knows the account alone.
    answer = await town.ask("GetStanding", pb.GetStandingRequest(), Caller(sub="clerk", kind="staff"))
    assert len(answer.capacities) == 1


async def test_importing_is_good_once(town: Office) -> None:
    before = await town.version()
    assert before == sum(len(each.duties) for each in PEOPLE)
    assert await town.bring(*PEOPLE) == 0
    with pytest.raises(Refusal, match="ALREADY_ADMINISTERED"):
        await town.bring(somebody("intruder", ("city_reviewer", CITY)))
    assert await town.standing("intruder") == []
    assert await town.version() == before


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (somebody("x", ("king", CITY)), "/people/0/duties/0/duty"),
        (somebody("x", ("finance", "9999")), "/people/0/duties/0/unit"),
        (pb.ImportedPerson(account="x", name="", duties=[]), "/people/0/name"),
        (somebody("x", ("finance", CITY), since=3, until=1), "/people/0/duties/0/until_on"),
        (somebody("x", ("street_clerk", CITY)), "/people/0/duties/0/unit"),
        (somebody("x", ("finance", CITY), ("finance", CITY)), "/people/0/duties/1"),
        (somebody("x", ("user_admin", CITY), ("finance", CITY)), "/people/0/duties/1/duty"),
    ],
)
async def test_a_wrong_line_is_named(town: Office, wrong: pb.ImportedPerson, pointer: str) -> None:
    with pytest.raises(Refusal, match="INVALID_FIELDS") as refused:
        await town.bring(wrong)
    assert [each.pointer for each in refused.value.fields] == [pointer]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE change SET by_account = 'nobody'",
        "DELETE FROM change",
        "UPDATE appointment SET duty = 'city_reviewer' WHERE account = 'clerk'",
        "UPDATE appointment SET account = 'both' WHERE account = 'clerk'",
        "UPDATE appointment SET begins = begins - 30",
        "UPDATE appointment SET state = 'proposed'",
        "DELETE FROM appointment",
        "UPDATE member SET person = 'another' WHERE account = 'clerk'",
        "DELETE FROM member",
        "TRUNCATE appointment CASCADE",
    ],
)
async def test_what_was_entered_stays_as_it_is(town: Office, statement: str) -> None:
    with pytest.raises(DBAPIError, match=r"stays as it is|keeps what it has"):
        await town.sql(statement)


async def test_names_are_sealed_and_the_log_has_none(town: Office) -> None:
    for table in ("member", "change"):
        assert "姓名" not in str(await town.sql(f"SELECT * FROM {table}"))
