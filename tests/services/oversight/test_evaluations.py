"""Evaluations: of what was finished for oneself, once; what follows a bad one, by somebody else; what everybody reads."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anju_calendar as calendar
import pytest
import pytest_asyncio
from anju.oversight.v1 import oversight_pb2 as pb
from chassis.wire import utc
from oversight.evaluations.public import Public
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.conftest import MakeDatabase
from tests.services.oversight.finished import (
    AUDITOR,
    CITY,
    CLERK,
    COLLEAGUE,
    DECIDER,
    NO,
    OBJECTOR,
    OTHER,
    Desk,
    decided,
    desk,
    fact,
    objection_answered,
)
from tests.services.oversight.test_policies import refused
from tests.support.keys import staff

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(loop_scope="session", name="office")
async def _office(make_database: MakeDatabase, keys_dir: Path):  # type: ignore[no-untyped-def]  # a fixture
    async with desk(make_database, keys_dir) as running:
        yield running


# -- what was finished -----------------------------------------------------------------------------------------------------------------------


async def test_what_the_services_finished_is_there_for_whom_it_was_done(office: Desk) -> None:
    await office.read_on(
        casework=[
            fact(f"application/{NO}", "application_submitted"),
            fact(f"application/{NO}/2/street_approved", "application_moved", events="street_approved", stages="district_review"),
            decided(5),
            fact(f"application/{NO}/6/withdrawn", "application_moved", "KF-2026-000002", events="withdrawn", stages="withdrawn"),
        ],
        housing=[
            fact("lease/L1/signing", "lease_drafted", lease_states="signing"),
            fact("lease/L1/deposit", "lease_moved", lease_states="deposit"),
            fact("lease/L1/active", "lease_moved", lease_states="active"),
        ],
        payments=[fact("bill/L1/202611/paid", "bill_paid", bill_kinds="rent"), fact("transfer/x", "money_received", no="")],
    )
    mine = await office.mine()
    assert sorted(each.item for each in mine) == ["application_decided", "bill_paid", "lease_signed"]
    assert not any(each.HasField("evaluation") for each in mine)
    assert await office.mine(OTHER) == []
    assert await office.mine(application_no="KF-2026-000009") == []
    # Nothing new: nothing twice, and the pages go on where they were.
    await office.read_on()
    assert len(await office.mine()) == 3


async def test_who_objected_evaluates_the_answer_and_the_household_what_became_of_its_case(office: Desk) -> None:
    await office.read_on(casework=[objection_answered()])
    (theirs,), (household,) = await office.mine(OBJECTOR), await office.mine()
    assert (theirs.item, theirs.application_no) == ("objection_answered", "")
    assert (household.item, household.application_no) == ("application_decided", NO)
    # The same person under another account.
    assert [each.id for each in await office.mine(replace(OBJECTOR, sub="another account"))] == [theirs.id]
    assert await refused(office.say(theirs.id, "satisfied")) == "NOT_FOUND"


async def test_a_service_that_is_away_keeps_nobody_else_from_being_read(office: Desk) -> None:
    office.records.away.add("casework")
    paid = fact("bill/L1/202611/paid", "bill_paid")
    await office.read_on(casework=[decided()], payments=[paid])
    assert [each.item for each in await office.mine()] == ["bill_paid"]
    office.records.away.clear()
    await office.read_on()
    assert len(await office.mine()) == 2


async def test_another_database_is_read_from_the_beginning_and_nothing_is_there_twice(office: Desk) -> None:
    id = await office.bad()
    office.records.kept = "restored"
    await office.read_on(casework=[decided(9)])
    mine = await office.mine()
    assert len(mine) == 2
    assert {each.id: each.HasField("evaluation") for each in mine}[id]


async def test_more_facts_than_a_page_are_read_in_one_round_and_two_readers_do_not_meet(office: Desk) -> None:
    office.records.told["casework"] = [decided(number) for number in range(450)]
    await asyncio.gather(office.read_on(), office.read_on())
    await office.read_on()
    async with office.database.statements() as session:
        assert (await session.execute(text("SELECT count(*) FROM finished"))).scalar_one() == 450


async def test_a_step_casework_does_not_have_is_nobodys(office: Desk) -> None:
    office.records.unknown.add("KF-2026-000003")
    await office.read_on(casework=[decided(1, "KF-2026-000003"), decided(2)])
    assert len(await office.mine()) == 1


# -- what is said ----------------------------------------------------------------------------------------------------------------------------


async def test_it_is_said_once_and_stays(office: Desk) -> None:
    await office.read_on(casework=[decided()])
    (service,) = await office.mine()
    said = await office.say(service.id, "satisfied", "friendly", "quick", words="  谢谢 ")
    assert (said.evaluation.level, list(said.evaluation.reasons), said.evaluation.words) == ("satisfied", ["quick", "friendly"], "谢谢")
    assert said.evaluation.channel == "web"
    assert not said.HasField("follow_up")
    # A repeat is the same; another opinion is refused, kindly.
    assert await office.say(service.id, "satisfied", "quick", "friendly", words="谢谢") == said
    assert await refused(office.say(service.id, "very_dissatisfied")) == "EVALUATED"
    assert await refused(office.say(service.id, "satisfied", caller=OTHER)) == "NOT_FOUND"
    assert office.heard.told == []
    async with office.database.transaction() as session:
        with pytest.raises(DBAPIError):
            await session.execute(text("UPDATE evaluation SET level = 'very_satisfied'"))
    async with office.database.transaction() as session:
        with pytest.raises(DBAPIError):
            await session.execute(text("DELETE FROM evaluation"))


async def test_of_two_at_once_one_is_taken(office: Desk) -> None:
    await office.read_on(casework=[decided()])
    (service,) = await office.mine()
    levels = ("satisfied", "dissatisfied", "very_satisfied", "very_dissatisfied")
    outcomes = await asyncio.gather(*(office.say(service.id, level) for level in levels), return_exceptions=True)
    assert len([each for each in outcomes if isinstance(each, pb.Service)]) == 1
    async with office.database.statements() as session:
        assert (await session.execute(text("SELECT count(*) FROM fact"))).scalar_one() == 1


@pytest.mark.parametrize(
    ("level", "reasons", "words", "field"),
    [
        ("fine", (), "", "/opinion/level"),
        ("", (), "", "/opinion/level"),
        ("satisfied", ("slow",), "", "/opinion/reasons"),
        ("dissatisfied", ("nonsense",), "", "/opinion/reasons"),
        ("satisfied", (), "好" * 501, "/opinion/words"),
        ("satisfied", (), "\x07", "/opinion/words"),
    ],
)
async def test_what_cannot_be_read_is_refused_by_its_field(
    office: Desk, level: str, reasons: tuple[str, ...], words: str, field: str
) -> None:
    await office.read_on(casework=[decided()])
    (service,) = await office.mine()
    with pytest.raises(Exception, match="INVALID_FIELDS") as refusal:
        await office.say(service.id, level, *reasons, words=words)
    assert [each.pointer for each in refusal.value.fields] == [field]


# -- at the counter --------------------------------------------------------------------------------------------------------------------------


async def visit(office: Desk, no: str = NO) -> str:
    answer: pb.OpenCounterVisitResponse = await office.ask("OpenCounterVisit", pb.OpenCounterVisitRequest(application_no=no), CLERK)
    return answer.code


def said_of(code: str, level: str = "satisfied") -> pb.EvaluateVisitRequest:
    return pb.EvaluateVisitRequest(code=code, opinion=pb.Opinion(level=level))


async def test_whoever_has_the_receipt_says_once_what_he_thought_of_the_visit(office: Desk) -> None:
    code = await visit(office)
    assert await visit(office) == code, "a receipt that is printed again is the same"
    shown = (await office.ask("GetVisit", pb.GetVisitRequest(code=code.lower()), None)).service
    assert (shown.item, shown.application_no, shown.subject) == ("counter_visit", "", "")
    answer = (await office.by_edge(said_of(code, "very_dissatisfied"))).service
    assert (answer.evaluation.channel, answer.application_no) == ("receipt", "")
    assert await refused(office.by_edge(said_of(code))) == "EVALUATED"
    assert await refused(office.ask("GetVisit", pb.GetVisitRequest(code="A" * 16), None)) == "NOT_FOUND"
    assert await refused(office.by_edge(said_of("B" * 16))) == "NOT_FOUND"
    assert office.heard.templates() == ["follow_up_opened"]


async def test_what_was_written_on_paper_is_typed_in_by_somebody_else(office: Desk) -> None:
    code = await visit(office)
    assert await refused(office.ask("EvaluateVisit", said_of(code), CLERK)) == "RATED_ONESELF"
    # Nor as a citizen, nor under another account, nor by who stands in for him.
    assert await refused(office.ask("EvaluateVisit", said_of(code), replace(CLERK, sub="x", kind="citizen", roles=()))) == "RATED_ONESELF"
    assert await refused(office.ask("EvaluateVisit", said_of(code), replace(COLLEAGUE, acting_for=CLERK.sub))) == "RATED_ONESELF"
    answer = (await office.ask("EvaluateVisit", said_of(code), COLLEAGUE)).service
    assert answer.evaluation.channel == "paper"


async def test_a_clerk_opens_no_visit_of_a_household_he_may_not_see(office: Desk) -> None:
    office.records.unknown.add("KF-2026-000004")
    assert await refused(visit(office, "KF-2026-000004")) == "NOT_FOUND"


# -- what follows ----------------------------------------------------------------------------------------------------------------------------


async def test_a_bad_one_is_followed_up_by_somebody_who_was_not_rated(office: Desk) -> None:
    id = await office.bad()
    (_, told) = office.heard.told[0]
    assert (told.template, told.role, told.division) == ("follow_up_opened", "district_reviewer", "410202")
    (row,) = await office.listed(COLLEAGUE)
    assert (row.id, row.evaluation.words, row.follow_up.state) == (id, "等了三个月", "open")
    assert utc(row.follow_up.due_at) == calendar.working_days_after(utc(row.evaluation.at), 5)
    # Whom it is about neither sees it nor answers it, under whatever account or capacity.
    assert await office.listed(DECIDER) == []
    assert await office.listed(replace(DECIDER, sub="second account")) == []
    assert await refused(office.answer(id, DECIDER)) == "RATED_ONESELF"
    assert await refused(office.answer(id, replace(DECIDER, sub="second account"))) == "RATED_ONESELF"
    assert await refused(office.answer(id, replace(COLLEAGUE, acting_for=DECIDER.sub))) == "RATED_ONESELF"
    assert await refused(office.answer(id, replace(COLLEAGUE, person=""))) == "NOT_VERIFIED"
    assert await refused(office.answer(id, staff("district_reviewer", "410203", sub="elsewhere"))) == "OUT_OF_DIVISION"
    assert await refused(office.answer(id, CLERK)) == "NOT_ALLOWED"
    assert await office.listed(staff("district_reviewer", "410203", sub="elsewhere")) == []
    done = await office.answer(id)
    assert (done.follow_up.state, done.follow_up.result) == ("done", "explained")
    (mine,) = await office.mine()
    assert (mine.follow_up.result, mine.follow_up.answer) == ("explained", "已联系本人说明。")
    assert office.heard.told[-1][0] == NO
    assert office.heard.templates() == ["follow_up_opened", "follow_up_done"]
    # The same again is the same, something else comes too late.
    assert await office.answer(id) == done
    assert await refused(office.answer(id, CITY)) == "FOLLOWED_UP"
    assert await refused(office.answer(id, said="别的")) == "FOLLOWED_UP"


async def test_who_leaves_the_household_to_others_does_not_follow_it_up(office: Desk) -> None:
    id = await office.bad()
    office.records.recusals[NO] = "RELATIVE_CASE"
    assert await refused(office.answer(id)) == "FOLLOW_UP_NEAR"
    office.records.recusals.clear()
    assert (await office.answer(id)).follow_up.state == "done"


async def test_auditors_see_what_was_done_and_not_what_people_wrote(office: Desk) -> None:
    id = await office.bad()
    await office.answer(id)
    (row,) = await office.listed(AUDITOR, "done")
    assert (row.evaluation.words, row.follow_up.answer, row.follow_up.result) == ("", "", "explained")
    assert await office.listed(AUDITOR, "open") == []
    assert await refused(office.answer(id, AUDITOR)) == "NOT_ALLOWED"
    assert await refused(office.listed(AUDITOR, "nonsense")) == "INVALID_FIELDS"


async def test_the_district_is_reminded_and_the_city_told_until_it_is_done(office: Desk) -> None:
    id = await office.bad()
    due = utc((await office.listed(COLLEAGUE))[0].follow_up.due_at)
    assert await office.told_by(datetime.now(UTC)) == 0
    assert await office.told_by(calendar.working_days_before(due, 1)) == 1
    assert await office.told_by(due - timedelta(seconds=1)) == 0
    assert await office.told_by(due) == 1
    assert await office.told_by(due + timedelta(minutes=1)) == 0
    assert [each.follow_up.state for each in await office.listed(CITY)] == ["overdue"]
    assert len(await office.listed(CITY, "overdue")) == 1
    assert await office.told_by(calendar.working_days_after(due, 3)) == 1
    assert office.heard.templates() == ["follow_up_opened", "follow_up_reminder", "follow_up_overdue", "follow_up_overdue"]
    assert [(telling.role, telling.division) for _, telling in office.heard.told][2] == ("city_reviewer", "4102")
    await office.answer(id, CITY)
    assert await office.told_by(due + timedelta(days=60)) == 0


async def test_two_clocks_tell_once(office: Desk) -> None:
    await office.bad()
    due = utc((await office.listed(COLLEAGUE))[0].follow_up.due_at)
    assert sum(await asyncio.gather(*(office.told_by(due) for _ in range(4)))) == 1


async def test_what_followed_stays_as_it_was_answered(office: Desk) -> None:
    await office.answer(await office.bad())
    for statement in ("UPDATE follow_up SET result = 'put_right'", "DELETE FROM follow_up", "UPDATE finished SET handlers = '[]'"):
        async with office.database.transaction() as session:
            with pytest.raises(DBAPIError):
                await session.execute(text(statement))


# -- what everybody reads and what is kept ---------------------------------------------------------------------------------------------------


async def test_a_month_is_shown_once_it_is_over_and_four_are_not(office: Desk) -> None:
    await office.read_on(casework=[decided(number) for number in range(9)])
    services = await office.mine()
    for service in services[:4]:
        await office.say(service.id, "satisfied")
    today = calendar.local_date(datetime.now(UTC))
    later = (today.replace(day=28) + timedelta(days=10)).replace(day=1)
    public, month = Public(office.database), f"{today:%Y-%m}"
    assert await refused(office.ask("GetEvaluationFigures", pb.GetEvaluationFiguresRequest(month=month), None)) == "INVALID_FIELDS"
    assert await refused(office.ask("GetEvaluationFigures", pb.GetEvaluationFiguresRequest(month="2026-13"), None)) == "INVALID_FIELDS"
    four = await public.figures(pb.GetEvaluationFiguresRequest(month=month), later)
    assert (list(four.total.counts), len(four.items.groups), list(four.months)) == ([], 0, [month])
    await office.say(services[4].id, "very_dissatisfied", words="谁都不该看到的话")
    five = await public.figures(pb.GetEvaluationFiguresRequest(), later)
    assert (five.month, list(five.total.counts)) == (month, [0, 4, 0, 0, 1])
    assert [(each.code, sum(each.counts)) for each in five.items.groups] == [("application_decided", 5)]
    assert [each.code for each in five.divisions.groups] == ["410202"]
    assert [each.code for each in five.channels.groups] == ["web"]
    assert "谁都不该看到的话" not in str(five)
    now = await office.ask("GetEvaluationFigures", pb.GetEvaluationFiguresRequest(), None)
    assert month not in now.months


async def test_words_are_sealed_and_facts_name_nobody(office: Desk) -> None:
    await office.answer(await office.bad())
    async with office.database.statements() as session:
        kept = str((await session.execute(text("SELECT * FROM evaluation, follow_up"))).all())
        told = (await session.execute(text("SELECT code, application_no, codes, figures FROM fact ORDER BY seq"))).all()
    assert "等了三个月" not in kept
    assert "已联系本人说明" not in kept
    assert [(code, no) for code, no, _, _ in told] == [("service_evaluated", ""), ("follow_up_done", "")]
    assert told[0].codes == {
        "evaluated_services": "application_decided",
        "satisfaction_levels": "dissatisfied",
        "evaluation_channels": "web",
    }
    assert told[1].figures == {"overdue": 0}


async def test_a_list_that_is_taken_away_says_for_what_and_holds_nothing_people_wrote(office: Desk) -> None:
    id = await office.bad()
    for purpose, words in (("", "等了三个月"), ("report", "")):
        request = pb.ListFollowUpsRequest(page={"purpose": purpose})
        (shown,) = (await office.ask("ListFollowUps", request, COLLEAGUE)).services
        assert (shown.id, shown.evaluation.words) == (id, words)
    wrong = office.ask("ListFollowUps", pb.ListFollowUpsRequest(page={"purpose": "curiosity"}), COLLEAGUE)
    assert await refused(wrong) == "INVALID_FIELDS"
    async with office.database.statements() as session:
        looks = (await session.execute(text("SELECT reader, what, households FROM staff_read ORDER BY id"))).all()
    assert [tuple(look) for look in looks] == [(COLLEAGUE.sub, "evaluation", [NO]), (COLLEAGUE.sub, "export_report", [NO])]
