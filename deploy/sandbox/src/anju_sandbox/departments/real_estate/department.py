"""Real estate (不动产登记): every district and county keeps its own register."""

from __future__ import annotations

import secrets

from anju_sandbox.departments.department import Department
from anju_sandbox.departments.real_estate.register import RealEstateLogin, RealEstateRegister
from anju_sandbox.world.places import DISTRICTS

_FIRST_PLACE = 11


def _new_keys(server: str) -> RealEstateLogin:
    return RealEstateLogin(yhm=f"zfbz{server[-6:]}", mm=secrets.token_urlsafe(18), reply_key=secrets.token_urlsafe(32))


DEPARTMENT = Department(
    code="real_estate",
    places={f"real_estate_{district}": _FIRST_PLACE + number for number, district in enumerate(sorted(DISTRICTS))},
    keys=RealEstateLogin,
    new_keys=_new_keys,
    serve=RealEstateRegister,
)
