"""C4: what was typed at a counter against the visit, the authorisation and the photograph behind it, each broken by itself."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import casework.tables
import casework.words
import pytest_asyncio
from anju_contracts import application, waiting
from casekit.words import Heard, Words
from chassis.identity import Caller, counter_account

from tests.services.verify.records import NOW, PEOPLE, Records

NO, PAPER, VISIT = "KF-2026-000001", "au-1", "as-1"
PHOTO = b"\xff\xd8\xff signed"
_REVOKED = f"INSERT INTO authorisation_end VALUES ('{PAPER}', 'c-1', '', '', "
_SHA = "'" + "0" * 64 + "'"


@pytest_asyncio.fixture(loop_scope="session")
async def typed(records: Records) -> Records:
    """A household without an account that has applied at a counter, and has withdrawn there."""
    await records.need("casework", "housing")
    person = records.people.of(PEOPLE[0][1])
    owner = counter_account(person)
    clerk = {"sub": "s-clerk", "clerk_person": "index of clerk", "acting_for": "", "divisions": ["410202001"]}
    await records.put(
        "casework",
        "authorisation",
        id=PAPER,
        person=person,
        masked_name="陈*明",
        document_sealed=b"",
        photo_sha256=hashlib.sha256(PHOTO).hexdigest(),
        text_version="counter-2026.1",
        recorded_at=NOW,
        **clerk,
    )
    sealed = records.ring.encrypt(PHOTO, f"authorisation_photo|file|{PAPER}")
    await records.put("casework", "authorisation_photo", authorisation_id=PAPER, photo_sealed=sealed)
    ends = NOW + timedelta(hours=1)
    visit = {"authorisation_id": PAPER, "purpose": "file", "owner": owner, "official_sealed": b"", "opened_at": NOW, "ends_at": ends}
    await records.put("casework", "assistance", id=VISIT, **visit, **clerk)
    await records.application(NO, owner=owner)
    await records.sabotage(
        "casework",
        f"UPDATE dossier SET assistance_id = '{VISIT}', request_id = 'consent-{NO}'",
        f"UPDATE consent SET channel = 'authorisation', given_by = 's-clerk' WHERE id = 'consent-{NO}-0'",
    )
    household = Caller(owner, "citizen", person=person, assisted_by="s-clerk", assistance=VISIT)
    words = Words(None, casework.tables.Word, None, None, records.ring, casework.words.KINDS)  # type: ignore[arg-type]  # only to write down
    said = application.Withdrawal(actor=owner, reason="", request_id="w-1")
    columns = words.columns("w-1", household, application.WITHDRAW, Heard(application.workflow_id(NO), said))
    rest = {"roles": [], "fingerprint": "f", "state": "taken", "asked": 1, "stage": "", "step_id": ""}
    for service, id_, update in (("casework", "w-1", application.WITHDRAW), ("housing", "w-2", waiting.LEAVE)):
        await records.put(service, "word", **{**columns, **rest, "id": id_, "update_name": update})
    return records


BROKEN: list[tuple[str, str, str]] = [
    ("casework", "DELETE FROM authorisation", "stands on no authorisation"),
    ("casework", "DELETE FROM authorisation_photo", "no photograph of its authorisation"),
    ("casework", "UPDATE authorisation_photo SET photo_sealed = '\\x00'", "is not the one that was taken"),
    ("casework", f"UPDATE authorisation SET photo_sha256 = {_SHA}", "is not the one that was taken"),
    ("casework", "UPDATE assistance SET sub = ''", "nobody knows which clerk it was"),
    ("casework", "UPDATE assistance SET clerk_person = ''", "nobody knows which clerk it was"),
    ("casework", "UPDATE assistance SET clerk_person = (SELECT person FROM authorisation)", "the clerk has acted for himself"),
    ("casework", "UPDATE dossier SET assistance_id = NULL", "in no visit on record"),
    ("casework", "DELETE FROM assistance", "in no visit on record"),
    ("casework", "UPDATE dossier SET actor = 'c-other'", "in another's name than its visit"),
    ("casework", "UPDATE authorisation SET person = 'somebody'", "names nobody who has signed the authorisation"),
    ("casework", "UPDATE assistance SET clerk_person = (SELECT blinds[2] FROM dossier)", "typed by somebody of the household"),
    ("casework", "UPDATE dossier SET created_at = created_at + interval '2 hours'", "typed outside of its visit"),
    ("casework", "UPDATE consent SET given_by = 's-other' WHERE channel = 'authorisation'", "its consent is not the one signed"),
    ("casework", "UPDATE word SET assistance = '', assisted_by = ''", "word w-1 of casework was typed at a counter"),
    ("casework", "UPDATE word SET assisted_by = 's-other'", "typed by another than the clerk"),
    ("casework", "UPDATE word SET person = 'somebody'", "word w-1 of casework is in another's name"),
    ("casework", "UPDATE word SET said_at = now() - interval '100 years'", "said before its visit"),
    ("casework", f"{_REVOKED} '{(NOW - timedelta(days=1)).isoformat()}')", "visit as-1 was opened on an authorisation taken back before"),
    (
        "casework",
        f"{_REVOKED} '{(NOW - timedelta(days=1)).isoformat()}')",
        "dossier KF-2026-000001/1 was typed after its authorisation was taken back",
    ),
    ("housing", "UPDATE word SET assistance = 'as-none'", "word w-2 of housing was typed at a counter"),
    ("housing", "UPDATE word SET sub = 'c-other'", "word w-2 of housing is in another's name"),
]


async def test_c4_holds_for_what_was_typed_on_a_signed_paper_and_finds_whatever_was_not(typed: Records) -> None:
    await typed.passes("C4")
    whole = await typed.snapshot()
    for service, statement, words in BROKEN:
        await typed.sabotage(service, statement)
        result = await typed.check("C4")
        assert any(words in text for text in result.violations), (statement, result.violations)
        await typed.restore(whole)
    await typed.passes("C4")


async def test_c4_holds_for_what_was_done_before_an_authorisation_was_taken_back_and_finds_what_was_done_after(typed: Records) -> None:
    await typed.sabotage("casework", f"{_REVOKED} now())")
    await typed.passes("C4")
    for service, word in (("casework", "w-1"), ("housing", "w-2")):
        whole = await typed.snapshot()
        await typed.sabotage(service, "UPDATE word SET said_at = now() + interval '2 minutes'")
        await typed.violates("C4", f"word {word} of {service} was said after its authorisation was taken back")
        await typed.restore(whole)
