"""P2 and P4: looks of staff that are missing, rewritten, miscounted or not alarmed are found."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from anju_contracts import application
from anju_onebox.engine.postgres import Postgres
from anju_verify.check import Status
from casekit.reads import Limits, Reads
from chassis.crypto import KeyRing
from chassis.db import Database

from tests.conftest import MakeDatabase
from tests.services.verify.records import Records
from tests.support.keys import staff

NO, OTHER = "KF-2026-000001", "KF-2026-000002"
CLERK, MANAGER = staff("street_clerk", "410202001", sub="clerk-1"), staff("house_manager", "410202", sub="manager-1")
PROBER = staff("street_clerk", "410202001", sub="prober-1")


@pytest_asyncio.fixture(loop_scope="session")
async def office(make_database: MakeDatabase, postgres: Postgres, keys_dir: Any, ring: KeyRing) -> Records:
    """Two cases; a clerk has looked at both and decided one, a house manager has looked at leases and bills, and was alarmed."""
    made = Records(make_database, postgres, keys_dir, ring)
    await made.application(NO)
    await made.application(OTHER)
    await made.need("housing", "payments")
    limits = Limits(alarm=1, limit=30, misses_alarm=1, misses_limit=3)
    for service, caller, looks in (
        ("casework", CLERK, [("tasks", [NO, OTHER]), ("dossier", [NO]), ("progress", [])]),
        ("casework", PROBER, [("search", []), ("search", [NO]), ("search", [])]),
        ("housing", MANAGER, [("leases", [NO]), ("waiting", [NO, OTHER, "KF-3", "KF-4"])]),
        ("payments", MANAGER, [("ledger", []), ("bills", [NO, OTHER])]),
    ):
        database = Database(made.urls[service])
        for what, households in looks:
            await Reads(database, limits).note(caller, what, households, searched=20 if what == "search" else 0)
        await database.close()
    await made.put(
        "casework", "word",
        id="w1", fingerprint="", workflow_id=application.workflow_id(NO), update_name=application.DECIDE, sub=CLERK.sub, person="",
        kind="staff", roles=list(CLERK.roles), level="street", said={}, texts_sealed=b"", digest="", state="taken", asked=1, stage="",
        step_id="", said_at=datetime.now(UTC), acting_for="", assisted_by="", assistance="",
    )  # fmt: skip
    return made


async def test_good_records_pass(office: Records) -> None:
    await office.passes("P2", "P4")


@pytest.mark.parametrize(
    ("service", "statement", "words"),
    [
        ("casework", "DELETE FROM staff_read WHERE 'KF-2026-000001' = ANY(households)", (NO, "clerk-1 has decided", "no look")),
        ("casework", "UPDATE word SET sub = 'clerk-9'", (NO, "clerk-9 has decided", "no look")),
        ("casework", "UPDATE word SET said_at = said_at - interval '1 minute'", (NO, "clerk-1 has decided", "no look")),
        ("casework", "ALTER TABLE staff_read DISABLE TRIGGER staff_read_kept", ("no trigger refuses updates of staff_read",)),
        ("housing", "DROP TRIGGER staff_read_not_emptied ON staff_read", ("no trigger refuses truncates of staff_read",)),
        ("payments", "ALTER TABLE staff_read_household DISABLE TRIGGER ALL", ("no trigger refuses deletes of staff_read_household",)),
        ("housing", "GRANT DELETE ON staff_read TO PUBLIC", ("has the right to change or delete rows of staff_read",)),
        ("payments", "UPDATE staff_read SET roles = '' WHERE what = 'bills'", ("payments: look 2 does not say",)),
        ("housing", "UPDATE staff_read SET what = 'curiosity' WHERE what = 'leases'", ("housing: look 1 does not say",)),
        ("housing", "UPDATE staff_read SET day = day - 1 WHERE what = 'leases'", ("housing: look 1 does not say",)),
    ],
)
async def test_p2(office: Records, service: str, statement: str, words: tuple[str, ...]) -> None:
    await office.sabotage(service, statement)
    await office.violates("P2", *words)


OWN = "INSERT INTO duty_holder (role, sub, person, divisions, seen_at) SELECT 'street_clerk', 'clerk-1', blinds[1], '{}', now() FROM dossier LIMIT 1"
DECLARED = "INSERT INTO recusal_declaration (id, sub, person, community, declared_at, renew_by) VALUES ('d1', '{sub}', '{person}', '{community}', now() - interval '1 hour', now() + interval '1 year')"
RELATIVE = "INSERT INTO declared_relative (declaration_id, blind, kinship) SELECT 'd1', blinds[2], 'lineal' FROM dossier LIMIT 1"
REVIEWED = "UPDATE staff_read SET what = 'review' WHERE what = 'dossier'"
LEFT = (
    "INSERT INTO recusal (id, application_no, level, sub, person, reason, official_sealed, words_sealed, at, seq, word_id, holders)"
    " VALUES ('r1', 'KF-2026-000001', 'street', 'other-account', 'p', 'RECUSED', '', '', now() - interval '1 hour', 2, '', '{}')"
)
SAME = "INSERT INTO duty_holder (role, sub, person, divisions, seen_at) VALUES ('street_clerk', 'clerk-1', 'p', '{}', now())"


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ((OWN, REVIEWED), "OWN_CASE"),
        ((DECLARED.format(sub="clerk-1", person="", community=""), RELATIVE), "RELATIVE_CASE"),
        ((SAME, DECLARED.format(sub="other-account", person="p", community=""), RELATIVE), "RELATIVE_CASE"),
        (
            (DECLARED.format(sub="clerk-1", person="", community="410202001009"), "UPDATE application SET community = '410202001009'"),
            "OWN_COMMUNITY",
        ),
        ((SAME, LEFT), "RECUSED"),
    ],
)
async def test_p2_who_does_not_act_in_a_case_has_read_it(office: Records, statements: tuple[str, ...], why: str) -> None:
    await office.sabotage("casework", *statements)
    await office.violates("P2", NO, "clerk-1 has read it", f"does not act in it ({why})")


@pytest.mark.parametrize(
    "statements",
    [
        # What his household reads; and what he has declared after he looked.
        (OWN,),
        (DECLARED.format(sub="clerk-1", person="", community=""), RELATIVE, "UPDATE recusal_declaration SET declared_at = now()"),
        (LEFT,),
    ],
)
async def test_p2_who_acts_in_a_case_may_read_it(office: Records, statements: tuple[str, ...]) -> None:
    await office.sabotage("casework", *statements)
    await office.passes("P2")


async def test_p2_an_offer_nobody_has_seen(office: Records) -> None:
    await office.sabotage(
        "housing",
        "INSERT INTO offers (id, unit_id, application_no, owner, state, released, made_at, expires_at, reason)"
        " VALUES ('of-1', 'u-1', 'KF-2026-000001', 'o', 'open', false, now(), now() + interval '7 days', '')",
    )
    await office.violates("P2", NO, "offer of-1 was made", "nobody is on record")


async def test_p2_a_look_that_was_rewritten(office: Records) -> None:
    await office.sabotage("casework", "UPDATE staff_read SET at = at", "SELECT pg_stat_force_next_flush()")
    await office.violates("P2", "rows of staff_read were rewritten")


@pytest.mark.parametrize(
    ("service", "statement", "words"),
    [
        ("casework", "UPDATE staff_read_day SET households = 1", ("clerk-1", "1 households are counted, and the looks show 2")),
        ("casework", "UPDATE staff_read_day SET alarmed_at = NULL", ("clerk-1", "2 households, and no alarm")),
        ("casework", "UPDATE staff_read_day SET misses = 0", ("prober-1", "0 searches that found nobody are counted, and 2 are on record")),
        ("casework", "UPDATE staff_read_day SET alarmed_at = NULL", ("prober-1", "2 searches found nobody, and no alarm")),
        (
            "casework",
            "ALTER TABLE staff_read_day DROP CONSTRAINT ck_staff_read_day_misses; UPDATE staff_read_day SET misses_at_most = 1",
            ("prober-1", "2 searches found nobody, more than the limit of 1"),
        ),
        ("housing", "DELETE FROM staff_read_day", ("manager-1", "no count of them")),
        ("payments", "UPDATE staff_read_day SET reader = 'somebody'", ("manager-1", "no count of them")),
        ("payments", "DELETE FROM staff_read WHERE what = 'bills'", ("manager-1", "2 households are counted, and the looks show 0")),
        (
            "payments",
            "ALTER TABLE staff_read_day DROP CONSTRAINT ck_staff_read_day_at_most; UPDATE staff_read_day SET at_most = 1",
            ("manager-1", "2 households were shown, more than the limit of 1"),
        ),
    ],
)
async def test_p4(office: Records, service: str, statement: str, words: tuple[str, ...]) -> None:
    await office.sabotage(service, statement)
    await office.violates("P4", *words)


async def test_nobody_has_looked_is_not_checked(records: Records) -> None:
    await records.need("casework")
    assert [(await records.check(name)).status for name in ("P2", "P4")] == [Status.NOT_CHECKED] * 2
