"""Minimum living allowances (民政低保), on the national platform."""

from __future__ import annotations

from anju_sandbox.departments.department import Department
from anju_sandbox.departments.dibao.register import DibaoRegister
from anju_sandbox.departments.national import NationalApp, new_app

DEPARTMENT = Department(code="dibao", places={"dibao": 21}, keys=NationalApp, new_keys=lambda _: new_app("MZ-DB-0001"), serve=DibaoRegister)
