"""Every query of housing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

from anju.common.v1 import common_pb2 as common
from casekit.listing import By, Listing
from sqlalchemy import ColumnElement, Select, and_, case, delete, exists, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from housing.tables import LISTED, ContractFile, Estate, KeptContract, Lease, LeaseNumber, Offer, Unit, Waiting

# unique_violation and deadlock_detected: somebody else was faster, and a new look sees what he did.
LOST_RACES: Final = ("23505", "40P01")


def sqlstate(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


class Home(NamedTuple):
    """A unit with its estate and the state that follows from its offer and lease."""

    unit: Unit
    estate: Estate
    state: str


class OfferedHome(NamedTuple):
    offer: Offer
    home: Home


class LeasedHome(NamedTuple):
    lease: Lease
    home: Home


class Ranked(NamedTuple):
    """A waiting entry with its rank in the district; 0 when it is not listed any more."""

    entry: Waiting
    rank: int


class EstateStock(NamedTuple):
    estate: Estate
    units: int
    vacant: int


def _held() -> ColumnElement[bool]:
    """Whether the unit of the outer query is in an offer or lease that is not released."""
    return exists().where(col(Offer.unit_id) == col(Unit.id), ~col(Offer.released))


def _unit_state() -> ColumnElement[str]:
    live = and_(col(Offer.unit_id) == col(Unit.id), ~col(Offer.released))
    lease = select(col(Lease.state)).where(col(Lease.offer_id) == col(Offer.id)).correlate(Offer).scalar_subquery()
    state = select(case((lease == "active", "let"), (lease.is_not(None), "reserved"), else_="offered")).where(live)
    return func.coalesce(state.correlate(Unit).scalar_subquery(), "vacant")


def _home(row: Any) -> Home:
    """The home in a row of (offer or lease, unit, estate, state)."""
    return Home(row[1], row[2], row[3])


# --- estates and units --------------------------------------------------------------------------------------------------------------------


async def estates(session: AsyncSession, district: str) -> list[EstateStock]:
    """Estates (of one district, or all) in order, with their stock."""
    query = (
        select(Estate, func.count(col(Unit.id)), func.count(col(Unit.id)).filter(~_held()))
        .outerjoin(Unit, col(Unit.estate_id) == col(Estate.id))
        .group_by(col(Estate.id))
        .order_by(col(Estate.district), col(Estate.id))
    )
    if district:
        query = query.where(col(Estate.district) == district)
    return [EstateStock(*row) for row in await session.execute(query)]


async def put_estate(session: AsyncSession, estate: Estate) -> Estate:
    """The estate as it is on record: the given one when it is new."""
    values = estate.model_dump()
    await session.execute(insert(Estate).values(**values).on_conflict_do_nothing())
    found = await session.get(Estate, estate.id)
    assert found is not None
    return found


async def add_unit(session: AsyncSession, unit: Unit) -> bool:
    """False when the estate already has this number."""
    statement = insert(Unit).values(**unit.model_dump()).on_conflict_do_nothing().returning(col(Unit.id))
    return (await session.execute(statement)).first() is not None


async def lock_district(session: AsyncSession, district: str) -> None:
    """Homes of a district are offered by one transaction at a time."""
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))"), {"key": f"offers/{district}"})


async def vacant_units(session: AsyncSession, district: str) -> list[Home]:
    query = (
        select(Unit, Estate)
        .join(Estate, col(Unit.estate_id) == col(Estate.id))
        .where(col(Estate.district) == district, ~_held())
        .order_by(col(Estate.id), col(Unit.number))
    )
    return [Home(unit, estate, "vacant") for unit, estate in await session.execute(query)]


# --- the waiting list ---------------------------------------------------------------------------------------------------------------------


async def waiting(session: AsyncSession, application_no: str, *, lock: bool = False) -> Waiting | None:
    return await session.get(Waiting, application_no, with_for_update={"key_share": True} if lock else None)


def _offerable(district: str) -> ColumnElement[bool]:
    """Waiting, and without a home or an offer by another application."""
    has_one = exists().where(col(Offer.owner) == col(Waiting.owner), ~col(Offer.released))
    return and_(col(Waiting.district) == district, col(Waiting.state) == "waiting", ~has_one)


async def offerable(session: AsyncSession, district: str) -> list[Waiting]:
    """Households which may be offered a home now, in list order, held until the transaction ends."""
    order = (col(Waiting.accepted_on), col(Waiting.application_no))
    query = select(Waiting).where(_offerable(district)).order_by(*order).with_for_update(key_share=True)
    return list((await session.execute(query)).scalars())


async def count_offerable(session: AsyncSession, district: str) -> int:
    return int((await session.execute(select(func.count()).select_from(Waiting).where(_offerable(district)))).scalar_one())


def _ranked() -> Select[str, int]:
    rank = func.row_number().over(partition_by=col(Waiting.district), order_by=(col(Waiting.accepted_on), col(Waiting.application_no)))
    return select(col(Waiting.application_no), rank.label("rank")).where(col(Waiting.state).in_(LISTED))


# The order of the list in one text, which also tells its places apart: district, day of acceptance, number.
_PLACE = func.concat(col(Waiting.district), " ", func.to_char(col(Waiting.accepted_on), "YYYY-MM-DD"), " ", col(Waiting.application_no))
_WAITING = Listing(
    {
        "rank": By(_PLACE, str),
        "application_no": By(col(Waiting.application_no), str),
        "household_size": By(col(Waiting.household_size), int),
        "registered_at": By(col(Waiting.registered_at), datetime),
    },
    own="rank",
    unique="rank",
)


async def waiting_list(session: AsyncSession, district: str, state: str, asked: common.PageRequest) -> tuple[list[Ranked], common.PageInfo]:
    """Listed households (of all districts without one, in any state without one), in the order of the list unless asked otherwise."""
    listed = _ranked()
    if district:
        listed = listed.where(col(Waiting.district) == district)
    ranks = listed.subquery()
    query = select(Waiting, ranks.c.rank).join(ranks, ranks.c.application_no == col(Waiting.application_no))
    if state:
        query = query.where(col(Waiting.state) == state)
    rows, info = await _WAITING.page(session, query, asked)
    return [Ranked(*row) for row in rows], info


async def rank(session: AsyncSession, entry: Waiting) -> int:
    """Its position among the listed households of its district, 1 for the first; 0 when it is not listed any more."""
    if entry.state not in LISTED:
        return 0
    ahead = select(func.count()).where(
        col(Waiting.district) == entry.district,
        col(Waiting.state).in_(LISTED),
        func.row(col(Waiting.accepted_on), col(Waiting.application_no)) < func.row(entry.accepted_on, entry.application_no),
    )
    return int((await session.execute(ahead)).scalar_one()) + 1


async def set_waiting_state(
    session: AsyncSession, application_no: str, sources: Sequence[str], state: str, closed_at: datetime | None, word_id: str = ""
) -> bool:
    """Moves an entry from one of ``sources``, by the household's word or nobody's; False when it is in another state."""
    statement = (
        update(Waiting)
        .where(col(Waiting.application_no) == application_no, col(Waiting.state).in_(sources))
        .values(state=state, closed_at=closed_at, word_id=word_id)
        .returning(col(Waiting.application_no))
    )
    return (await session.execute(statement)).first() is not None


# --- records whose workflow may be gone -----------------------------------------------------------------------------------------------------


def answer_by(offer: Offer) -> datetime:
    """The end of the household's time to think. What it was told holds; until its workflow has told it, what housing reckoned when it made the offer."""
    return offer.answer_by or offer.expires_at


