"""What an application is made of, on its way in (bodies) and out (answers)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from web_gateway.api import models as m
from web_gateway.api.layer import Answer, Body
from web_gateway.api.models import Area, Code, Fen, Outcome, Reason, Short, Verdict
from web_gateway.api.vocabulary import CodeOf, OneOf


class Member(Body):
    name: Annotated[str, Field(max_length=100)]
    id_number: Annotated[str, Field(max_length=40, description="Resident identity number (GB 11643).")]
    relation: Annotated[str, OneOf("relations")]
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
    category: Annotated[str, OneOf("categories")]
    members: Annotated[list[Member], Field(min_length=1, max_length=20)]
    homes: Annotated[list[Home], Field(max_length=20)] = []
    vehicles: Annotated[list[Vehicle], Field(max_length=20)] = []
    marital_status: Annotated[str, OneOf("marital_statuses")]
    district: Code
    street: Code
    community: Code | Literal[""] = Field(default="", description="Empty where the street has no communities on record.")
    address: Short
    phone: Annotated[str, Field(max_length=20)]


class ConsentGiven(Body):
    text_version: Annotated[str, Field(max_length=40, examples=["consent-2026.1"])]
    registers: Annotated[list[m.AskedRegister], Field(max_length=20)]


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


class RaiseObjection(Body):
    text: Annotated[str, Field(min_length=1, max_length=2000)]


class Decide(Body):
    decision: Literal["approve", "return", "refuse"]
    reason: Reason = Field(default="", description="Needed for return and refuse; the household reads it.")


class DecideObjection(Body):
    upheld: bool
    answer: Annotated[str, Field(min_length=1, max_length=2000)]


class ConsentView(Answer):
    text_version: str
    registers: list[m.Register]
    given_at: datetime


class TimelineEntry(Answer):
    at: datetime
    event: Annotated[str, CodeOf("events")]
    stage: m.Stage
    stage_title: str
    actor_kind: Annotated[str, CodeOf("actors")]
    note: str
    deadline_at: datetime | None


class Objection(Answer):
    id: str
    raised_at: datetime
    text: str
    state: Annotated[str, CodeOf("objection_states")] = Field(description="Closed: the case ended before it was answered.")
    answer: str


class ApplicationSummary(Answer):
    no: str
    version: int
    stage: m.Stage
    stage_title: str
    waiting_on: m.WaitingOn
    deadline_at: datetime | None
    overdue: bool
    district: str
    street: str
    category: m.Category
    household_size: int
    submitted_at: datetime
    updated_at: datetime
    outcome: str
    reason: str
    masked_name: str
    round: int


class Application(ApplicationSummary):
    dossier: Dossier | None
    consent: ConsentView | None
    timeline: list[TimelineEntry]
    objections: list[Objection]


class Lookup(Answer):
    register_: m.Register = Field(alias="register", serialization_alias="register")
    title: str
    outcome: Outcome | None
    summary: str
    tries: int
    last_try_at: datetime | None


class CriterionResult(Answer):
    code: Annotated[str, CodeOf("criteria")]
    title: str
    verdict: Verdict
    reason: str
    legal_ref: str
    observed: str
    threshold: str
    receipt_ids: list[str]


class Assessment(Answer):
    id: str
    application_no: str
    round: int
    rule_set: str
    verdict: Verdict
    criteria: list[CriterionResult]
    as_of: datetime


class AccessEntry(Answer):
    at: datetime
    register_: m.Register = Field(alias="register", serialization_alias="register")
    endpoint: str
    purpose: str
    legal_basis: str
    operator: str
    outcome: Outcome | None
