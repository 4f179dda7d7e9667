"""Social insurance (社会保险)."""

from __future__ import annotations

from anju.registry.facts.v1.social_insurance_pb2 import InsuranceFact
from anju_terms import Title
from pydantic import TypeAdapter

from registry_gateway.domain.purposes import ADMISSION
from registry_gateway.register import Register
from registry_gateway.registers.social_insurance.answers import Insurance
from registry_gateway.registers.social_insurance.connector import FIELDS, GatewayAccess, SocialInsuranceConnector

REGISTER = Register(
    code="social_insurance",
    fact=Insurance,
    message=InsuranceFact,
    access=TypeAdapter(GatewayAccess),
    connect=SocialInsuranceConnector,
    fields={ADMISSION: FIELDS},
    found=Title(zh="查到 {count} 人的社会保险缴费记录。", en="Social insurance payments found for {count} person(s)."),
    no_record=Title(zh="未查到社会保险缴费记录。", en="No social insurance payments found."),
    when_no_record=Insurance(continuous_months=0, monthly_base_fen=0),
)