def _answer_by() -> ColumnElement[datetime]:
    return func.coalesce(col(Offer.answer_by), col(Offer.expires_at))


async def served_households(session: AsyncSession) -> list[tuple[Waiting, datetime | None]]:
    """Households that are not off the list yet, each with the day by which it has to answer its open offer."""
    open_ = and_(col(Offer.application_no) == col(Waiting.application_no), col(Offer.state) == "open")
    query = select(Waiting, _answer_by()).outerjoin(Offer, open_).where(col(Waiting.closed_at).is_(None))
    return [(row[0], row[1]) for row in await session.execute(query)]


async def served_leases(session: AsyncSession) -> list[Lease]:
    """Leases that are not over, of households that are off the list: until then the household's workflow is still to start the lease's."""
    query = select(Lease).join(Waiting, col(Waiting.application_no) == col(Lease.application_no))
    return list((await session.execute(query.where(~col(Lease.released), col(Waiting.closed_at).is_not(None)))).scalars())


async def mark_blocked_households(session: AsyncSession, numbers: Sequence[str], at: datetime | None) -> None:
    """Notes since when nobody works on these records, as far as they are open; None: somebody does again."""
    marking = update(Waiting).where(col(Waiting.application_no).in_(numbers)).values(blocked_at=at)
    await session.execute(marking if at is None else marking.where(col(Waiting.closed_at).is_(None), col(Waiting.blocked_at).is_(None)))


