"""Every RPC of every service and every parameter of the public API, on a whole running box: whatever is sent, the answer is never a fault of ours.

What it sends is written down as if it were meant, so the box is its own and nobody verifies it afterwards.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random
from typing import Any, Final
from uuid import uuid4

import aiohttp
import grpc
import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2
from anju.eligibility.v1 import eligibility_pb2
from anju.housing.v1 import housing_pb2
from anju.notifications.v1 import notifications_pb2
from anju.operators.v1 import operators_pb2
from anju.organisation.v1 import organisation_pb2
from anju.oversight.v1 import complaints_pb2, oversight_pb2
from anju.payments.v1 import payments_pb2
from anju.registry.v1 import registry_pb2
from anju.repair.v1 import repair_pb2
from anju_stories.household import Household
from chassis.access import access
from chassis.identity import METADATA_KEY, Caller
from google.protobuf import message_factory
from web_gateway import openapi
from web_gateway.api.subjects import operations
from yarl import URL

from tests.support.boxes import RunningBox, running_box
from tests.support.families import Families
from tests.support.keys import signer
from tests.support.nasty import CURSORS, TEXTS, Maker

SEED: Final = os.environ.get("ANJU_TEST_SEED", "20261126")
MESSAGES: Final = int(os.environ.get("ANJU_TEST_FUZZ_MESSAGES", "40"))
REQUESTS: Final = int(os.environ.get("ANJU_TEST_FUZZ_REQUESTS", "40"))
AT_ONCE: Final = 4
FILES: Final = {
    "casework": casework_pb2,
    "eligibility": eligibility_pb2,
    "registry-gateway": registry_pb2,
    "housing": housing_pb2,
    "payments": payments_pb2,
    "notifications": notifications_pb2,
    "organisation": organisation_pb2,
    "oversight": oversight_pb2,
}
RPCS: Final = [
    (service, f"/{declared.full_name}/{method.name}", method)
    for service, file in [*FILES.items(), ("oversight", complaints_pb2)]
    for declared in file.DESCRIPTOR.services_by_name.values()
    for method in declared.methods
] + [
    # Those whose records have workflows speak to the platform's operators too.
    (service, f"/{declared.full_name}/{method.name}", method)
    for service in ("casework", "housing", "payments", "oversight")
    for file in (operators_pb2, repair_pb2)
    for declared in file.DESCRIPTOR.services_by_name.values()
    for method in declared.methods
]
OURS: Final = frozenset(
    {
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.DATA_LOSS,
    }
)
STAFF: Final = ("street_clerk", "district_reviewer", "city_reviewer", "house_manager", "finance", "operator", "auditor")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def box(session_dir: Path) -> AsyncIterator[RunningBox]:
    async with running_box(session_dir / "fuzz") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def family(box: RunningBox) -> Household:
    """A household under review."""
    found: Household = await Families(box, 300_000).one("410202")
    await found.submit()
    await found.reaches("street_review")
    return found


@pytest.fixture(scope="module")
def known(family: Household) -> dict[str, tuple[str, ...]]:
    """What exists, so that what is sent comes further than the first look-up."""
    no = str(family.no)
    return {
        "no": (no,),
        "application_no": (no,),
        "lease_no": ("L-2026-000001", no),
        "bill_id": ("L-2026-000001/202612",),
        "district": ("410202", "410203"),
        "street": ("410202001",),
        "community": ("410202001001",),
        "division": ("410202",),
        "stage": ("street_review", ""),
        "state": ("", "open"),
        "level": ("street", "district"),
        "register": ("vehicles", "marriage", "real_estate", "social_insurance"),
        "registers": ("vehicles", "marriage"),
        "category": ("local_household",),
        "relation": ("applicant", "spouse"),
        "marital_status": ("single",),
        "birth_date": ("1990-01-01",),
        "on_date": ("2026-12-01", ""),
        "provider": ("ccb",),
        "locale": ("zh-CN", "en"),
        "id_number": ("990101199001010011",),
        "name": ("安示例",),
        "phone": ("19999000001",),
        "purpose": ("eligibility",),
        "template": ("review_started", "task_opened"),
    }


def callers(random: Random) -> list[tuple[str, Caller]]:
    """Who may speak, and so comes past the door: the gateway for a citizen and an official, the worker and another process for themselves."""
    role, process = random.choice(STAFF), random.choice(["web-gateway", *FILES])
    people = Caller(sub="c-fuzz", kind="citizen"), Caller(sub=f"s-{role}", kind="staff", roles=(role,), divisions=("4102",))
    return [("web-gateway", person) for person in people] + [
        (name, Caller(sub=f"system:{name}", kind="system", roles=(name,))) for name in ("worker", "operations", process)
    ]


@pytest.mark.parametrize(("service", "path", "method"), RPCS, ids=[path.rpartition("/")[2] + "-" + service for service, path, _ in RPCS])
async def test_rpc(box: RunningBox, known: dict[str, tuple[str, ...]], service: str, path: str, method: Any) -> None:
    random = Random(f"{SEED}{path}")
    maker = Maker(f"{SEED}{path}", known)
    request, answer = (message_factory.GetMessageClass(each) for each in (method.input_type, method.output_type))
    ours: list[str] = []
    statuses: Counter[str] = Counter()
    limit = asyncio.Semaphore(AT_ONCE)
    voices = {name: signer(box.layout.keys_dir, name) for name in ("worker", "web-gateway", "operations", *FILES)}
    async with grpc.aio.insecure_channel(box.layout.address(service)) as channel:
        call = channel.unary_unary(path, request_serializer=None, response_deserializer=answer.FromString)

        async def send(issuer: str, caller: Caller, raw: bytes) -> None:
            async with limit:
                try:
                    await call(
                        raw, timeout=20, metadata=((METADATA_KEY, voices[issuer].token(caller, service, writes=access(method).writes)),)
                    )
                    statuses["OK"] += 1
                except grpc.aio.AioRpcError as error:
                    statuses[error.code().name] += 1
                    if error.code() in OURS:
                        ours.append(f"{issuer} as {caller.kind}: {error.code().name} {error.details()} for {raw[:300]!r}")

        tasks = []
        for number in range(MESSAGES):
            for issuer, caller in callers(random):
                made = maker.message(request, nasty=(0.0, 0.1, 0.3, 1.0)[number % 4]).SerializeToString()
                tasks.append(send(issuer, caller, maker.mangled(made) if number % 8 == 7 else made))
        await asyncio.gather(*tasks)
    assert not ours, f"{len(ours)} of {statuses.total()} are faults of ours: " + "\n".join(ours[:5])
    assert statuses.total() == MESSAGES * 5


def test_every_rpc_is_there() -> None:
    assert len(RPCS) >= 55


# -- the public API --------------------------------------------------------------------------------------------------------

OPERATIONS: Final = {operation.id: operation for operation in operations()}
NAMES: Final = {
    "index": "1",
    "number": "1",
    "list": "leases",
    "no": "KF-2026-000123",
    "id": "o-1",
    "code": "410202",
    "period": "202612",
    "mark": "0" * 16,
    "receipt_no": "R00000001",
    "account": "s-1",
}
BODIES: Final = (
    b"[" * 60_000,
    b'{"a":' * 9_000,
    b'{"dossier": ' * 4000,
    b"1" * 60_000,
    b"1e999",
    b'"\\u0000"',
    b'{"a": "\\ud800"}',
    b"\xff\xfe\x00",
    b"",
    b"null",
    b"[]",
    b'{"dossier": null, "units": [null], "reason": 1e5}',
    b"\x1f\x8b\x08\x00",
)


def bodies(operation: Any, random: Random) -> list[bytes]:
    """Nasty as a whole, and nasty at some of their places."""
    found = list(BODIES)
    schema = openapi.document()["components"]["schemas"]
    reference = operation.body.__name__ if operation.body else ""

    def sample(shape: dict[str, Any], bad: bool) -> Any:
        if bad and random.random() < 0.15:
            return random.choice([*TEXTS, *NUMBERS, None, True, [], {}, [[[[[]]]]]])
        if "$ref" in shape:
            return sample(schema[shape["$ref"].rpartition("/")[2]], bad)
        if "anyOf" in shape:
            return sample(shape["anyOf"][0], bad)
        match shape.get("type"):
            case "object":
                return {name: sample(inner, bad) for name, inner in shape.get("properties", {}).items()}
            case "array":
                return [sample(shape["items"], bad) for _ in range(random.choice((1, 1, 2, 20)))]
            case "integer":
                return random.choice(NUMBERS) if bad and random.random() < 0.5 else shape.get(random.choice(("minimum", "maximum")), 1)
            case "boolean":
                return True
        if "enum" in shape:
            return random.choice(shape["enum"])
        return shape.get("examples", ["x"])[0] if not bad or random.random() < 0.5 else random.choice(TEXTS)

    if reference in schema:
        found += [json.dumps(sample(schema[reference], bad)).encode() for bad in [False] * 3 + [True] * REQUESTS]
    return found


NUMBERS: Final = (0, -1, 1, 2**31, 2**53 - 1, 2**53, 2**63, -(2**63) - 1, 10**400, 1.5, 1e300)


@pytest.mark.parametrize("id", sorted(OPERATIONS))
async def test_operation(box: RunningBox, family: Household, id: str) -> None:
    operation = OPERATIONS[id]
    random = Random(f"{SEED}{id}")
    names = {**NAMES, "no": family.no if "applications" in operation.path else "L-2026-000001"}
    token = ""
    if operation.access.value != "public":
        role = operation.roles[0] if operation.roles else "city_reviewer" if operation.access.value == "staff" else ""
        division = {"street_clerk": family.street, "district_reviewer": family.district}.get(role, "4102")
        who = box.town.official(role, division) if role else family.applicant
        token = await who.token()
    statuses: Counter[int] = Counter()
    ours: list[str] = []
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:

        async def ask(path: str, query: str, body: bytes | None, **more: str) -> None:
            headers = {"Idempotency-Key": str(uuid4()), "Content-Type": "application/json", **more}
            if token:
                headers.setdefault("Authorization", f"Bearer {token}")
            if operation.if_match is not None:
                headers.setdefault("If-Match", "*")
            url = URL(f"{box.url}{path}{'?' + query if query else ''}", encoded=True)
            try:
                async with http.request(operation.method, url, data=body, headers=headers, allow_redirects=False) as response:
                    text = "" if "event-stream" in response.content_type else await response.text()
            except (aiohttp.ClientError, ValueError):
                # Broken off for what cannot even be sent.
                statuses[0] += 1
                return
            statuses[response.status] += 1
            if response.status >= 500:
                ours.append(f"{response.status} {text[:200]} for {operation.method} {path[:100]}?{query[:200]} {(body or b'')[:200]!r}")

        usual = operation.path.format_map(names)
        fine = b"{}" if operation.body is not None else None
        queries = []
        for name in operation.params.model_fields if operation.params else ():
            values = [*TEXTS, *CURSORS, *(str(number) for number in NUMBERS)] if name not in operation.path_names else ()
            queries += [f"{name}={_quoted(value)}" for value in values]
            if name in operation.path_names:
                for value in TEXTS:
                    await ask(operation.path.format_map(names | {name: _quoted(value) or "%20"}), "", fine)
        for query in [*queries, "limit=-1&limit=5", "%00=1", "a[]=1", "=" * 500, "%FF=%FF", "cursor=%ED%A0%80"]:
            await ask(usual, query, fine)
        if operation.body is not None:
            for body in bodies(operation, random):
                await ask(usual, "", body)
        for header, value in (
            ("Idempotency-Key", "x" * 60),
            ("If-Match", '"99999999999999999999"'),
            ("If-Match", '"999999999999999999"'),
            ("If-None-Match", "*" * 5000),
            ("Accept-Language", "q=;" * 900),
            ("Last-Event-ID", "9" * 18),
            ("Authorization", "Bearer " + "a." * 3000),
            ("Authorization", "Bearer W1tb.e30.AA"),
            ("Authorization", "Bearer " + "W1tbW1tb" * 900 + ".e30.AA"),
            ("Content-Encoding", "gzip"),
            ("X-Forwarded-For", "999.1.1.1, ::::"),
            ("Accept-Encoding", "br;q=x, *;q=-1"),
            ("Anju-Assistance", "as-' OR 1=1 --"),
            ("Anju-Assistance", "as-" + "0" * 26),
        ):
            await ask(usual, "", fine, **{header: value})
    assert not ours, f"{len(ours)} of {statuses.total()} are faults of ours: " + "\n".join(ours[:5])
    assert statuses.total() >= 15


def _quoted(value: str) -> str:
    return "".join(f"%{byte:02X}" for byte in value[:2000].encode("utf-8", "surrogatepass"))
