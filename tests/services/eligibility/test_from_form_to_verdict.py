"""The real casework, the real registry gateway and the real eligibility in front of the sandbox's departments: the demo applicants, each a telling case."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import casework.app
import casework.tables
import eligibility.app
import eligibility.tables
import pytest
import pytest_asyncio
import registry_gateway.app
import registry_gateway.tables
from anju.casework.v1 import casework_pb2 as casework_pb
from anju.casework.v1 import casework_pb2_grpc as casework_rpc
from anju.eligibility.v1 import eligibility_pb2 as pb
from anju.eligibility.v1 import eligibility_pb2_grpc as rpc
from anju.registry.v1 import registry_pb2 as registry_pb
from anju.registry.v1 import registry_pb2_grpc as registry_rpc
from anju_people.index import PersonIndex
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.settings import SandboxSettings
from anju_sandbox.world.facts import Category, Household, MaritalStatus
from anju_terms import terms
from casework.settings import Settings as CaseworkSettings
from chassis.db import Database
from chassis.grpc_client import Client
from eligibility.settings import Settings as EligibilitySettings
from registry_gateway.settings import Settings as RegistrySettings
from sqlalchemy import text

from tests.conftest import MakeDatabase
from tests.services.casework.support import Engine
from tests.services.registry_gateway.conftest import departments
from tests.support.keys import citizen, signer, staff

PROFILE = Path(__file__).parents[3] / "profiles" / "kaifeng"
REGISTERS = list(terms("registers"))
CATEGORIES = {Category.LOW_INCOME: "local_household", Category.NEW_WORKER: "new_worker", Category.MIGRANT_WORKER: "migrant_worker"}
STATUS = {
    MaritalStatus.NEVER: "single",
    MaritalStatus.MARRIED: "married",
    MaritalStatus.DIVORCED: "divorced",
    MaritalStatus.WIDOWED: "widowed",
}
MET, NOT_MET, REVIEW = pb.VERDICT_MET, pb.VERDICT_NOT_MET, pb.VERDICT_NEEDS_REVIEW


def dossier(household: Household) -> casework_pb.Dossier:
    """The form as the household fills it in."""
    form = casework_pb.Dossier(
        category=CATEGORIES[household.category],
        marital_status=STATUS[household.declared[0].marital_status],
        district="410202",
        street="410202001",
        community="410202001009",
        address="北书店街12号院",
        phone=household.declared[0].phone,
    )
    for member, truth in zip(household.declared, household.members, strict=False):
        form.members.add(
            name=member.name,
            id_number=member.id_number,
            relation=member.relation,
            birth_date=truth.birth_date.isoformat(),
            annual_income_fen=member.annual_income_fen,
            employer=member.employer_name,
        )
        for home in member.homes:
            form.homes.add(
                district=home.district,
                address=home.address,
                area_centi_sqm=int(Decimal(home.area_sqm) * 100),
                share_percent=max(1, int(Decimal(home.share_percent))),
            )
        for vehicle in member.vehicles:
            form.vehicles.add(plate=vehicle.plate, value_fen=5_000_000)
    return form


@dataclass
class Line:
    outside: Sandbox
    clients: dict[str, Client]
    people: PersonIndex
    casework: Database

    async def call(self, issuer: str, to: str, stub: Any, method: str, request: Any, **more: Any) -> Any:
        client = self.clients[f"{issuer}>{to}"]
        return await client.call(getattr(stub(client.channel), method), request, timeout=20, **more)

    async def agreed(self, no: str, person: str) -> None:
        """The consent of another adult, as casework keeps it; that he gives it himself is casework's own test."""
        values = {"id": f"consent-{no}-{person[:8]}", "no": no, "person": person, "registers": REGISTERS, "now": datetime.now(UTC)}
        async with self.casework.transaction() as session:
            await session.execute(
                text(
                    "INSERT INTO consent (id, application_no, blind, round, agrees, channel, text_version, registers, given_at, given_by, document_sealed)"
                    " VALUES (:id, :no, :person, 1, true, 'self', 'consent-2026.1', :registers, :now, 'c-adult', '')"
                ),
                values,
            )

    async def of_persona(self, key: str) -> pb.Assessment:
        persona = self.outside.population.persona(key)
        assert persona is not None
        return await self.judge(key, persona.household.applicant.id_number, dossier(persona.household))

    async def judge(self, key: str, id_number: str, form: casework_pb.Dossier) -> pb.Assessment:
        consent = casework_pb.Consent(text_version="consent-2026.1", registers=REGISTERS)
        request = casework_pb.SubmitApplicationRequest(idempotency_key=f"submit-{key}", dossier=form, consent=consent)
        applicant = replace(citizen(f"c-{key}"), person=self.people.of(id_number))
        submitted = await self.call(
            "web-gateway", "casework", casework_rpc.CaseworkServiceStub, "SubmitApplication", request, caller=applicant
        )
        no, now = submitted.application.no, datetime.now(UTC)
        for each in submitted.application.members:
            if each.state == "awaited":
                number = submitted.application.dossier.members[each.index].id_number
                await self.agreed(no, self.people.of(number))
        for register in REGISTERS:
            lookup = registry_pb.LookupRequest(application_no=no, round=1, register=register)
            lookup.as_of.FromDatetime(now)
            await self.call("worker", "registry", registry_rpc.RegistryGatewayServiceStub, "Lookup", lookup)
        assess = pb.AssessRequest(application_no=no, round=1)
        assess.as_of.FromDatetime(now)
        await self.call("worker", "eligibility", rpc.EligibilityServiceStub, "Assess", assess)
        shown = await self.call(
            "web-gateway",
            "eligibility",
            rpc.EligibilityServiceStub,
            "GetAssessment",
            pb.GetAssessmentRequest(application_no=no),
            caller=citizen(f"c-{key}"),
        )
        return shown.assessment  # type: ignore[no-any-return]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def line(make_module_database: MakeDatabase, keys_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Line]:
    urls = {}
    for name, tables in (("casework", casework.tables), ("registry-gateway", registry_gateway.tables), ("eligibility", eligibility.tables)):
        urls[name] = await make_module_database(name, tables.MIGRATIONS)
    folder = tmp_path_factory.mktemp("line")
    async with AsyncExitStack() as stack:
        settings = SandboxSettings.on_free_ports(folder / "sandbox")
        outside = await stack.enter_async_context(sandbox(settings, only=("social_insurance", "vehicles", "marriage", "real_estate")))
        (folder / "departments.json").write_text(json.dumps(departments(outside)))
        common_settings: dict[str, Any] = {"port": 0, "keys_dir": keys_dir, "profile_dir": PROFILE, "drain_seconds": 0}
        first = await stack.enter_async_context(
            casework.app.application(CaseworkSettings(database_url=urls["casework"], **common_settings), engine=Engine())
        )
        second = await stack.enter_async_context(
            registry_gateway.app.application(
                RegistrySettings(
                    database_url=urls["registry-gateway"],
                    departments_file=folder / "departments.json",
                    casework_address=first.address,
                    **common_settings,
                )
            )
        )
        third = await stack.enter_async_context(
            eligibility.app.application(
                EligibilitySettings(
                    database_url=urls["eligibility"],
                    casework_address=first.address,
                    registry_gateway_address=second.address,
                    **common_settings,
                )
            )
        )
        addresses = {"casework": first.address, "registry": second.address, "eligibility": third.address}
        clients = {
            f"{issuer}>{to}": Client(address, signer(keys_dir, issuer))
            for issuer in ("web-gateway", "worker")
            for to, address in addresses.items()
        }
        database = Database(urls["casework"])
        yield Line(outside, clients, PersonIndex.of_folder(keys_dir), database)
        await database.engine.dispose()
        for client in clients.values():
            await client.close()