async def mark_blocked_leases(session: AsyncSession, numbers: Sequence[str], at: datetime | None) -> None:
    """As for households; it is a version of the lease."""
    marking = update(Lease).where(col(Lease.no).in_(numbers)).values(blocked_at=at, version=col(Lease.version) + 1)
    if at is None:
        await session.execute(marking.where(col(Lease.blocked_at).is_not(None)))
    else:
        await session.execute(marking.where(~col(Lease.released), col(Lease.blocked_at).is_(None)))


# --- offers -------------------------------------------------------------------------------------------------------------------------------


def _offers() -> Select[Offer, Unit, Estate, str]:
    return (
        select(Offer, Unit, Estate, _unit_state())
        .join(Unit, col(Offer.unit_id) == col(Unit.id))
        .join(Estate, col(Unit.estate_id) == col(Estate.id))
    )


async def offer(session: AsyncSession, offer_id: str) -> OfferedHome | None:
    row = (await session.execute(_offers().where(col(Offer.id) == offer_id))).first()
    return OfferedHome(row[0], _home(row)) if row else None


async def lock_offer(session: AsyncSession, offer_id: str) -> Offer | None:
    return await session.get(Offer, offer_id, with_for_update={"key_share": True})


async def offers_of(session: AsyncSession, application_no: str) -> list[OfferedHome]:
    """Newest first."""
    query = _offers().where(col(Offer.application_no) == application_no).order_by(col(Offer.made_at).desc(), col(Offer.id).desc())
    return [OfferedHome(row[0], _home(row)) for row in await session.execute(query)]


async def last_known(session: AsyncSession, numbers: Sequence[str]) -> dict[str, datetime]:
    """When the newest thing on record of each of these households happened: its registration, or the end of an offer."""
    newest = func.greatest(col(Waiting.registered_at), func.max(col(Offer.closed_at)))
    query = (
        select(col(Waiting.application_no), newest)
        .outerjoin(Offer, col(Offer.application_no) == col(Waiting.application_no))
        .where(col(Waiting.application_no).in_(numbers))
        .group_by(col(Waiting.application_no))
    )
    return {row[0]: row[1] for row in await session.execute(query)}


async def open_offers(session: AsyncSession, application_no: str) -> Sequence[Offer]:
    query = select(Offer).where(col(Offer.application_no) == application_no, col(Offer.state) == "open").with_for_update(key_share=True)
    return (await session.execute(query)).scalars().all()


async def overdue_offers(session: AsyncSession, before: datetime) -> list[tuple[str, str]]:
    """(offer, application) of open offers whose time was over at ``before``, the longest first."""
    query = (
        select(col(Offer.id), col(Offer.application_no))
        .where(col(Offer.state) == "open", _answer_by() < before)
        .order_by(_answer_by())
        .limit(100)
    )
    return [(row[0], row[1]) for row in await session.execute(query)]


async def take_offer(session: AsyncSession, offer_id: str, answer_by: datetime) -> None:
    await session.execute(update(Offer).where(col(Offer.id) == offer_id).values(answer_by=answer_by))


async def close_offer(session: AsyncSession, offer_id: str, state: str, reason: str, closed_at: datetime, word_id: str = "") -> None:
    """Ends an open offer, by the household's word or nobody's; a declined or expired one gives the home back."""
    statement = (
        update(Offer)
        .where(col(Offer.id) == offer_id, col(Offer.state) == "open")
        .values(state=state, reason=reason, closed_at=closed_at, released=state != "accepted", word_id=word_id)
    )
    await session.execute(statement)


