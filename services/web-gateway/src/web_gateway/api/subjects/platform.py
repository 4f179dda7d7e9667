"""The platform as its operators see it: every register, service, queue and stuck workflow, asked at once, and the way to each in the engine's own UI.

A part that gives no answer in time is unknown, and says when it last gave one; it is never shown as well, nor its numbers as none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal
from urllib.parse import quote, urlencode

from anju.operations.v1 import operations_pb2 as operations
from anju.operators.v1 import operators_pb2 as operators
from anju.registry.v1 import registry_pb2 as registry
from anju.repair.v1 import repair_pb2 as repair
from anju_contracts import application, waiting
from chassis.errors import Refusal
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import ZONE, answered, to_dict, to_model
from web_gateway.api.layer import Access, Answer, Api, Call
from web_gateway.api.vocabulary import CodeOf
from web_gateway.edge.oidc import SignOnUnavailableError

api = Api("operations", "平台运行 Operations")
OPERATORS: Final = ("operator",)
# Whoever looks does not wait longer for one that hangs than this.
_SECONDS: Final = 4.0
# An answer of so long ago still says something of a register.
_OF_LATE: Final = timedelta(days=1)
_REGISTERS: Final = "registry-gateway"
# What is remembered of when it last answered, besides the services.
SIGN_ON: Final = "sign-on"
ENGINE: Final = "engine"
_REGISTERS_HEARD: Final = "registers"
_OPEN: Final = 'ExecutionStatus="Running"'


class Database(Answer):
    reachable: bool
    milliseconds: int


class Calls(Answer):
    minutes: int
    answered: int
    failed: int = Field(description="Ended by a mistake of ours.")
    unavailable: int = Field(description="Something behind the service was away or too slow.")
    mean_milliseconds: int
    longest_milliseconds: int


class Outbox(Answer):
    waiting: int
    failing: int = Field(description="Of them tried before, in vain.")
    given_up: int = Field(description="Of them tried so often that they are tried once in a while only.")
    oldest_at: datetime | None


class Part(Answer):
    """A process. Of one with several replicas, the one that answered."""

    name: str
    state: Literal["working", "impaired", "unknown"] = Field(
        description="impaired: it answers, and something behind it does not. unknown: no answer in time."
    )
    answered_at: datetime | None = Field(description="When it last answered this gateway; null when it never did.")
    milliseconds: int | None
    version: str = ""
    started_at: datetime | None = None
    database: Database | None = None
    calls: Calls | None = None
    outbox: Outbox | None = None
    certificate_ends_at: datetime | None = None


class Office(Answer):
    """An office of a register."""

    register_: f.Register = Field(alias="register", serialization_alias="register")
    endpoint: str
    state: Literal["answering", "failing", "paused", "quiet"] = Field(
        description="paused: asked nothing for a while after it failed. quiet: not asked of late, so nobody knows."
    )
    answered_at: datetime | None = Field(description="Its last usable answer.")
    failed_at: datetime | None
    fault: str = Field(description="Of the last failure.")
    failures: int = Field(description="Since its last usable answer, counted up to 1,000.")
    paused_until: datetime | None


class WaitingLookup(Answer):
    application_no: str
    register_: f.Register = Field(alias="register", serialization_alias="register")
    since: datetime
    tried_at: datetime
    tries: int


class Registers(Answer):
    state: Literal["working", "unknown"]
    answered_at: datetime | None
    offices: list[Office]
    waiting: list[WaitingLookup] = Field(description="Lookups still without an answer, the longest waiting first; 1,000 at most.")
    waiting_total: int | None


class Queue(Answer):
    name: str
    kind: Literal["workflow", "activity"]
    pollers: int
    polled_at: datetime | None
    backlog: int
    backlog_seconds: int


class WorkflowType(Answer):
    type: str
    running: int
    blocked: int
    failing: int | None = Field(description="Null where the engine keeps no account of it.")
    link: str = Field(description="The open ones in the engine's UI; empty where it has no address.")


class Stuck(Answer):
    workflow_id: str
    type: str
    kind: Literal["blocked", "failing", "gone"]
    why: str
    since: datetime | None
    tries: int
    application_no: str = Field(description="Whose application, lease or bill it is; empty when the id does not say.")
    link: str = Field(description="In the engine's UI; empty where it has no address.")


class Engine(Answer):
    state: Literal["working", "unreachable", "unknown"] = Field(
        description="unreachable: the services say that it does not answer. unknown: no service that asks it has answered."
    )
    answered_at: datetime | None
    milliseconds: int | None
    queues: list[Queue]
    types: list[WorkflowType]
    stuck: list[Stuck]
    gone: int | None = Field(
        description="Records open while nobody works on them; null when not every service that keeps them has answered."
    )
    compared_at: datetime | None = Field(description="When that was last compared, by the service that did it longest ago.")
    silent: list[str] = Field(description="Services that keep such records and did not answer.")


class Undelivered(Answer):
    """What a service has tried in vain to hand on. It goes on trying; an operator may have it tried now."""

    service: str
    entry: int
    kind: Annotated[str, CodeOf("handed_on")]
    attempts: int
    created_at: datetime
    next_try_at: datetime
    given_up: bool = Field(description="Tried so often that somebody has to look.")
    error: str = Field(description="Of the last try.")


ViewName = Literal["running", "blocked", "failing", "overdue", "citizen"]


class View(Answer):
    """A filter of the engine's UI."""

    name: ViewName
    query: str
    link: str


