"""R1 to R6: the real gateway asks the sandbox's departments; then its log, its receipts and the judgements are tampered with."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2 as casework_pb
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.registry.v1 import registry_pb2 as pb
from anju.registry.v1 import registry_pb2_grpc as rpc
from anju_onebox.engine.postgres import Postgres
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.faults import FaultSpec
from anju_sandbox.settings import SandboxSettings
from anju_verify.check import Status
from chassis.crypto import KeyRing
from chassis.errors import Refusal
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Verifier, load_key_set
from eligibility.domain.verdicts import Judged, Judgement
from registry_gateway.app import application
from registry_gateway.settings import Settings

from tests.conftest import MakeDatabase
from tests.services.registry_gateway.conftest import Case, CaseworkStandIn, departments
from tests.services.verify.records import NOW, Records
from tests.support.keys import signer

CHECKS = ("R1", "R2", "R3", "R4", "R5", "R6")
NO = "KF-2026-000001"
# Only for a criterion the checker does not know; those it knows it does not take at their word.
RESTS_ON = {"on_relief": ("vehicles",), "income": ("vehicles",)}
REGISTERS = ("social_insurance", "real_estate", "vehicles", "marriage")


@dataclass
class Office:
    """The gateway with everything around it."""

    records: Records
    world: Sandbox
    casework: CaseworkStandIn
    client: Client

    def __post_init__(self) -> None:
        household = next(person.household for person in self.world.population.personas() if len(person.household.members) > 1)
        self.people = [(member.name, member.id_number, member.relation) for member in household.declared]

    async def case(self, no: str, people: list[tuple[str, str, str]] | None = None) -> None:
        self.casework.cases[no] = Case(people or self.people, consented_at=NOW)
        await self.records.application(no, people=[(name, number) for name, number, _ in people or self.people])

    async def lookup(self, no: str, register: str) -> bool:
        """Whether the register answered."""
        request = pb.LookupRequest(application_no=no, round=1, register=register)
        request.as_of.FromDatetime(NOW)
        try:
            await self.client.call(rpc.RegistryGatewayServiceStub(self.client.channel).Lookup, request, timeout=30)
        except Refusal:
            return False
        return True

    async def receipt(self, register: str, *, accepted: bool = True, no: str = NO) -> str:
        found: str = await self.records.value(
            "registry-gateway",
            f"SELECT id FROM receipt WHERE register_name = '{register}' AND accepted = {accepted} AND application_no = '{no}' "
            "ORDER BY subject_index, endpoint LIMIT 1",
        )
        return found

    async def assess(self, no: str, verdict: str, *criteria: tuple[str, str, list[str]]) -> None:
        """A judgement as eligibility keeps it: (code, verdict, receipts) each."""
        id_ = f"as-{no}"
        texts = {key: {"zh": "x", "en": "x"} for key in ("title", "reason", "observed", "threshold")}
        judged = [
            Judged.model_validate(
                {"code": code, "verdict": said, "legal_ref": "", "receipt_ids": receipts, "registers": RESTS_ON.get(code, ()), **texts}
            )
            for code, said, receipts in criteria
        ]
        judgement = Judgement.model_validate({"verdict": verdict, "criteria": judged})
        await self.records.put(
            "eligibility",
            "assessment",
            id=id_,
            application_no=no,
            round=1,
            rule_set="test",
            fingerprint="f",
            verdict=verdict,
            inputs=b"",
            judgement=self.records.ring.encrypt(judgement.model_dump_json().encode(), f"assessment|judgement|{id_}"),
            as_of=NOW,
            created_at=NOW,
        )


@asynccontextmanager
async def an_office(records: Records, folder: Path) -> AsyncIterator[Office]:
    await records.need("registry-gateway", "casework", "eligibility")
    keys = records.keys_dir
    async with AsyncExitStack() as stack:
        settings = SandboxSettings.on_free_ports(folder / "sandbox", quirk_rate=0.0)
        names = ("social_insurance", "vehicles", "marriage", "real_estate", "control")
        world = await stack.enter_async_context(sandbox(settings, only=names))
        casework = CaseworkStandIn(records.people)
        name = casework_pb.DESCRIPTOR.services_by_name["CaseworkService"].full_name
        other = GrpcServer(name, Verifier(load_key_set(keys / "callers.jwks")), host="127.0.0.1", port=0, drain_seconds=0)
        casework_rpc.add_CaseworkServiceServicer_to_server(casework, other.server)
        await stack.enter_async_context(serving(other))
        file = folder / "departments.json"
        file.write_text(json.dumps(departments(world)))
        gateway = await stack.enter_async_context(
            application(
                Settings(
                    port=0,
                    database_url=records.urls["registry-gateway"],
                    keys_dir=keys,
                    departments_file=file,
                    casework_address=other.address,
                    register_try_seconds=1.0,
                    drain_seconds=0,
                )
            )
        )
        client = Client(gateway.address, signer(keys, "worker"))
        stack.push_async_callback(client.close)
        records.aim(outside_url=world.urls["control"], outside_token=world.control_token)
        yield Office(records, world, casework, client)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def whole_office(
    make_module_database: MakeDatabase, postgres: Postgres, keys_dir: Path, ring: KeyRing, session_dir: Path
) -> AsyncIterator[tuple[Office, Any]]:
    """One case that all four registers answered about, judged on it."""
    folder = session_dir / "verify-registers"
    folder.mkdir()
    async with an_office(Records(make_module_database, postgres, keys_dir, ring), folder) as made:
        await made.case(NO)
        for register in REGISTERS:
            assert await made.lookup(NO, register)
        rule_set = {"fingerprint": "f", "version": "test", "body": {}, "published_at": NOW}
        await made.records.put("eligibility", "rule_set", **rule_set)
        insured = [await made.receipt("social_insurance")]
        await made.assess(NO, "not_met", ("insured_months", "not_met", insured), ("adult_applicant", "met", []))
        yield made, await made.records.snapshot()


@pytest_asyncio.fixture(loop_scope="session")
async def office(whole_office: tuple[Office, Any]) -> AsyncIterator[Office]:
    """Each test tampers with records which the next one finds whole. What the departments wrote down stays."""
    made, kept = whole_office
    deployment = made.records.deployment
    yield made
    made.records.deployment = deployment
    await made.records.restore(kept)


async def test_good_records_pass(office: Office) -> None:
    await office.records.passes(*CHECKS)


# --- R1 ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "statement", "words"),
    [
        ("registry-gateway", "UPDATE access_log SET purpose = ' ' WHERE kind = 'question'", ("has no purpose",)),
        ("registry-gateway", "UPDATE access_log SET operator = '', fields = '' WHERE kind = 'question'", ("has no operator, fields",)),
        ("registry-gateway", "UPDATE access_log SET subject_index = 9 WHERE kind = 'question'", ("nobody of the household",)),
        ("casework", "DELETE FROM consent", ("no such case with a consent",)),
        ("casework", "DELETE FROM consent WHERE channel <> 'self'", ("somebody of the household had not confirmed",)),
        ("casework", "UPDATE consent SET agrees = false WHERE channel <> 'self'", ("somebody of the household had not confirmed",)),
        (
            "casework",
            "UPDATE consent SET given_at = now() + interval '1 year' WHERE channel <> 'self'",
            ("before everybody had confirmed",),
        ),
        (
            "casework",
            "UPDATE consent SET withdrawn_at = given_at WHERE channel <> 'self'",
            ("after somebody had taken his consent back",),
        ),
        ("casework", "UPDATE consent SET registers = ARRAY['marriage']", ("(vehicles, KF-2026-000001)", "did not agree")),
        ("casework", "UPDATE consent SET text_version = 'older'", ("another consent than the person has given",)),
        ("casework", "UPDATE consent SET channel = 'guardian' WHERE channel = 'counter'", ("another consent than the person has given",)),
        ("registry-gateway", "UPDATE access_log SET consent_id = consent_id || '9' WHERE seq = 1", ("another consent",)),
        ("registry-gateway", "UPDATE access_log SET consent_channel = 'parent' WHERE kind = 'question'", ("another consent",)),
        (
            "registry-gateway",
            "UPDATE access_log SET consent_given_at = consent_given_at - interval '1 day' WHERE kind = 'question'",
            ("another consent",),
        ),
        (
            "registry-gateway",
            "UPDATE access_log SET consent_id = '', consent_channel = '' WHERE kind = 'question'",
            ("has no consent_id, consent_channel",),
        ),
        ("registry-gateway", "DELETE FROM access_log WHERE register_name = 'vehicles'", ("book of vehicles", "without a line in our log")),
        (
            "registry-gateway",
            "UPDATE access_log SET register_name = 'marriage' WHERE register_name = 'vehicles'",
            ("book of vehicles", "at marriage"),
        ),
        (
            "registry-gateway",
            "UPDATE access_log SET request_id = request_id || '9' WHERE register_name = 'marriage' AND kind = 'question'",
            ("was answered, and marriage never got it",),
        ),
        (
            "registry-gateway",
            "UPDATE access_log SET subject_index = 1 - subject_index WHERE register_name = 'vehicles' AND subject_index < 2",
            ("book of vehicles", "somebody else"),
        ),
    ],
)
async def test_r1_questions_without_grounds(office: Office, service: str, statement: str, words: tuple[str, ...]) -> None:
    await office.records.sabotage("registry-gateway", "ALTER TABLE access_log DROP CONSTRAINT IF EXISTS access_log_grounds")
    await office.records.sabotage(service, statement)
    await office.records.violates("R1", *words)


async def test_r1_without_the_departments_books_says_so(office: Office) -> None:
    office.records.aim(outside_url="")
    result = await office.records.check("R1")
    assert result.status is Status.PASSED
    assert "not compared" in result.notes[0]


# --- R5 ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("opened", [True, False], ids=["with the keys", "without keys"])
async def test_a_query_the_person_would_not_see_is_found(office: Office, opened: bool, tmp_path: Path) -> None:
    if not opened:
        office.records.aim(keys_dir=tmp_path)
    await office.records.sabotage("registry-gateway", "UPDATE access_log SET person = 'nobody' WHERE seq = 1")
    await office.records.violates("R5", "entry 1 of the access log", "does not stand under the person it was about")


async def test_a_query_under_another_member_is_found(office: Office) -> None:
    other = office.records.people.of(office.people[1][1])
    await office.records.sabotage("registry-gateway", f"UPDATE access_log SET person = '{other}' WHERE subject_index = 0")
    await office.records.violates("R5", "does not stand under the person it was about")


# --- R2, R6 --------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE access_log SET request_hash = repeat('0', 64) WHERE kind = 'question'", ("not the one its hash names",)),
        ("UPDATE access_log SET purpose = 'another' WHERE kind = 'question'", ("not the one its hash names",)),
        ("UPDATE access_log SET request_hash = repeat('0', 64) WHERE kind = 'answer'", ("not bound to its questions",)),
        ("DELETE FROM access_log WHERE kind = 'question' AND register_name = 'marriage'", ("answered and never asked",)),
        ("DELETE FROM access_log WHERE kind = 'answer' AND register_name = 'marriage'", ("not the answer which the log has",)),
        ("UPDATE receipt SET outcome = 'mismatch' WHERE register_name = 'vehicles'", ("a mismatch and was accepted",)),
        ("UPDATE receipt SET evidence_hash = repeat('0', 64)", ("not what its evidence hash names",)),
        ("UPDATE receipt SET salt = 'salt'", ("not what its evidence hash names",)),
        (
            "UPDATE receipt SET body = other.body FROM (SELECT body FROM receipt ORDER BY id LIMIT 1) AS other WHERE register_name = 'marriage'",
            ("does not open in its place",),
        ),
        ("UPDATE receipt SET subject_index = 5 WHERE register_name = 'vehicles'", ("the answer to something else: subject_index",)),
        (
            "INSERT INTO receipt SELECT id || 'x', application_no, round, register_name, subject_index, endpoint, outcome, accepted, "
            "attempt_id, request_hash, evidence_hash, NULL, NULL, received_at FROM receipt WHERE register_name = 'marriage'",
            ("answer the same question",),
        ),
    ],
)
async def test_r2_answers_that_are_not_bound(office: Office, statement: str, words: tuple[str, ...]) -> None:
    await office.records.sabotage("registry-gateway", "ALTER TABLE receipt DROP CONSTRAINT IF EXISTS receipt_accepted")
    await office.records.sabotage("registry-gateway", "DROP INDEX IF EXISTS uq_receipt_accepted")
    await office.records.sabotage("registry-gateway", statement)
    await office.records.violates("R2", *words)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE access_log SET outcome = outcome || 'x' WHERE seq = 4",
        "DELETE FROM access_log WHERE seq = 4",
        "UPDATE access_log SET recorded_at = recorded_at + interval '1 microsecond' WHERE seq = 4",
        "UPDATE access_log SET hash = repeat('a', 64) WHERE seq = 4",
    ],
)
async def test_r6_names_the_first_bad_entry(office: Office, statement: str) -> None:
    await office.records.sabotage("registry-gateway", statement)
    result = await office.records.violates("R6", "entry 4 of the access log")
    assert result.violation_count == 1


async def test_r6_finds_two_entries_that_changed_places(office: Office) -> None:
    swap = "UPDATE access_log SET seq = CASE seq WHEN 2 THEN 1000003 ELSE 1000002 END WHERE seq IN (2, 3)"
    await office.records.sabotage("registry-gateway", swap, "UPDATE access_log SET seq = seq - 1000000 WHERE seq > 1000000")
    await office.records.violates("R6", "entry 2 of the access log")


async def test_r6_goes_on_where_it_ended(office: Office, tmp_path: Path) -> None:
    marks = {"marks_file": tmp_path / "marks.json"}
    first = await office.records.check("R6", **marks)
    assert (await office.records.check("R6", **marks)).looked_at == 0
    await office.case("KF-2026-000009", [("赵六", "991102198001010038", "applicant")])
    await office.lookup("KF-2026-000009", "vehicles")
    more = await office.records.check("R6", **marks)
    assert (more.status, more.looked_at > 0) == (Status.PASSED, True)
    last = first.looked_at + more.looked_at
    await office.records.sabotage("registry-gateway", f"UPDATE access_log SET purpose = 'curiosity' WHERE seq = {last}")
    await office.records.violates("R6", f"entry {last} of the access log", **marks)


async def test_r6_finds_an_old_entry_that_was_rewritten_since(office: Office, tmp_path: Path) -> None:
    marks = {"marks_file": tmp_path / "marks.json"}
    await office.records.check("R6", **marks)
    await office.records.sabotage("registry-gateway", "UPDATE access_log SET purpose = 'curiosity' WHERE seq = 2")
    await office.records.violates("R6", "entry 2 of the access log", **marks)


async def test_r3_reads_new_judgements_only(office: Office, tmp_path: Path) -> None:
    marks = {"marks_file": tmp_path / "marks.json"}
    await office.records.check("R3", **marks)
    assert (await office.records.check("R3", **marks)).looked_at == 0
    await office.case("KF-2026-000002", [("王五", "991102198001010011", "applicant")])
    await office.assess("KF-2026-000002", "met", ("vehicle_count", "met", ["rc_invented"]))
    found = await office.records.violates("R3", "as-KF-2026-000002", "not accepted", **marks)
    assert found.looked_at == 1


# --- R3 ------------------------------------------------------------------------------------------------------------------------------------


async def test_r3_a_receipt_nobody_has(office: Office) -> None:
    await office.case("KF-2026-000002", [("王五", "991102198001010011", "applicant")])
    await office.assess("KF-2026-000002", "met", ("vehicle_count", "met", ["rc_invented"]))
    await office.records.violates("R3", "as-KF-2026-000002, vehicle_count: receipt rc_invented", "not accepted")


async def test_r3_a_receipt_of_another_case(office: Office) -> None:
    await office.case("KF-2026-000002", [("王五", "991102198001010011", "applicant")])
    await office.assess("KF-2026-000002", "met", ("vehicle_count", "met", [await office.receipt("vehicles")]))
    await office.records.violates("R3", "as-KF-2026-000002", "another case or round")


async def test_r3_a_receipt_of_another_register(office: Office) -> None:
    await office.records.sabotage("eligibility", "DELETE FROM assessment")
    await office.assess(NO, "met", ("income", "met", [await office.receipt("vehicles")]))
    await office.records.violates("R3", "is of vehicles, not of social_insurance")


async def test_r3_a_criterion_newer_than_the_checker_is_taken_at_its_word(office: Office) -> None:
    await office.records.sabotage("eligibility", "DELETE FROM assessment")
    await office.assess(NO, "met", ("on_relief", "met", [await office.receipt("vehicles")]))
    await office.records.passes("R3")
    await office.records.sabotage("eligibility", "DELETE FROM assessment")
    await office.assess(NO, "met", ("on_relief", "met", [await office.receipt("marriage")]))
    await office.records.violates("R3", "is of marriage, not of vehicles")


async def test_r3_a_verdict_changed_in_the_table(office: Office) -> None:
    await office.records.sabotage("eligibility", "UPDATE assessment SET verdict = 'met'")
    await office.records.violates("R3", "not the one judged")


async def test_r3_a_judgement_moved_from_another_case(office: Office) -> None:
    await office.records.sabotage("eligibility", "UPDATE assessment SET id = 'as-other'")
    await office.records.violates("R3", "does not open in its place")


@pytest.mark.parametrize("kind", ["wrong_person", "bad_signature", "garbage", "null_data", "inner_failure"])
async def test_r3_a_false_answer_is_refused_and_would_be_found(office: Office, kind: str) -> None:
    """The gateway refuses it, so the check passes; had it been accepted, the department's own book gives it away."""
    no = f"KF-2026-1{kind[:5]}"
    await office.case(no, [("王五", "991102198001010011", "applicant")])
    office.casework.cases[no] = Case(office.people)
    office.world.faults.add(
        FaultSpec.model_validate({"server": "vehicles", "kind": kind, "count": len(office.people), "operation": "/api/jdc/query"})
    )
    await office.lookup(no, "vehicles")
    office.world.faults.clear()
    assert await office.lookup(no, "vehicles"), "the breaker must not keep the next case's questions back"
    await office.records.passes("R3")
    attempt = await office.records.value(
        "registry-gateway", f"SELECT attempt_id FROM access_log WHERE application_no = '{no}' AND kind = 'question' ORDER BY seq LIMIT 1"
    )
    await office.records.sabotage(
        "registry-gateway", f"UPDATE receipt SET attempt_id = '{attempt}' WHERE id = '{await office.receipt('vehicles')}'"
    )
    await office.records.violates("R3", "was accepted, though vehicles sent", kind)


# --- R4 ------------------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["outcome = 'unavailable', finished = false", "outcome = 'mismatch'", "outcome = '', finished = false"])
async def test_r4_a_silent_register_made_a_refusal(office: Office, change: str) -> None:
    await office.records.sabotage("registry-gateway", f"UPDATE lookup SET {change} WHERE register_name = 'social_insurance'")
    await office.records.violates("R4", "insured_months is not met, but social_insurance said")


async def test_r4_refused_by_nobody(office: Office) -> None:
    values: dict[str, Any] = {"application_no": NO, "seq": 2, "step_id": "s", "event": "street_refused", "source": "street_review"}
    values |= {
        "word_id": "w",
        "stage": "rejected",
        "waiting_on": "nobody",
        "at": NOW,
        "overdue": False,
        "note_sealed": b"",
        "objection_id": "",
        "recorded_at": NOW,
    }
    await office.records.put("casework", "timeline", **values, actor="s-street-1", actor_kind="street")
    await office.records.sabotage("casework", "UPDATE application SET stage = 'rejected', outcome = 'rejected'")
    await office.records.passes("R4")
    await office.records.sabotage("casework", "UPDATE timeline SET actor = 'system', actor_kind = 'system'")
    await office.records.violates("R4", NO, "by nobody")
