"""Every query of payments."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from anju.common.v1 import common_pb2 as common
from casekit.listing import By, Listing
from sqlalchemy import ColumnElement, DateTime, and_, exists, func, literal, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from payments.domain import bills as domain
from payments.domain import ledger, statement
from payments.domain.ledger import Entry
from payments.tables import Alarm, Bill, CashCount, CashTaken, Intent, Posting, Transfer


class Source(NamedTuple):
    """Where money comes from: a provider and its transaction."""

    provider: str
    txn: str


# Transfer and postings in one statement and one round trip; a key or a provider's transaction that is known already writes nothing.
_POST: Final = text(
    """
    WITH written AS (
        INSERT INTO transfers (key, kind, provider, provider_txn, bill_id, amount_fen, entries, as_of)
        VALUES (:key, :kind, :provider, :provider_txn, :bill_id, :amount_fen, :entries, :as_of)
        ON CONFLICT DO NOTHING
        RETURNING id
    )
    INSERT INTO postings (transfer_id, account, amount_fen)
    SELECT written.id, posting.account, posting.amount_fen
    FROM written, unnest(CAST(:accounts AS text[]), CAST(:amounts AS bigint[])) AS posting (account, amount_fen)
    """
)
_BALANCES: Final = text(
    """
    SELECT CASE WHEN account IN ('bank:ccb', 'bank:cash', 'income:rent') THEN account ELSE split_part(account, ':', 1) END AS head, sum(amount_fen)::bigint
    FROM postings GROUP BY head
    """
)


# --- the ledger ---------------------------------------------------------------------------------------------------------------------------


async def post(
    session: AsyncSession, key: str, entry: Entry, as_of: datetime, *, bill_id: str | None = None, source: Source | None = None
) -> bool:
    """Writes an entry; False when its key or its provider's transaction has been written before (M3)."""
    result = await session.execute(
        _POST,
        {
            "key": key,
            "kind": entry.kind,
            "provider": source.provider if source else None,
            "provider_txn": source.txn if source else None,
            "bill_id": bill_id,
            "amount_fen": entry.amount_fen,
            "entries": len(entry.postings),
            "as_of": as_of,
            "accounts": [posting.account for posting in entry.postings],
            "amounts": [posting.amount_fen for posting in entry.postings],
        },
    )
    return bool(result.rowcount)  # type: ignore[attr-defined]  # an INSERT's result has it


async def posted_amount(session: AsyncSession, source: Source) -> int | None:
    """Fen already written for a provider's transaction; None when there is none."""
    query = select(col(Transfer.amount_fen)).where(col(Transfer.provider) == source.provider, col(Transfer.provider_txn) == source.txn)
    return (await session.execute(query)).scalar_one_or_none()


async def held_credit(session: AsyncSession, account: str) -> int:
    """Fen of a credit account, which nobody else takes from until the transaction ends. Whoever has none waits for nobody."""
    query = select(func.coalesce(-func.sum(col(Posting.amount_fen)), 0)).where(col(Posting.account) == account)
    if (await session.execute(query)).scalar_one() <= 0:
        return 0
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(account, 0))))
    return max(int((await session.execute(query)).scalar_one()), 0)


async def balances(session: AsyncSession) -> list[tuple[str, int]]:
    """Signed sums by head of the chart."""
    return [(head, amount) for head, amount in await session.execute(_BALANCES)]


_OF_LEASE: Final = text(
    """
    SELECT transfers.id, transfers.kind, transfers.as_of, bills.id AS bill_id, bills.kind AS bill_kind, bills.period,
           COALESCE(sum(postings.amount_fen) FILTER (WHERE postings.account = :receivable), 0)::bigint AS receivable_fen,
           COALESCE(sum(postings.amount_fen) FILTER (WHERE postings.account = :credit), 0)::bigint AS credit_fen
    FROM postings JOIN transfers ON transfers.id = postings.transfer_id JOIN bills ON bills.id = transfers.bill_id
    WHERE postings.account IN (:receivable, :credit) AND transfers.as_of < :before
    GROUP BY transfers.id, bills.id ORDER BY transfers.as_of, transfers.id
    """
)


async def entries_of_lease(session: AsyncSession, lease_no: str, before: datetime) -> list[statement.Entry]:
    """What the ledger has about a lease, in the order of its time."""
    accounts = {"receivable": ledger.receivable(lease_no), "credit": ledger.credit(lease_no)}
    return [statement.Entry(*row) for row in await session.execute(_OF_LEASE, {**accounts, "before": before})]


async def receipt(session: AsyncSession, number: int) -> tuple[Transfer, Bill] | None:
    """Money that came, and the bill it came for."""
    query = select(Transfer, Bill).join(Bill, col(Bill.id) == col(Transfer.bill_id))
    found = (await session.execute(query.where(col(Transfer.id) == number, col(Transfer.kind).in_(statement.PAYMENTS)))).first()
    return None if found is None else (found[0], found[1])


