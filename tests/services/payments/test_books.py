"""The promises on money (M1 to M4, M8) hold in the database; the ledger agrees with a model of it, whatever is done in whatever order."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest
from anju.payments.v1 import payments_pb2 as pb
from anju_onebox.engine.postgres import Postgres
from chassis import ids
from chassis.db import Database
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from payments import store
from payments.domain import ledger
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.services.payments.world import LEASE, NOW, RENT, World, refused

BILL = f"{LEASE}/202612"
TRANSFER = (
    "INSERT INTO transfers (id, key, kind, provider, provider_txn, amount_fen, entries, as_of)"
    " VALUES (:id, :key, 'payment', :provider, :txn, :amount, :entries, now())"
)
POSTING = "INSERT INTO postings (transfer_id, account, amount_fen) VALUES (:id, :account, :amount)"


def transfer(number: int, amount: int = 100, entries: int = 2, **changes: Any) -> tuple[str, dict[str, Any]]:
    values = {"id": number, "key": f"k{number}", "provider": "ccb", "txn": f"t{number}", "amount": amount, "entries": entries}
    return TRANSFER, values | changes


def posting(number: int, account: str, amount: int) -> tuple[str, dict[str, Any]]:
    return POSTING, {"id": number, "account": account, "amount": amount}


WHOLE = (transfer(1), posting(1, "bank:ccb", 100), posting(1, "suspense", -100))


async def write(world: World, *statements: tuple[str, dict[str, Any]]) -> None:
    async with world.database.transaction() as session:
        for statement, values in statements:
            await session.execute(text(statement), values)


async def breaks(world: World, words: str, *statements: tuple[str, dict[str, Any]]) -> None:
    """The statements, in one transaction, must be refused by the database with these words."""
    with pytest.raises(DBAPIError, match=words):
        await write(world, *statements)


async def test_m1_only_whole_transfers_are_committed(world: World) -> None:
    await breaks(world, "does not balance", transfer(1))
    await breaks(world, "does not balance", transfer(1), posting(1, "bank:ccb", 100))
    await breaks(world, "does not balance", transfer(1), posting(1, "bank:ccb", 100), posting(1, "suspense", -99))
    await breaks(world, "does not balance", transfer(1, amount=99), posting(1, "bank:ccb", 100), posting(1, "suspense", -100))
    await breaks(world, "does not balance", transfer(1, entries=3), posting(1, "bank:ccb", 100), posting(1, "suspense", -100))
    await breaks(world, "uq_postings_account", transfer(1), posting(1, "bank:ccb", 100), posting(1, "bank:ccb", -100))
    await breaks(world, "ck_postings_account", transfer(1), posting(1, "petty cash", 100), posting(1, "suspense", -100))
    await breaks(world, "ck_postings_amount", transfer(1), posting(1, "bank:ccb", 0), posting(1, "suspense", 0))
    await breaks(world, "foreign key", posting(404, "bank:ccb", 1))
    await write(world, *WHOLE)
    # A balanced pair slipped into an old transfer.
    await breaks(world, "does not balance", posting(1, "income:rent", -5), posting(1, "credit:L-1", 5))


async def test_m3_a_key_and_a_payment_at_a_provider_are_written_once_for_ever(world: World) -> None:
    await write(world, *WHOLE)
    await breaks(world, "uq_transfers_key", transfer(2, key="k1"))
    await breaks(world, "uq_transfers_provider", transfer(2, txn="t1"))
    await breaks(world, "ck_transfers_provider", transfer(2, provider=None))
    async with world.database.transaction() as session:
        entry = ledger.unexplained("ccb", 100)
        assert not await store.post(session, "k1", entry, NOW)
        assert not await store.post(session, "other", entry, NOW, source=store.Source("ccb", "t1"))
    assert await world.sql("SELECT count(*) FROM postings") == [(2,)]


async def test_m4_paid_is_never_more_than_billed(world: World) -> None:
    await world.issue()
    for change, words in (
        (f"paid_fen = {RENT + 1}", "ck_bills"),
        ("paid_fen = -1", "ck_bills_paid"),
        ("state = 'paid', paid_at = now()", "ck_bills_settled"),
        (f"paid_fen = {RENT}", "ck_bills_settled"),
        (f"paid_fen = {RENT}, state = 'paid'", "ck_bills_paid_at"),
        ("amount_fen = 0", "ck_bills_amount"),
        ("state = 'forgiven'", "ck_bills_state"),
    ):
        await breaks(world, words, (f"UPDATE bills SET {change}", {}))


async def test_m8_what_is_written_stays(world: World, postgres: Postgres) -> None:
    """The service's role has no right to change it, and nobody gets past the triggers, not even the superuser."""
    await write(world, *WHOLE)
    superuser = Database(postgres.admin_url(world.database.engine.url.database or ""))
    for table in ("postings", "transfers"):
        for statement in (f"UPDATE {table} SET amount_fen = 1", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            await breaks(world, "permission denied", (statement, {}))
            with pytest.raises(DBAPIError, match="append-only"):
                async with superuser.transaction() as session:
                    await session.execute(text(statement))
    await superuser.close()
    # The one column a foreign key needs the right for.
    await breaks(world, "append-only", ("UPDATE transfers SET id = id + 1", {}))
    assert await world.sql("SELECT sum(amount_fen)::bigint, count(*) FROM postings") == [(0, 2)]


async def test_one_open_order_a_bill(world: World) -> None:
    await world.issue()
    await world.start(BILL)
    again = "INSERT INTO intents SELECT 'P2', bill_id, provider, amount_fen, state, '', opened_at, expires_at, ahead FROM intents"
    await breaks(world, "uq_intents_open_bill", (again, {}))
    long = (
        "INSERT INTO intents SELECT repeat('x', 31), bill_id, provider, amount_fen, 'failed', '', opened_at, expires_at, ahead FROM intents"
    )
    await breaks(world, "ck_intents_id", (long, {}))


async def test_a_reader_sees_a_ledger_that_sums_to_nought_at_every_moment(world: World) -> None:
    """64 at once on the same two hot accounts: none is refused, and no snapshot shows half of one."""
    done = asyncio.Event()
    seen = 0

    async def read() -> None:
        nonlocal seen
        while not done.is_set():
            async with world.database.snapshot() as session:
                sums = await store.balances(session)
            assert sum(amount for _, amount in sums) == 0
            seen += 1

    async def post(number: int) -> bool:
        async with world.database.transaction() as session:
            entry = ledger.unexplained("ccb", number + 1)
            return await store.post(session, f"s{number % 300}", entry, NOW, source=store.Source("ccb", f"s{number % 300}"))

    reader = asyncio.create_task(read())
    window = asyncio.Semaphore(64)

    async def limited(number: int) -> bool:
        # On a busy machine the writers would be through before the reader has looked often enough to have seen anything.
        while seen * 60 < number:
            await asyncio.sleep(0.001)
        async with window:
            return await post(number)

    written = await asyncio.gather(*(limited(number) for number in range(600)))
    done.set()
    await reader
    assert sum(written) == 300
    assert seen > 5


class Model:
    """What the books must say, in plain dictionaries: written from the rules, not from the code."""

    def __init__(self) -> None:
        self.accounts: dict[str, int] = defaultdict(int)
        self.bills: dict[str, dict[str, Any]] = {}
        self.orders: dict[str, tuple[str, int]] = {}
        self.posted: set[str] = set()
        self.over: set[str] = set()

    def move(self, *postings: tuple[str, int]) -> None:
        for account, amount in postings:
            self.accounts[account] += amount

    def issue(self, bill_id: str, lease: str, amount: int) -> None:
        deposit = bill_id.endswith("/deposit")
        used = 0 if deposit else min(amount, -self.accounts[f"credit:{lease}"])
        self.bills[bill_id] = {
            "lease": lease,
            "amount": amount,
            "paid": used,
            "state": "paid" if used == amount else "open",
            "deposit": deposit,
        }
        self.move((f"receivable:{lease}", amount), (f"deposit:{lease}" if deposit else "income:rent", -amount))
        self.move((f"receivable:{lease}", -used), (f"credit:{lease}", used))

    def payable(self, bill_id: str) -> bool:
        bill = self.bills[bill_id]
        return bill["state"] in ("open", "overdue") or (bill["state"] == "arrears" and not bill["deposit"])

    def receive(self, order_id: str, amount: int) -> str:
        if order_id in self.posted:
            return "repeated"
        self.posted.add(order_id)
        self.over.add(order_id)
        bill_id, ordered = self.orders.get(order_id, ("", -1))
        if amount != ordered:
            self.move(("bank:ccb", amount), ("suspense", -amount))
            return "posted"
        bill = self.bills[bill_id]
        settles = min(amount, bill["amount"] - bill["paid"]) if self.payable(bill_id) else 0
        self.move(("bank:ccb", amount), (f"receivable:{bill['lease']}", -settles), (f"credit:{bill['lease']}", settles - amount))
        bill["paid"] += settles
        if bill["paid"] == bill["amount"]:
            bill["state"] = "paid"
        return "posted"

    def mark(self, bill_id: str, state: str) -> str:
        bill = self.bills[bill_id]
        if bill["state"] == "paid":
            return "paid"
        if (bill["state"], state) not in (("open", "overdue"), ("overdue", "arrears")):
            return "refused"
        if state == "arrears" and any(named == bill_id for order, (named, _) in self.orders.items() if order not in self.over):
            # The bank may be taking the money.
            return str(bill["state"])
        bill["state"] = state
        if state == "arrears" and bill["deposit"]:
            self.move((f"receivable:{bill['lease']}", -bill["amount"]), (f"deposit:{bill['lease']}", bill["amount"]))
        return state


steps = st.one_of(
    st.tuples(st.just("issue"), st.integers(0, 2), st.sampled_from(["", "202612", "202701"]), st.integers(1, 3)),
    st.tuples(st.just("start"), st.integers(0, 8), st.just(0), st.just(0)),
    st.tuples(st.just("pay"), st.integers(0, 8), st.sampled_from([0, 0, 0, 1, -1]), st.integers(1, 3)),
    st.tuples(st.just("stranger"), st.integers(0, 3), st.integers(1, 500), st.just(0)),
    st.tuples(st.just("expire"), st.integers(0, 8), st.just(0), st.just(0)),
    st.tuples(st.just("mark"), st.integers(0, 8), st.sampled_from(["overdue", "arrears"]), st.just(0)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(steps, min_size=5, max_size=30))
async def test_the_ledger_agrees_with_a_model(world: World, script: list[tuple[str, int, Any, int]]) -> None:
    model, run = Model(), ids.new_id()
    for action, number, detail, times in script:
        names = list(model.orders) if action in ("pay", "expire") else list(model.bills)
        if action not in ("issue", "stranger"):
            if not names:
                continue
            name = names[number % len(names)]
        match action:
            case "issue":
                lease = f"L-{run}-{number}"
                bill_id = f"{lease}/{detail or 'deposit'}"
                amount = (number + 1) * 100
                for _ in range(times):
                    await world.issue(detail, lease=lease, amount=amount)
                if bill_id not in model.bills:
                    model.issue(bill_id, lease, amount)
            case "start":
                if model.payable(name):
                    intent = await world.start(name)
                    model.orders.setdefault(intent.id, (name, intent.amount_fen))
                    assert intent.amount_fen == model.bills[name]["amount"] - model.bills[name]["paid"]
                else:
                    open_ = await world.sql("SELECT count(*) FROM intents WHERE bill_id = :b AND state = 'opened'", b=name)
                    if open_ == [(0,)]:
                        assert (await refused(world.start(name))).problem.reason == "BILL_NOT_PAYABLE"
            case "pay":
                amount = max(1, model.orders[name][1] + detail)
                for _ in range(times):
                    assert await world.called_back(_intent(name, amount)) == model.receive(name, amount)
            case "stranger":
                order_id = f"X{run[:12]}{number}"
                assert await world.called_back(_intent(order_id, detail)) == model.receive(order_id, detail)
            case "expire":
                await world.sql("UPDATE intents SET state = 'expired' WHERE id = :id AND state = 'opened'", id=name)
                model.over.add(name)
            case "mark":
                expected = model.mark(name, detail)
                if expected == "refused":
                    assert (await refused(world.mark(name, detail))).problem.reason == "STEP_REFUSED"
                else:
                    assert (await world.mark(name, detail)).state == expected
    await _agree(world, model, run)


async def _agree(world: World, model: Model, run: str) -> None:
    """Per account and bill of this run, and M2 over all runs."""
    expected = {account: amount for account, amount in model.accounts.items() if amount and run in account}
    assert {account: amount for account, amount in (await world.balances()).items() if run in account} == expected
    assert sum((await world.balances()).values()) == 0
    rows = await world.sql("SELECT id, paid_fen, state FROM bills WHERE lease_no LIKE :run", run=f"L-{run}-%")
    assert {row[0]: (row[1], row[2]) for row in rows} == {name: (bill["paid"], bill["state"]) for name, bill in model.bills.items()}
    count = "SELECT count(*) FROM transfers WHERE provider_txn = ANY(:orders)"
    assert await world.sql(count, orders=[*model.posted]) == [(len(model.posted),)]


def _intent(order_id: str, amount: int) -> pb.Intent:
    return pb.Intent(id=order_id, amount_fen=amount)