class Alarm(Answer):
    name: str
    service: str
    count: int = Field(description="Since the beginning of the day, in China.")


class Operations(Answer):
    at: datetime
    parts: list[Part]
    registers: Registers
    engine: Engine
    alarms: list[Alarm]
    undelivered: list[Undelivered] = Field(description="Of each service the 100 oldest; the counts of its outbox say how many there are.")
    undelivered_silent: list[str] = Field(description="Services that did not say what they could not hand on.")
    views: list[View]


# What operators filter by, ready made: the search attributes of our workflows, and the engine's own mark of tasks that fail.
VIEWS: Final[Mapping[ViewName, str]] = {
    "running": _OPEN,
    "blocked": f"Blocked=true AND {_OPEN}",
    "failing": f'TemporalReportedProblems IN ("category=WorkflowTaskFailed", "category=WorkflowTaskTimedOut") AND {_OPEN}',
    "overdue": f"Overdue=true AND {_OPEN}",
    "citizen": f'WaitingOn="citizen" AND {_OPEN}',
}


def listed(ui: str, query: str) -> str:
    """The list of the engine's UI with that filter; empty without its address."""
    return f"{ui}/workflows?{urlencode({'query': query}, quote_via=quote)}" if ui else ""


def one(ui: str, workflow_id: str) -> str:
    """The workflow in the engine's UI; empty without its address."""
    return f"{ui}/workflows/{quote(workflow_id, safe='')}" if ui else ""


def number_in(workflow_id: str) -> str:
    """The application a workflow is of, where its id says so."""
    prefixes = (application.workflow_id(""), waiting.workflow_id(""))
    return next((workflow_id.removeprefix(each) for each in prefixes if workflow_id.startswith(each)), "")


@api.get("/operations", access=Access.STAFF, roles=OPERATORS)
async def get_operations(call: Call) -> Operations:
    """How every register, service and queue is, which workflows are stuck, and what has to be looked into. Nothing of it is about a household.

    All are asked at once; one that gives no answer in time is unknown, and takes nothing from the others.
    """
    ui = call.edge.engine_ui
    parts, sign_on, registers, engine, undelivered = await asyncio.gather(
        asyncio.gather(*(_part(call, name) for name in call.services.remotes)),
        _sign_on(call),
        _registers(call),
        _engine(call),
        asyncio.gather(*(_undelivered(call, name) for name in call.services.operators)),
    )
    return Operations(
        at=_now(),
        parts=[*(part for part, _ in parts), sign_on],
        registers=registers,
        engine=engine,
        alarms=[alarm for _, alarms in parts for alarm in alarms],
        undelivered=[each for found in undelivered for each in found or ()],
        undelivered_silent=[name for name, found in zip(call.services.operators, undelivered, strict=True) if found is None],
        views=[View(name=name, query=query, link=listed(ui, query)) for name, query in VIEWS.items()],
    )


def _now() -> datetime:
    return datetime.now(UTC).astimezone(ZONE)


async def _asked(call: Call, service: str, method: Any, request: Any) -> Any:
    """The answer, None for none in time."""
    try:
        return await call.rpc(service, method, request, seconds=_SECONDS)
    except Refusal:
        return None


