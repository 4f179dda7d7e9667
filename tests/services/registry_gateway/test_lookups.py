"""Lookups end to end: real departments (of the sandbox), real log, real receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import Decimal
from typing import Any

import pytest
from anju.common.v1 import common_pb2 as common
from anju.registry.facts.v1.marriage_pb2 import MarriageFact
from anju.registry.facts.v1.real_estate_pb2 import HomeFact
from anju.registry.facts.v1.social_insurance_pb2 import InsuranceFact
from anju.registry.facts.v1.vehicles_pb2 import VehicleFact
from anju.registry.v1 import registry_pb2 as pb
from anju_sandbox.departments.desk import Desk, IssuedSecrets
from anju_sandbox.world.living import LifeChange
from anju_sandbox.world.places import DISTRICTS
from chassis.errors import Refusal
from chassis.identity import Caller
from google.protobuf.message import Message
from registry_gateway import store
from registry_gateway.connectors.http import CONNECTIONS_PER_REGISTER
from registry_gateway.domain import summaries
from registry_gateway.domain.chain import first_bad
from registry_gateway.domain.purposes import ADMISSION
from registry_gateway.lookups import PER_OFFICE
from sqlalchemy import text

from tests.services.registry_gateway.conftest import ALL, CONSENTED_AT, World
from tests.support.facts import facts_agree
from tests.support.keys import citizen, staff
from tests.support.patience import eventually

SOCIAL, REAL_ESTATE, VEHICLES, MARRIAGE = ALL
FOUND, NO_RECORD = common.LOOKUP_OUTCOME_FOUND, common.LOOKUP_OUTCOME_NO_RECORD
MISMATCH, UNAVAILABLE = common.LOOKUP_OUTCOME_MISMATCH, common.LOOKUP_OUTCOME_UNAVAILABLE
COUNTIES = 7


@dataclass(frozen=True)
class Said:
    """A fact with the receipt it comes from."""

    about: pb.RegisterFact
    fact: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.about, name) if name in pb.RegisterFact.DESCRIPTOR.fields_by_name else getattr(self.fact, name)


def of(facts: pb.GetFactsResponse, kind: type[Message]) -> list[Said]:
    found = []
    for about in facts.facts:
        fact = kind()
        if about.fact.Unpack(fact):
            found.append(Said(about, fact))
    return found


async def rows(world: World, query: str) -> list[dict[str, object]]:
    async with world.database.transaction() as session:
        return [dict(row._mapping) for row in (await session.execute(text(query))).all()]


async def refused(world: World, no: str, register: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await world.lookup(no, register)
    return caught.value


@pytest.mark.parametrize("register", ["", "horoscopes", "SOCIAL_INSURANCE"])
async def test_a_register_nobody_has_is_refused_before_anything_is_asked(world: World, register: str) -> None:
    no, before = world.case(world.persona("family")), world.casework.asked
    refusal = await refused(world, no, register)
    assert (refusal.problem.reason, [field.pointer for field in refusal.fields]) == ("INVALID_FIELDS", ["/register"])
    assert world.casework.asked == before


async def test_a_family_is_found_in_every_register(world: World) -> None:
    household = world.persona("family")
    no = world.case(household)
    answers = {register: await world.lookup(no, register) for register in ALL}
    assert {register: answer.outcome for register, answer in answers.items()} == {
        SOCIAL: FOUND,
        REAL_ESTATE: NO_RECORD,
        VEHICLES: NO_RECORD,
        MARRIAGE: FOUND,
    }
    assert len(answers[REAL_ESTATE].receipts) == COUNTIES * len(household.members)
    assert len(answers[SOCIAL].receipts) == len(household.members)
    facts = await world.facts(no)
    assert [(f.subject_index, f.status, f.spouse_index) for f in of(facts, MarriageFact)] == [
        (0, "married", 1),
        (1, "married", 0),
        (2, "none_found", -1),
    ]
    truth = household.members[0].employments[0]
    assert of(facts, InsuranceFact)[0].monthly_base_fen == truth.monthly_base_fen
    assert of(facts, InsuranceFact)[0].continuous_months > 12
    assert of(facts, InsuranceFact)[2].continuous_months == 0
    assert len({receipt.id for answer in answers.values() for receipt in answer.receipts}) == 3 + 3 + 3 + 21


@pytest.mark.parametrize("register", ALL)
async def test_whom_a_register_does_not_know_it_has_said_nothing_about(world: World, register: str) -> None:
    """A name the register writes otherwise, a number it never had: nothing found is not zero months, no home, no car or unmarried."""
    known, stranger = world.persona("single_worker").members[0], ("查无", "41020219900101001X", "applicant")
    no = world.case([stranger])
    answer = await world.lookup(no, register)
    assert (answer.outcome, answer.summary.zh) == (common.LOOKUP_OUTCOME_UNKNOWN_PERSON, summaries.UNKNOWN.zh)
    assert not (await world.facts(no)).facts
    written_otherwise = world.case([("张冠李戴", known.id_number, "applicant")])
    assert (await world.lookup(written_otherwise, register)).outcome in (common.LOOKUP_OUTCOME_UNKNOWN_PERSON, MISMATCH)
    assert not (await world.facts(written_otherwise)).facts


async def test_homes_in_five_counties_with_shares_and_a_pre_notice(world: World) -> None:
    no = world.case(world.persona("homeowner"))
    answer = await world.lookup(no, REAL_ESTATE)
    assert answer.outcome == FOUND
    assert (answer.summary.zh, answer.summary.en) == ("查到不动产登记 5 处。", "Real estate entries found: 5.")
    homes = sorted(
        (h.endpoint, h.area_centi_sqm, h.share_percent, h.residential, h.pre_notice) for h in of(await world.facts(no), HomeFact)
    )
    assert homes == [
        ("410202", 5680, 100, True, False),
        ("410203", 8240, 16, True, False),
        ("410204", 1130, 100, False, False),
        ("410205", 3410, 50, False, False),
        ("410212", 9755, 100, True, True),
    ]
    exact = {h.endpoint: (h.share_numerator, h.share_denominator) for h in of(await world.facts(no), HomeFact)}
    assert exact == {"410202": (1, 1), "410203": (1667, 10_000), "410204": (1, 1), "410205": (1, 2), "410212": (1, 1)}


async def test_a_namesakes_home_is_a_mismatch_and_never_a_fact(world: World) -> None:
    no = world.case(world.persona("homonym"))
    answer = await world.lookup(no, REAL_ESTATE)
    assert answer.outcome == MISMATCH
    assert not of(await world.facts(no), HomeFact)
    kept = await rows(world, "SELECT body, salt FROM receipt WHERE outcome = 'mismatch'")
    assert len(kept) == 1
    assert kept[0]["body"] is None, "what came is about somebody else and is not kept"


async def test_one_county_down_then_only_that_county_is_asked_again(world: World) -> None:
    no = world.case(world.persona("single_worker"))
    world.fault(server="real_estate_410223", kind="down", count=1)
    assert (await refused(world, no, REAL_ESTATE)).problem.reason == "REGISTER_UNAVAILABLE"
    state = (await world.states(no))[REAL_ESTATE]
    assert (state.outcome, state.tries) == (UNAVAILABLE, 1)
    assert "7 个登记机构中有 1 个" in state.summary.zh
    assert state.summary.en.startswith("1 of 7 register offices")
    before = {county: world.asked(f"real_estate_{county}") for county in ("410202", "410223")}
    answer = await world.lookup(no, REAL_ESTATE)
    assert answer.outcome == NO_RECORD
    assert world.asked("real_estate_410202") == before["410202"]
    assert world.asked("real_estate_410223") == before["410223"] + 1
    assert (await world.states(no))[REAL_ESTATE].tries == 2


async def test_a_finished_lookup_is_answered_from_its_receipts(world: World) -> None:
    no = world.case(world.persona("single_worker"))
    first = await world.lookup(no, VEHICLES)
    asked = world.asked("vehicles"), world.casework.asked
    world.fault(server="vehicles", kind="down")
    assert await world.lookup(no, VEHICLES) == first
    await world.restart()
    assert await world.lookup(no, VEHICLES) == first
    assert (world.asked("vehicles"), world.casework.asked) == asked


async def test_twenty_calls_at_once_ask_each_person_once(world: World) -> None:
    household = world.persona("family")
    no = world.case(household)
    answers = await asyncio.gather(*(world.lookup(no, MARRIAGE) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    assert world.asked("marriage") == len(household.members)


FAULTS: list[dict[str, object]] = [
    {"kind": "down"},
    {"kind": "status", "status": 500},
    {"kind": "timeout", "seconds": 2},
    {"kind": "drip", "seconds": 0.3},
    {"kind": "latency", "seconds": 1.5},
    {"kind": "inner_failure"},
    {"kind": "null_data"},
    {"kind": "quota"},
    {"kind": "bad_signature"},
    *({"kind": "garbage", "variant": v} for v in ("truncated", "gbk", "html", "huge", "deep", "nan", "bom", "gzip_bomb", "empty")),
    # Last, because the gateway keeps away for as long as it is told to.
    {"kind": "status", "status": 429, "retry_after_seconds": 60},
]
SERVERS = {
    "social_insurance": (SOCIAL, "/api/sbjfmx"),
    "real_estate_410202": (REAL_ESTATE, ""),
    "vehicles": (VEHICLES, "/api/jdc/query"),
    "marriage": (MARRIAGE, "/api/hydj/query"),
}


@pytest.mark.parametrize("server", SERVERS)
async def test_no_fault_of_a_department_becomes_an_answer(world: World, server: str) -> None:
    register, operation = SERVERS[server]
    for fault in FAULTS:
        no = world.case(world.persona("single_worker"))
        world.fault(server=server, operation=operation, **fault)
        assert (await refused(world, no, register)).problem.reason == "REGISTER_UNAVAILABLE", fault
        kept = await rows(
            world, f"SELECT outcome FROM receipt WHERE application_no = '{no}' AND endpoint = '{server.removeprefix('real_estate_')}'"
        )
        assert kept == [], fault
        world.sandbox.faults.clear()
        if fault.get("status") == 429:
            asked = world.asked(server)
            assert (await refused(world, no, register)).problem.reason == "REGISTER_UNAVAILABLE"
            assert world.asked(server) == asked, "Retry-After is honoured"
        else:
            assert (await world.lookup(no, register)).outcome in (FOUND, NO_RECORD), fault


@pytest.mark.parametrize("register", ALL)
async def test_an_answer_about_somebody_else_is_a_mismatch(world: World, register: int) -> None:
    household = world.persona("income_too_high")
    no = world.case(household)
    server = {SOCIAL: "social_insurance", REAL_ESTATE: "real_estate", VEHICLES: "vehicles", MARRIAGE: "marriage"}[register]
    # The register answers, correctly signed, about people who own and earn and are married.
    rich = world.persona("homeowner").applicant
    for other in world.sandbox.population.households(12, start=0):
        world.sandbox.world.change(
            other.applicant.id_number,
            LifeChange(
                homes=rich.homes,
                employments=rich.employments,
                vehicles=world.persona("car_over_limit").applicant.vehicles,
                marriage=household.members[0].marriage,
            ),
        )
    world.fault(server=server, kind="wrong_person")
    answer = await world.lookup(no, register)
    assert answer.outcome == MISMATCH
    facts = await world.facts(no)
    # A county where the other person has nothing truthfully says so; nothing about him is learnt anywhere.
    assert not facts.facts


async def test_a_replayed_answer_is_refused_by_its_request(world: World) -> None:
    single = world.persona("single_worker")
    await world.lookup(world.case(single), MARRIAGE)
    no = world.case(world.persona("elder_single"))
    world.fault(server="marriage", kind="replay")
    assert (await refused(world, no, MARRIAGE)).problem.reason == "REGISTER_UNAVAILABLE"
    codes = await rows(world, "SELECT code FROM access_log WHERE kind = 'answer' AND outcome = 'unavailable'")
    assert {row["code"] for row in codes} == {"not_bound"}
    assert await facts_agree("registry-gateway", world.settings.database_url)


async def test_an_expired_secret_is_renewed_once_and_nobody_notices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for register in (SOCIAL, VEHICLES, MARRIAGE):
        await world.lookup(world.case(world.persona("single_worker")), register)
    # The departments forget every call secret they have issued, as after a key rotation.
    forgetful: set[int] = set()
    find = IssuedSecrets.find

    def forget_once(secrets: IssuedSecrets, expected: Callable[[str], str], signature: str) -> str | None:
        if id(secrets) not in forgetful:
            forgetful.add(id(secrets))
            secrets.expire_all()
        return find(secrets, expected, signature)

    monkeypatch.setattr(IssuedSecrets, "find", forget_once)
    for register in (SOCIAL, VEHICLES, MARRIAGE):
        assert (await world.lookup(world.case(world.persona("elder_single")), register)).outcome in (FOUND, NO_RECORD)
    assert len(forgetful) == 3
    expired = await rows(world, "SELECT count(*) AS n FROM access_log WHERE kind = 'question' AND request_id LIKE '%.2'")
    assert expired[0]["n"] == 3, "the second question of each attempt is in the log too"


async def test_long_histories_are_read_to_the_last_page(world: World) -> None:
    household = world.persona("namesake")
    no = world.case(household)
    assert (await world.lookup(no, SOCIAL)).outcome == FOUND
    assert of(await world.facts(no), InsuranceFact)[0].continuous_months >= 100
    assert world.asked("social_insurance") == 3, "two kinds of insurance for ten years: more than two hundred rows"


async def test_quirks_of_real_register_data(world: World, quirky: Callable[[float], None]) -> None:
    """Old identity numbers, a small x, rows given twice, areas with a unit: read right. No data at all: not read as "no record"."""
    quirky(1.0)
    insured = 0
    for household in world.sandbox.population.households(8, start=40):
        no = world.case(household)
        for register in (REAL_ESTATE, VEHICLES, MARRIAGE):
            assert (await world.lookup(no, register)).outcome in (FOUND, NO_RECORD)
        facts = await world.facts(no)
        assert len(of(facts, VehicleFact)) == sum(len(member.vehicles) for member in household.members)
        homes = [home for member in household.members for home in member.homes]
        assert sorted(h.area_centi_sqm for h in of(facts, HomeFact)) == sorted(int(Decimal(home.area_sqm) * 100) for home in homes)
        everybody_insured = all(member.employments for member in household.members)
        if everybody_insured:
            insured += 1
            assert (await world.lookup(no, SOCIAL)).outcome == FOUND
        else:
            assert (await refused(world, no, SOCIAL)).problem.reason == "REGISTER_UNAVAILABLE"
    assert insured > 0


@pytest.fixture
def quirky(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    def rate(value: float) -> None:
        monkeypatch.setattr(Desk, "quirk", lambda desk, person, kind, scale=1.0: value * scale > 0.4 and kind in QUIRKS, raising=True)

    return rate


QUIRKS = {"old_id", "small_x", "duplicate_row", "area_unit", "null_data", "stale_batch"}


# --- the access log ----------------------------------------------------------------------------------------------------------------------


async def test_the_departments_book_and_our_log_hold_the_same_questions(world: World) -> None:
    world.fault(server="*", kind="status", status=503, probability=0.3, random_seed=7)
    for key in ("family", "single_worker", "elder_single"):
        no = world.case(world.persona(key))
        for register in ALL:
            for _ in range(4):
                try:
                    await world.lookup(no, register)
                    break
                except Refusal:
                    continue
    logged = {row["request_id"] for row in await rows(world, "SELECT request_id FROM access_log WHERE kind = 'question'")}
    booked = {str(row["request_id"]) for row in world.booked()}
    assert len(booked) > 50
    assert booked <= logged
    async with world.database.transaction() as session:
        entries = await store.chain(session)
    assert first_bad(entries) is None


async def test_nothing_leaves_when_the_log_cannot_be_written(world: World) -> None:
    no = world.case(world.persona("family"))
    async with world.database.transaction() as session:
        await session.execute(text("ALTER TABLE access_log ADD CONSTRAINT full_disk CHECK (seq < 0) NOT VALID"))
    for register in ALL:
        assert (await refused(world, no, register)).problem.reason == "UNAVAILABLE"
    assert world.booked() == []
    async with world.database.transaction() as session:
        await session.execute(text("ALTER TABLE access_log DROP CONSTRAINT full_disk"))
    assert (await world.lookup(no, VEHICLES)).outcome == NO_RECORD


@pytest.mark.parametrize("change", ["UPDATE access_log SET operator = 'x'", "DELETE FROM access_log", "TRUNCATE access_log"])
async def test_the_log_is_append_only(world: World, change: str) -> None:
    await world.lookup(world.case(world.persona("single_worker")), VEHICLES)
    with pytest.raises(Exception, match="append-only"):
        await rows(world, change)


async def test_a_tampered_log_names_its_first_bad_entry(world: World) -> None:
    no = world.case(world.persona("family"))
    await world.lookup(no, VEHICLES)
    async with world.database.transaction() as session:
        await session.execute(text("ALTER TABLE access_log DISABLE TRIGGER access_log_append_only"))
        await session.execute(text("UPDATE access_log SET purpose = 'curiosity' WHERE seq = 3"))
        assert first_bad(await store.chain(session)) == 3
        await session.rollback()


async def test_receipts_can_be_erased_but_not_changed(world: World) -> None:
    await world.lookup(world.case(world.persona("single_worker")), SOCIAL)
    with pytest.raises(Exception, match="do not change"):
        await rows(world, "UPDATE receipt SET outcome = 'no_record'")
    with pytest.raises(Exception, match="append-only"):
        await rows(world, "DELETE FROM receipt")
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE receipt SET salt = NULL, body = NULL"))


async def test_no_personal_data_in_any_table(world: World) -> None:
    household = world.persona("homeowner")
    no = world.case(household)
    for register in ALL:
        await world.lookup(no, register)
    person = household.applicant
    canaries = [person.id_number, person.name, person.phone, person.homes[0].address, person.homes[0].unit_no]
    for table in ("access_log", "receipt", "lookup"):
        dump = "\n".join(str(row["t"]) for row in await rows(world, f"SELECT {table}::text AS t FROM {table}"))
        assert dump
        assert [canary for canary in canaries if canary and (canary in dump or canary.encode().hex() in dump)] == []


# --- grounds and reach -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"consented": [VEHICLES]}, "NO_CONSENT"),
        ({"purpose": " "}, "PURPOSE_NOT_ALLOWED"),
        ({"purpose": "市场营销"}, "PURPOSE_NOT_ALLOWED"),
        ({"legal_basis": ""}, "PURPOSE_NOT_ALLOWED"),
        ({"legal_basis": "口头同意"}, "PURPOSE_NOT_ALLOWED"),
        ({"people": []}, "NO_CONSENT"),
        ({"silent": frozenset({0})}, "NO_CONSENT"),
    ],
)
async def test_questions_without_grounds_are_refused_and_logged(world: World, change: dict[str, object], reason: str) -> None:
    no = world.case(world.persona("single_worker"))
    for name, value in change.items():
        setattr(world.casework.cases[no], name, value)
    refusal = await refused(world, no, MARRIAGE)
    assert refusal.problem.reason == reason
    assert world.asked("marriage") == 0
    logged = await rows(world, "SELECT kind, code FROM access_log")
    assert logged == [{"kind": "refusal", "code": reason}]


async def test_only_the_worker_looks_up_and_only_eligibility_reads_facts(world: World) -> None:
    no = world.case(world.persona("single_worker"))
    request = pb.LookupRequest(application_no=no, round=1, register=VEHICLES)
    request.as_of.FromSeconds(1_760_000_000)
    for issuer, caller in (("eligibility", None), ("web-gateway", citizen()), ("web-gateway", staff("city_reviewer", "4102"))):
        with pytest.raises(Refusal) as caught:
            await world.call("Lookup", request, issuer, caller)
        assert caught.value.problem.reason == "NOT_ALLOWED"
    for issuer, caller in (("worker", None), ("web-gateway", citizen()), ("web-gateway", staff("operator", "4102"))):
        with pytest.raises(Refusal) as caught:
            await world.call("GetFacts", pb.GetFactsRequest(application_no=no, round=1), issuer, caller)
        assert caught.value.problem.reason == "NOT_ALLOWED"


async def test_bad_requests_are_answered_field_by_field(world: World) -> None:
    with pytest.raises(Refusal) as caught:
        await world.call("Lookup", pb.LookupRequest())
    assert {violation.pointer for violation in caught.value.fields} == {"/register", "/application_no", "/as_of"}


async def test_who_may_see_the_case_sees_who_asked_about_it(world: World) -> None:
    household = world.persona("family")
    no = world.case(household)
    assert {s.outcome for s in (await world.states(no)).values()} == {common.LOOKUP_OUTCOME_UNSPECIFIED}
    await world.lookup(no, REAL_ESTATE)
    await world.lookup(no, VEHICLES)
    seen, cursor = [], ""
    while True:
        request = pb.ListAccessRequest(application_no=no, page=common.PageRequest(limit=10, cursor=cursor))
        page = await world.call("ListAccess", request, "web-gateway", citizen())
        seen += page.entries
        cursor = page.page.next_cursor
        if not cursor:
            break
    assert len(seen) == 8 * len(household.members)
    assert {(entry.purpose, entry.operator, entry.outcome) for entry in seen} == {(ADMISSION, "system:worker", NO_RECORD)}
    # On whose consent, how it was given, and when.
    assert {(entry.subject_index, entry.consent_channel) for entry in seen} == {
        (index, "counter" if index else "self") for index in range(len(household.members))
    }
    assert {entry.consent_given_at.ToDatetime(UTC) for entry in seen} == {CONSENTED_AT}
    assert (await world.states(no, staff("street_clerk", "410202001")))[VEHICLES].outcome == NO_RECORD
    for stranger in (citizen("citizen-2"), staff("street_clerk", "410203")):
        for method, question in (
            ("ListAccess", pb.ListAccessRequest(application_no=no)),
            ("ListLookups", pb.ListLookupsRequest(application_no=no)),
        ):
            with pytest.raises(Refusal) as caught:
                await world.call(method, question, "web-gateway", stranger)
            assert caught.value.problem.reason == "NOT_FOUND"


async def test_everybody_sees_every_query_about_himself_and_no_other(world: World) -> None:
    """In his own household's case and in one another household has put him into, whose number he does not learn."""
    household = world.persona("family")
    first, second = household.declared[:2]
    mine, theirs = world.case(household), world.case(household, owner="citizen-2")
    for no in (mine, theirs):
        await world.lookup(no, VEHICLES)
    await world.lookup(mine, REAL_ESTATE)

    async def seen(caller: Caller) -> list[pb.QueryAboutMe]:
        found, cursor = [], ""
        while True:
            request = pb.ListQueriesAboutMeRequest(page=common.PageRequest(limit=3, cursor=cursor))
            page = await world.call("ListQueriesAboutMe", request, "web-gateway", caller)
            found += page.queries
            cursor = page.page.next_cursor
            if not cursor:
                return found

    me = replace(citizen(), person=world.casework.people.of(first.id_number))
    queries = await seen(me)
    logged = await rows(world, "SELECT request_id FROM access_log WHERE kind = 'question' AND subject_index = 0 ORDER BY seq DESC")
    assert [query.id for query in queries] == [row["request_id"] for row in logged]
    assert {(query.register, query.application_no) for query in queries} == {(VEHICLES, mine), (VEHICLES, ""), (REAL_ESTATE, mine)}
    assert {(query.purpose, bool(query.legal_basis), query.outcome) for query in queries} == {(ADMISSION, True, NO_RECORD)}
    assert {tuple(query.fields) for query in queries if query.register == VEHICLES} == {("sfzmhm", "xm")}
    assert {(query.consent_channel, query.consent_given_at.ToDatetime(UTC)) for query in queries} == {("self", CONSENTED_AT)}
    # Another member, who applies nowhere himself.
    other = await seen(replace(citizen("citizen-3"), person=world.casework.people.of(second.id_number)))
    assert len(other) == len(queries)
    assert {query.consent_channel for query in other} == {"counter"}
    assert {query.application_no for query in other} == {""}
    assert await seen(replace(citizen("citizen-4"), person="somebody-else")) == []
    with pytest.raises(Refusal) as caught:
        await seen(citizen())
    assert caught.value.problem.reason == "WHO_IS_NOT_KNOWN"
    with pytest.raises(Refusal) as caught:
        await seen(replace(staff("auditor", "4102"), person=world.casework.people.of(first.id_number)))
    assert caught.value.problem.reason == "NOT_ALLOWED"


