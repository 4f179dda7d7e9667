"""Minimum living allowances (民政低保)."""

from __future__ import annotations

from anju.registry.facts.v1.dibao_pb2 import ReliefFact
from anju_terms import Title
from pydantic import TypeAdapter
from registry_gateway.connectors.national import NationalAccess
from registry_gateway.domain.purposes import ADMISSION
from registry_gateway.register import Register
from registry_gateway.registers.dibao.answers import Relief
from registry_gateway.registers.dibao.connector import FIELDS, DibaoConnector

REGISTER = Register(
    code="dibao",
    fact=Relief,
    message=ReliefFact,
    access=TypeAdapter(NationalAccess),
    connect=DibaoConnector,
    fields={ADMISSION: FIELDS},
    found=Title(zh="查到 {count} 人的最低生活保障记录。", en="Living allowances found for {count} person(s)."),
    no_record=Title(zh="未查到最低生活保障记录。", en="No living allowance found."),
)
