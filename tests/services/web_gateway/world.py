"""The gateway on real sockets: scripted gRPC services behind it, the sandbox's own city sign-on beside it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import aiohttp
from anju.casework.v1 import casework_pb2 as casework
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.eligibility.v1 import eligibility_pb2 as eligibility
from anju.eligibility.v1 import eligibility_pb2_grpc as eligibility_rpc
from anju.housing.v1 import housing_pb2 as housing
from anju.housing.v1 import housing_pb2_grpc as housing_rpc
from anju.notifications.v1 import notifications_pb2 as notifications
from anju.notifications.v1 import notifications_pb2_grpc as notifications_rpc
from anju.operations.v1 import operations_pb2 as operations
from anju.operations.v1 import operations_pb2_grpc as operations_rpc
from anju.operators.v1 import operators_pb2 as operators
from anju.operators.v1 import operators_pb2_grpc as operators_rpc
from anju.organisation.v1 import organisation_pb2 as organisation
from anju.organisation.v1 import organisation_pb2_grpc as organisation_rpc
from anju.oversight.v1 import complaints_pb2 as complaints
from anju.oversight.v1 import complaints_pb2_grpc as complaints_rpc
from anju.oversight.v1 import oversight_pb2 as oversight
from anju.oversight.v1 import oversight_pb2_grpc as oversight_rpc
from anju.payments.v1 import payments_pb2 as payments
from anju.payments.v1 import payments_pb2_grpc as payments_rpc
from anju.reads.v1 import reads_pb2 as reads
from anju.reads.v1 import reads_pb2_grpc as reads_rpc
from anju.registry.v1 import registry_pb2 as registry
from anju.registry.v1 import registry_pb2_grpc as registry_rpc
from anju.repair.v1 import repair_pb2 as repair
from anju.repair.v1 import repair_pb2_grpc as repair_rpc
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.settings import SandboxSettings
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Caller, Verifier, current_caller, load_key_set
from google.protobuf import message_factory
from pydantic import SecretStr
from web_gateway.api.layer import Api
from web_gateway.api.subjects import APIS
from web_gateway.app import WebServer, application
from web_gateway.settings import Settings
from yarl import URL

from tests.support.ports import free_block

ROOT = Path(__file__).parents[3]
NO = "KF-2026-000123"
API = "/api/v1"
_FILES: tuple[tuple[str, Any, Any], ...] = (
    ("casework", casework, casework_rpc),
    ("eligibility", eligibility, eligibility_rpc),
    ("registry_gateway", registry, registry_rpc),
    ("housing", housing, housing_rpc),
    ("payments", payments, payments_rpc),
    ("notifications", notifications, notifications_rpc),
    ("oversight", oversight, oversight_rpc),
)
# Spoken by several of them.
_BESIDE: tuple[tuple[Any, Any], ...] = (
    (reads, reads_rpc),
    (operations, operations_rpc),
    (operators, operators_rpc),
    (repair, repair_rpc),
    (complaints, complaints_rpc),
)
_SEAT = re.compile(r"s-([a-z_]+)-(\d+)(?:-\d)?")
Script = Callable[[Any], Any]


@dataclass(frozen=True)
class Asked:
    method: str
    request: Any
    caller: Caller | None


class Organisation:
    """Everybody has the duty his account at the sandbox's sign-on is called by, unless ``given`` says otherwise."""

    def __init__(self) -> None:
        self.version = 1
        self.asked = 0
        self.given: dict[str, list[organisation.Capacity]] = {}

    def give(self, account: str, *capacities: organisation.Capacity) -> None:
        self.given[account] = list(capacities)
        self.version += 1

    async def GetStanding(self, request: Any, context: Any) -> organisation.GetStandingResponse:
        self.asked += 1
        caller = current_caller()
        assert not caller.roles
        assert not caller.divisions
        answer = organisation.GetStandingResponse(version=self.version)
        answer.good_until.GetCurrentTime()
        answer.good_until.seconds += 3600
        found = _SEAT.fullmatch(caller.sub)
        own = [organisation.Capacity(id="own", duties=[found[1]], divisions=[found[2]])] if found else []
        answer.capacities.extend(self.given.get(caller.sub, own))
        return answer

    async def GetVersion(self, request: Any, context: Any) -> organisation.GetVersionResponse:
        return organisation.GetVersionResponse(version=self.version)


@dataclass
class Backstage:
    """What the services answer, and what they were asked. A script returns a message or raises a Refusal."""

    scripts: dict[str, Script] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    servers: dict[str, GrpcServer] = field(default_factory=dict)
    # Asked for every official; what it was asked does not stand in ``asked``.
    organisation: Organisation = field(default_factory=Organisation)

    def on(self, method: str, script: Script | Any) -> None:
        self.scripts[method] = script if callable(script) else lambda _request: script

    def last(self, method: str) -> Asked:
        return next(asked for asked in reversed(self.asked) if asked.method == method)

    def reset(self) -> None:
        self.scripts.clear()
        self.asked.clear()
        if self.organisation.given:
            self.organisation.given.clear()
            self.organisation.version += 1