async def release_offer(session: AsyncSession, offer_id: str) -> None:
    """The lease of an accepted offer is over: the home is vacant, the household free."""
    await session.execute(update(Offer).where(col(Offer.id) == offer_id).values(released=True))


# --- leases -------------------------------------------------------------------------------------------------------------------------------


def _leases() -> Select[Lease, Unit, Estate, str]:
    return (
        select(Lease, Unit, Estate, _unit_state())
        .join(Unit, col(Lease.unit_id) == col(Unit.id))
        .join(Estate, col(Unit.estate_id) == col(Estate.id))
    )


async def lease(session: AsyncSession, no: str) -> LeasedHome | None:
    row = (await session.execute(_leases().where(col(Lease.no) == no))).first()
    return LeasedHome(row[0], _home(row)) if row else None


async def lock_lease(session: AsyncSession, no: str) -> Lease | None:
    return await session.get(Lease, no, with_for_update=True)


async def lease_of_offer(session: AsyncSession, offer_id: str) -> LeasedHome | None:
    row = (await session.execute(_leases().where(col(Lease.offer_id) == offer_id))).first()
    return LeasedHome(row[0], _home(row)) if row else None


async def lease_of(session: AsyncSession, application_no: str) -> LeasedHome | None:
    """The newest lease of an application."""
    query = _leases().where(col(Lease.application_no) == application_no).order_by(col(Lease.no).desc()).limit(1)
    row = (await session.execute(query)).first()
    return LeasedHome(row[0], _home(row)) if row else None


_LISTED = Listing(
    {
        "no": By(col(Lease.no), str),
        "application_no": By(col(Lease.application_no), str),
        "monthly_rent_fen": By(col(Lease.monthly_rent_fen), int),
    },
    own="-no",
    unique="no",
)


async def leases(
    session: AsyncSession, reach: ColumnElement[bool], state: str, district: str, asked: common.PageRequest, *, no: str = ""
) -> tuple[list[LeasedHome], common.PageInfo]:
    """Leases in reach, newest number first unless asked otherwise; of a number ``no`` the one."""
    query = _leases().where(reach)
    if state:
        query = query.where(col(Lease.state) == state)
    if district:
        query = query.where(col(Lease.district) == district)
    if no:
        query = query.where(col(Lease.no) == no)
    rows, info = await _LISTED.page(session, query, asked)
    return [LeasedHome(row[0], _home(row)) for row in rows], info


def owned_by(accounts: Sequence[str]) -> ColumnElement[bool]:
    return col(Lease.owner).in_(accounts)


def within(divisions: Sequence[str]) -> ColumnElement[bool]:
    """Leases of households whose street lies in one of the divisions; none without a division."""
    return or_(*(col(Lease.street).startswith(division, autoescape=True) for division in divisions), text("false"))


async def contract(session: AsyncSession, word_id: str) -> KeptContract | None:
    return await session.get(KeptContract, word_id)


async def contract_file(session: AsyncSession, word_id: str) -> ContractFile | None:
    return await session.get(ContractFile, word_id)


async def keep_contract_file(session: AsyncSession, file: ContractFile) -> None:
    """The first one stays: two that make it at once make the same."""
    await session.execute(insert(ContractFile).values(**file.model_dump()).on_conflict_do_nothing())


async def drop_contract(session: AsyncSession, word_id: str) -> None:
    await session.execute(delete(KeptContract).where(col(KeptContract.word_id) == word_id))


async def free_from(session: AsyncSession, unit_id: str) -> date | None:
    """The day after the home's last lease that came into force; None when it never had one."""
    last = select(func.max(func.coalesce(col(Lease.vacated_on), col(Lease.ends_on)))).where(
        col(Lease.unit_id) == unit_id, col(Lease.starts_on).is_not(None)
    )
    day: date | None = (await session.execute(last)).scalar_one()
    return day + timedelta(days=1) if day is not None else None


async def next_lease_number(session: AsyncSession, year: int) -> int:
    """The next number of the year; other takers wait until this transaction ends, so a number that is rolled back is not lost."""
    statement = insert(LeaseNumber).values(year=year, last=1)
    statement = statement.on_conflict_do_update(index_elements=["year"], set_={"last": LeaseNumber.last + 1})
    return int((await session.execute(statement.returning(col(LeaseNumber.last)))).scalar_one())
