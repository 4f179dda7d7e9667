"""Offers, leases and their bills."""

from __future__ import annotations

from typing import Annotated

from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as housing
from anju.payments.v1 import payments_pb2 as payments
from pydantic import Field

from web_gateway.api import models as m
from web_gateway.api.city import MaybeDistrict
from web_gateway.api.convert import to_model
from web_gateway.api.layer import DECISION_SECONDS, Access, Api, Call, Empty, Params

api = Api("/api/v1")
State = Annotated[str, Field(pattern=r"^[a-z_]{0,20}$", description="Only this state.")]


class OfOffer(Params):
    id: m.Id


class OfLease(Params):
    no: m.Id


class LeaseFilter(m.Paged):
    state: State = ""
    district: MaybeDistrict = ""


class BillsOfLease(m.Paged):
    no: m.Id


class OfBill(Params):
    no: m.Id
    period: m.Period


class BillFilter(m.Paged):
    state: State = ""


class OfDistrict(Params):
    code: m.DistrictCode


@api.post("/offers/{id}/answer", tag="homes", access=Access.CITIZEN)
async def answer_offer(call: Call, params: OfOffer, body: m.AnswerOffer) -> m.Offer:
    """Accepts or declines the household's open offer. Declining too often strikes the household off the list."""
    request = housing.AnswerOfferRequest(idempotency_key=call.idempotency_key, offer_id=params.id, accept=body.accept, reason=body.reason)
    answer = await call.rpc("housing", call.services.housing.AnswerOffer, request, seconds=DECISION_SECONDS)
    return to_model(m.Offer, answer.offer)


@api.post("/leases/{no}/signature", tag="homes", access=Access.CITIZEN)
async def sign_lease(call: Call, params: OfLease, body: m.SignLease) -> m.Lease:
    """Signs the lease. 409 NOT_ACKNOWLEDGED unless the household confirms that it was told the liability clauses and the return situations."""
    request = housing.SignLeaseRequest(idempotency_key=call.idempotency_key, lease_no=params.no, acknowledged=body.acknowledged)
    answer = await call.rpc("housing", call.services.housing.SignLease, request, seconds=DECISION_SECONDS)
    return to_model(m.Lease, answer.lease)


@api.get("/leases", tag="homes")
async def list_leases(call: Call, params: LeaseFilter) -> m.Page[m.Lease]:
    """Leases in the reader's reach."""
    request = housing.ListLeasesRequest(
        page=common.PageRequest(limit=params.limit, cursor=params.cursor), state=params.state, district=params.district
    )
    found = await call.rpc("housing", call.services.housing.ListLeases, request)
    return m.Page[m.Lease](items=[to_model(m.Lease, item) for item in found.leases], next_cursor=found.page.next_cursor)


@api.get("/leases/{no}/bills", tag="bills")
async def list_lease_bills(call: Call, params: BillsOfLease) -> m.Page[m.Bill]:
    """Bills of one lease, newest period first."""
    request = payments.ListBillsRequest(page=common.PageRequest(limit=params.limit, cursor=params.cursor), lease_no=params.no)
    found = await call.rpc("payments", call.services.payments.ListBills, request)
    return m.Page[m.Bill](items=[to_model(m.Bill, item) for item in found.bills], next_cursor=found.page.next_cursor)


@api.get("/bills", tag="bills")
async def list_bills(call: Call, params: BillFilter) -> m.Page[m.Bill]:
    """Bills in the reader's reach, newest period first."""
    request = payments.ListBillsRequest(page=common.PageRequest(limit=params.limit, cursor=params.cursor), state=params.state)
    found = await call.rpc("payments", call.services.payments.ListBills, request)
    return m.Page[m.Bill](items=[to_model(m.Bill, item) for item in found.bills], next_cursor=found.page.next_cursor)


@api.get("/leases/{no}/bills/{period}", tag="bills")
async def get_bill(call: Call, params: OfBill) -> m.Bill:
    """One bill; its id is ``{lease}/{period}``."""
    answer = await call.rpc("payments", call.services.payments.GetBill, payments.GetBillRequest(id=f"{params.no}/{params.period}"))
    return to_model(m.Bill, answer.bill)


@api.post("/leases/{no}/bills/{period}/payments", tag="bills", access=Access.CITIZEN, status=202)
async def start_payment(call: Call, params: OfBill, body: Empty) -> m.Intent:
    """Opens a payment at the bank for what is still owed, or returns the open one. Send the payer to ``pay_url`` and poll the bill."""
    request = payments.StartPaymentRequest(idempotency_key=call.idempotency_key, bill_id=f"{params.no}/{params.period}")
    answer = await call.rpc("payments", call.services.payments.StartPayment, request, seconds=DECISION_SECONDS)
    call.location(f"/api/v1/leases/{params.no}/bills/{params.period}")
    return to_model(m.Intent, answer.intent)


@api.post("/units", tag="stock", access=Access.STAFF, roles=("house_manager",), status=201)
async def add_units(call: Call, body: m.AddUnits) -> m.Listing[m.Unit]:
    """Adds units to the stock of a district."""
    request = housing.AddUnitsRequest(
        idempotency_key=call.idempotency_key, units=[housing.NewUnit(**unit.model_dump()) for unit in body.units]
    )
    answer = await call.rpc("housing", call.services.housing.AddUnits, request)
    return m.Listing[m.Unit](items=[to_model(m.Unit, unit) for unit in answer.units])


@api.post("/districts/{code}/offers", tag="stock", access=Access.STAFF, roles=("house_manager",))
async def offer_vacant_units(call: Call, params: OfDistrict, body: Empty) -> m.OffersMade:
    """Offers every vacant unit of a district to the next fitting household in list order."""
    request = housing.OfferVacantUnitsRequest(idempotency_key=call.idempotency_key, district=params.code)
    answer = await call.rpc("housing", call.services.housing.OfferVacantUnits, request, seconds=DECISION_SECONDS)
    return to_model(m.OffersMade, answer)
