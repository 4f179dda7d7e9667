"""Assessments on a real PostgreSQL; casework and the registry gateway are stand-ins speaking their real protocols."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

import anju_profile
import pytest
import pytest_asyncio
from anju.casework.v1 import casework_pb2 as casework_pb
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.common.v1 import common_pb2 as common
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from anju.registry.facts.v1.marriage_pb2 import MarriageFact
from anju.registry.facts.v1.social_insurance_pb2 import InsuranceFact
from anju.registry.v1 import registry_pb2 as registry_pb
from anju.registry.v1 import registry_pb2_grpc as registry_rpc
from anju_profile.series import Dated, Whole
from anju_terms import terms
from chassis.crypto import FIELD_KEYS, DecryptionError, KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, UNAVAILABLE, Refusal
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.identity import Caller, Verifier, current_caller, load_key_set
from eligibility import store
from eligibility.app import application
from eligibility.assessments import Assessments, rule_set_of
from eligibility.domain.inputs import Declaration, Facts, Inputs, Member
from eligibility.domain.rule_set import RuleSet
from eligibility.domain.rules import UnknownCriterionError
from eligibility.servicer import EligibilityServicer
from eligibility.settings import Settings
from eligibility.tables import MIGRATIONS
from sqlalchemy import text

from tests.conftest import MakeDatabase
from tests.support.keys import citizen, signer, staff

PROFILE = Path(__file__).parents[3] / "profiles" / "kaifeng"
AS_OF = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
REGISTERS = list(terms("registers"))


def published(version: str | None) -> RuleSet:
    return rule_set_of(anju_profile.load(PROFILE, version))


def stricter(version: str) -> RuleSet:
    """The published rules with a limit of income which the couple does not keep."""
    rules = published(None)
    limits = rules.categories["local_household"]
    income = Dated(effective_from=date(2026, 1, 1), value=100_000, source="公共租赁住房管理办法第七条(二)")
    limits = {**limits, "income_per_person_month_fen_max": Whole.model_validate([income])}
    return rules.model_copy(update={"version": version, "categories": {**rules.categories, "local_household": limits}})


def inputs_of(income: int) -> Inputs:
    member = Member(index=0, relation="applicant", birth_date=date(1990, 1, 1), annual_income_fen=income)
    return Inputs(
        declaration=Declaration(category="local_household", marital_status="single", members=(member,)), facts=Facts(), on=AS_OF.date()
    )


def declaration(**changes: Any) -> casework_pb.GetDeclarationResponse:
    """A couple with a child, 1,500 yuan a head."""
    message = casework_pb.GetDeclarationResponse(
        category="local_household", marital_status="married", district="410202", profile_version=anju_profile.load(PROFILE).version
    )
    for index, (relation, born, income) in enumerate(
        [("applicant", "1988-04-12", 2_880_000), ("spouse", "1990-09-03", 2_520_000), ("child", "2016-05-20", 0)]
    ):
        message.members.add(index=index, relation=relation, birth_date=born, annual_income_fen=income)
    message.MergeFrom(casework_pb.GetDeclarationResponse(**changes))
    return message


def facts(outcome: int = common.LOOKUP_OUTCOME_FOUND) -> registry_pb.GetFactsResponse:
    message = registry_pb.GetFactsResponse()
    for register in REGISTERS:
        message.states.add(register=register, outcome=outcome)
    for index, (months, base) in enumerate([(60, 240_000), (40, 210_000), (0, 0)]):
        said = message.facts.add(register="social_insurance", subject_index=index, receipt_id=f"rc_i{index}")
        said.fact.Pack(InsuranceFact(continuous_months=months, monthly_base_fen=base))
    for index, (status, spouse) in enumerate([("married", 1), ("married", 0), ("none_found", -1)]):
        said = message.facts.add(register="marriage", subject_index=index, receipt_id=f"rc_m{index}")
        said.fact.Pack(MarriageFact(status=status, spouse_index=spouse))
    return message


class CaseworkStandIn(casework_rpc.CaseworkServiceServicer):
    def __init__(self) -> None:
        self.declarations: dict[str, casework_pb.GetDeclarationResponse] = {}
        self.rounds: dict[str, int] = {}
        # Accounts that do not act in any case.
        self.near: set[str] = set()
        self.asked = 0

    async def GetDeclaration(self, request: casework_pb.GetDeclarationRequest, context: Any) -> casework_pb.GetDeclarationResponse:
        current_caller().require_role("eligibility")
        self.asked += 1
        return self.declarations[request.application_no]

    async def GetApplication(self, request: casework_pb.GetApplicationRequest, context: Any) -> casework_pb.GetApplicationResponse:
        caller = current_caller()
        if request.no not in self.declarations or not (caller.sub == "citizen-1" or caller.covers("410202001")):
            raise Refusal(NOT_FOUND)
        application = casework_pb.Application(
            no=request.no, round=self.rounds.get(request.no, 1), recusal="RELATIVE_CASE" if caller.sub in self.near else ""
        )
        return casework_pb.GetApplicationResponse(application=application)


class RegistryStandIn(registry_rpc.RegistryGatewayServiceServicer):
    def __init__(self) -> None:
        self.facts = facts()
        self.down = False

    async def GetFacts(self, request: registry_pb.GetFactsRequest, context: Any) -> registry_pb.GetFactsResponse:
        current_caller().require_role("eligibility")
        if self.down:
            raise Refusal(UNAVAILABLE)
        return self.facts


@dataclass
class World:
    casework: CaseworkStandIn
    registry: RegistryStandIn
    database: Database
    settings: Settings
    clients: dict[str, Client] = field(default_factory=dict)
    address: str = ""
    numbers: int = 0

    def case(self, message: casework_pb.GetDeclarationResponse | None = None) -> str:
        self.numbers += 1
        no = f"KF-2026-{self.numbers:06d}"
        self.casework.declarations[no] = message or declaration()
        return no

    async def call(self, method: str, request: Any, issuer: str = "worker", caller: Caller | None = None) -> Any:
        if issuer not in self.clients:
            self.clients[issuer] = Client(self.address, signer(self.settings.keys_dir, issuer))
        stub = rpc.EligibilityServiceStub(self.clients[issuer].channel)
        return await self.clients[issuer].call(getattr(stub, method), request, caller=caller)

    async def assess(self, no: str, round_: int = 1) -> pb.Assessment:
        request = pb.AssessRequest(application_no=no, round=round_)
        request.as_of.FromDatetime(AS_OF)
        return (await self.call("Assess", request)).assessment  # type: ignore[no-any-return]

    def assessments(self) -> Assessments:
        keys = KeyRing.load(self.settings.keys_dir / FIELD_KEYS)
        return Assessments(self.database, keys, published(None), published)


@pytest.fixture
def world(shared_world: World) -> World:
    """With registers that answer."""
    shared_world.registry.facts, shared_world.registry.down = facts(), False
    return shared_world


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared_world(make_module_database: MakeDatabase, keys_dir: Path) -> AsyncIterator[World]:
    url = await make_module_database("eligibility", MIGRATIONS)
    verifier = Verifier(load_key_set(keys_dir / "callers.jwks"))
    async with AsyncExitStack() as stack:
        casework, registry = CaseworkStandIn(), RegistryStandIn()
        first = GrpcServer("anju.casework.v1.CaseworkService", verifier, host="127.0.0.1", port=0, drain_seconds=0)
        casework_rpc.add_CaseworkServiceServicer_to_server(casework, first.server)
        second = GrpcServer("anju.registry.v1.RegistryGatewayService", verifier, host="127.0.0.1", port=0, drain_seconds=0)
        registry_rpc.add_RegistryGatewayServiceServicer_to_server(registry, second.server)
        await stack.enter_async_context(serving(first))
        await stack.enter_async_context(serving(second))
        settings = Settings(
            port=0,
            database_url=url,
            keys_dir=keys_dir,
            profile_dir=PROFILE,
            casework_address=first.address,
            registry_gateway_address=second.address,
            drain_seconds=0,
        )
        database = Database(url, application="test")
        stack.push_async_callback(database.close)
        server = await stack.enter_async_context(application(settings))
        found = World(casework, registry, database, settings, address=server.address)
        yield found
        for client in found.clients.values():
            await client.close()


async def test_a_family_is_assessed_and_told_why(world: World) -> None:
    no = world.case()
    assessment = await world.assess(no)
    assert assessment.verdict == pb.VERDICT_MET
    assert assessment.rule_set == anju_profile.load(PROFILE).version
    assert assessment.as_of.ToDatetime(UTC) == AS_OF
    income = next(criterion for criterion in assessment.criteria if criterion.code == "income")
    assert (income.observed.zh, income.threshold.zh) == ("人均每月 1,500.00 元", "不超过 2,400.00 元")
    assert (income.observed.en, income.threshold.en) == ("1,500.00 yuan per person and month", "at most 2,400.00 yuan")
    assert list(income.receipt_ids) == ["rc_i0", "rc_i1", "rc_i2"]
    shown = await world.call("GetAssessment", pb.GetAssessmentRequest(application_no=no), "web-gateway", citizen())
    assert shown.assessment == assessment


async def test_a_round_is_judged_once_also_when_asked_by_many(world: World) -> None:
    no = world.case()
    answers = await asyncio.gather(*(world.assess(no) for _ in range(20)))
    assert all(answer == answers[0] for answer in answers)
    asked = world.casework.asked
    # What is declared or registered later belongs to the next round.
    world.casework.declarations[no] = declaration(vehicles=[casework_pb.Vehicle(value_fen=99_000_000)])
    assert await world.assess(no) == answers[0]
    assert world.casework.asked == asked
    second = await world.assess(no, 2)
    assert second.verdict == pb.VERDICT_NOT_MET
    shown = await world.call("GetAssessment", pb.GetAssessmentRequest(application_no=no), "web-gateway", citizen())
    assert shown.assessment == second


async def test_silent_registers_leave_it_to_a_person(world: World) -> None:
    world.registry.facts = facts(common.LOOKUP_OUTCOME_UNAVAILABLE)
    assessment = await world.assess(world.case())
    assert assessment.verdict == pb.VERDICT_NEEDS_REVIEW
    assert pb.VERDICT_NOT_MET not in {criterion.verdict for criterion in assessment.criteria}


async def test_without_facts_there_is_no_assessment(world: World) -> None:
    no = world.case()
    world.registry.down = True
    with pytest.raises(Refusal) as caught:
        await world.assess(no)
    assert caught.value.problem.reason == "UNAVAILABLE"
    with pytest.raises(Refusal) as caught:
        await world.call("GetAssessment", pb.GetAssessmentRequest(application_no=no), "web-gateway", citizen())
    assert caught.value.problem.reason == "NO_ASSESSMENT"
    world.registry.down = False
    assert (await world.assess(no)).verdict == pb.VERDICT_MET


async def test_an_unknown_category_is_refused(world: World) -> None:
    with pytest.raises(Refusal) as caught:
        await world.assess(world.case(declaration(category="nobody")))
    assert caught.value.problem.reason == "UNKNOWN_CATEGORY"


async def test_who_may_assess_and_who_may_see(world: World) -> None:
    no = world.case()
    await world.assess(no)
    for issuer, caller in (("web-gateway", citizen()), ("web-gateway", staff("city_reviewer", "4102")), ("casework", None)):
        request = pb.AssessRequest(application_no=no, round=1)
        request.as_of.FromDatetime(AS_OF)
        with pytest.raises(Refusal) as caught:
            await world.call("Assess", request, issuer, caller)
        assert caught.value.problem.reason == "NOT_ALLOWED"
    await world.call("GetAssessment", pb.GetAssessmentRequest(application_no=no), "web-gateway", staff("street_clerk", "410202001"))
    for stranger in (citizen("citizen-2"), staff("street_clerk", "410203")):
        with pytest.raises(Refusal) as caught:
            await world.call("GetAssessment", pb.GetAssessmentRequest(application_no=no), "web-gateway", stranger)
        assert caught.value.problem.reason == "NOT_FOUND"


async def test_reviewers_compare_what_was_declared_with_what_was_registered(world: World) -> None:
    world.registry.facts.states[0].receipts.add(id="rc_i0", subject_index=0, outcome=common.LOOKUP_OUTCOME_FOUND).received_at.FromDatetime(
        AS_OF
    )
    no = world.case()
    request = pb.GetComparisonRequest(application_no=no)
    clerk = staff("street_clerk", "410202001")
    with pytest.raises(Refusal, match="NO_ASSESSMENT"):
        await world.call("GetComparison", request, "web-gateway", clerk)
    await world.assess(no)
    shown = (await world.call("GetComparison", request, "web-gateway", clerk)).comparison
    income = next(row for row in shown.rows if (row.fact, row.member) == ("annual_income", 0))
    assert (shown.round, income.declared.zh, income.difference, income.home) == (1, "28,800.00 元", "same", -1)
    assert income.as_of.ToDatetime(UTC) == AS_OF
    for caller, reason in (
        (citizen("citizen-1"), "NOT_ALLOWED"),
        (staff("auditor", "4102"), "NOT_ALLOWED"),
        (staff("street_clerk", "410203001"), "NOT_FOUND"),
    ):
        with pytest.raises(Refusal, match=reason):
            await world.call("GetComparison", request, "web-gateway", caller)
    # What the household declared beside what the registers said is for those who act in the case.
    world.casework.near.add("clerk-uncle")
    with pytest.raises(Refusal, match="NOT_ALLOWED"):
        await world.call("GetComparison", request, "web-gateway", staff("street_clerk", "410202001", sub="clerk-uncle"))
    # The case has gone into another round: figures of the last one would stand beside other people.
    world.casework.rounds[no] = 2
    with pytest.raises(Refusal, match="NO_ASSESSMENT"):
        await world.call("GetComparison", request, "web-gateway", clerk)


async def test_bad_requests_are_answered_field_by_field(world: World) -> None:
    with pytest.raises(Refusal) as caught:
        await world.call("Assess", pb.AssessRequest())
    assert {violation.pointer for violation in caught.value.fields} == {"/application_no", "/as_of"}


async def test_the_conditions_are_public(world: World) -> None:
    client = Client(world.address, signer(world.settings.keys_dir, "worker"))
    stub = rpc.EligibilityServiceStub(client.channel)
    rules = await stub.GetRuleSet(pb.GetRuleSetRequest())
    await client.close()
    shown = {(criterion.category, criterion.code): criterion.threshold.zh for criterion in rules.criteria}
    assert shown["local_household", "housing_area"] == "不超过 16.00 ㎡"
    assert shown["new_worker", "housing_area"] == "无住房"
    assert shown["migrant_worker", "insured_months"] == "不少于 12 个月"
    assert ("local_household", "insured_months") not in shown
    assert all(criterion.title.zh and criterion.title.en and criterion.legal_ref.zh for criterion in rules.criteria)
    # What English pages show is English.
    assert all(criterion.legal_ref.en.isascii() for criterion in rules.criteria)
    earlier = await world.call("GetRuleSet", pb.GetRuleSetRequest(on_date="2025-12-31"))
    assert {criterion.code for criterion in earlier.criteria} == {"marriage", "adult_applicant"}
    for wrong in ("2026-02-30", "20260101", "yesterday"):
        with pytest.raises(Refusal) as caught:
            await world.call("GetRuleSet", pb.GetRuleSetRequest(on_date=wrong))
        assert caught.value.fields[0].pointer == "/on_date"


async def test_the_conditions_of_a_day_are_the_limits_in_force_on_it(world: World) -> None:
    rules = stricter("changing")
    income = rules.categories["local_household"]["income_per_person_month_fen_max"]
    later = Dated(effective_from=date(2027, 1, 1), value=300_000, source="通知")
    local = {"income_per_person_month_fen_max": Whole.model_validate([*income.entries, later])}
    changing = Assessments(
        world.database, KeyRing.generate(), rules.model_copy(update={"categories": {"local_household": local}}), published
    )
    nobody = Client(world.address, signer(world.settings.keys_dir, "eligibility"))
    servicer = EligibilityServicer(changing, nobody, nobody)
    for day, legal_ref in (("2026-12-31", income.entries[0].source), ("2027-01-01", "通知")):
        shown = await servicer.GetRuleSet(pb.GetRuleSetRequest(on_date=day), cast(Any, None))
        assert {criterion.legal_ref.zh for criterion in shown.criteria if criterion.code == "income"} == {legal_ref}
    await nobody.close()


async def test_every_assessment_comes_out_the_same_again(world: World) -> None:
    assessments = world.assessments()
    numbers = [world.case(), world.case(declaration(vehicles=[casework_pb.Vehicle(value_fen=99_000_000)]))]
    for no in numbers:
        await world.assess(no)
        row = await assessments.find(no)
        assert row is not None
        assert await assessments.replay(row) == assessments.judgement(row)


async def test_a_case_keeps_the_version_it_was_submitted_under(world: World) -> None:
    older = stricter("kaifeng-older")
    async with world.database.transaction() as session:
        await store.publish(session, older)
        await store.publish(session, older)
    assessment = await world.assess(world.case(declaration(profile_version="kaifeng-older")))
    assert (assessment.rule_set, assessment.verdict) == ("kaifeng-older", pb.VERDICT_NOT_MET)


async def test_a_published_version_is_judged_by_also_when_it_is_not_archived_yet(world: World) -> None:
    stranger = Assessments(world.database, KeyRing.generate(), published(None), stricter)
    row = await stranger.make("KF-2026-900001", 1, inputs_of(2_880_000), "kaifeng-forgotten", AS_OF)
    assert (row.rule_set, row.fingerprint) == ("kaifeng-forgotten", stricter("kaifeng-forgotten").fingerprint)
    assert await stranger.replay(row) == stranger.judgement(row)


@pytest.mark.parametrize("version", ["never-published", ""])
async def test_a_version_nobody_has_is_refused_and_never_judged_by_todays_rules(world: World, version: str) -> None:
    no = world.case()
    world.casework.declarations[no].profile_version = version
    with pytest.raises(Refusal) as caught:
        await world.assess(no)
    assert caught.value.problem.reason == "UNKNOWN_PROFILE_VERSION"
    assert await world.assessments().find(no) is None


async def test_an_older_version_with_a_criterion_nobody_judges_any_more_is_no_judgement(world: World) -> None:
    def odd(version: str) -> RuleSet:
        rules = stricter(version)
        return rules.model_copy(
            update={"categories": {name: {**limits, "pets_max": limits["vehicle_count_max"]} for name, limits in rules.categories.items()}}
        )

    assessments = Assessments(world.database, KeyRing.generate(), published(None), odd)
    with pytest.raises(UnknownCriterionError, match=r"kaifeng-pets.*pets_max"):
        await assessments.make("KF-2026-900002", 1, inputs_of(2_880_000), "kaifeng-pets", AS_OF)


async def test_published_rules_do_not_change(world: World) -> None:
    for change in ("UPDATE rule_set SET version = 'x'", "DELETE FROM rule_set"):
        with pytest.raises(Exception, match="do not change"):
            async with world.database.transaction() as session:
                await session.execute(text(change))


async def test_a_judgement_moved_to_another_case_is_noticed(world: World) -> None:
    first, second = world.case(), world.case(declaration(vehicles=[casework_pb.Vehicle(value_fen=99_000_000)]))
    for no in (first, second):
        await world.assess(no)
    async with world.database.transaction() as session:
        await session.execute(
            text(
                "UPDATE assessment SET judgement = (SELECT judgement FROM assessment WHERE application_no = :good) WHERE application_no = :bad"
            ),
            {"good": first, "bad": second},
        )
    row = await world.assessments().find(second)
    assert row is not None
    with pytest.raises(DecryptionError):
        world.assessments().judgement(row)


async def test_nothing_about_the_household_is_stored_in_clear(world: World) -> None:
    no = world.case(declaration(homes=[casework_pb.DeclaredHome(district="410202", area_centi_sqm=4_567, share_percent=50)]))
    await world.assess(no)
    async with world.database.transaction() as session:
        rows = (
            await session.execute(text("SELECT inputs, judgement, to_jsonb(a) - 'inputs' - 'judgement' AS clear FROM assessment a"))
        ).all()
    assert rows
    # The sealed columns are searched as bytes: written as hex digits, any short number turns up in them by chance.
    dump = b"".join(str(row.clear).encode() + row.inputs + row.judgement for row in rows)
    for canary in ("1988-04-12", "2880000", "1,500.00", "人均", "area_centi_sqm"):
        assert canary.encode() not in dump


async def test_a_profile_with_an_unknown_criterion_does_not_start(world: World) -> None:
    rules = rule_set_of(anju_profile.load(PROFILE))
    limits = {**rules.categories["local_household"], "pets_max": rules.categories["local_household"]["vehicle_count_max"]}
    odd = rules.model_copy(update={"categories": {"local_household": limits}})
    with pytest.raises(UnknownCriterionError, match="pets_max"):
        Assessments(world.database, KeyRing.generate(), odd, published)


async def test_a_business_date_is_the_date_in_china(world: World) -> None:
    """Half past four in the afternoon in UTC is the next day in Kaifeng: the applicant comes of age with that day."""
    no = world.case(declaration())
    world.casework.declarations[no].members[0].birth_date = "2008-11-24"
    request = pb.AssessRequest(application_no=no, round=1)
    request.as_of.FromDatetime(datetime(2026, 11, 23, 16, 30, tzinfo=UTC))
    assessment = (await world.call("Assess", request)).assessment
    assert next(c.verdict for c in assessment.criteria if c.code == "adult_applicant") == pb.VERDICT_MET


async def test_the_first_of_two_judgements_stays(world: World) -> None:
    assessments = world.assessments()
    first = await assessments.make("KF-2026-900000", 1, inputs_of(0), assessments.current.version, AS_OF)
    second = await assessments.make("KF-2026-900000", 1, inputs_of(10**9), assessments.current.version, AS_OF)
    assert second.inputs == first.inputs
