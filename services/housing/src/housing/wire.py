"""Between rows and protobuf."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from anju.common.v1 import common_pb2 as common
from anju.housing.v1 import housing_pb2 as pb
from anju_contracts.lease import MOVES, LeaseTerms
from anju_contracts.rent import Line
from anju_contracts.rent_cycle import Clocks
from anju_contracts.waiting import WaitingTerms
from anju_terms import Title
from chassis.wire import stamp
from google.protobuf.timestamp_pb2 import Timestamp

from housing import store
from housing.domain.contract import Contract
from housing.store import EstateStock, Home, LeasedHome, OfferedHome, Ranked
from housing.tables import Lease


def unit_name(home: Home) -> str:
    """As people say it: 金明小区 3号楼2单元501."""
    return f"{home.estate.name} {home.unit.number}"


def estate(stock: EstateStock) -> pb.Estate:
    found = stock.estate
    return pb.Estate(id=found.id, name=found.name, district=found.district, address=found.address, units=stock.units, vacant=stock.vacant)


def unit(home: Home) -> pb.Unit:
    found = home.unit
    return pb.Unit(
        id=found.id,
        estate_id=found.estate_id,
        estate_name=home.estate.name,
        district=home.estate.district,
        number=found.number,
        bedrooms=found.bedrooms,
        area_centi_sqm=found.area_centi_sqm,
        monthly_rent_fen=found.monthly_rent_fen,
        deposit_fen=found.deposit_fen,
        state=home.state,
        grade=found.grade,
    )


def offer(offered: OfferedHome) -> pb.Offer:
    found = offered.offer
    return pb.Offer(
        id=found.id,
        application_no=found.application_no,
        unit=unit(offered.home),
        state=found.state,
        made_at=stamp(found.made_at),
        expires_at=stamp(store.answer_by(found)),
    )


def lease(leased: LeasedHome) -> pb.Lease:
    found = leased.lease
    return pb.Lease(
        no=found.no,
        application_no=found.application_no,
        unit=unit(leased.home),
        state=found.state,
        starts_on=found.starts_on.isoformat() if found.starts_on else "",
        ends_on=found.ends_on.isoformat() if found.ends_on else "",
        term_months=found.term_months,
        # Signing fixes the rent of that day; until then the household reads the home's rent as it is.
        monthly_rent_fen=leased.home.unit.monthly_rent_fen if found.state == "signing" else found.monthly_rent_fen,
        deposit_fen=leased.home.unit.deposit_fen if found.state == "signing" else found.deposit_fen,
        signed_at=stamp(found.signed_at),
        version=found.version,
        sign_by=stamp(found.sign_by),
    )


def contract(found: Contract, signed_at: datetime | None) -> pb.GetContractResponse:
    return pb.GetContractResponse(
        clauses=[
            pb.Clause(code=clause.code, title=_text(clause.title), text=[_text(part) for part in clause.text]) for clause in found.clauses
        ],
        digest=found.digest,
        signed_at=stamp(signed_at),
        sample=found.sample,
    )


def checked(lease: Lease) -> pb.CheckContractResponse:
    """Of a paper that matches: what can be compared with it, and nothing of persons."""
    return pb.CheckContractResponse(
        matches=True,
        signed_at=stamp(lease.signed_at),
        state=lease.state,
        starts_on=lease.starts_on.isoformat() if lease.starts_on else "",
        ends_on=(lease.vacated_on or lease.ends_on).isoformat() if lease.ends_on else "",
        term_months=lease.term_months,
        monthly_rent_fen=lease.monthly_rent_fen,
        deposit_fen=lease.deposit_fen,
    )


def _text(title: Title) -> common.Text:
    return common.Text(zh=title.zh, en=title.en)


def waiting_entry(ranked: Ranked) -> pb.WaitingEntry:
    """What everybody may see of a household: no subject, no full name."""
    found = ranked.entry
    return pb.WaitingEntry(
        application_no=found.application_no,
        masked_name=found.masked_name,
        district=found.district,
        street=found.street,
        household_size=found.household_size,
        rank=ranked.rank,
        registered_at=stamp(found.registered_at),
        state=found.state,
        expires_at=stamp(found.expires_at),
    )


def open_offer(offered: OfferedHome) -> pb.OpenOffer:
    found = offered.offer
    return pb.OpenOffer(
        offer_id=found.id,
        unit=unit_name(offered.home),
        expires_at=stamp(store.answer_by(found)),
        told=found.answer_by is not None,
    )


def waiting_terms(terms: WaitingTerms) -> pb.WaitingTerms:
    return pb.WaitingTerms(
        expires_at=stamp(terms.expires_at),
        alarms_at=[_stamp(at) for at in terms.alarms_at],
        offer_open_days=terms.offer_open_days,
        max_declines=terms.max_declines,
    )


def lease_terms(terms: LeaseTerms) -> pb.LeaseTerms:
    return pb.LeaseTerms(
        monthly_rent_fen=terms.monthly_rent_fen,
        deposit_fen=terms.deposit_fen,
        rent=_clocks(terms.rent),
        deposit=_clocks(terms.deposit),
        billing=pb.Billing(months_per_bill=terms.billing.months_per_bill, calendar_months=terms.billing.calendar_months),
    )


def charge(lines: Sequence[Line]) -> pb.ChargeRentResponse:
    return pb.ChargeRentResponse(
        amount_fen=sum(line.amount_fen for line in lines), lines=[common.RentLine(**line.model_dump(mode="json")) for line in lines]
    )


def _clocks(clocks: Clocks) -> pb.BillClocks:
    return pb.BillClocks(
        due_days=clocks.due_days,
        reminder_days=clocks.reminder_days,
        arrears_days=clocks.arrears_days,
        payment_poll_seconds=clocks.payment_poll_seconds,
    )


def _stamp(instant: datetime) -> Timestamp:
    result = Timestamp()
    result.FromDatetime(instant)
    return result


LEASE_STATES = frozenset(MOVES.stages)
