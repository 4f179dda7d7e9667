"""Who was allowed to: every decision of an official against the duties on record for the moment at which he spoke."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any, Final

import anju_calendar as calendar
import anju_profile
import asyncpg
from anju_terms import terms

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()

# In whose name an answer to an objection is said; which level that is the case says.
_OBJECTION: Final = "objection"
# Each with its lines of the log, in one statement: between two somebody may change it.
_APPOINTMENTS: Final = """
    SELECT id, appointment.account, person, duty, unit, begins, ends, revoked_at, state, work_to,
           (SELECT COALESCE(json_agg(change ORDER BY seq), '[]') FROM change WHERE subject_id = id) AS lines
    FROM appointment JOIN member ON member.account = appointment.account ORDER BY id
"""
_COVERS: Final = """
    SELECT id, absent, substitute, begins, ends, revoked_at,
           (SELECT COALESCE(json_agg(change ORDER BY seq), '[]') FROM change WHERE subject_id = id) AS lines
    FROM cover ORDER BY id
"""
_GIVEN: Final = ("imported", "appointed", "proposed")


@check("I6", "every decision was made by somebody whose appointment of that moment covers its level and its division")
async def i6(sources: Sources, found: Findings) -> None:
    """Two services' books: that of what was said, and organisation's of who was given what. Who stood in was to be standing in at that moment."""
    said = await _said(sources)
    if not sources.has("organisation"):
        found.note("no database of organisation is known: who had which duty was not looked at")
        return
    given = await sources.rows(
        "organisation", "SELECT account, duty, unit, begins, ends, revoked_at FROM appointment WHERE state = 'in_force'"
    )
    covers = await sources.rows("organisation", "SELECT absent, substitute, begins, ends, revoked_at FROM cover")
    folder = sources.deployment.profile_dir
    heirs = anju_profile.load(folder).heirs if folder is not None else None
    for word in said:
        found.looked()
        named = f"{word['what']} {word['no']}: what {word['sub']} has said for {word['level']} on {word['said_at']:%Y-%m-%d}"
        level = terms("levels").get(word["objection_level"] if word["level"] == _OBJECTION else word["level"])
        if level is None:
            found.violation(f"{named} is of a level nobody knows")
            continue
        place = word["street"] if level.scope == "street" else word["district"]
        whose = word["acting_for"] or word["sub"]
        held = [each for each in given if each["account"] == whose and each["duty"] == level.role and _holds(each, word)]
        found.unless(held, f"{named}: {whose} had no such duty then")
        # A division that is gone is its heirs' to finish.
        places = {place, *(heirs(place) if heirs is not None else ())}
        covers_it = any(each.startswith(duty["unit"]) for duty in held for each in places)
        found.unless(not held or not word["stayed"] or covers_it, f"{named}: {whose} had that duty somewhere else")
        if word["acting_for"]:
            stands_in = any((each["absent"], each["substitute"]) == (whose, word["sub"]) and _holds(each, word) for each in covers)
            found.unless(stands_in, f"{named}: nobody had him stand in for {whose} then")


async def _said(sources: Sources) -> list[asyncpg.Record]:
    """``stayed``: whether the matter still lies where it lay when that was said."""
    said = await sources.rows(
        "casework",
        """
        SELECT 'application' AS what, word.id, word.sub, word.acting_for, word.level, word.said_at, application.no, application.street,
               application.district, application.objection_level, true AS stayed
        FROM word JOIN application ON word.workflow_id = 'application/' || application.no
        WHERE word.kind = 'staff' AND word.level <> '' AND word.state <> 'refused' ORDER BY application.no, word.said_at
        """,
    )
    if not sources.has("oversight"):
        return list(said)
    desks = await sources.rows(
        "oversight",
        """
        SELECT 'complaint' AS what, word.id, word.sub, word.acting_for, word.level, word.said_at, complaint.no, complaint.street,
               complaint.district, '' AS objection_level,
               NOT EXISTS (SELECT FROM complaint_step WHERE complaint_step.no = complaint.no AND event = 'reassigned') AS stayed
        FROM word JOIN complaint ON word.workflow_id = 'complaint/' || complaint.no
        WHERE word.kind = 'staff' AND word.level <> '' AND word.state <> 'refused' ORDER BY complaint.no, word.said_at
        """,
    )
    return [*said, *desks]


@check("I7", "every duty and every standing in is as the log has it, and who ended a duty said where its work goes")
async def i7(sources: Sources, found: Findings) -> None:
    """The rows somebody could change by hand against the lines which only grow. What waits where nobody has the duty today is told besides."""
    if not sources.has("organisation"):
        found.note("no database of organisation is known: its log was not looked at")
        return
    for row in await sources.rows("organisation", _APPOINTMENTS):
        found.looked()
        _appointment(found, row, json.loads(row["lines"]))
    for row in await sources.rows("organisation", _COVERS):
        found.looked()
        _cover(found, row, json.loads(row["lines"]))
    for row in await sources.rows(
        "organisation",
        """
        SELECT DISTINCT subject_id FROM change WHERE subject_id <> '' AND subject_id NOT IN (SELECT id FROM appointment)
            AND subject_id NOT IN (SELECT id FROM cover) ORDER BY subject_id
        """,
    ):
        found.violation(f"{row['subject_id']} is in the log and nowhere else")
    await _nobodys(sources, found)


def _appointment(found: Findings, row: asyncpg.Record, lines: list[dict[str, Any]]) -> None:
    named = f"the duty {row['id']} of {row['account']}"
    first = next((line for line in lines if line["kind"] in _GIVEN), None)
    if first is None:
        found.violation(f"{named} was given by nobody")
        return
    given = (first["account"], first["after"]["duty"], first["after"]["unit"], first["after"]["from"])
    found.unless(given == (row["account"], row["duty"], row["unit"], row["begins"].isoformat()), f"{named} is another than was given")
    answers = [line["kind"] for line in lines if line["kind"] in ("confirmed", "rejected")]
    state = {"confirmed": "in_force", "rejected": "rejected"}.get(answers[-1], "") if answers else ""
    state = state or ("proposed" if first["kind"] == "proposed" else "in_force")
    found.unless(row["state"] == state, f"{named} is {row['state']}, and the log says {state}")
    ends = [line for line in lines if line["kind"] == "ended"]
    until, work_to = (ends[-1]["after"]["until"], ends[-1]["after"]["work_to"]) if ends else (first["after"]["until"], "")
    at_once = bool(ends) and ends[-1]["after"]["at_once"] == "yes"
    found.unless(_iso(row["ends"]) == until, f"{named} ends on {_iso(row['ends']) or 'no day'}, and the log says {until or 'no day'}")
    found.unless(
        (row["revoked_at"] is not None) == at_once, f"{named} was taken away at once in one of record and log, and not in the other"
    )
    found.unless(row["work_to"] == work_to, f"{named}: where its work went is not what the log says")
    found.unless(not ends or work_to or row["state"] != "in_force", f"{named} was ended, and nobody said where its work goes")
    own = [line for line in lines if line["by_account"] == row["account"] or (row["person"] != "" and line["by_person"] == row["person"])]
    found.unless(not own, f"{named} was given, confirmed or ended by himself")


def _cover(found: Findings, row: asyncpg.Record, lines: list[dict[str, Any]]) -> None:
    named = f"the standing in {row['id']} for {row['absent']}"
    set_ = next((line for line in lines if line["kind"] == "cover_set"), None)
    if set_ is None:
        found.violation(f"{named} was arranged by nobody")
        return
    ends = [line["after"]["until"] for line in lines if line["kind"] == "cover_ended"]
    told = (set_["account"], set_["after"]["substitute"], set_["after"]["from"], ends[-1] if ends else set_["after"]["until"], bool(ends))
    kept = (row["absent"], row["substitute"], _iso(row["begins"]), _iso(row["ends"]), row["revoked_at"] is not None)
    found.unless(told == kept, f"{named} is another than was arranged")


async def _nobodys(sources: Sources, found: Findings) -> None:
    """A duty that ended by its day may leave work nobody may do. That is the city's to mend and no fault of the records: a note."""
    in_force = await sources.rows(
        "organisation",
        """
        SELECT duty, unit FROM appointment WHERE state = 'in_force' AND begins <= $1 AND (ends IS NULL OR ends >= $1) AND revoked_at IS NULL
        """,
        calendar.local_date(datetime.now(UTC)),
    )
    folder = sources.deployment.profile_dir
    heirs = anju_profile.load(folder).heirs if folder is not None else None
    for row in await sources.rows(
        "casework",
        """
        SELECT CASE WHEN task.level = 'objection' THEN application.objection_level ELSE task.level END AS level, street, district,
               count(*) AS many
        FROM task JOIN application ON application.no = task.application_no WHERE closed_at IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
    ):
        level = terms("levels").get(row["level"])
        if level is None:
            continue
        place = row["street"] if level.scope == "street" else row["district"]
        places = {place, *(heirs(place) if heirs is not None else ())}
        if not any(each["duty"] == level.role and code.startswith(each["unit"]) for each in in_force for code in places):
            found.note(f"{row['many']} open tasks of the {row['level']} level in {place}: nobody has the duty there today")


def _iso(day: date | None) -> str:
    return day.isoformat() if day is not None else ""


def _holds(given: asyncpg.Record, word: asyncpg.Record) -> bool:
    day = calendar.local_date(word["said_at"])
    taken = given["revoked_at"] is not None and given["revoked_at"] <= word["said_at"]
    return bool(given["begins"] <= day and (given["ends"] is None or day <= given["ends"]) and not taken)
