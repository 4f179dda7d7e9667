"""A household's way to its home: waiting list, offers, the lease."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from anju.housing.v1 import housing_pb2 as housing
from pydantic import Field

from web_gateway.api import fields as f
from web_gateway.api.convert import to_model
from web_gateway.api.files import PDF, Download
from web_gateway.api.layer import DECISION_SECONDS, Access, Answer, Api, Body, Call, Empty, Params
from web_gateway.api.problems import Kind
from web_gateway.api.subjects.stock import Unit
from web_gateway.api.vocabulary import CodeOf

PROBLEMS = (
    Kind(
        "OFFER_NOT_OPEN", 409, "配租已结束", "The offer is not open",
        "该配租已答复、已过期或已收回，请刷新后查看最新配租。", "The offer was answered, has expired or was taken back; reload to see the newest one.",
    ),
    Kind(
        "LEASE_NOT_OPEN", 409, "合同当前不能签订", "The lease is not open",
        "合同已签订、已过期或尚未生成，请刷新后查看。", "The lease was signed, has expired or is not drafted yet; reload to see it.",
    ),
    Kind(
        "NOT_ACKNOWLEDGED", 409, "请先阅读并确认", "Read and acknowledge first",
        "签约前请阅读并确认违约责任和应当退回住房的情形。", "Confirm the liability clauses and the return situations before signing.",
    ),
    Kind(
        "TERMS_CHANGED", 409, "合同内容有变化", "The contract has changed",
        "您阅读之后合同内容有变化，这次没有签订；请把新的合同再读一遍，同意后再签。",
        "The contract has changed since you read it, so nothing was signed; read the new text, and sign it if you agree.",
    ),
)  # fmt: skip
api = Api("homes", "轮候、配租与租赁 Waiting list, offers and leases", PROBLEMS)


class WaitingEntry(Answer):
    application_no: str
    masked_name: str
    district: str
    street: str
    household_size: int
    rank: int
    registered_at: datetime
    state: Annotated[str, CodeOf("waiting_states")]
    expires_at: datetime


class Offer(Answer):
    id: str
    application_no: str
    unit: Unit
    state: Annotated[str, CodeOf("offer_states")]
    made_at: datetime
    expires_at: datetime


class OffersMade(Answer):
    offers: list[Offer]
    still_waiting: int
    still_vacant: int


class Lease(Answer):
    no: str
    application_no: str
    unit: Unit
    state: Annotated[str, CodeOf("lease_states")]
    starts_on: str = Field(description="First day, YYYY-MM-DD; empty until the lease takes effect.")
    ends_on: str = Field(description="Last day, YYYY-MM-DD; empty until the lease takes effect.")
    term_months: int
    monthly_rent_fen: int
    deposit_fen: int
    signed_at: datetime | None
    version: int
    sign_by: datetime


class Clause(Answer):
    code: str = Field(description="Item of Order 11, article 17, which the clause settles.")
    title: str
    text: list[str]


class Contract(Answer):
    secret = True

    clauses: list[Clause]
    digest: str = Field(description="SHA-256 of all that is signed, in hexadecimal.")
    signed_at: datetime | None
    sample: bool = Field(description="True: the text is a sample and not the city's own.")


class ContractCheck(Answer):
    matches: bool = Field(description="False: no such contract was signed here; all else is empty then.")
    signed_at: datetime | None
    state: Annotated[str, CodeOf("lease_states")]
    starts_on: str
    ends_on: str
    term_months: int
    monthly_rent_fen: int
    deposit_fen: int


class Tenancy(Answer):
    waiting: WaitingEntry | None
    offers: list[Offer]
    lease: Lease | None


class AnswerOffer(Body):
    accept: bool
    reason: f.Reason = ""


class SignLease(Body):
    acknowledged: bool = Field(description="The household was told the liability clauses and the return situations (Order 11, article 16).")
    digest: str = Field(pattern=r"^[0-9a-f]{64}$", description="Of the contract as it was read.")


class WaitingListOf(f.Sorted):
    sort: str = f.sorting("rank", "application_no", "household_size", "registered_at")
    code: f.DistrictCode
    state: f.State = ""


class OfDistrict(Params):
    code: f.DistrictCode


class OfOffer(Params):
    id: f.Id


class OfLease(Params):
    no: f.Id


class OnPaper(Params):
    no: f.Id
    mark: str = Field(pattern=r"^[0-9a-f]{16}$", description="As the code on the paper carries it.")


class LeaseFilter(f.Sorted):
    sort: str = f.sorting("no", "application_no", "monthly_rent_fen")
    no: Annotated[
        str, Field(pattern=r"^(L-[0-9]{4}-[0-9]{6})?$", description="Only the one with this number.", examples=["L-2026-000001"])
    ] = ""
    state: f.State = ""
    district: f.MaybeDistrict = ""


@api.get("/districts/{code}/waiting-list", access=Access.PUBLIC, max_age=10)
async def list_waiting(call: Call, params: WaitingListOf) -> f.Page[WaitingEntry]:
    """The waiting list of a district in order, names masked."""
    request = housing.ListWaitingRequest(district=params.code, state=params.state, page=params.page())
    found = await call.rpc("housing", call.services.housing.ListWaiting, request)
    items = [to_model(WaitingEntry, item) for item in found.entries]
    return f.Page[WaitingEntry](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))


@api.post("/districts/{code}/offers", access=Access.STAFF, roles=("house_manager",))
async def offer_vacant_units(call: Call, params: OfDistrict, body: Empty) -> OffersMade:
    """Offers every vacant unit of a district to the next fitting household in list order."""
    request = housing.OfferVacantUnitsRequest(idempotency_key=call.idempotency_key, district=params.code)
    answer = await call.rpc("housing", call.services.housing.OfferVacantUnits, request, seconds=DECISION_SECONDS)
    return to_model(OffersMade, answer)


@api.get("/applications/{no}/tenancy", assisted=True)
async def get_tenancy(call: Call, params: f.OfApplication) -> Tenancy:
    """The household's place on the waiting list, its offers and its lease. 404 before it is registered."""
    answer = await call.rpc("housing", call.services.housing.GetTenancy, housing.GetTenancyRequest(application_no=params.no))
    return to_model(Tenancy, answer)