# --- cash ---------------------------------------------------------------------------------------------------------------------------------


async def entry_number(session: AsyncSession, key: str) -> int:
    return int((await session.execute(select(col(Transfer.id)).where(col(Transfer.key) == key))).scalar_one() or 0)


async def uncounted_cash(session: AsyncSession, point: str) -> list[CashTaken]:
    """What was taken at a counter and not counted yet, held until the transaction ends: it is counted once."""
    query = select(CashTaken).where(col(CashTaken.point) == point, col(CashTaken.count_id).is_(None)).order_by(col(CashTaken.transfer_id))
    return list((await session.execute(query.with_for_update())).scalars())


async def cash_of_places(session: AsyncSession, divisions: Sequence[str]) -> list[CashTaken]:
    query = select(CashTaken).where(col(CashTaken.count_id).is_(None), _of_places(col(CashTaken.point), divisions))
    return list((await session.execute(query.order_by(col(CashTaken.transfer_id)))).scalars())


async def cash_counts(session: AsyncSession, divisions: Sequence[str], limit: int) -> list[CashCount]:
    """Newest first."""
    query = select(CashCount).where(_of_places(col(CashCount.point), divisions))
    return list((await session.execute(query.order_by(col(CashCount.counted_at).desc(), col(CashCount.id)).limit(limit))).scalars())


async def lock_cash_count(session: AsyncSession, count_id: str) -> CashCount | None:
    return await session.get(CashCount, count_id, with_for_update=True)


def _of_places(district: Any, divisions: Sequence[str]) -> ColumnElement[bool]:
    return or_(*(district.startswith(division, autoescape=True) for division in divisions), text("false"))


# --- bills --------------------------------------------------------------------------------------------------------------------------------


async def bill(session: AsyncSession, bill_id: str) -> Bill | None:
    return await session.get(Bill, bill_id)


async def lock_bill(session: AsyncSession, bill_id: str) -> Bill | None:
    """The bill, held until the transaction ends: whoever changes it or opens an order on it comes through here."""
    return await session.get(Bill, bill_id, with_for_update={"key_share": True}, populate_existing=True)


async def add_bill(session: AsyncSession, new: Bill) -> bool:
    """False when there is a bill with this id."""
    statement = insert(Bill).values(**new.model_dump()).on_conflict_do_nothing().returning(col(Bill.id))
    return (await session.execute(statement)).first() is not None


_LISTED = Listing(
    {
        "period": By(col(Bill.period), str),
        "due_at": By(col(Bill.due_at), datetime),
        "owed_fen": By(col(Bill.amount_fen) - col(Bill.paid_fen), int),
        "id": By(col(Bill.id), str),
    },
    own="-period",
    unique="id",
)


async def bills(
    session: AsyncSession,
    reach: ColumnElement[bool],
    lease_no: str,
    state: str,
    asked: common.PageRequest,
    *,
    failed_payment: bool = False,
    age: str = "",
    now: datetime | None = None,
) -> tuple[list[Bill], common.PageInfo]:
    """Bills in reach, newest period first (deposits last) unless asked otherwise. ``failed_payment``: only unpaid ones on which an order ended without
    money; ``age``: only unpaid rents past their due day for so long."""
    query = select(Bill).where(reach)
    if lease_no:
        query = query.where(col(Bill.lease_no) == lease_no)
    if state:
        query = query.where(col(Bill.state) == state)
    if failed_payment:
        failed = exists().where(col(Intent.bill_id) == col(Bill.id), col(Intent.state).in_(("failed", "expired")))
        query = query.where(col(Bill.state) != "paid", failed)
    if age:
        # Each on the clock of its bill.
        late = literal(now or datetime.now(UTC), DateTime(timezone=True)) - col(Bill.due_at) + col(Bill.ahead)
        more, most = domain.age_of_days(age)
        query = query.where(col(Bill.kind) == domain.RENT, col(Bill.state).in_(("open", "overdue", "arrears")), late > timedelta(days=more))
        if most is not None:
            query = query.where(late <= timedelta(days=most))
    rows, info = await _LISTED.page(session, query, asked)
    return [row[0] for row in rows], info


async def bill_of_household(session: AsyncSession, application_no: str) -> Bill | None:
    """One of its bills; of one application all are of the same owner and place."""
    return (await session.execute(select(Bill).where(col(Bill.application_no) == application_no).limit(1))).scalar_one_or_none()


async def a_bill_of_lease(session: AsyncSession, lease_no: str) -> Bill | None:
    """Any: of one lease all are of the same household and place."""
    return (await session.execute(select(Bill).where(col(Bill.lease_no) == lease_no).limit(1))).scalar_one_or_none()


