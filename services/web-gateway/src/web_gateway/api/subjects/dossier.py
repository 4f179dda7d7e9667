"""What a household declares: the one definition, sent by the form and shown to those who may read the case."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from anju.casework.v1 import casework_pb2 as casework
from pydantic import Field

from web_gateway.api.fields import Area, Code, Fen, Short
from web_gateway.api.layer import Body
from web_gateway.api.vocabulary import OneOf


class Member(Body):
    name: Annotated[str, Field(max_length=100)]
    id_number: Annotated[
        str,
        Field(
            max_length=40,
            description="Of the identity card or residence permit (GB 11643), or of the foreigner's permanent residence card in its form of 2023 or the one before.",
        ),
    ]
    relation: Annotated[str, OneOf("relations")]
    birth_date: Annotated[
        str, Field(max_length=10, description="YYYY-MM-DD, agreeing with the number as far as it holds a date.", examples=["1990-01-01"])
    ]
    annual_income_fen: Fen = 0
    employer: Short = ""


class Home(Body):
    district: Code
    address: Short
    area_centi_sqm: Area
    share_percent: Annotated[int, Field(ge=1, le=100)]
    certificate_no: Annotated[str, Field(max_length=100)] = ""


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

    def message(self) -> casework.Dossier:
        return casework.Dossier(**self.model_dump())


EXAMPLE: Final[dict[str, Any]] = {
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
}
