"""Vehicles (机动车登记)."""

from __future__ import annotations

from anju.registry.facts.v1.vehicles_pb2 import VehicleFact
from anju_terms import Title
from pydantic import TypeAdapter

from registry_gateway.connectors.national import NationalAccess
from registry_gateway.domain.purposes import ADMISSION
from registry_gateway.register import Register
from registry_gateway.registers.vehicles.answers import Vehicle
from registry_gateway.registers.vehicles.connector import FIELDS, VehicleConnector

REGISTER = Register(
    code="vehicles",
    fact=Vehicle,
    message=VehicleFact,
    access=TypeAdapter(NationalAccess),
    connect=VehicleConnector,
    fields={ADMISSION: FIELDS},
    found=Title(zh="查到名下车辆 {count} 辆。", en="Vehicles found: {count}."),
    no_record=Title(zh="未查到名下车辆。", en="No vehicles found."),
)