async def bills_of_lease(session: AsyncSession, lease_no: str) -> list[Bill]:
    return list((await session.execute(select(Bill).where(col(Bill.lease_no) == lease_no).order_by(col(Bill.period)))).scalars())


async def served_bills(session: AsyncSession) -> list[Bill]:
    """Bills a workflow stands behind: open ones, and those whose workflow was gone when they ended."""
    query = select(Bill).where(or_(col(Bill.state).in_(("open", "overdue")), col(Bill.blocked_at).is_not(None)))
    return list((await session.execute(query)).scalars())


async def mark_blocked(session: AsyncSession, bill_ids: Sequence[str], at: datetime | None) -> None:
    """Notes since when nobody works on these bills, as far as they are open; None: somebody does again."""
    marking = update(Bill).where(col(Bill.id).in_(bill_ids)).values(blocked_at=at)
    if at is not None:
        marking = marking.where(col(Bill.state).in_(("open", "overdue")), col(Bill.blocked_at).is_(None))
    await session.execute(marking)


def owned_by(accounts: Sequence[str]) -> ColumnElement[bool]:
    return col(Bill.owner).in_(accounts)


def within(divisions: Sequence[str]) -> ColumnElement[bool]:
    """Bills of districts that lie in one of the divisions; none without a division."""
    return _of_places(col(Bill.district), divisions)


# --- intents ------------------------------------------------------------------------------------------------------------------------------


async def order(session: AsyncSession, intent_id: str) -> tuple[Intent, Bill] | None:
    """An order and its bill."""
    found = (await session.execute(select(Intent, Bill).select_from(Intent).join(Bill).where(col(Intent.id) == intent_id))).first()
    return None if found is None else (found[0], found[1])


async def lock_order(session: AsyncSession, source: Source) -> tuple[Intent, Bill, int | None] | None:
    """An order, its bill, which is held until the transaction ends, and the fen written for it so far. Only the bill is as it is after a wait for it:
    of the others use what never changes, and ``post`` knows better than this what has been written."""
    written = and_(col(Transfer.provider) == source.provider, col(Transfer.provider_txn) == col(Intent.id))
    query = select(Intent, Bill, col(Transfer.amount_fen)).select_from(Intent).join(Bill).outerjoin(Transfer, written)
    found = (await session.execute(query.where(col(Intent.id) == source.txn).with_for_update(of=Bill, key_share=True))).first()
    return None if found is None else (found[0], found[1], found[2])


async def open_intent(session: AsyncSession, bill_id: str) -> Intent | None:
    """The open order of a bill."""
    query = select(Intent).where(col(Intent.bill_id) == bill_id, col(Intent.state) == "opened")
    return (await session.execute(query)).scalar_one_or_none()


async def orders_over(session: AsyncSession, before: datetime, limit: int) -> list[str]:
    """Open orders whose time ended before that; not always the same ones first, so that one without an answer does not hide the others."""
    moved = col(Bill.ahead) - col(Intent.ahead)
    query = select(col(Intent.id)).join(Bill).where(col(Intent.state) == "opened", col(Intent.expires_at) - moved < before)
    return list((await session.execute(query.order_by(func.random()).limit(limit))).scalars())


async def close_intent(session: AsyncSession, intent_id: str, state: str) -> bool:
    """Ends an open order as expired or failed; False when it was not open any more."""
    statement = (
        update(Intent).where(col(Intent.id) == intent_id, col(Intent.state) == "opened").values(state=state).returning(col(Intent.id))
    )
    return (await session.execute(statement)).first() is not None


async def set_paid(session: AsyncSession, intent_id: str) -> None:
    """Whatever it was before: an order that was given up may have been paid after all."""
    await session.execute(update(Intent).where(col(Intent.id) == intent_id).values(state="paid"))


async def set_pay_url(session: AsyncSession, intent_id: str, pay_url: str) -> None:
    await session.execute(update(Intent).where(col(Intent.id) == intent_id).values(pay_url=pay_url))


# --- alarms -------------------------------------------------------------------------------------------------------------------------------


async def raise_alarm(session: AsyncSession, kind: str, provider: str, order_id: str, about: bytes) -> None:
    """Notes something for people to look at; ``about`` tells one case from another and is not kept itself."""
    now = datetime.now(UTC)
    digest = hashlib.sha256(b"\x1f".join((kind.encode(), provider.encode(), about))).hexdigest()
    statement = insert(Alarm).values(id=digest, kind=kind, provider=provider, order_id=order_id, seen=1, first_at=now, last_at=now)
    again = {"seen": Alarm.seen + 1, "last_at": now}
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=again))