async def test_a_slow_register_does_not_hold_up_the_others(world: World) -> None:
    no = world.case(world.persona("family"))
    world.fault(server="real_estate", kind="timeout", seconds=4)
    slow = asyncio.create_task(refused(world, no, REAL_ESTATE))
    await asyncio.gather(*(world.lookup(no, register) for register in (SOCIAL, VEHICLES, MARRIAGE)))
    assert not slow.done()
    assert (await slow).problem.reason == "REGISTER_UNAVAILABLE"


async def test_waiting_for_ones_turn_at_a_slow_office_is_not_its_silence(world: World) -> None:
    """An office that takes its time, asked about more people at once than it gets at a time: everybody is answered, and nobody's try runs while he waits."""
    world.settings = world.settings.model_copy(update={"register_try_seconds": 2.5})
    await world.restart()
    world.fault(server="vehicles", kind="latency", seconds=1.0)
    cases = [world.case(household) for household in world.sandbox.population.households(5 * PER_OFFICE)]
    for no in cases:
        del world.casework.cases[no].people[1:]
    answers = await asyncio.gather(*(world.lookup(no, VEHICLES) for no in cases))
    assert {answer.outcome for answer in answers} <= {FOUND, NO_RECORD}
    assert world.asked("vehicles") == len(cases)


