"""The city's homes: estates as everybody sees them, and units as the house manager adds them."""

from __future__ import annotations

from typing import Annotated

from anju.housing.v1 import housing_pb2 as housing
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Answer, Api, Body, Call
from web_gateway.api.problems import Kind
from web_gateway.api.vocabulary import CodeOf, OneOf

PROBLEMS = (
    Kind(
        "UNIT_EXISTS", 409, "房源已存在", "The unit exists",
        "该小区已有相同房号的房源，请核对房号。", "The estate has a home with this number; check the number.",
    ),
    Kind(
        "ESTATE_DIFFERS", 409, "小区信息不一致", "The estate is recorded differently",
        "该小区编号已有记录，请核对名称、区划和地址，或使用新的编号。", "This estate id is on record; check name, district and address, or use a new id.",
    ),
    Kind(
        "RENT_NOT_BY_STANDARD", 409, "月租金与租金标准不符", "The rent is not by the standard",
        "月租金按面积和租金标准计算；请不填月租金。", "The rent follows from area and rent standard; leave it out.",
    ),
)  # fmt: skip
api = Api("stock", "房源 Stock", PROBLEMS)


class Estate(Answer):
    id: str
    name: str
    district: str
    address: str
    units: int
    vacant: int


class Unit(Answer):
    id: str
    estate_id: str
    estate_name: str
    district: str
    number: str
    bedrooms: int
    area_centi_sqm: int
    monthly_rent_fen: int
    deposit_fen: int
    state: Annotated[str, CodeOf("unit_states")]
    grade: Annotated[str, CodeOf("home_grades")]


class NewUnit(Body):
    estate_id: f.Id
    estate_name: Annotated[str, Field(min_length=1, max_length=100)]
    district: f.DistrictCode
    address: f.Short
    number: Annotated[str, Field(min_length=1, max_length=100, examples=["3号楼2单元501"])]
    bedrooms: Annotated[int, Field(ge=1, le=9)]
    area_centi_sqm: Annotated[int, Field(ge=1, le=10**6)]
    monthly_rent_fen: Annotated[int, Field(ge=0, le=10**9, description="Left out, or what area × rent standard come to.")] = 0
    deposit_fen: Annotated[int, Field(ge=0, le=10**9)]
    grade: Annotated[str, OneOf("home_grades")] = "ordinary"


class AddUnits(Body):
    units: Annotated[list[NewUnit], Field(min_length=1, max_length=100)]


@api.get("/estates", access=Access.PUBLIC, max_age=10)
async def list_estates(call: Call, params: f.InDistrict) -> f.Listing[Estate]:
    """Estates with their number of units and of vacant ones."""
    found = await call.rpc("housing", call.services.housing.ListEstates, housing.ListEstatesRequest(district=params.district))
    return f.Listing[Estate](items=[to_model(Estate, item) for item in found.estates])


@api.post("/units", access=Access.STAFF, roles=("house_manager",), status=201)
async def add_units(call: Call, body: AddUnits) -> f.Listing[Unit]:
    """Adds units to the stock of a district."""
    request = housing.AddUnitsRequest(
        idempotency_key=call.idempotency_key, units=[housing.NewUnit(**unit.model_dump()) for unit in body.units]
    )
    answer = await call.rpc("housing", call.services.housing.AddUnits, request)
    return f.Listing[Unit](items=[to_model(Unit, unit) for unit in answer.units])
