"""The search of the staff console: one field for the numbers of cases, leases, bills and complaints, and for the people of a household."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Final, Literal

from anju.casework.v1 import casework_pb2 as casework
from anju.housing.v1 import housing_pb2 as housing
from anju.oversight.v1 import complaints_pb2 as complaints
from anju.payments.v1 import payments_pb2 as payments
from anju_terms import terms
from chassis.errors import Refusal
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.layer import Access, Answer, Api, Body, Call
from web_gateway.api.titles import STAGES, title
from web_gateway.api.vocabulary import CodeOf

api = Api("search", "查找 Search")

_LEASE: Final = re.compile(r"L-?([0-9]{4})-?([0-9]{6})")
_BILL: Final = re.compile(_LEASE.pattern + r"/([0-9]{6}|DEPOSIT)")
_KINDS: Final = terms("complaint_kinds")
# Cases and complaints have numbers of one shape, and each city its own letters: whoever has one of the number answers.
_NUMBER: Final = re.compile(r"([A-Z]{2})-?([0-9]{4})-?([0-9]{6})")
# What a service answers to a duty that has nothing to do with it, or for what is not there: another one may have found something.
_NOTHING: Final = frozenset({"NOT_ALLOWED", "NOT_FOUND"})


class Search(Body):
    words: Annotated[str, Field(min_length=1, max_length=60, examples=["KF-2026-000123"])] = Field(
        description="A number of a case, lease, bill or complaint; for reviewers also the identity number or the whole name of somebody of a household."
    )


class Hit(Answer):
    kind: Literal["case", "lease", "bill", "complaint"]
    no: str
    application_no: str
    about: str = Field(description="Whose it is, masked, which home, or of a complaint its kind.")
    stage: f.Stage = Field(description="Of a case, otherwise empty.")
    stage_title: str
    state: Annotated[str, CodeOf("lease_states")] = Field(
        description="Of a lease, a bill (vocabulary bill_states) or a complaint (complaint_stages), otherwise empty."
    )


@api.post("/searches", access=Access.STAFF, idempotent=False)
async def search(call: Call, body: Search) -> f.Listing[Hit]:
    """Finds exactly, never by parts, within the reader's reach. Looking for a person is on record at every household it finds.

    It changes nothing, so it needs no Idempotency-Key; it is a POST because names belong into no address.
    """
    plain = "".join(body.words.upper().split())
    if bill := _BILL.fullmatch(plain):
        return f.Listing[Hit](items=await _if_there(_bill, call, f"L-{bill[1]}-{bill[2]}/{bill[3].lower()}"))
    if lease := _LEASE.fullmatch(plain):
        return f.Listing[Hit](items=await _if_there(_lease, call, f"L-{lease[1]}-{lease[2]}"))
    hits = await _if_there(_cases, call, body.words)
    if not hits and (number := _NUMBER.fullmatch(plain)):
        hits = await _if_there(_complaints, call, "-".join(number.groups()))
    return f.Listing[Hit](items=hits)


async def _if_there(find: Callable[[Call, str], Awaitable[list[Hit]]], call: Call, words: str) -> list[Hit]:
    try:
        return await find(call, words)
    except Refusal as refusal:
        if refusal.problem.reason in _NOTHING:
            return []
        raise


async def _cases(call: Call, words: str) -> list[Hit]:
    found = await call.rpc("casework", call.services.casework.FindApplications, casework.FindApplicationsRequest(words=words))
    return [
        Hit(
            kind="case",
            no=case.no,
            application_no=case.no,
            about=case.masked_name,
            stage=case.stage,
            stage_title=title(STAGES, case.stage, call.locale),
            state="",
        )
        for case in found.applications
    ]


async def _complaints(call: Call, no: str) -> list[Hit]:
    request = complaints.ListComplaintsRequest(no=no, official=call.person.name)
    found = await call.rpc("oversight", call.services.complaints.ListComplaints, request)
    return [
        Hit(
            kind="complaint",
            no=each.no,
            application_no="",
            about=title(_KINDS, each.kind, call.locale),
            stage="",
            stage_title="",
            state=each.stage,
        )
        for each in found.complaints
    ]


async def _lease(call: Call, no: str) -> list[Hit]:
    found = await call.rpc("housing", call.services.housing.ListLeases, housing.ListLeasesRequest(no=no))
    return [
        Hit(
            kind="lease",
            no=lease.no,
            application_no=lease.application_no,
            about=f"{lease.unit.estate_name} {lease.unit.number}",
            stage="",
            stage_title="",
            state=lease.state,
        )
        for lease in found.leases
    ]


async def _bill(call: Call, no: str) -> list[Hit]:
    bill = (await call.rpc("payments", call.services.payments.GetBill, payments.GetBillRequest(id=no))).bill
    return [
        Hit(kind="bill", no=bill.id, application_no=bill.application_no, about=bill.lease_no, stage="", stage_title="", state=bill.state)
    ]
