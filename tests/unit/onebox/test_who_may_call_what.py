"""docs/who-may-call-what.md, tried cell by cell: every rpc of every service, by every process, a citizen, staff of every duty and of none, and nobody."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import grpc
import pytest
from anju_onebox import reference
from anju_onebox.keys import ISSUERS, make_keys
from anju_terms import terms
from chassis.access import access, audience
from chassis.errors import Refusal, from_rpc_error
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import METADATA_KEY, Caller, Verifier, load_key_set
from google.protobuf import message_factory

from tests.support.keys import citizen, signer, staff

PAGE: Final = (reference.ROOT / "docs" / "who-may-call-what.md").read_text(encoding="utf-8")
PEOPLE: Final[dict[str, Caller]] = {
    "citizen": citizen(),
    # Who claims every duty and process is a citizen all the same.
    "citizen who claims": Caller("citizen-liar", "citizen", (*terms("roles"), *ISSUERS), ("4102",)),
    "assisted citizen": Caller("citizen-assisted", "citizen", assisted_by="staff-clerk", assistance="visit"),
    **{duty: staff(duty) for duty in terms("roles")},
    "no duty": Caller("staff-none", "staff", (), ("4102",)),
    "staff who claims": Caller("staff-liar", "staff", tuple(ISSUERS), ("4102",)),
}
# What is done at a counter is the street's.
COUNTER: Final = {
    "RecordConfirmation",
    "RecordConsentWithdrawal",
    "RecordAuthorisation",
    "OpenAssistance",
    "GetAssistance",
    "CloseAssistance",
    "PrintForm",
}
_SAME_AS: Final = {"citizen who claims": "citizen", "no duty": "any staff", "staff who claims": "any staff"}


class Row(NamedTuple):
    method: str
    writes: bool
    people: frozenset[str]
    processes: frozenset[str]
    carriers: frozenset[str]

    def lets_in(self, who: str) -> bool:
        if "everybody" in self.people:
            return True
        if who in ISSUERS:
            return who in self.processes
        return _SAME_AS.get(who, who) in self.people or (
            who in {*terms("roles"), "no duty", "staff who claims"} and "any staff" in self.people
        )


def _names(cell: str) -> frozenset[str]:
    return frozenset(name for name in cell.split(", ") if name)


def documented() -> Iterator[tuple[str, list[Row]]]:
    """What the page says, read as a reader reads it."""
    for section in PAGE.split("\n## ")[1:]:
        title, *lines = section.splitlines()
        cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line.startswith("| ")][1:]
        yield title, [Row(name, kind == "write", *map(_names, names)) for name, kind, *names in cells]


def _answering(service: Any) -> Any:
    """A servicer that answers everything: whoever is refused was refused before it."""

    def method(output: Any) -> Any:
        async def answer(_self: Any, _request: Any, _context: Any) -> Any:
            return message_factory.GetMessageClass(output)()

        return answer

    rpc = importlib.import_module(f"{service.file.name.removesuffix('.proto').replace('/', '.')}_pb2_grpc")
    made = type(
        "Answering", (getattr(rpc, f"{service.name}Servicer"),), {each.name: method(each.output_type) for each in service.methods}
    )()
    return lambda server: getattr(rpc, f"add_{service.name}Servicer_to_server")(made, server)


@asynccontextmanager
async def _serving(title: str, keys: Path) -> AsyncIterator[GrpcServer]:
    service = reference.services()[title]
    server = GrpcServer(service.full_name, Verifier(load_key_set(keys / "callers.jwks")), host="127.0.0.1", port=0, drain_seconds=0)
    _answering(service)(server.server)
    async with serving(server):
        yield server


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    make_keys(folder)
    return folder


async def _answer(call: Any) -> str:
    try:
        await call
    except Refusal as refusal:
        return refusal.problem.reason
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error).problem.reason
    return ""


@pytest.mark.parametrize(("title", "rows"), list(documented()), ids=[title for title, _ in documented()])
async def test_every_cell(title: str, rows: list[Row], keys: Path) -> None:
    wrong, tried = [], 0
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(_serving(title, keys))
        clients = {process: Client(server.address, signer(keys, process)) for process in ISSUERS}
        for client in clients.values():
            stack.push_async_callback(client.close)
        methods = {method.name: method for method in reference.services()[title].methods}
        assert set(methods) == {row.method for row in rows}
        for row in rows:
            request = message_factory.GetMessageClass(methods[row.method].input_type)()
            response = message_factory.GetMessageClass(methods[row.method].output_type)
            path = f"/{methods[row.method].containing_service.full_name}/{row.method}"

            def stub(client: Client, path: str = path, response: Any = response) -> Any:
                return client.channel.unary_unary(path, lambda message: message.SerializeToString(), response.FromString)

            edge = clients["web-gateway"]
            answers = {who: await _answer(edge.call(stub(edge), request, caller=caller)) for who, caller in PEOPLE.items()}
            answers |= {process: await _answer(client.call(stub(client), request)) for process, client in clients.items()}
            expected = {who: "" if row.lets_in(who) else "NOT_ALLOWED" for who in answers}
            answers["nobody"] = await _answer(stub(edge)(request, timeout=5))
            expected["nobody"] = "" if "everybody" in row.people else "UNAUTHENTICATED"
            tried += len(answers)
            wrong += [(row.method, who, answers[who]) for who in answers if answers[who] != expected[who]]
    assert wrong == []
    assert tried == len(rows) * (len(PEOPLE) + len(ISSUERS) + 1)


def test_a_step_of_a_workflow_is_the_workers_and_leases_are_nobodys_to_read_who_does_not_stand_there() -> None:
    """The table says what the comment of the rpc says, in the places that would hurt most."""
    rows = {(title, row.method): row for title, table in documented() for row in table}
    for service in reference.services().values():
        for method in service.methods:
            line = access(method)
            if line.writes and "worker" in line.processes:
                assert (line.citizens, line.staff, line.open) == (False, (), False), method.full_name
            # What is open says so alone.
            assert not (line.open and (line.writes or line.staff or line.citizens or line.processes)), method.full_name
            assert set(line.staff) <= {*terms("roles"), "*"}, method.full_name
            assert {*line.processes, *line.carriers} <= set(ISSUERS), method.full_name
            # Only reading is done in somebody's name behind the edge.
            assert not (line.carriers and line.writes), method.full_name
    for read in ("GetTenancy", "ListLeases"):
        assert rows["housing", read].processes == frozenset()
    assert rows["payments", "GetBill"].processes == {"housing"}
    # A review level more in the vocabulary needs its duty wherever the others stand. What is done at a counter is no review.
    reviewers = {level.role for level in terms("levels").values()}
    # What the city publishes is written by the city's people, and is no review either.
    shelf = {"ListPolicyDrafts", "GetPolicyDraft", "SavePolicyDraft", "PublishPolicy", "WithdrawPolicy"}
    # Nor is what is done at the counter, or about an evaluation of it.
    evaluated = {"OpenCounterVisit", "ListFollowUps", "AnswerFollowUp"}
    # Letters lie at the street's desk.
    letters = {"ListLetters", "PrintLetters", "MarkLetter"}
    # What is told to many households is the city's word.
    broadcasts = {"ListTemplates", "ListBroadcasts", "GetBroadcast", "WriteBroadcast", "StepBroadcast"}
    apart = {*COUNTER, *shelf, *evaluated, *letters, *broadcasts}
    for row in rows.values():
        assert not row.people & reviewers or row.people >= reviewers or row.method in apart, row.method


@pytest.mark.parametrize("title", [title for title, _ in documented()])
async def test_a_token_is_good_at_one_process_and_for_reading_or_for_writing(title: str, keys: Path) -> None:
    """Whoever is let in by the cell is not with a token for another process, for the other class, or passed on by somebody not named there."""
    edge, rows, tried = signer(keys, "web-gateway"), dict(documented())[title], 0
    service = reference.services()[title]
    own_name = audience(service)
    wrong = []
    async with _serving(title, keys) as server, grpc.aio.insecure_channel(server.address) as channel:
        for row in rows:
            call: Any = channel.unary_unary(f"/{service.full_name}/{row.method}")
            allowed = [(edge, caller) for who, caller in PEOPLE.items() if row.lets_in(who)]
            allowed += [(signer(keys, name), signer(keys, name).system()) for name in row.processes]
            for process, caller in allowed:
                tokens = {
                    "as told": (process.token(caller, own_name, writes=row.writes), ""),
                    "other class": (process.token(caller, own_name, writes=not row.writes), "NOT_ALLOWED"),
                    **{name: (process.token(caller, name, writes=row.writes), "UNAUTHENTICATED") for name in ISSUERS if name != own_name},
                }
                if caller.kind != "system":
                    for name in ISSUERS:
                        came = edge.token(caller, name, writes=False)
                        passed = "" if name in row.carriers else "NOT_ALLOWED"
                        tokens[f"passed on by {name}"] = (signer(keys, name).passed_on(came, own_name, writes=row.writes), passed)
                for what, (token, expected) in tokens.items():
                    tried += 1
                    answer = await _answer(call(b"", metadata=((METADATA_KEY, token),), timeout=5))
                    if answer != expected:
                        wrong.append((row.method, caller.sub, what, answer))
    assert wrong == []
    assert tried
