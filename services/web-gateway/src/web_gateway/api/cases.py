"""What an application is made of, on its way in (bodies) and out (answers)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from web_gateway.api.layer import Answer, Body
from web_gateway.api.models import Area, Code, Fen, Outcome, Reason, Register, Short, Verdict


class Member(Body):
    name: Annotated[str, Field(max_length=100)]
    id_number: Annotated[str, Field(max_length=40, description="Resident identity number (GB 11643).")]
    relation: Literal["applicant", "spouse", "child", "parent", "other"]
    birth_date: Annotated[str, Field(max_length=10, description="YYYY-MM-DD, agreeing with the identity number.", examples=["1990-01-01"])]
    annual_income_fen: Fen = 0
    employer: Short = ""


class Home(Body):
    district: Code
    address: Short
    area_centi_sqm: Area
    share_percent: Annotated[int, Field(ge=1, le=100)]


class Vehicle(Body):
    plate: Annotated[str, Field(max_length=20)]
    value_fen: Fen


class Dossier(Body):
    category: Literal["local_household", "new_worker", "migrant_worker"]
    members: Annotated[list[Member], Field(min_length=1, max_length=20)]
    homes: Annotated[list[Home], Field(max_length=20)] = []
    vehicles: Annotated[list[Vehicle], Field(max_length=20)] = []
    marital_status: Literal["single", "married", "divorced", "widowed"]
    district: Code
    street: Code
    community: Code | Literal[""] = Field(default="", description="Empty where the street has no communities on record.")
    address: Short
    phone: Annotated[str, Field(max_length=20)]


class ConsentGiven(Body):
    text_version: Annotated[str, Field(max_length=40, examples=["consent-2026.1"])]
    registers: Annotated[list[Register], Field(max_length=4)]


class SubmitApplication(Body):
    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dossier": {
                        "category": "local_household",
                        "members": [
                            {
                                "name": "安示例",
                                "id_number": "990101199001010011",
                                "relation": "applicant",
                                "birth_date": "1990-01-01",
                                "annual_income_fen": 4800000,
                                "employer": "示例单位",
                            }
                        ],
                        "homes": [],
                        "vehicles": [],
                        "marital_status": "single",
                        "district": "410202",
                        "street": "410202001",
                        "community": "410202001001",
                        "address": "示例路 1 号",
                        "phone": "19999000001",
                    },
                    "consent": {
                        "text_version": "consent-2026.1",
                        "registers": ["social_insurance", "real_estate", "vehicles", "marriage"],
                    },
                }
            ]
        }
    )

    dossier: Dossier
    consent: ConsentGiven


class CorrectDossier(Body):
    dossier: Dossier


class Withdraw(Body):
    reason: Reason = ""


class Object(Body):
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class Decide(Body):
    decision: Literal["approve", "return", "refuse"]
    reason: Reason = Field(default="", description="Needed for return and refuse; the household reads it.")


class DecideObjection(Body):
    upheld: bool
    answer: Annotated[str, Field(min_length=1, max_length=2000)]


class MemberView(Answer):
    name: str
    id_number: str
    relation: str
    birth_date: str
    annual_income_fen: int
    employer: str


class HomeView(Answer):
    district: str
    address: str
    area_centi_sqm: int
    share_percent: int


class VehicleView(Answer):
    plate: str
    value_fen: int


class DossierView(Answer):
    category: str
    members: list[MemberView]
    homes: list[HomeView]
    vehicles: list[VehicleView]
    marital_status: str
    district: str
    street: str
    community: str
    address: str
    phone: str


class ConsentView(Answer):
    text_version: str
    registers: list[Register | None]
    given_at: datetime | None


class TimelineEntry(Answer):
    at: datetime | None
    event: str
    stage: str
    stage_title: str
    actor_kind: str
    note: str
    deadline_at: datetime | None


class Objection(Answer):
    id: str
    raised_at: datetime | None
    text: str
    state: str = Field(description="open, upheld, dismissed, or closed: the case ended before it was answered.")
    answer: str


class ApplicationSummary(Answer):
    no: str
    version: int
    stage: str
    stage_title: str
    waiting_on: str = Field(description="citizen, street, district, city, registers, public, system or nobody.")
    deadline_at: datetime | None
    overdue: bool
    district: str
    street: str
    category: str
    household_size: int
    submitted_at: datetime | None
    updated_at: datetime | None
    outcome: str
    reason: str
    masked_name: str
    round: int


class Application(ApplicationSummary):
    dossier: DossierView | None
    consent: ConsentView | None
    timeline: list[TimelineEntry]
    objections: list[Objection]


class Lookup(Answer):
    register_: Register | None = Field(alias="register", serialization_alias="register")
    title: str
    outcome: Outcome | None
    summary: str
    tries: int
    last_try_at: datetime | None


class CriterionResult(Answer):
    code: str
    title: str
    verdict: Verdict | None
    reason_zh: str
    reason_en: str
    legal_ref: str
    observed: str
    threshold: str
    receipt_ids: list[str]


class Assessment(Answer):
    id: str
    application_no: str
    round: int
    rule_set: str
    verdict: Verdict | None
    criteria: list[CriterionResult]
    as_of: datetime | None


class AccessEntry(Answer):
    at: datetime | None
    register_: Register | None = Field(alias="register", serialization_alias="register")
    endpoint: str
    purpose: str
    legal_basis: str
    operator: str
    outcome: Outcome | None