async def test_a_hanging_county_takes_no_place_from_the_others(world: World) -> None:
    world.fault(server="real_estate_410202", kind="timeout", seconds=20)
    cases = [world.case(world.persona("single_worker")) for _ in range(2 * CONNECTIONS_PER_REGISTER)]
    lookups = [asyncio.create_task(refused(world, no, REAL_ESTATE)) for no in cases]
    others = {county for county in DISTRICTS if county != "410202"}
    await eventually(
        lambda: rows(world, "SELECT endpoint, count(*) AS n FROM receipt WHERE accepted GROUP BY endpoint"),
        lambda got: {row["endpoint"]: row["n"] for row in got} == dict.fromkeys(others, len(cases)),
    )
    assert {refusal.problem.reason for refusal in await asyncio.gather(*lookups)} == {"REGISTER_UNAVAILABLE"}
    assert world.asked("real_estate_410202") <= PER_OFFICE + 5, "then its breaker is open"


async def test_a_call_broken_off_leaves_one_accepted_answer_each(world: World) -> None:
    """A worker is killed in the middle of a lookup and another one repeats it."""
    household = world.persona("family")
    no = world.case(household)
    world.fault(server="real_estate", kind="latency", seconds=0.3)
    for _ in range(3):
        broken = asyncio.create_task(world.lookup(no, REAL_ESTATE))
        await asyncio.sleep(0.2)
        broken.cancel()
        await asyncio.gather(broken, return_exceptions=True)
    world.sandbox.faults.clear()
    assert (await world.lookup(no, REAL_ESTATE)).outcome == NO_RECORD
    kept = await rows(world, "SELECT subject_index, endpoint, count(*) AS n FROM receipt WHERE accepted GROUP BY 1, 2")
    assert len(kept) == COUNTIES * len(household.members)
    assert {row["n"] for row in kept} == {1}
    assert {str(row["request_id"]) for row in world.booked()} <= {
        row["request_id"] for row in await rows(world, "SELECT request_id FROM access_log WHERE kind = 'question'")
    }