@api.post("/applications/{no}/waiting-exit", access=Access.CITIZEN, assisted=True)
async def leave_waiting_list(call: Call, params: f.OfApplication, body: Empty) -> WaitingEntry:
    """The household leaves the waiting list of its own will."""
    request = housing.LeaveWaitingListRequest(idempotency_key=call.idempotency_key, application_no=params.no)
    answer = await call.rpc("housing", call.services.housing.LeaveWaitingList, request, seconds=DECISION_SECONDS)
    return to_model(WaitingEntry, answer.waiting)


@api.post("/offers/{id}/answer", access=Access.CITIZEN, assisted=True)
async def answer_offer(call: Call, params: OfOffer, body: AnswerOffer) -> Offer:
    """Accepts or declines the household's open offer. Declining too often strikes the household off the list."""
    request = housing.AnswerOfferRequest(idempotency_key=call.idempotency_key, offer_id=params.id, accept=body.accept, reason=body.reason)
    answer = await call.rpc("housing", call.services.housing.AnswerOffer, request, seconds=DECISION_SECONDS)
    return to_model(Offer, answer.offer)


@api.get("/leases/{no}/contract", access=Access.CITIZEN, assisted=True)
async def get_contract(call: Call, params: OfLease) -> Contract:
    """The contract of the caller's own lease: as it would be signed now, or as it was signed. The Chinese text binds."""
    answer = await call.rpc("housing", call.services.housing.GetContract, housing.GetContractRequest(lease_no=params.no))
    return to_model(Contract, answer, call.locale)


@api.get("/leases/{no}/contract.pdf", gives=(PDF,), assisted=True)
async def get_contract_file(call: Call, params: OfLease) -> Download:
    """The file of a signed contract, PDF/A: the tenant's own, and for house managers of the place. A look of staff is on record."""
    answer = await call.rpc("housing", call.services.housing.GetContractFile, housing.GetContractFileRequest(lease_no=params.no))
    return Download.whole(f"租赁合同-{params.no}.pdf", PDF, answer.file)


@api.get("/contracts/{no}/{mark}", access=Access.PUBLIC)
async def check_contract(call: Call, params: OnPaper) -> ContractCheck:
    """Whether a paper was signed here, and how its lease stands; nothing of persons."""
    request = housing.CheckContractRequest(lease_no=params.no, mark=params.mark)
    answer = await call.rpc("housing", call.services.housing.CheckContract, request)
    return to_model(ContractCheck, answer)


@api.post("/leases/{no}/signature", access=Access.CITIZEN, assisted=True)
async def sign_lease(call: Call, params: OfLease, body: SignLease) -> Lease:
    """Signs the contract as it was read. 409 NOT_ACKNOWLEDGED unless the household confirms that it was told the liability clauses and the return
    situations, 409 TERMS_CHANGED when the contract says something else by now: nothing is signed, and it is to be read again."""
    request = housing.SignLeaseRequest(
        idempotency_key=call.idempotency_key, lease_no=params.no, acknowledged=body.acknowledged, digest=body.digest
    )
    answer = await call.rpc("housing", call.services.housing.SignLease, request, seconds=DECISION_SECONDS)
    return to_model(Lease, answer.lease)


@api.get("/leases")
async def list_leases(call: Call, params: LeaseFilter) -> f.Page[Lease]:
    """Leases in the reader's reach."""
    request = housing.ListLeasesRequest(page=params.page(), no=params.no, state=params.state, district=params.district)
    found = await call.rpc("housing", call.services.housing.ListLeases, request)
    items = [to_model(Lease, item) for item in found.leases]
    return f.Page[Lease](items=items, next_cursor=found.page.next_cursor, total=params.total(found.page))
