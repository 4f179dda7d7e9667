"""I1: every step of a person against that person's own request, each broken as somebody would who can write to a database or to the engine."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import casework.tables
import casework.words
import housing.tables
import housing.words
import pytest
import pytest_asyncio
from anju_contracts import application, lease, waiting
from anju_contracts.base import Word
from anju_verify.check import Status
from anju_workflows.application import calls
from anju_workflows.calling import Step
from casekit.words import Heard, Words
from chassis.identity import Caller, counter_account

from tests.services.verify.records import NOW, Records
from tests.support.keys import citizen, staff

NO, LEASE_NO = "KF-2026-000001", "L-2026-000001"
OWNER, OBJECTOR = citizen("c-somebody"), citizen("c-else")
CLERK, DISTRICT = staff("street_clerk", "410202001", sub="clerk-1"), staff("district_reviewer", "410202", sub="district-1")
CITY = staff("city_reviewer", "4102", sub="city-1")


class Office:
    def __init__(self, records: Records) -> None:
        self.records = records
        self.steps: list[calls.Advance] = []
        self.kept = {
            "casework": Words(None, casework.tables.Word, None, None, records.ring, casework.words.KINDS),  # type: ignore[arg-type]  # only to write down
            "housing": Words(None, housing.tables.Word, None, None, records.ring, housing.words.KINDS),  # type: ignore[arg-type]
        }

    async def said(
        self, service: str, caller: Caller, update: str, workflow_id: str, word: Word, level: str = "", step_id: str = ""
    ) -> str:
        columns = self.kept[service].columns(word.request_id, caller, update, Heard(workflow_id, word, level))
        columns["roles"] = list(columns["roles"])
        rest = {"fingerprint": "f", "state": "taken", "asked": 1, "stage": "", "step_id": step_id}
        await self.records.put(service, "word", **{**columns, **rest})
        return word.request_id

    async def step(
        self, event: str, stage: str, note: str = "", objection: str = "", said: tuple[Caller, str, Word, str] | None = None
    ) -> None:
        workflow_id, number = application.workflow_id(NO), len(self.steps) + 1
        step = Step(step_id=f"{workflow_id}/{number}/{event}", as_of=NOW)
        if said is not None:
            caller, update, word, level = said
            step = Step(step_id=f"{workflow_id}/{word.request_id}/{event}", as_of=NOW, actor=caller.sub, word_id=word.request_id)
            await self.said("casework", caller, update, workflow_id, word, level, step.step_id)
        self.steps.append(calls.Advance(no=NO, step=step, event=event, stage=stage, waiting_on="street", note=note, objection_id=objection))


def decision(caller: Caller, level: str, verb: application.Decision, reason: str = "") -> tuple[Caller, str, Word, str]:
    said = application.ReviewDecision(level=level, decision=verb, reason=reason, actor=caller.sub, request_id=f"w-{level}-{verb.value}")
    return caller, application.DECIDE, said, level


@pytest_asyncio.fixture(loop_scope="session")
async def office(records: Records) -> Office:
    """A case that was returned, corrected, approved by three levels, objected to and registered; a household that left an offer for a lease."""
    await records.need("casework", "housing")
    await records.application(NO, owner=OWNER.sub)
    town, verb = Office(records), application.Decision
    await town.step("start_verification", "verifying")
    await town.step("verification_done", "street_review")
    await town.step("street_returned", "correction", "缺少劳动合同", said=decision(CLERK, "street", verb.RETURN, "缺少劳动合同"))
    corrected = application.Correction(round=2, actor=OWNER.sub, request_id="w-correct")
    await town.step("corrected", "verifying", said=(OWNER, application.CORRECT, corrected, ""))
    await town.step("verification_done", "street_review")
    for caller, level, stage in (
        (CLERK, "street", "district_review"),
        (DISTRICT, "district", "city_review"),
        (CITY, "city", "public_notice"),
    ):
        await town.step(f"{level}_approved", stage, said=decision(caller, level, verb.APPROVE, "已核对原件"))
    raised = application.ObjectionRaised(objection_id="obj-1", actor=OBJECTOR.sub, request_id="w-object")
    await town.step("objection_raised", "objection_review", objection="obj-1", said=(OBJECTOR, application.RAISE_OBJECTION, raised, ""))
    answer = application.ObjectionDecision(objection_id="obj-1", upheld=False, answer="不成立", actor=DISTRICT.sub, request_id="w-answer")
    answered = (DISTRICT, application.DECIDE_OBJECTION, answer, "objection")
    await town.step("objection_dismissed", "public_notice", "不成立", "obj-1", said=answered)
    await town.step("notice_closed", "registered")
    await records.timeline(town.steps)
    for official in (CLERK, DISTRICT, CITY):
        await records.declared(official.sub, official.person)
    await records.estate()
    household = citizen(f"c-{NO}")
    await records.waiting(NO, "leased")
    id_ = waiting.workflow_id(NO)
    declined = waiting.OfferAnswer(offer_id="O1", accept=False, reason="太远", actor=household.sub, request_id="w-no")
    accepted = waiting.OfferAnswer(offer_id="O2", accept=True, actor=household.sub, request_id="w-yes")
    signed = lease.SignLease(acknowledged=True, actor=household.sub, request_id="w-sign")
    await records.offer("O1", "U1", NO, "declined", word_id=await town.said("housing", household, waiting.ANSWER_OFFER, id_, declined))
    await records.offer("O2", "U2", NO, "accepted", word_id=await town.said("housing", household, waiting.ANSWER_OFFER, id_, accepted))
    word_id = await town.said("housing", household, lease.SIGN, lease.workflow_id(LEASE_NO), signed)
    await records.lease(LEASE_NO, "O2", "U2", NO, signed_at=NOW, word_id=word_id)
    await records.waiting("KF-2026-000002", "left", word_id="w-left")
    gone = citizen("c-KF-2026-000002")
    left = waiting.Leaving(actor=gone.sub, request_id="w-left")
    await town.said("housing", gone, waiting.LEAVE, waiting.workflow_id("KF-2026-000002"), left)
    return town


CASE, HOUSE = "casework", "housing"
FORGED = json.dumps({"level": "street", "decision": "refuse", "actor": "clerk-1", "request_id": "w-street-approve"})
BROKEN: list[tuple[str, str, tuple[str, ...]]] = [
    (CASE, "DELETE FROM word WHERE id = 'w-city-approve'", ("city_approved", "nobody has asked for it")),
    (CASE, "UPDATE timeline SET actor = 'clerk-2' WHERE event = 'street_approved'", ("street_approved", "somebody else has asked")),
    (CASE, "UPDATE timeline SET word_id = '' WHERE event = 'corrected'", ("corrected", "nobody has asked for it")),
    (CASE, "UPDATE timeline SET word_id = 'w-street-return' WHERE event = 'street_approved'", ("street_approved", "another step")),
    (
        CASE,
        "UPDATE timeline SET event = 'district_returned' WHERE event = 'district_approved'",
        ("district_returned", "something else was asked"),
    ),
    (
        CASE,
        "UPDATE timeline SET actor = 'clerk-1', word_id = 'w' WHERE event = 'notice_closed'",
        ("notice_closed", "a clock has no person"),
    ),
    (CASE, "UPDATE timeline SET objection_id = 'obj-2' WHERE event = 'objection_dismissed'", ("objection_dismissed", "another objection")),
    (CASE, "UPDATE timeline SET note_sealed = '' WHERE event = 'street_returned'", ("street_returned", "its reason is not the one")),
    (CASE, "UPDATE word SET state = 'refused' WHERE id = 'w-object'", ("objection_raised", "was refused")),
    (CASE, "UPDATE word SET workflow_id = 'application/KF-2026-000009' WHERE id = 'w-correct'", ("corrected", "another matter")),
    (CASE, "UPDATE word SET roles = '{auditor}' WHERE id = 'w-city-approve'", ("city_approved", "has not that duty")),
    (CASE, "UPDATE word SET level = 'city' WHERE id = 'w-answer'", ("objection_dismissed", "another level")),
    (CASE, "UPDATE word SET kind = 'citizen' WHERE id = 'w-street-approve'", ("street_approved", "by a citizen")),
    (CASE, f"UPDATE word SET said = '{FORGED}' WHERE id = 'w-street-approve'", ("w-street-approve", "is not what was said")),
    (CASE, "UPDATE word SET texts_sealed = '\\x00' WHERE id = 'w-answer'", ("w-answer", "is not what was said")),
    (HOUSE, "DELETE FROM word WHERE id = 'w-yes'", ("offer O2 (accepted)", "nobody has asked for it")),
    (HOUSE, "UPDATE offers SET word_id = 'w-yes' WHERE id = 'O1'", ("offer O1 (declined)", "something else was asked for")),
    (HOUSE, "UPDATE offers SET state = 'expired' WHERE id = 'O1'", ("offer O1 (expired)", "a clock has no person")),
    (HOUSE, "UPDATE leases SET word_id = ''", (f"lease {LEASE_NO} (signed)", "nobody has asked for it")),
    (HOUSE, "UPDATE leases SET owner = 'c-else'", (f"lease {LEASE_NO} (signed)", "somebody else has asked")),
    (HOUSE, "UPDATE waiting SET word_id = '' WHERE state = 'left'", ("KF-2026-000002 (left)", "nobody has asked for it")),
]


async def test_i1_holds_for_what_people_did_say_and_for_nothing_else(office: Office) -> None:
    """Every forgery is found by itself; put back, the record is whole again."""
    records = office.records
    await records.passes("I1")
    whole = await records.snapshot()
    for service, statement, words in BROKEN:
        await records.sabotage(service, statement)
        result = await records.check("I1")
        assert any(all(word in text for word in words) for text in result.violations), (statement, result.violations, result.notes)
        await records.restore(whole)
    await records.passes("I1")


async def test_i1_reads_what_is_new_and_finds_what_was_rewritten_or_taken_out_behind_it(office: Office, tmp_path: Path) -> None:
    """Every forgery again, each after a clean look at everything."""
    records, marks = office.records, {"marks_file": tmp_path / "marks.json"}
    whole = await records.snapshot()
    for service, statement, words in BROKEN:
        first = await records.check("I1", **marks, full=True)
        assert first.status is Status.PASSED
        second = await records.check("I1", **marks)
        assert (second.status, second.looked_at) == (Status.PASSED, 0), statement
        await records.sabotage(service, statement)
        for _ in range(2):
            # What was wrong is no clean look: the next run reads it again.
            found = await records.check("I1", **marks)
            assert any(all(word in text for word in words) for text in found.violations), (statement, found.violations)
        await records.restore(whole)


async def test_i1_reads_everything_again_once_it_is_given_the_keys(office: Office, tmp_path: Path) -> None:
    records, marks = office.records, {"marks_file": tmp_path / "marks.json"}
    await records.sabotage(CASE, "UPDATE word SET texts_sealed = '\\x00' WHERE texts_sealed <> ''")
    records.aim(keys_dir=tmp_path)
    assert (await records.check("I1", **marks)).status is Status.PASSED
    records.aim()
    await records.violates("I1", "is not what was said", **marks)


async def test_i3_finds_whoever_decides_twice_or_for_himself(office: Office) -> None:
    records = office.records
    await records.sabotage(CASE, "UPDATE dossier SET blinds = blinds || '{of the applicant}'::varchar[]")
    await records.passes("I3")
    whole = await records.snapshot()
    for statement, words in (
        ("UPDATE word SET sub = 'clerk-1' WHERE id = 'w-city-approve'", ("account clerk-1", "city, street")),
        (
            "UPDATE word SET person = 'one' WHERE id IN ('w-street-approve', 'w-city-approve')",
            ("one person under several accounts", "city, street"),
        ),
        ("UPDATE application SET owner = 'clerk-1'", ("street", "own household")),
        ("UPDATE word SET person = 'of the applicant' WHERE id = 'w-district-approve'", ("district", "own household")),
    ):
        await records.sabotage(CASE, statement)
        result = await records.check("I3")
        assert any(all(word in text for word in words) for text in result.violations), (statement, result.violations)
        await records.restore(whole)
    await records.passes("I3")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("INSERT INTO registered_spouse VALUES ('{no}', 'of the clerk')", "street was decided by a member's registered spouse"),
        (
            "INSERT INTO recusal_declaration VALUES ('r2', 'another account', 'of the clerk', '', '{before}', '{after}'); "
            "INSERT INTO declared_relative VALUES ('r2', 'of the applicant', 'lineal')",
            "street was decided by somebody who had declared a member as his relative",
        ),
        (
            "INSERT INTO recusal_declaration VALUES ('r3', 'clerk-1', '', '410202001009', '{before}', '{after}'); "
            "UPDATE application SET community = '410202001009'",
            "street was decided by somebody who had declared its community as his own",
        ),
        (
            # He has taken the relative out of it a week before, and put him back in afterwards.
            "INSERT INTO recusal_declaration VALUES ('r4', 'clerk-1', 'of the clerk', '', '{before}', '{before}'); "
            "INSERT INTO declared_relative VALUES ('r4', 'of the applicant', 'lineal'); "
            "INSERT INTO recusal_declaration VALUES ('r5', 'clerk-1', 'of the clerk', '', '{lately}', '{after}')",
            "street was decided by somebody who had declared a member as his relative",
        ),
        ("UPDATE recusal_declaration SET renew_by = declared_at", "street was decided by somebody who had not declared"),
        ("UPDATE word SET person = '' WHERE id = 'w-street-approve'", "street was decided by an account whose number nobody had verified"),
    ],
)
async def test_i3_finds_who_had_to_leave_it_to_others(office: Office, statement: str, words: str) -> None:
    records = office.records
    await records.sabotage(CASE, "UPDATE dossier SET blinds = blinds || '{of the applicant}'::varchar[]")
    await records.sabotage(CASE, "UPDATE word SET person = 'of the clerk' WHERE id = 'w-street-approve'")
    await records.passes("I3")
    days = {"before": NOW - timedelta(days=900), "lately": NOW - timedelta(days=7), "after": NOW + timedelta(days=358)}
    for each in statement.format(no=NO, **{name: day.isoformat() for name, day in days.items()}).split("; "):
        await records.sabotage(CASE, each)
    await records.violates("I3", words)
    if "INSERT INTO recusal_declaration" not in statement:
        return
    # What he declares afterwards was not known then, and what he had left out longer ago than that declaration was good for has ended.
    if "r5" in statement:
        anew = "('r6', 'clerk-1', 'of the clerk', '', now() - interval '1 hour', now() + interval '1 year')"
        await records.sabotage(
            CASE,
            "UPDATE recusal_declaration SET renew_by = now() - interval '1 day' WHERE id = 'r5'",
            f"INSERT INTO recusal_declaration VALUES {anew}",
        )
        await records.passes("I3")
    await records.sabotage(
        CASE,
        "UPDATE recusal_declaration SET declared_at = now() + interval '1 day', renew_by = now() + interval '1 year' WHERE id LIKE 'r%'",
    )
    await records.passes("I3")


_VISIT = (
    "INSERT INTO authorisation VALUES ('au-1', 'somebody', '', '', '', '', '{sub}', '{person}', '', '{{410202001}}', '{at}'); "
    "INSERT INTO assistance VALUES ('as-1', 'au-1', 'file', 'c-1', '{sub}', '{person}', '', '{{410202001}}', '', '{at}', now())"
)


@pytest.mark.parametrize(
    ("sub", "person", "typed", "words"),
    [
        ("clerk-1", "", "UPDATE dossier SET assistance_id = 'as-1' WHERE round = 1", "street was decided"),
        ("another account", "of the clerk", "UPDATE dossier SET assistance_id = 'as-1' WHERE round = 1", "street was decided"),
        (DISTRICT.sub, "", "UPDATE word SET assistance = 'as-1', assisted_by = 'x' WHERE id = 'w-object'", "objection was decided"),
    ],
)
async def test_i3_finds_who_decides_what_he_has_typed(office: Office, sub: str, person: str, typed: str, words: str) -> None:
    records = office.records
    await records.sabotage(CASE, "UPDATE word SET person = 'of the clerk' WHERE id = 'w-street-approve'")
    await records.passes("I3")
    at = (NOW - timedelta(days=900)).isoformat()
    for each in (*_VISIT.format(sub=sub, person=person, at=at).split("; "), typed):
        await records.sabotage(CASE, each)
    await records.violates("I3", f"{words} by somebody who had typed for the household at a counter")
    # What he typed afterwards, or somebody else did, is nothing against him.
    await records.sabotage(CASE, "UPDATE assistance SET sub = 'another', clerk_person = ''")
    await records.passes("I3")


async def test_i1_knows_who_was_helped_at_a_counter_under_an_account_of_his_own(office: Office) -> None:
    records = office.records
    await records.sabotage(HOUSE, f"UPDATE leases SET owner = '{counter_account('of the tenant')}'")
    await records.violates("I1", "somebody else has asked")
    await records.sabotage(HOUSE, "UPDATE word SET person = 'of the tenant' WHERE id = 'w-sign'")
    await records.passes("I1")


async def test_i3_finds_who_decides_what_he_left_to_others_and_who_was_passed_over(office: Office) -> None:
    records = office.records

    async def left(id_: str, sub: str, word: str = "", holders: tuple[str, ...] = (), days: int = 900) -> None:
        values = {"level": "street", "person": "", "reason": "RECUSED", "official_sealed": b"", "words_sealed": b"", "seq": 0}
        at = NOW - timedelta(days=days)
        await records.put(CASE, "recusal", id=id_, application_no=NO, sub=sub, at=at, word_id=word, holders=list(holders), **values)

    await records.sabotage(CASE, "UPDATE timeline SET event = 'street_handed_on' WHERE event = 'street_approved'")
    await records.violates("I3", "street passed it on, and nobody on record has left it to others")
    await left("r-1", CLERK.sub, "w-street-approve", (CLERK.sub, "clerk-2"), days=-900)
    await records.violates("I3", "street passed it on although clerk-2 could decide it")
    await left("r-2", "clerk-2")
    await records.sabotage(CASE, "UPDATE timeline SET actor = 'clerk-1' WHERE event = 'street_handed_on'")
    await records.passes("I3")
    await left("r-3", DISTRICT.sub)
    await records.violates("I3", "district was decided by somebody who had left it to others")


async def test_i3_finds_who_approved_alone_against_the_assessment(office: Office) -> None:
    records = office.records
    await records.need("eligibility")
    await records.put("eligibility", "rule_set", fingerprint="f", version="test", body={}, published_at=NOW)
    assessed = {"fingerprint": "f", "rule_set": "test", "inputs": b"", "judgement": b"", "as_of": NOW, "created_at": NOW}
    await records.put("eligibility", "assessment", id="a", application_no=NO, round=2, verdict="needs_review", **assessed)
    await records.violates("I3", "street approved it against the assessment, and one person alone")
    for number, level in enumerate(("street", "district", "city"), start=101):
        task = {"id": number, "level": level, "opened_at": NOW, "deadline_at": NOW, "overdue": False, "closed_at": NOW, "closed_by": ""}
        await records.put(CASE, "task", application_no=NO, **task)
        values = {"round": 2, "level": level, "acting_for": "", "official_sealed": b"", "reason_sealed": b"", "at": NOW, "seq": 0}
        word = f"w-{level}-approve"
        await records.declared(f"clerk-9-{level}", f"of clerk 9 at {level}")
        await records.put(
            CASE,
            "proposal",
            id=f"p-{level}",
            task_id=number,
            application_no=NO,
            sub=f"clerk-9-{level}",
            person=f"of clerk 9 at {level}",
            word_id=word,
            **values,
        )
    await records.passes("I3")
    whole = await records.snapshot()
    left = {"level": "street", "reason": "RECUSED", "official_sealed": b"", "words_sealed": b"", "seq": 0, "holders": []}
    await records.put(CASE, "recusal", id="r-9", application_no=NO, sub="clerk-9-street", person="", at=NOW, word_id="", **left)
    await records.violates("I3", "street was proposed by somebody who had left it to others")
    await records.restore(whole)
    for broken in ("sub = 'clerk-1'", "void = 'RECUSED'"):
        await records.sabotage(CASE, f"UPDATE proposal SET {broken} WHERE level = 'street'")
        await records.violates("I3", "street approved it against the assessment, and one person alone")
        await records.restore(whole)
    await records.sabotage(CASE, "UPDATE proposal SET person = 'of clerk 9'")
    await records.violates("I3", "one person under several accounts has decided district, street")


@pytest.mark.parametrize("statement", ["UPDATE word SET sub = 'clerk-2'", "DELETE FROM word", "TRUNCATE word"])
async def test_no_service_can_make_what_was_said_otherwise(office: Office, statement: str) -> None:
    for service in (CASE, HOUSE):
        with pytest.raises(Exception, match="what people said stays as it is"):
            await office.records.run(service, statement)


async def test_i1_without_keys_says_what_it_did_not_compare(office: Office, tmp_path: Any) -> None:
    office.records.aim(keys_dir=tmp_path)
    office.records.deployment = office.records.deployment.model_copy(update={"keys_dir": tmp_path})
    result = await office.records.check("I1")
    assert result.status.value == "passed", result.violations
    assert any("no keys" in note for note in result.notes)
