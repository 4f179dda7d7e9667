"""Social insurance (社会保险), behind the provincial gateway."""

from __future__ import annotations

import secrets

from anju_sandbox.departments.department import Department
from anju_sandbox.departments.social_insurance.register import HenanApp, SocialInsurance


def _new_keys(_server: str) -> HenanApp:
    return HenanApp(
        app_id=secrets.token_hex(16),
        app_key=secrets.token_urlsafe(36),
        subscribe_id=secrets.token_hex(8),
        user_id=f"kf-{secrets.token_hex(4)}",
    )


DEPARTMENT = Department(code="social_insurance", places={"social_insurance": 1}, keys=HenanApp, new_keys=_new_keys, serve=SocialInsurance)