async def test_a_dead_office_is_soon_left_alone(world: World) -> None:
    world.fault(server="vehicles", kind="down")
    for _ in range(12):
        await refused(world, world.case(world.persona("single_worker")), VEHICLES)
    assert world.asked("vehicles") <= 6


async def test_operators_see_how_each_office_answers_and_who_waits_for_it(world: World) -> None:
    operator = staff("operator", "4102", sub="operator-1")

    async def seen() -> tuple[dict[tuple[str, str], pb.OfficeState], pb.ListRegistersResponse]:
        answer: pb.ListRegistersResponse = await world.call("ListRegisters", pb.ListRegistersRequest(), "web-gateway", operator)
        return {(each.register, each.endpoint): each for each in answer.offices}, answer

    before, said = await seen()
    assert len(before) == len(said.offices) >= 10, "every office, also one that was never asked"
    waiting_before = said.waiting_total
    no = world.case(world.persona("single_worker"))
    world.fault(server="vehicles", kind="bad_signature")
    await refused(world, no, VEHICLES)
    await refused(world, no, VEHICLES)
    offices, said = await seen()
    silent = offices[VEHICLES, VEHICLES]
    assert (silent.failures, silent.fault) == (before[VEHICLES, VEHICLES].failures + 2, "bad_signature")
    assert silent.HasField("failed_at")
    (waits,) = [each for each in said.waiting if each.application_no == no]
    assert (waits.register, waits.tries, said.waiting_total) == (VEHICLES, 2, waiting_before + 1)
    assert waits.since.ToDatetime() < waits.tried_at.ToDatetime()
    health = await world.health(operator)
    assert {alarm.name: alarm.count for alarm in health.alarms}["bad_signature"] >= 2
    for _ in range(8):
        await refused(world, no, VEHICLES)
    assert (await seen())[0][VEHICLES, VEHICLES].HasField("paused_until")

    # It did not come so far as to be asked about anybody.
    world.fault(server="marriage", kind="down")
    await refused(world, no, MARRIAGE)
    hidden = (await seen())[0][MARRIAGE, MARRIAGE]
    assert (hidden.failures >= 1, hidden.HasField("failed_at"), hidden.fault) == (True, True, "connection")

    world.sandbox.faults.clear()
    other = world.case(world.persona("single_worker"))
    await world.lookup(other, SOCIAL)
    answering = (await seen())[0][SOCIAL, SOCIAL]
    assert (answering.failures, answering.HasField("answered_at"), answering.HasField("paused_until")) == (0, True, False)
