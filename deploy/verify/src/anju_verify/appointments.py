"""Who was allowed to: every decision of an official against the duties on record for the moment at which he spoke."""

from __future__ import annotations

from typing import Final

import anju_calendar as calendar
import anju_profile
import asyncpg
from anju_terms import terms

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()

# In whose name an answer to an objection is said; which level that is the case says.
_OBJECTION: Final = "objection"


@check("I6", "every decision was made by somebody whose appointment of that moment covers its level and its division")
async def i6(sources: Sources, found: Findings) -> None:
    """Two services' books: casework's of what was said, organisation's of who was given what. Who stood in was to be standing in at that moment."""
    said = await sources.rows(
        "casework",
        """
        SELECT word.id, word.sub, word.acting_for, word.level, word.said_at, application.no, application.street, application.district,
               application.objection_level
        FROM word JOIN application ON word.workflow_id = 'application/' || application.no
        WHERE word.kind = 'staff' AND word.level <> '' AND word.state <> 'refused' ORDER BY application.no, word.said_at
        """,
    )
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
        named = f"application {word['no']}: what {word['sub']} has said for {word['level']} on {word['said_at']:%Y-%m-%d}"
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
        found.unless(not held or covers_it, f"{named}: {whose} had that duty somewhere else")
        if word["acting_for"]:
            stands_in = any((each["absent"], each["substitute"]) == (whose, word["sub"]) and _holds(each, word) for each in covers)
            found.unless(stands_in, f"{named}: nobody had him stand in for {whose} then")


def _holds(given: asyncpg.Record, word: asyncpg.Record) -> bool:
    day = calendar.local_date(word["said_at"])
    taken = given["revoked_at"] is not None and given["revoked_at"] <= word["said_at"]
    return bool(given["begins"] <= day and (given["ends"] is None or day <= given["ends"]) and not taken)
