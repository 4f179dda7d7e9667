"""Vehicles (机动车登记), on the national platform."""

from __future__ import annotations

from anju_sandbox.departments.department import Department
from anju_sandbox.departments.national import NationalApp, new_app
from anju_sandbox.departments.vehicles.register import VehicleRegister

DEPARTMENT = Department(
    code="vehicles", places={"vehicles": 2}, keys=NationalApp, new_keys=lambda _: new_app("GA-JDC-0001"), serve=VehicleRegister
)