async def _part(call: Call, name: str) -> tuple[Part, list[Alarm]]:
    began = time.monotonic()
    said = await _asked(call, name, call.services.operations[name].GetHealth, operations.GetHealthRequest())
    if said is None:
        return Part(name=name, state="unknown", answered_at=call.edge.heard.get(name), milliseconds=None), []
    now = call.edge.heard[name] = _now()
    part = answered(
        Part,
        {
            **to_dict(said),
            "name": name,
            "state": "working" if said.database.reachable else "impaired",
            "answered_at": now,
            "milliseconds": round((time.monotonic() - began) * 1000),
        },
    )
    return part, [Alarm(name=alarm.name, service=name, count=alarm.count) for alarm in said.alarms]


async def _undelivered(call: Call, name: str) -> list[Undelivered] | None:
    """None where it is not known."""
    said = await _asked(call, name, call.services.operators[name].ListUndelivered, operators.ListUndeliveredRequest())
    return None if said is None else [to_model(Undelivered, each, service=name) for each in said.undelivered]


async def _sign_on(call: Call) -> Part:
    try:
        async with asyncio.timeout(_SECONDS):
            await call.edge.issuer.check()
    except (SignOnUnavailableError, TimeoutError):
        return Part(name=SIGN_ON, state="unknown", answered_at=call.edge.heard.get(SIGN_ON), milliseconds=None)
    now = call.edge.heard[SIGN_ON] = _now()
    return Part(name=SIGN_ON, state="working", answered_at=now, milliseconds=None)


async def _registers(call: Call) -> Registers:
    found = await _asked(call, _REGISTERS, call.services.registry.ListRegisters, registry.ListRegistersRequest())
    if found is None:
        return Registers(state="unknown", answered_at=call.edge.heard.get(_REGISTERS_HEARD), offices=[], waiting=[], waiting_total=None)
    now = call.edge.heard[_REGISTERS_HEARD] = _now()
    said = to_dict(found)
    offices = [{**office, "state": _office_state(office, now)} for office in said["offices"]]
    return answered(Registers, {**said, "offices": offices, "state": "working", "answered_at": now})


def _office_state(office: Mapping[str, Any], now: datetime) -> str:
    """What was not asked for a day is not known to answer."""
    paused, answered_at = office["paused_until"], office["answered_at"]
    if paused is not None and paused > now:
        return "paused"
    if office["failures"]:
        return "failing"
    return "answering" if answered_at is not None and now - answered_at < _OF_LATE else "quiet"


async def _engine(call: Call) -> Engine:
    """Put together from what each service that keeps workflows says of its own."""
    request = repair.GetEngineRequest()
    asked = await asyncio.gather(*(_asked(call, name, stub.GetEngine, request) for name, stub in call.services.repair.items()))
    said = [each for each in asked if each is not None]
    reached = [each for each in said if each.reachable]
    if reached:
        call.edge.heard[ENGINE] = _now()
    compared = [each.compared_at.ToDatetime(UTC).astimezone(ZONE) for each in said if each.HasField("compared_at")]
    whole = len(said) == len(asked)
    return answered(
        Engine,
        {
            "state": "working" if reached else "unreachable" if said else "unknown",
            "answered_at": call.edge.heard.get(ENGINE),
            "milliseconds": max((each.milliseconds for each in reached), default=None),
            "queues": to_dict(reached[0])["queues"] if reached else [],
            "types": [_typed(call, each) for answer in reached for each in answer.types],
            "stuck": [_stuck(call, each) for answer in said for each in answer.stuck],
            "gone": sum(each.gone for each in said) if whole else None,
            "compared_at": min(compared) if whole and len(compared) == len(said) else None,
            "silent": [name for name, each in zip(call.services.repair, asked, strict=True) if each is None or not each.reachable],
        },
    )


def _typed(call: Call, found: repair.WorkflowType) -> dict[str, Any]:
    link = listed(call.edge.engine_ui, f'WorkflowType="{found.type}" AND {_OPEN}')
    return {**to_dict(found), "failing": found.failing if found.HasField("failing") else None, "link": link}


def _stuck(call: Call, found: repair.Stuck) -> dict[str, Any]:
    return {**to_dict(found), "application_no": number_in(found.workflow_id), "link": one(call.edge.engine_ui, found.workflow_id)}
