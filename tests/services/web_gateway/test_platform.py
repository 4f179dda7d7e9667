"""The page of operations: what answers is shown, what does not is unknown with the moment it last did, and everything stuck leads into the engine's UI."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju.operations.v1 import operations_pb2 as operations
from anju.operators.v1 import operators_pb2 as operators
from anju.registry.v1 import registry_pb2 as registry
from anju.repair.v1 import repair_pb2 as repair
from chassis import errors
from chassis.errors import Refusal
from chassis.wire import stamp

from tests.services.web_gateway.world import API, World, world

UI = "https://engine.test/namespaces/anju"
SERVICES = {"casework", "organisation", "eligibility", "registry-gateway", "housing", "payments", "notifications", "oversight"}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def gateway_world(keys_dir: Path) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, temporal_ui_url=f"{UI}/") as running:
            yield running


def health(**changes: Any) -> operations.GetHealthResponse:
    database = operations.Database(reachable=True, milliseconds=2)
    return operations.GetHealthResponse(**{"version": "0.1.0", "database": database, **changes})


def engine(**changes: Any) -> repair.GetEngineResponse:
    return repair.GetEngineResponse(**{"reachable": True, "milliseconds": 9, **changes})


def away(_request: Any) -> Any:
    raise Refusal(errors.UNAVAILABLE)


async def seen(gateway: World) -> dict[str, Any]:
    person = await gateway.stranger()
    reply = await person.get(f"{API}/operations", headers={"Authorization": f"Bearer {gateway.token('operator')}"})
    assert reply.status == 200, reply.text
    found: dict[str, Any] = reply.json
    return found


def part(found: dict[str, Any], name: str) -> dict[str, Any]:
    return next(each for each in found["parts"] if each["name"] == name)


@pytest.fixture
def well(gateway: World) -> World:
    gateway.backstage.on("GetHealth", lambda _request: health())
    gateway.backstage.on("GetEngine", lambda _request: engine(compared_at=stamp(datetime.now(UTC))))
    gateway.backstage.on("ListRegisters", lambda _request: registry.ListRegistersResponse())
    gateway.backstage.on("ListUndelivered", lambda _request: operators.ListUndeliveredResponse())
    return gateway


async def test_every_part_that_answers_is_shown(well: World) -> None:
    found = await seen(well)
    assert {each["name"]: each["state"] for each in found["parts"]} == dict.fromkeys(SERVICES | {"sign-on"}, "working")
    assert (found["engine"]["state"], found["engine"]["gone"], found["engine"]["silent"]) == ("working", 0, [])
    assert found["registers"]["state"] == "working"


async def test_silence_is_unknown_and_says_since_when(well: World) -> None:
    before = (await seen(well))["at"]
    for method in ("GetHealth", "GetEngine", "ListRegisters"):
        well.backstage.on(method, away)
    found = await seen(well)
    for name in SERVICES:
        silent = part(found, name)
        assert (silent["state"], silent["milliseconds"], silent["database"], silent["outbox"]) == ("unknown", None, None, None), name
        assert silent["answered_at"] <= before < found["at"]
    assert (found["engine"]["state"], found["engine"]["gone"], found["engine"]["compared_at"]) == ("unknown", None, None)
    assert (found["registers"]["state"], found["registers"]["waiting_total"]) == ("unknown", None)


async def test_a_service_without_its_database_is_impaired_and_none_of_its_numbers_is_zero(well: World) -> None:
    well.backstage.on("GetHealth", lambda _request: health(database=operations.Database(reachable=False)))
    hurt = part(await seen(well), "casework")
    assert (hurt["state"], hurt["outbox"]) == ("impaired", None)


async def test_an_engine_that_is_away_is_said_so_by_the_services_and_nothing_is_counted(well: World) -> None:
    well.backstage.on("GetEngine", lambda _request: engine(reachable=False, gone=1, compared_at=stamp(datetime.now(UTC))))
    found = (await seen(well))["engine"]
    assert (found["state"], found["types"], found["silent"]) == ("unreachable", [], ["casework", "housing", "payments", "oversight"])
    assert found["gone"] == 4, "what each service misses it knows by itself"


async def test_what_has_not_gone_out_is_shown_and_where_that_is_not_known_it_says_so(well: World) -> None:
    waits = operators.Undelivered(entry=7, kind="deliver", attempts=12, given_up=True, error="SmsUnavailableError: status 503")
    for field in ("created_at", "next_try_at"):
        getattr(waits, field).GetCurrentTime()
    well.backstage.on("notifications/ListUndelivered", lambda _request: operators.ListUndeliveredResponse(undelivered=[waits]))
    well.backstage.on("payments/ListUndelivered", away)
    found = await seen(well)
    assert [(each["service"], each["entry"], each["kind"]) for each in found["undelivered"]] == [("notifications", 7, "deliver")]
    assert found["undelivered_silent"] == ["payments"]


async def test_what_operators_did_is_one_list_and_it_is_whole_or_not_given(well: World) -> None:
    def step(service: str, subject: str, minute: int) -> operators.Step:
        at = stamp(datetime(2026, 11, 26, 8, minute, tzinfo=UTC))
        return operators.Step(id=f"os-{minute}", kind="resume", subject=subject, actor="s-1", reason="查", at=at, service=service)

    well.backstage.on("ListSteps", operators.ListStepsResponse())
    for service, subject, minute in (
        ("casework", "application/KF-1", 1), ("housing", "lease/L-1", 3), ("payments", "bill/L-1/202612", 2), ("notifications", "outbox/sms/9", 4),
    ):  # fmt: skip
        well.backstage.on(f"{service}/ListSteps", operators.ListStepsResponse(steps=[step(service, subject, minute)]))
    person = await well.official("auditor")
    items = (await person.get(f"{API}/operations/steps", params={"subject": "1"})).json["items"]
    assert [(each["subject"], bool(each["link"])) for each in items] == [
        ("outbox/sms/9", False), ("lease/L-1", True), ("bill/L-1/202612", True), ("application/KF-1", True),
    ]  # fmt: skip
    assert well.backstage.last("ListSteps").request.subject == "1"
    well.backstage.on("housing/ListSteps", away)
    assert (await person.get(f"{API}/operations/steps")).status == 503


async def test_what_is_stuck_leads_into_the_engine_and_to_its_case(well: World) -> None:
    stuck = [
        repair.Stuck(workflow_id="application/KF-2026-000123", type="Application", kind="blocked", why="NO_TEMPLATE"),
        repair.Stuck(workflow_id="bill/L-2026-000007/202612", type="RentCycle", kind="failing"),
    ]
    types = [repair.WorkflowType(type="Application", running=3, blocked=1)]
    well.backstage.on("GetEngine", lambda _request: engine(stuck=stuck, types=types))
    found = (await seen(well))["engine"]
    assert [(each["application_no"], each["link"]) for each in found["stuck"][:2]] == [
        ("KF-2026-000123", f"{UI}/workflows/application%2FKF-2026-000123"),
        ("", f"{UI}/workflows/bill%2FL-2026-000007%2F202612"),
    ]
    counted = found["types"][0]
    assert (counted["blocked"], counted["failing"]) == (1, None), "an engine that keeps no account of it has not said none"
    assert counted["link"] == f"{UI}/workflows?query=WorkflowType%3D%22Application%22%20AND%20ExecutionStatus%3D%22Running%22"


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ({}, "quiet"),
        ({"answered_at": timedelta(minutes=-1)}, "answering"),
        ({"answered_at": timedelta(days=-2)}, "quiet"),
        ({"answered_at": timedelta(minutes=-1), "failed_at": timedelta(0), "failures": 2}, "failing"),
        ({"failures": 5, "paused_until": timedelta(minutes=1)}, "paused"),
    ],
)
async def test_a_register_answers_only_if_it_has_of_late(well: World, said: dict[str, Any], state: str) -> None:
    now = datetime.now(UTC)
    office = registry.OfficeState(
        register="vehicles", **{name: stamp(now + each) if isinstance(each, timedelta) else each for name, each in said.items()}
    )
    well.backstage.on("ListRegisters", lambda _request: registry.ListRegistersResponse(offices=[office]))
    assert [each["state"] for each in (await seen(well))["registers"]["offices"]] == [state]


async def test_the_ready_made_filters_are_links_and_without_an_address_there_are_none(well: World) -> None:
    views = (await seen(well))["views"]
    assert [view["name"] for view in views] == ["running", "blocked", "failing", "overdue", "citizen"]
    assert all(view["link"].startswith(f"{UI}/workflows?query=") for view in views)


@pytest.mark.parametrize(("duty", "address"), [("operator", UI), ("auditor", ""), ("", "")])
async def test_where_the_engine_is_operators_alone_are_told(well: World, duty: str, address: str) -> None:
    person = await well.stranger()
    session = await person.get(f"{API}/session", headers={"Authorization": f"Bearer {well.token(duty)}"})
    assert session.json["engine_ui"] == address


@pytest.mark.parametrize("duty", ["street_clerk", "city_reviewer", "house_manager", "finance", "auditor"])
async def test_it_is_the_operators(well: World, duty: str) -> None:
    person = await well.stranger()
    (await person.get(f"{API}/operations", headers={"Authorization": f"Bearer {well.token(duty)}"})).problem(403, "NOT_ALLOWED")


async def test_a_service_that_was_killed_takes_nothing_from_the_others(well: World) -> None:
    # The last of this module: it does not come back.
    server = well.backstage.servers["notifications"]
    await server.server.stop(None)
    found = await seen(well)
    assert part(found, "notifications")["state"] == "unknown"
    assert {each["state"] for each in found["parts"] if each["name"] != "notifications"} == {"working"}
