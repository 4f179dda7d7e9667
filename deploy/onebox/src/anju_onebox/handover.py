"""What the outside world hands to the services: access data of the departments, the bank, the SMS gateway and the city sign-on.

In a city these come by letter and are put into files by the operator; on one machine the sandbox makes them up, and this module plays the operator.
"""

from __future__ import annotations

import json
from typing import Any

from anju_sandbox.credentials import Credentials, department_keys, load_or_create
from anju_sandbox.departments import discover
from anju_sandbox.servers import BANK, places

from anju_onebox.layout import Layout


def hand_over(layout: Layout) -> None:
    """Writes the files which ``Layout.environment`` names."""
    credentials = load_or_create(layout.sandbox_dir).credentials
    layout.write_secret("departments.json", json.dumps(_departments(layout, credentials)))
    bank = credentials.bank.model_dump(exclude={"pub"})
    layout.write_secret("ccb.json", json.dumps({"base_url": _url(layout, places()[BANK]), **bank}))
    layout.write_secret("sms-key", credentials.sms_api_key)
    layout.write_secret("oidc-client-secret", credentials.sign_on.client_secret)


def _departments(layout: Layout, credentials: Credentials) -> dict[str, Any]:
    keys, place = department_keys(credentials), places()
    return {code: department.handed_over(keys, lambda server: _url(layout, place[server])) for code, department in discover().items()}


def _url(layout: Layout, place: int) -> str:
    return f"http://127.0.0.1:{layout.sandbox_port + place}"
