"""Real estate (不动产登记)."""

from __future__ import annotations

from typing import Annotated

from anju.registry.facts.v1.real_estate_pb2 import HomeFact
from anju_terms import Title
from pydantic import Field, TypeAdapter

from registry_gateway.domain.purposes import ADMISSION
from registry_gateway.register import Register
from registry_gateway.registers.real_estate.answers import Home, cap_shares
from registry_gateway.registers.real_estate.connector import FIELDS, CountyAccess, RealEstateConnector

REGISTER = Register(
    code="real_estate",
    fact=Home,
    message=HomeFact,
    # By division code.
    access=TypeAdapter(Annotated[dict[str, CountyAccess], Field(min_length=1)]),
    connect=RealEstateConnector,
    fields={ADMISSION: FIELDS},
    found=Title(zh="查到不动产登记 {count} 处。", en="Real estate entries found: {count}."),
    no_record=Title(zh="未查到不动产登记。", en="No real estate found."),
    of_household=cap_shares,
)
