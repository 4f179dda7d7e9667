"""What the outside world hands to the services: access data of the departments, the bank, the SMS gateway and the city sign-on.

In a city these come by letter and are put into files by the operator; on one machine the sandbox makes them up, and this module plays the operator.
"""

from __future__ import annotations

import json
from typing import Any

from anju_sandbox.credentials import load_or_create

from anju_onebox.layout import Layout


def hand_over(layout: Layout) -> None:
    """Writes the files which ``Layout.environment`` names."""
    credentials = load_or_create(layout.sandbox_dir).credentials
    layout.write_secret("departments.json", json.dumps(_departments(layout, credentials)))
    bank = credentials.bank.model_dump(exclude={"pub"})
    layout.write_secret("ccb.json", json.dumps({"base_url": _url(layout, 4), **bank}))
    layout.write_secret("sms-key", credentials.sms_api_key)
    layout.write_secret("oidc-client-secret", credentials.sign_on.client_secret)


def _departments(layout: Layout, credentials: Any) -> dict[str, Any]:
    return {
        "social_insurance": {"base_url": _url(layout, 1), **credentials.social_insurance.model_dump()},
        "vehicles": {"base_url": _url(layout, 2), **credentials.vehicles.model_dump()},
        "marriage": {"base_url": _url(layout, 3), **credentials.marriage.model_dump()},
        # One register per district, on consecutive ports in the order of the codes.
        "real_estate": {
            code: {"base_url": _url(layout, 11 + number), **login.model_dump()}
            for number, (code, login) in enumerate(sorted(credentials.real_estate.items()))
        },
    }


def _url(layout: Layout, number: int) -> str:
    return f"http://127.0.0.1:{layout.sandbox_port + number}"
