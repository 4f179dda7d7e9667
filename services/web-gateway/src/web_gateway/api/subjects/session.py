"""Who is signed on."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.layer import Answer, Api, Call
from web_gateway.edge.access import VISIT

api = Api("session", "登录状态 Session")


class PrefillData(Answer):
    """Of the real-name sign-on, for the applicant's own form."""

    name: str
    id_number: str
    phone: str


class SessionView(Answer):
    secret = True

    sub: str
    kind: Literal["citizen", "staff"]
    name: str
    roles: list[f.Role]
    divisions: list[str]
    locale: str
    csrf_token: str = Field(description="Send it as X-CSRF-Token with every unsafe request; empty for a bearer token, which needs none.")
    prefill: PrefillData | None


@api.get("/session")
async def get_session(call: Call) -> SessionView:
    """Who is signed on, with the CSRF token of the session and, for a citizen, what the form may start with. 401 when nobody is."""
    person = call.person
    session = call.request[VISIT].session
    prefill = person.prefill
    return SessionView(
        sub=person.sub,
        kind=person.kind,
        name=person.name,
        roles=list(person.roles),
        divisions=list(person.divisions),
        locale=call.locale,
        csrf_token=call.edge.sessions.csrf_token(session) if session is not None else "",
        prefill=PrefillData(name=prefill.name, id_number=prefill.id_number, phone=prefill.phone) if prefill else None,
    )
