"""Complaints: none is forgotten, and who reported something is not to be read by the side he has reported."""

from __future__ import annotations

from typing import Final

import asyncpg
from anju_contracts.complaint import MOVES
from chassis.crypto import FIELD_KEYS, DecryptionError, KeyRing

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()

_ANSWERED: Final = ("answered", "closed")
# Shorter texts stand in many sentences by chance.
_TELLING_CHARS: Final = 2

_COMPLAINTS: Final = """
    SELECT mine.no, mine.kind, mine.stage, mine.level, mine.deadline_at, mine.about_staff, mine.about_sub, mine.owner,
           mine.owner_person, mine.answer_word, mine.written_by, mine.written_by_person, mine.merged_into,
           EXISTS (SELECT FROM complaint_text WHERE word_id = mine.answer_word AND sealed <> '') AS answered,
           into_.stage AS into_stage, into_.answer_word AS into_answer,
           second.sub AS second, second.person AS second_person,
           last.event AS last_event, last.stage AS last_stage, last_word.sub AS last_sub, last.actor AS last_actor, last.word_id AS last_word
    FROM complaint AS mine
    LEFT JOIN complaint AS into_ ON into_.no = mine.merged_into
    LEFT JOIN LATERAL (
        SELECT event, stage, actor, word_id FROM complaint_step WHERE complaint_step.no = mine.no ORDER BY seq DESC LIMIT 1
    ) AS last ON true
    LEFT JOIN word AS last_word ON last_word.id = last.word_id
    LEFT JOIN LATERAL (
        SELECT word.sub, word.person FROM complaint_step JOIN word ON word.id = complaint_step.word_id
        WHERE complaint_step.no = mine.no AND event = 'agreed' ORDER BY complaint_step.seq DESC LIMIT 1
    ) AS second ON true
    ORDER BY mine.no
"""


@check("C1", "every complaint has an owner and a clock, or is closed with an answer; what is about staff was answered by two others")
async def c1(sources: Sources, found: Findings) -> None:
    rows = await sources.rows("oversight", _COMPLAINTS)
    found.looked(len(rows))
    for row in rows:
        named = f"complaint {row['no']}"
        found.unless(row["last_stage"] in (None, row["stage"]), f"{named} is {row['stage']}, its last step leads to {row['last_stage']}")
        if row["stage"] not in MOVES.ends:
            found.unless(row["level"] != "", f"{named} lies with no desk")
            found.unless(row["deadline_at"] is not None, f"{named} is {row['stage']} and has no clock")
        if row["stage"] in _ANSWERED:
            found.unless(row["answered"], f"{named} is {row['stage']} without an answer")
            _by_others(found, row, named)
        if row["stage"] == "merged":
            waits = row["into_stage"] is not None and row["into_stage"] not in MOVES.ends
            found.unless(waits or row["into_answer"], f"{named} was merged into {row['merged_into'] or 'nothing'}, which answers nothing")
        if row["stage"] == "withdrawn":
            found.unless(row["last_word"] and row["last_sub"] == row["last_actor"], f"{named} was withdrawn, and nobody has said so")
    for row in await sources.rows(
        "oversight",
        """
        SELECT complaint_step.no, complaint_step.event FROM complaint_step LEFT JOIN word ON word.id = complaint_step.word_id
        WHERE complaint_step.word_id <> '' AND (
            word.id IS NULL OR word.state = 'refused' OR word.sub <> complaint_step.actor OR word.workflow_id <> 'complaint/' || complaint_step.no
        ) ORDER BY complaint_step.no, complaint_step.seq
        """,
    ):
        found.violation(f"complaint {row['no']}: {row['event']} is on record, and its person has not said so")


def _by_others(found: Findings, row: asyncpg.Record, named: str) -> None:
    """Who answers is not whom it is about, nor who wrote it; and what is about staff takes two."""
    found.unless(row["written_by"] != row["about_sub"] or row["about_sub"] == "", f"{named} was answered by whom it is about")
    own = row["owner_person"] != "" and row["written_by_person"] == row["owner_person"]
    found.unless(not own and row["written_by"] != row["owner"], f"{named} was answered by who wrote it")
    if row["about_staff"]:
        same = row["second"] == row["written_by"] or (row["second_person"] or "") == row["written_by_person"]
        found.unless(row["second"] is not None and not same, f"{named} is about staff, and no second person has read its answer")


@check("C2", "no reporter's identity in what the reported side can read")
async def c2(sources: Sources, found: Findings) -> None:
    ring = sources.keys(FIELD_KEYS)
    rows = await sources.rows(
        "oversight",
        """
        SELECT complaint.no, brief_sealed, contact_sealed, reporter_sealed, owner, about_sub,
               (SELECT count(*) FROM staff_read WHERE households @> ARRAY[complaint.no::varchar] AND reader = about_sub AND about_sub <> ''
                AND staff_read.at > (
                   SELECT min(complaint_step.at) FROM complaint_step
                   WHERE complaint_step.no = complaint.no AND event IN ('accepted', 'investigation_opened')
               ))
               AS looks
        FROM complaint WHERE brief_sealed <> '' OR about_staff ORDER BY complaint.no
        """,
    )
    found.looked(len(rows))
    if ring is None:
        found.note("no keys: briefs of investigations were not opened")
    for row in rows:
        found.unless(row["looks"] == 0, f"complaint {row['no']} was read by whom it is about")
        if ring is not None:
            _brief(found, ring, row)
    if not sources.has("notifications"):
        return
    for row in await sources.rows(
        "notifications",
        r"SELECT application_no FROM inbox_message WHERE template LIKE 'complaint\_%' AND (owner <> '') = (role <> '') ORDER BY id",
    ):
        found.violation(f"a message about {row['application_no']} is for an official and for who wrote it, or for nobody")


def _brief(found: Findings, ring: KeyRing, row: asyncpg.Record) -> None:
    """What the house manager reads says neither who reported it nor how he is reached."""
    brief = _open(ring, row, "brief_sealed")
    if brief is None:
        found.violation(f"complaint {row['no']}: its brief does not open")
        return
    for column in ("contact_sealed", "reporter_sealed"):
        secret = _open(ring, row, column) or ""
        shown = len(secret) >= _TELLING_CHARS and _plain(secret) in _plain(brief)
        found.unless(not shown, f"complaint {row['no']}: its brief tells who reported it")


def _plain(text: str) -> str:
    return "".join(each for each in text if each.isalnum())


def _open(ring: KeyRing, row: asyncpg.Record, column: str) -> str | None:
    if not row[column]:
        return ""
    try:
        return ring.decrypt(row[column], f"complaint|{column}|{row['no']}").decode()
    except DecryptionError:
        return None
