"""Who is signed on."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Final, Literal

from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.layer import Access, Answer, Api, Body, Call
from web_gateway.api.problems import problem
from web_gateway.edge.access import VISIT
from web_gateway.edge.standing import chosen

OPERATOR: Final = "operator"
api = Api("session", "登录状态 Session")


class PrefillData(Answer):
    """Of the real-name sign-on, for the applicant's own form."""

    name: str
    id_number: str
    phone: str


class CapacityView(Answer):
    """Duties which an official has in the same divisions, his own or those of whom he stands in for."""

    id: str
    duties: list[f.Role]
    divisions: list[str]
    acting_for: str
    acting_for_name: str


class ChooseCapacity(Body):
    capacity: Annotated[str, Field(min_length=1, max_length=40, description="Id of one of the capacities of the session.")]


class SessionView(Answer):
    secret = True

    sub: str
    kind: Literal["citizen", "staff"]
    name: str
    roles: list[f.Role]
    divisions: list[str]
    acting_for: str = Field(description="Account of whom the official stands in for in this session; empty for himself.")
    acting_for_name: str
    capacities: list[CapacityView] = Field(description="Everything the official may do now, his own first; the session is in one of them.")
    acting: str = Field(description="Id of the capacity the session is in; empty for citizens.")
    locale: str
    csrf_token: str = Field(description="Send it as X-CSRF-Token with every unsafe request; empty for a bearer token, which needs none.")
    prefill: PrefillData | None
    engine_ui: str = Field(description="Address of our namespace in the workflow engine's UI, for operators; empty for everybody else.")
    file_rows: int = Field(description="Rows of a list an official takes away in one file; more takes the consent of a second person.")


@api.get("/session")
async def get_session(call: Call) -> SessionView:
    """Who is signed on, with the CSRF token of the session and, for a citizen, what the form may start with. 401 when nobody is."""
    return _view(call)


@api.put("/session/acting", access=Access.STAFF, idempotent=False)
async def choose_capacity(call: Call, body: ChooseCapacity) -> SessionView:
    """Goes on in another of the official's capacities: another duty of his, or that of whom he stands in for. 404 for one he has not (any more).

    A session with a cookie has one; a bearer token is good for the first."""
    visit = call.request[VISIT]
    if visit.session is None or body.capacity not in {each.id for each in visit.capacities}:
        raise problem("NOT_FOUND")
    call.person = chosen(call.person, visit.capacities, body.capacity)
    visit.session, visit.reseal = replace(visit.session, person=call.person, acting=body.capacity), True
    return _view(call)


def _view(call: Call) -> SessionView:
    person, visit = call.person, call.request[VISIT]
    session = visit.session
    mine = (person.roles, person.divisions, person.acting_for)
    prefill = person.prefill
    return SessionView(
        sub=person.sub,
        kind=person.kind,
        name=person.name,
        roles=list(person.roles),
        divisions=list(person.divisions),
        acting_for=person.acting_for,
        acting_for_name=person.acting_for_name,
        capacities=[
            CapacityView(
                id=each.id,
                duties=list(each.duties),
                divisions=list(each.divisions),
                acting_for=each.acting_for,
                acting_for_name=each.acting_for_name,
            )
            for each in visit.capacities
        ],
        acting=next((each.id for each in visit.capacities if (each.duties, each.divisions, each.acting_for) == mine), ""),
        locale=call.locale,
        csrf_token=call.edge.sessions.csrf_token(session) if session is not None else "",
        prefill=PrefillData(name=prefill.name, id_number=prefill.id_number, phone=prefill.phone) if prefill else None,
        engine_ui=call.edge.engine_ui if OPERATOR in person.roles else "",
        file_rows=call.edge.file_rows,
    )