@pytest.mark.parametrize(
    ("key", "overall", "differing"),
    [
        ("family", MET, {}),
        ("single_worker", MET, {}),
        ("homeowner", NOT_MET, {"housing_area": NOT_MET}),
        ("car_over_limit", NOT_MET, {"vehicle_count": NOT_MET, "vehicle_value": NOT_MET}),
        ("income_too_high", NOT_MET, {"income": NOT_MET}),
        ("homonym", REVIEW, {"housing_area": REVIEW}),
        ("contradictory_marriage", REVIEW, {"marriage": REVIEW}),
        ("migrant_worker", REVIEW, {"marriage": REVIEW}),
        ("elder_single", MET, {}),
    ],
)
async def test_each_demo_applicant_gets_the_verdict_of_his_story(
    line: Line, key: str, overall: pb.Verdict.ValueType, differing: dict[str, pb.Verdict.ValueType]
) -> None:
    assessment = await line.of_persona(key)
    doubtful = {c.code: c.verdict for c in assessment.criteria if c.verdict not in (MET, pb.VERDICT_NOT_APPLICABLE)}
    assert doubtful == differing, [c.reason.zh for c in assessment.criteria]
    assert assessment.verdict == overall


async def test_a_homeowner_who_declared_less_is_compared_home_by_home(line: Line) -> None:
    """Through the real services: each answer with its time, each difference with whose it is."""
    no = (await line.of_persona("homonym")).application_no
    answer = await line.call(
        "web-gateway",
        "eligibility",
        rpc.EligibilityServiceStub,
        "GetComparison",
        pb.GetComparisonRequest(application_no=no),
        caller=staff("district_reviewer", "410202"),
    )
    rows = answer.comparison.rows
    assert {row.fact for row in rows} >= {"marital_status", "annual_income", "homes", "vehicles"}
    assert [row for row in rows if row.register == "real_estate" and row.difference in ("differs", "only_registered", "unknown")], rows
    assert all(row.HasField("as_of") for row in rows)


async def test_a_spouse_outside_the_household_is_known_to_casework_by_index_before_anybody_decides(line: Line) -> None:
    """The form says divorced and names nobody; the register says married, and to whom."""
    married = next(
        household
        for household in line.outside.population.households(200, start=600_000)
        if household.applicant.marriage.status is MaritalStatus.MARRIED and not household.applicant.marriage.other_province
    )
    form = dossier(married)
    form.marital_status = "divorced"
    del form.members[1:]
    no = (await line.judge("alone", married.applicant.id_number, form)).application_no
    async with line.casework.transaction() as session:
        found = (await session.execute(text("SELECT blind FROM registered_spouse WHERE application_no = :no"), {"no": no})).scalars().all()
    assert found == [line.people.of(married.applicant.marriage.spouse_id_number)]