# What a service leaves open: nothing has happened yet, or the reader may not see it.
_OPEN = {
    "blocked_at",
    "deadline_at",
    "signed_at",
    "paid_at",
    "alarmed_at",
    "last_try_at",
    "outcome",
    "dossier",
    "consent",
    "page",
    "refusal",
    "answered_at",
    "failed_at",
    "paused_until",
    "oldest_at",
    "started_at",
    "certificate_ends_at",
    "polled_at",
    "compared_at",
    "since",
    "database",
    "calls",
    "outbox",
}


def whole(message: Any) -> Any:
    """With every instant, verdict and part a service always gives, so that a test names only what it is about."""
    for declared in message.DESCRIPTOR.fields:
        if declared.name in _OPEN:
            continue
        value = getattr(message, declared.name)
        if declared.enum_type is not None and not declared.is_repeated and not value:
            setattr(message, declared.name, 1)
        elif declared.message_type is not None and declared.is_repeated:
            for item in value:
                whole(item)
        elif declared.message_type is not None and declared.message_type.name == "Timestamp":
            if not message.HasField(declared.name):
                value.FromJsonString("2026-11-20T01:00:00Z")
        elif declared.message_type is not None and (message.HasField(declared.name) or message.DESCRIPTOR.name != "GetTenancyResponse"):
            value.SetInParent()
            whole(value)
    return message


def _scripted(file: Any, rpc: Any, backstage: Backstage, server: str, own: Any = None) -> tuple[str, Callable[[Any], None]]:
    descriptor = next(iter(file.DESCRIPTOR.services_by_name.values()))

    def handler(method: Any) -> Any:
        answer_class = message_factory.GetMessageClass(method.output_type)

        async def handle(_self: Any, request: Any, _context: Any) -> Any:
            try:
                caller = current_caller()
            except Exception:
                caller = None
            backstage.asked.append(Asked(method.name, request, caller))
            # Of a service that several servers have, one may be told what it alone answers.
            script = backstage.scripts.get(f"{server}/{method.name}") or backstage.scripts.get(method.name)
            return whole(script(request) if script is not None else answer_class())

        return handle

    servicer = type(
        "Scripted",
        (getattr(rpc, f"{descriptor.name}Servicer"),),
        {m.name: getattr(own, m.name, None) or handler(m) for m in descriptor.methods},
    )()

    def add(server: Any) -> None:
        getattr(rpc, f"add_{descriptor.name}Servicer_to_server")(servicer, server)

    return descriptor.full_name, add


@dataclass
class Person:
    """A browser of somebody signed on, or of nobody."""

    http: aiohttp.ClientSession
    base: str
    csrf: str = ""
    language: str = "zh-CN"

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.ask("GET", path, **options)

    async def post(self, path: str, json: Any = None, **options: Any) -> Reply:
        return await self.ask("POST", path, json={} if json is None else json, **options)

    async def ask(self, method: str, path: str, headers: dict[str, str | None] | None = None, **options: Any) -> Reply:
        """As the pages do: language, CSRF token and a fresh Idempotency-Key; a header given as None is left out."""
        wanted: dict[str, str | None] = {"Accept-Language": self.language}
        if method != "GET":
            wanted |= {"X-CSRF-Token": self.csrf or None, "Idempotency-Key": str(uuid4())}
        wanted |= headers or {}
        sent = {name: value for name, value in wanted.items() if value is not None}
        async with self.http.request(method, self.base + path, headers=sent, allow_redirects=False, **options) as response:
            raw = await response.read()
            body = await response.json(content_type=None) if "json" in response.content_type else None
            return Reply(response.status, response.headers, body, raw.decode("utf-8", "replace"))


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    json: Any
    text: str

    def problem(self, status: int, code: str) -> dict[str, Any]:
        """Checks that this is that problem, whole and of the right type, and gives its document."""
        assert (self.status, self.json and self.json.get("code")) == (status, code), self.text
        assert self.headers["Content-Type"].startswith("application/problem+json")
        assert set(self.json) == {"type", "title", "status", "detail", "instance", "code", "errors", "trace_id"}
        assert self.json["status"] == status
        assert self.json["title"]
        assert self.json["detail"]
        document: dict[str, Any] = self.json
        return document


