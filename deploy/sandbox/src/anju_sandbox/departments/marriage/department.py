"""Marriage (婚姻登记), on the national platform."""

from __future__ import annotations

from anju_sandbox.departments.department import Department
from anju_sandbox.departments.marriage.register import MarriageRegister
from anju_sandbox.departments.national import NationalApp, new_app

DEPARTMENT = Department(
    code="marriage", places={"marriage": 3}, keys=NationalApp, new_keys=lambda _: new_app("MZ-HYDJ-0001"), serve=MarriageRegister
)
