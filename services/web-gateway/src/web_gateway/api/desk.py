"""The reader's own desk: session, inbox, tasks, counters, the ledger."""

from __future__ import annotations

from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as notifications
from anju.payments.v1 import payments_pb2 as payments

from web_gateway.api import models as m
from web_gateway.api.city import InDistrict
from web_gateway.api.convert import to_model
from web_gateway.api.layer import Access, Api, Call, Empty, Params
from web_gateway.edge.access import VISIT

api = Api("/api/v1")


class OfMessage(Params):
    id: m.Id


@api.get("/session", tag="session")
async def get_session(call: Call) -> m.SessionView:
    """Who is signed on, with the CSRF token of the session and, for a citizen, what the form may start with. 401 when nobody is."""
    person = call.person
    session = call.request[VISIT].session
    prefill = person.prefill
    return m.SessionView(
        sub=person.sub,
        kind=person.kind,
        name=person.name,
        roles=list(person.roles),
        divisions=list(person.divisions),
        locale=call.locale,
        csrf_token=call.edge.sessions.csrf_token(session) if session is not None else "",
        prefill=m.PrefillData(name=prefill.name, id_number=prefill.id_number, phone=prefill.phone) if prefill else None,
    )


@api.get("/inbox", tag="inbox")
async def list_inbox(call: Call, params: m.Paged) -> m.Inbox:
    """The reader's messages, newest first: a citizen's own, or those for an official's role and division."""
    request = notifications.ListInboxRequest(page=common.PageRequest(limit=params.limit, cursor=params.cursor), locale=call.locale)
    found = await call.rpc("notifications", call.services.notifications.ListInbox, request)
    return m.Inbox(items=[to_model(m.Message, item) for item in found.messages], next_cursor=found.page.next_cursor, unread=found.unread)


@api.post("/inbox/{id}/read", tag="inbox", status=204, idempotent=False)
async def mark_message_read(call: Call, params: OfMessage, body: Empty) -> None:
    """Marks a message as read, for this reader only. Doing it twice changes nothing, so it needs no Idempotency-Key."""
    await call.rpc("notifications", call.services.notifications.MarkRead, notifications.MarkReadRequest(message_id=params.id))


@api.get("/tasks", tag="review", access=Access.STAFF)
async def list_tasks(call: Call, params: m.Paged) -> m.Page[m.Task]:
    """Open review tasks of the official's level and division, the nearest deadline first."""
    request = casework.ListTasksRequest(page=common.PageRequest(limit=params.limit, cursor=params.cursor))
    found = await call.rpc("casework", call.services.casework.ListTasks, request)
    return m.Page[m.Task](items=[to_model(m.Task, item) for item in found.tasks], next_cursor=found.page.next_cursor)


@api.get("/counters", tag="review", access=Access.STAFF)
async def get_counters(call: Call, params: InDistrict) -> m.Listing[m.Counter]:
    """How many cases are at which stage, per district and street, within the official's reach."""
    profile = call.edge.profile
    found = await call.rpc("casework", call.services.casework.GetCounters, casework.GetCountersRequest(district=params.district))
    return m.Listing[m.Counter](
        items=[
            to_model(m.Counter, item, district_name=profile.name_of(item.district), street_name=profile.name_of(item.street))
            for item in found.counters
        ]
    )


@api.get("/ledger/trial-balance", tag="ledger", access=Access.STAFF, roles=("finance", "auditor"))
async def get_trial_balance(call: Call) -> m.Listing[m.AccountBalance]:
    """Balances of the chart of accounts; debits and credits are equal."""
    found = await call.rpc("payments", call.services.payments.GetTrialBalance, payments.GetTrialBalanceRequest())
    return m.Listing[m.AccountBalance](items=[to_model(m.AccountBalance, item) for item in found.accounts])
