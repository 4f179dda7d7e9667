"""What an official does in a case, and the look which its answer is: both are on record, or neither."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anju.casework.v1 import casework_pb2 as pb
from anju_calendar import local_date
from casekit import reads
from chassis.identity import Caller
from chassis.ids import new_id

from tests.services.casework.conftest import Office
from tests.services.casework.support import STREET, TO_NOTICE, TO_STREET, Desk, dossier, member, reason_of, someone
from tests.support.keys import staff

LIMIT = 5_000


@dataclass(frozen=True)
class Act:
    """How a case is brought to it, who does it, and what is in the record when it is done."""

    bring: Callable[[Desk], Awaitable[str]]
    role: str
    method: str
    request: Callable[[str], Any]
    kept: str


async def at_street(desk: Desk) -> str:
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_STREET)
    return no


async def with_doubts(desk: Desk) -> str:
    no = (await desk.submit(someone())).no
    await desk.advance(no, "start_verification", "verifying")
    await desk.advance(no, "verification_done", "street_review", doubts=("income",))
    return no


async def awaited(desk: Desk) -> str:
    no = (await desk.submit(someone(), dossier(member(), member("spouse", "李安民")))).no
    await desk.advance(no, "confirmation_awaited", "confirming")
    return no


async def objected(desk: Desk) -> str:
    no = (await desk.submit(someone())).no
    await desk.bring_to(no, *TO_NOTICE)
    said = pb.RaiseObjectionRequest(idempotency_key=new_id(), application_no=no, text="另有住房")
    OBJECTIONS[no] = (await desk.call(someone(), "RaiseObjection", said)).objection.id
    return no


OBJECTIONS: dict[str, str] = {}


def decision(no: str, what: Any = pb.DECISION_APPROVE, reason: str = "") -> pb.DecideTaskRequest:
    return pb.DecideTaskRequest(idempotency_key=new_id(), application_no=no, decision=what, reason=reason)


WORD = "SELECT count(*) FROM word WHERE sub = $1 AND workflow_id LIKE '%' || $2"
ACTS = {
    "decide": Act(at_street, "street_clerk", "DecideTask", decision, WORD),
    "propose": Act(
        with_doubts,
        "street_clerk",
        "DecideTask",
        lambda no: decision(no, reason="已入户核实"),
        "SELECT count(*) FROM proposal WHERE sub = $1 AND application_no = $2",
    ),
    "leave": Act(
        at_street,
        "street_clerk",
        "RecuseTask",
        lambda no: pb.RecuseTaskRequest(idempotency_key=new_id(), application_no=no, reason="与申请人相识"),
        "SELECT count(*) FROM recusal WHERE sub = $1 AND application_no = $2",
    ),
    "answer": Act(
        objected,
        "district_reviewer",
        "DecideObjection",
        lambda no: pb.DecideObjectionRequest(idempotency_key=new_id(), application_no=no, objection_id=OBJECTIONS[no], answer="不成立"),
        WORD,
    ),
    "confirm": Act(
        awaited,
        "street_clerk",
        "RecordConfirmation",
        lambda no: pb.RecordConfirmationRequest(
            idempotency_key=new_id(), application_no=no, member=1, channel="counter", document="身份证原件"
        ),
        WORD,
    ),
}


async def full(office: Office, caller: Caller, days: int = 0) -> None:
    """He has looked at as many households as he may on this day, or so many days later."""
    await office.rows(
        "INSERT INTO staff_read_day (reader, day, roles, households, alarm_above, at_most, misses, misses_alarm_above, misses_at_most, refused)"
        " VALUES ($1, $2, 'street_clerk', $3, 300, $3, 0, 20, 100, 0)",
        caller.sub,
        local_date(datetime.now(UTC)) + timedelta(days=days),
        LIMIT,
    )


async def looks(office: Office, caller: Caller, no: str) -> list[str]:
    rows = await office.rows("SELECT what FROM staff_read WHERE reader = $1 AND $2 = ANY(households) ORDER BY id", caller.sub, no)
    return [what for (what,) in rows]


@pytest.mark.parametrize("name", ACTS)
async def test_an_act_whose_look_is_refused_has_not_taken_effect(office: Office, name: str) -> None:
    desk, act = office.desk, ACTS[name]
    caller = staff(act.role, STREET if act.role == "street_clerk" else "410202", sub=new_id(f"{name}-"))
    no = await act.bring(desk)
    version = (await desk.get(someone_else(act), no)).version
    await full(office, caller)
    request = act.request(no)
    asked = len(office.engine.asked)
    assert await reason_of(desk.call(caller, act.method, request)) == "TOO_MANY_READS"
    assert await office.rows(act.kept, caller.sub, no) == [(0,)]
    assert await looks(office, caller, no) == []
    assert len(office.engine.asked) == asked, "nothing was said to the workflow"
    assert (await desk.get(someone_else(act), no)).version == version
    assert await office.rows("SELECT refused, households FROM staff_read_day WHERE reader = $1", caller.sub) == [(1, LIMIT)]


def someone_else(act: Act) -> Caller:
    return staff("auditor", "4102", sub=new_id("auditor-"))


@pytest.mark.parametrize("name", ACTS)
async def test_an_act_and_its_repeat_are_answered_whatever_was_looked_at_since(
    office: Office, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, act = office.desk, ACTS[name]
    caller = staff(act.role, STREET if act.role == "street_clerk" else "410202", sub=new_id(f"{name}-"))
    no = await act.bring(desk)
    request = act.request(no)
    first = (await desk.call(caller, act.method, request)).application
    shown = "progress" if name == "leave" else "dossier"
    assert first.no == no
    assert first.HasField("dossier") == (shown == "dossier")
    assert await office.rows(act.kept, caller.sub, no) == [(1,)]
    assert await looks(office, caller, no) == [shown], "one look, on record with the act"
    again = (await desk.call(caller, act.method, request)).application
    assert again.no == no
    assert await looks(office, caller, no) == [shown, shown], "a repeat is a look of its own"
    # The day after, on which he has looked at as many as he may.
    monkeypatch.setattr(reads, "local_date", lambda at: local_date(at) + timedelta(days=1))
    await full(office, caller, days=1)
    bare = (await desk.call(caller, act.method, request)).application
    assert (bare.no, bare.stage, bare.version) == (no, again.stage, again.version)
    assert (bare.masked_name, bare.owner, bare.category, bare.household_size, len(bare.timeline)) == ("", "", "", 0, 0)
    assert not bare.HasField("dossier")
    assert await looks(office, caller, no) == [shown, shown], "nothing was shown of the household"