@dataclass
class World:
    server: WebServer
    backstage: Backstage
    sandbox: Sandbox
    settings: Settings
    stack: AsyncExitStack

    @property
    def url(self) -> str:
        return self.server.url

    async def stranger(self) -> Person:
        jar = aiohttp.CookieJar(unsafe=True)
        http = await self.stack.enter_async_context(aiohttp.ClientSession(cookie_jar=jar))
        return Person(http, self.url)

    async def signed_on(self, **form: str) -> Person:
        """Through the real sign-on, as a browser: login, choice of the person, callback, session."""
        person = await self.stranger()
        there = await person.get("/auth/login?next=/cases")
        assert there.status == 302, there.text
        target = URL(there.headers["Location"], encoded=True)
        async with person.http.post(target.with_query(None), data={**dict(target.query), **form}, allow_redirects=False) as chosen:
            assert chosen.status == 302, await chosen.text()
            back = chosen.headers["Location"]
        assert back.startswith(self.url)
        home = await person.get(back.removeprefix(self.url))
        assert (home.status, home.headers.get("Location")) == (302, "/cases"), home.text
        person.csrf = (await person.get(f"{API}/session")).json["csrf_token"]
        return person

    async def citizen(self) -> Person:
        return await self.signed_on(persona=self.sandbox.population.personas()[0].key)

    async def official(self, role: str, division: str = "") -> Person:
        return await self.signed_on(role=role, division=division)

    def token(self, role: str = "", kind: str = "access_token") -> str:
        """A token of the sign-on for scripts: of a citizen, or of an official by role."""
        identities = self.sandbox.identities
        identity = identities.staff(role) if role else identities.persona(self.sandbox.population.personas()[0].key)
        assert identity is not None
        return str(self.sandbox.issuer.tokens(identity)[kind])


@asynccontextmanager
async def world(folder: Path, keys_dir: Path, apis: Sequence[Api] = APIS, **changes: Any) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        port = stack.enter_context(free_block(folder)).web_port
        issuer = await stack.enter_async_context(
            sandbox(
                SandboxSettings.on_free_ports(folder / "sandbox", redirect_uris=[f"http://127.0.0.1:{port}/auth/callback"]),
                only=("sign_on",),
            )
        )
        backstage = Backstage()
        verifier = Verifier(load_key_set(keys_dir / "callers.jwks"))
        addresses = {}
        for name, file, rpc in _FILES:
            service, add = _scripted(file, rpc, backstage, name)
            beside = [_scripted(each, its_rpc, backstage, name) for each, its_rpc in _BESIDE]
            server = GrpcServer(service, verifier, host="127.0.0.1", port=0, more=[each for each, _ in beside], drain_seconds=0)
            add(server.server)
            for _, add_beside in beside:
                add_beside(server.server)
            await stack.enter_async_context(serving(server))
            backstage.servers[name] = server
            addresses[f"{name}_address"] = server.address
        told, add_told = _scripted(operations, operations_rpc, backstage, "organisation")
        service, add = _scripted(organisation, organisation_rpc, backstage, "organisation", backstage.organisation)
        offices = GrpcServer(service, verifier, host="127.0.0.1", port=0, more=[told], drain_seconds=0)
        add(offices.server)
        add_told(offices.server)
        await stack.enter_async_context(serving(offices))
        backstage.servers["organisation"] = offices
        addresses["organisation_address"] = offices.address
        settings = Settings(
            **{
                "port": port,
                "keys_dir": keys_dir,
                "profile_dir": ROOT / "profiles/kaifeng",
                "static_dir": folder / "static",
                "oidc_issuer": issuer.issuer_url,
                "oidc_client_id": issuer.credentials.sign_on.client_id,
                "oidc_client_secret": SecretStr(issuer.credentials.sign_on.client_secret),
                "requests_per_minute": 100_000,
                "requests_per_minute_per_address": 1_000_000,
                "events_poll_seconds": 0.05,
                "standing_look_seconds": 0.2,
                "drain_seconds": 2.0,
                **addresses,
                **changes,
            }
        )
        running = await stack.enter_async_context(application(settings, apis))
        people = await stack.enter_async_context(AsyncExitStack())
        yield World(running, backstage, issuer, settings, people)


def an_application(**changes: Any) -> casework.Application:
    message = casework.Application(
        no=NO,
        version=3,
        stage="street_review",
        waiting_on="street",
        district="410202",
        street="410202001",
        category="local_household",
        household_size=1,
        masked_name="安*例",
        round=1,
        owner="c-secret-owner",
    )
    message.submitted_at.FromJsonString("2026-11-20T01:00:00Z")
    message.deadline_at.FromJsonString("2026-11-27T15:59:59Z")
    entry = message.timeline.add(event="verification_done", stage="street_review", actor_kind="system")
    entry.at.FromJsonString("2026-11-20T02:00:00Z")
    for name, value in changes.items():
        setattr(message, name, value)
    return message


def a_dossier() -> dict[str, Any]:
    return {
        "category": "local_household",
        "members": [
            {
                "name": "安示例",
                "id_number": "990101199001010011",
                "relation": "applicant",
                "birth_date": "1990-01-01",
                "annual_income_fen": 4_800_000,
                "employer": "",
            }
        ],
        "homes": [],
        "vehicles": [],
        "marital_status": "single",
        "district": "410202",
        "street": "410202001",
        "community": "410202001001",
        "address": "示例路 1 号",
        "phone": "19999012345",
    }


def a_consent() -> dict[str, Any]:
    return {"text_version": "consent-2026.1", "registers": ["social_insurance", "real_estate", "vehicles", "marriage"]}
