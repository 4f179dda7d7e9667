"""Marriage (婚姻登记)."""

from __future__ import annotations

from anju.registry.facts.v1.marriage_pb2 import MarriageFact
from anju_terms import Title
from pydantic import TypeAdapter

from registry_gateway.connectors.national import NationalAccess
from registry_gateway.domain.purposes import ADMISSION
from registry_gateway.register import Register
from registry_gateway.registers.marriage.answers import NONE_FOUND, Marriage
from registry_gateway.registers.marriage.connector import FIELDS, MarriageConnector

REGISTER = Register(
    code="marriage",
    fact=Marriage,
    message=MarriageFact,
    access=TypeAdapter(NationalAccess),
    connect=MarriageConnector,
    fields={ADMISSION: FIELDS},
    found=Title(zh="查到 {count} 人的婚姻登记记录。", en="Marriage entries found for {count} person(s)."),
    no_record=Title(zh="未查到婚姻登记记录（查无记录不等于未婚）。", en="No marriage entry found (which does not mean unmarried)."),
    when_no_record=Marriage(status=NONE_FOUND),
)
