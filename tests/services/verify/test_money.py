"""M1 to M11: the ledger against itself, against the bills, and against the bank's own book."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from anju_calendar import add_months
from anju_contracts.rent import Billing, Price, lines, months
from anju_onebox.engine.temporal import TemporalServer
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.bank.payments import BankSwitches
from anju_sandbox.settings import SandboxSettings
from anju_verify.check import Status
from chassis.deployment import Temporal

from tests.services.verify.records import NOW, Records
from tests.support.patience import eventually

RENT, DEPOSIT = 35_000, 200_000


class Books:
    """Writes entries as payments would: transfer and postings in one transaction."""

    def __init__(self, records: Records) -> None:
        self.records = records

    async def bill(self, bill_id: str, amount: int, paid: int = 0, state: str = "open") -> None:
        lease, _, period = bill_id.partition("/")
        deposit = period == "deposit"
        await self.records.put(
            "payments",
            "bills",
            id=bill_id,
            lease_no=lease,
            application_no="KF-1",
            owner="c-1",
            district="410202",
            kind="deposit" if deposit else "rent",
            period="" if deposit else period,
            amount_fen=amount,
            paid_fen=paid,
            state=state,
            issued_at=NOW,
            due_at=NOW + timedelta(days=10),
            paid_at=NOW if state == "paid" else None,
            **({} if deposit else _days(period, amount)),
        )
        owed_to = f"deposit:{lease}" if deposit else "income:rent"
        await self.post(f"issue:{bill_id}", "issue", bill_id, {f"receivable:{lease}": amount, owed_to: -amount})

    async def post(self, key: str, kind: str, bill_id: str | None, postings: dict[str, int], order: str = "") -> None:
        moved = sum(amount for amount in postings.values() if amount > 0)
        number = next(self.records.numbers)
        source = f"'ccb', '{order}'" if order else "NULL, NULL"
        about = f"'{bill_id}'" if bill_id else "NULL"
        rows = ", ".join(
            f"({number * 10 + place}, {number}, '{account}', {amount})" for place, (account, amount) in enumerate(postings.items())
        )
        await self.records.run(
            "payments",
            f"INSERT INTO transfers (id, key, kind, provider, provider_txn, bill_id, amount_fen, entries, as_of) "
            f"VALUES ({number}, '{key}', '{kind}', {source}, {about}, {moved}, {len(postings)}, '{NOW.isoformat()}')",
            f"INSERT INTO postings (id, transfer_id, account, amount_fen) VALUES {rows}",
        )

    async def order(self, order: str, bill_id: str, amount: int, state: str = "paid") -> None:
        values = {"id": order, "bill_id": bill_id, "provider": "ccb", "amount_fen": amount, "state": state, "pay_url": ""}
        await self.records.put("payments", "intents", **values, opened_at=NOW, expires_at=NOW + timedelta(hours=1))

    async def paid(self, order: str, bill_id: str, amount: int, settles: int) -> None:
        lease = bill_id.partition("/")[0]
        postings = {"bank:ccb": amount, f"receivable:{lease}": -settles, f"credit:{lease}": settles - amount}
        await self.order(order, bill_id, amount)
        await self.post(f"ccb/{order}", "payment", bill_id, {name: sum_ for name, sum_ in postings.items() if sum_}, order)


def _days(period: str, amount: int) -> dict[str, Any]:
    """A month of rent that was decided otherwise than by the standard."""
    first = date(int(period[:4]), int(period[4:]), 1)
    last = add_months(first, 1) - timedelta(days=1)
    found = lines(months(first, last, Billing()), Price(month_fen=amount, area_centi_sqm=5_000))
    return {"first_day": first, "last_day": last, "lines": json.dumps([line.model_dump(mode="json") for line in found])}


@pytest_asyncio.fixture(loop_scope="session")
async def books(records: Records) -> Books:
    """A paid rent, a rent paid twice (credit), an open deposit, a deposit that lapsed after nothing was paid, and money nobody knows."""
    made = Books(records)
    await made.bill("L-1/202612", RENT, RENT, "paid")
    await made.paid("P1", "L-1/202612", RENT, RENT)
    await made.paid("P2", "L-1/202612", RENT, 0)
    await made.bill("L-1/202701", RENT)
    await made.bill("L-2/deposit", DEPOSIT)
    await made.bill("L-3/deposit", DEPOSIT, state="arrears")
    await made.post("withdraw:L-3", "withdraw", "L-3/deposit", {"deposit:L-3": DEPOSIT, "receivable:L-3": -DEPOSIT})
    await made.post("ccb/P9", "suspense", None, {"bank:ccb": 5_000, "suspense": -5_000}, "P9")
    return made


async def test_good_books_pass(books: Books) -> None:
    await books.records.passes("M1", "M2", "M3", "M4", "M8")


async def leased(books: Books, **changes: Any) -> None:
    """The lease behind the bills of L-1."""
    await books.records.estate()
    await books.records.waiting("KF-1", "leased")
    await books.records.offer("OF1", "U1", "KF-1", "accepted")
    term = {"starts_on": date(2026, 12, 1), "ends_on": date(2027, 11, 30)}
    await books.records.lease("L-1", "OF1", "U1", "KF-1", **{**term, **changes})


@pytest.mark.parametrize(
    ("broken", "why"),
    [
        ("amount_fen = amount_fen + 1", "its lines sum to 35000 fen"),
        ("lines = jsonb_set(lines, '{0,amount_fen}', '34999')", "comes to 35000.00 fen, not to 34999"),
        ("lines = jsonb_set(lines, '{0,fen_per_sqm_month}', '600')", "not at area × standard"),
        ("lines = jsonb_set(lines, '{0,days}', '30')", "counts its days wrongly"),
        ("last_day = last_day - 1", "not of its days"),
    ],
)
async def test_m9_a_figure_of_a_rent_bill_changed(books: Books, broken: str, why: str) -> None:
    await leased(books)
    await books.records.passes("M9")
    await books.records.sabotage("payments", f"UPDATE bills SET {broken} WHERE id = 'L-1/202701'")  # a case of ours
    await books.records.violates("M9", "L-1/202701", why)


async def test_m9_a_bill_at_another_rent_or_for_other_days_than_were_signed(books: Books) -> None:
    await leased(books, monthly_rent_fen=36_000, ends_on=date(2027, 1, 30))
    await books.records.violates("M9", "L-1/202701 is not at the 36000 fen a month")
    await books.records.violates("M9", "L-1/202701 is for days outside of its lease")


async def test_m9_a_day_billed_twice(books: Books) -> None:
    await leased(books)
    await books.records.sabotage("payments", "ALTER TABLE bills DROP CONSTRAINT ex_bills_days")
    await books.records.sabotage("payments", "UPDATE bills SET first_day = '2026-12-01', last_day = '2026-12-31' WHERE id = 'L-1/202701'")
    await books.records.violates("M9", "on an earlier bill")


async def test_m1_a_posting_changed(books: Books) -> None:
    await books.records.sabotage("payments", "UPDATE postings SET amount_fen = amount_fen - 1 WHERE account = 'suspense'")
    await books.records.violates("M1", "ccb/P9", "sum to -1 fen")


async def test_m1_a_posting_taken_out(books: Books) -> None:
    await books.records.sabotage("payments", "DELETE FROM postings WHERE account = 'credit:L-1'")
    await books.records.violates("M1", "ccb/P2", "1 postings of 2")


async def test_m1_a_posting_of_nothing(books: Books) -> None:
    await books.records.sabotage("payments", "DELETE FROM transfers WHERE key = 'ccb/P9'")
    await books.records.violates("M1", "belongs to no transfer")


async def test_m2_balances_against_the_bills(books: Books) -> None:
    """A balanced entry which no bill knows is a lie all the same."""
    await books.post("smuggled", "issue", "L-1/202701", {"receivable:L-1": 100, "income:rent": -100})
    await books.records.passes("M1")
    await books.records.violates("M2", "receivable:L-1", f"has {RENT + 100} fen", f"it is {RENT}")


async def test_m2_the_whole_ledger(books: Books) -> None:
    await books.records.sabotage(
        "payments", "UPDATE postings SET amount_fen = amount_fen + 7 WHERE account = 'bank:ccb' AND amount_fen = 5000"
    )
    await books.records.violates("M2", "sums to 7 fen")


async def test_credit_that_settles_a_bill_is_in_both_books(books: Books) -> None:
    await books.bill("L-1/202702", RENT, RENT, "paid")
    await books.records.violates("M4", "L-1/202702 has 35000 fen paid, the ledger settled 0")
    await books.post("credit/L-1/202702", "credit", "L-1/202702", {"credit:L-1": RENT, "receivable:L-1": -RENT})
    await books.records.passes("M1", "M2", "M4")


async def test_m3_posted_twice(books: Books) -> None:
    await books.records.sabotage("payments", "ALTER TABLE transfers DROP CONSTRAINT uq_transfers_provider")
    await books.post("ccb/P1 again", "payment", "L-1/202612", {"bank:ccb": RENT, "credit:L-1": -RENT}, "P1")
    await books.records.violates("M3", "P1 of ccb", "2 times")


async def test_m3_one_key_twice(books: Books) -> None:
    await books.records.sabotage("payments", "ALTER TABLE transfers DROP CONSTRAINT uq_transfers_key")
    await books.post("issue:L-1/202612", "issue", "L-1/202612", {"receivable:L-1": RENT, "income:rent": -RENT})
    result = await books.records.violates("M3", "key issue:L-1/202612")
    assert any("issued 2 times" in text for text in result.violations)


async def test_m3_a_paid_order_that_was_never_posted(books: Books) -> None:
    await books.order("P5", "L-1/202701", RENT)
    await books.records.violates("M3", "P5", "posted 0 times")


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE bills SET paid_fen = amount_fen + 1 WHERE id = 'L-1/202612'", ("L-1/202612", "35001 paid")),
        ("UPDATE bills SET paid_fen = 0, state = 'open', paid_at = NULL WHERE id = 'L-1/202612'", ("the ledger settled 35000",)),
        ("UPDATE bills SET state = 'open', paid_at = NULL WHERE id = 'L-1/202612'", ("open with 35000 of 35000",)),
        ("DELETE FROM transfers WHERE key = 'issue:L-1/202701'", ("L-1/202701", "not in the ledger as issued")),
    ],
)
async def test_m4_bills_that_do_not_agree(books: Books, statement: str, words: tuple[str, ...]) -> None:
    for name in ("ck_bills_paid", "ck_bills_settled"):
        await books.records.sabotage("payments", f"ALTER TABLE bills DROP CONSTRAINT {name}")
    await books.records.sabotage("payments", statement)
    await books.records.violates("M4", *words)


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TRIGGER postings_rows_stay ON postings",
        "ALTER TABLE transfers DISABLE TRIGGER transfers_rows_stay",
        "DROP TRIGGER transfers_stay ON transfers",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "DROP TRIGGER postings_rows_stay ON postings; CREATE TRIGGER postings_rows_stay BEFORE UPDATE OF account OR DELETE ON postings "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        "DROP TRIGGER postings_rows_stay ON postings; CREATE TRIGGER postings_rows_stay BEFORE UPDATE OR DELETE ON postings "
        "FOR EACH ROW WHEN (OLD.amount_fen > 100) EXECUTE FUNCTION refuse_change()",
    ],
)
async def test_m8_a_guard_that_sleeps(books: Books, statement: str) -> None:
    await books.records.sabotage("payments", statement)
    await books.records.violates("M8", "no trigger refuses")


@pytest.mark.parametrize("table", ["postings", "transfers"])
async def test_m8_a_role_with_the_right_to_change(books: Books, table: str) -> None:
    await books.records.sabotage("payments", f"GRANT UPDATE, DELETE ON {table} TO PUBLIC")
    await books.records.violates("M8", "has the right to change", table)


@pytest.mark.parametrize(
    ("statement", "words"),
    [("UPDATE postings SET amount_fen = amount_fen", "rewritten"), ("DELETE FROM postings WHERE account = 'suspense'", "deleted")],
)
async def test_m8_rewritten_behind_the_guards(books: Books, statement: str, words: str) -> None:
    await books.records.sabotage("payments", statement, "SELECT pg_stat_force_next_flush()")
    result = await eventually(lambda: books.records.check("M8"), lambda seen: seen.status is Status.VIOLATED)
    assert any(words in text for text in result.violations)


async def test_m10_households_accounts_add_up(books: Books) -> None:
    await books.records.passes("M10")


async def test_m10_money_in_another_households_account(books: Books) -> None:
    await books.bill("L-2/202612", RENT)
    await books.post("ccb/P20", "payment", "L-2/202612", {"bank:ccb": RENT, "receivable:L-1": -RENT}, "P20")
    result = await books.records.violates("M10", "ccb/P20", "account of lease L-1")
    assert any("bill L-2/202612" in text for text in result.violations), "and the bill it should have settled is still owed"


async def test_m10_more_taken_from_an_account_than_it_had(books: Books) -> None:
    await books.bill("L-2/202612", RENT)
    await books.post("credit/L-2/202612", "credit", "L-2/202612", {"credit:L-2": RENT, "receivable:L-2": -RENT})
    await books.records.violates("M10", "its credit is -35000")


async def test_m10_money_dated_before_its_bill(books: Books) -> None:
    await books.records.sabotage("payments", "UPDATE transfers SET as_of = as_of - interval '1 day' WHERE kind = 'payment'")
    await books.records.violates("M10", "before its bill")


async def at_the_counter(books: Books, counted: int = RENT, by: str = "s-counts", owner: str = "") -> None:
    await books.bill("L-3/202612", RENT, RENT, "paid")
    await books.post("cash/T1", "cash", "L-3/202612", {"cash:410202": RENT, "receivable:L-3": -RENT})
    about = {"id": "C1", "point": "410202", "expected_fen": RENT, "counted_fen": counted, "receipts": 1}
    await books.records.put("payments", "cash_counts", **about, counted_by=by, counted_at=NOW, owner=owner)
    await books.records.run(
        "payments",
        "INSERT INTO cash_taken (transfer_id, bill_id, point, amount_fen, taken_by, taken_at, count_id) "
        f"SELECT id, bill_id, '410202', amount_fen, 's-takes', '{NOW.isoformat()}', 'C1' FROM transfers WHERE key = 'cash/T1'",
    )


async def test_m11_cash_is_in_order(books: Books) -> None:
    await at_the_counter(books)
    for check_id in ("M1", "M2", "M4", "M10", "M11"):
        await books.records.passes(check_id)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE cash_counts SET counted_by = 's-takes'", "counted by who took it"),
        (
            "UPDATE cash_counts SET counted_by_person = 'the same'; UPDATE cash_taken SET taken_by_person = 'the same'",
            "counted by who took it",
        ),
        ("UPDATE cash_taken SET amount_fen = 1", "1 fen taken, 35000 posted"),
        ("DELETE FROM cash_taken", "None fen taken, 35000 posted"),
        ("UPDATE cash_taken SET point = '410203'", "not in the till"),
        ("UPDATE cash_taken SET count_id = NULL", "its receipts are 0"),
        ("UPDATE cash_taken SET bill_id = 'L-1/202612'", "taken for bill L-1/202612"),
        ("ALTER TABLE cash_counts DROP CONSTRAINT ck_cash_counts_owner; UPDATE cash_counts SET counted_fen = 1", "nobody follows it up"),
    ],
)
async def test_m11_cash_that_does_not_agree(books: Books, statement: str, words: str) -> None:
    await at_the_counter(books)
    await books.records.sabotage("payments", statement)
    await books.records.violates("M11", words)


async def test_m2_cash_that_is_in_no_till(books: Books) -> None:
    await at_the_counter(books)
    await books.records.sabotage("payments", "UPDATE cash_counts SET counted_fen = 34999, owner = 's-counts'")
    await books.records.violates("M2", "cash:410202")


# --- the bank's own book ---------------------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def bank(books: Books, tmp_path: Path):  # type: ignore[no-untyped-def]  # an async generator
    """The bank took P1, P2 and P9, as the ledger says."""
    settings = SandboxSettings.on_free_ports(tmp_path / "sandbox")
    async with sandbox(settings, only=("bank", "control")) as world:
        # Nobody listens for callbacks here.
        world.payments.switches = BankSwitches(drop_callbacks=100)
        books.records.aim(outside_url=world.urls["control"], outside_token=world.control_token)
        for order, amount in (("P1", "350.00"), ("P2", "350.00"), ("P9", "50.00")):
            take(world, order, amount)
        yield world


def take(world: Sandbox, order: str, yuan: str) -> None:
    world.payments.open_order({"ORDERID": order, "PAYMENT": yuan, "POSID": "1"})
    assert world.payments.pay(order) == "paid"


async def test_m6_the_books_agree(books: Books, bank: Sandbox) -> None:
    await books.records.passes("M6")


async def test_m6_the_bank_took_what_nobody_posted(books: Books, bank: Sandbox) -> None:
    take(bank, "P7", "350.00")
    await books.records.violates("M6", "P7", "does not know of it")


async def test_m6_money_on_its_way_is_explained(books: Books, bank: Sandbox) -> None:
    await books.order("P8", "L-1/202701", RENT, "opened")
    take(bank, "P8", "350.00")
    result = await books.records.check("M6")
    assert result.status is Status.PASSED, result.violations
    assert result.notes == (f"{RENT} fen in transit",)


@pytest.mark.parametrize(("ended_ago", "explained"), [(-300, True), (3600, False)])
async def test_m6_money_of_a_bill_without_a_workflow(
    books: Books, bank: Sandbox, engine: TemporalServer, ended_ago: int, explained: bool
) -> None:
    """Payments asks the bank when the order's time is over; long afterwards the money is lost, and that is said."""
    books.records.aim(temporal=Temporal(address=engine.address))
    values = {"id": "P8", "bill_id": "L-1/202701", "provider": "ccb", "amount_fen": RENT, "state": "opened", "pay_url": ""}
    ended = datetime.now(UTC) - timedelta(seconds=ended_ago)
    await books.records.put("payments", "intents", **values, opened_at=ended - timedelta(minutes=30), expires_at=ended)
    take(bank, "P8", "350.00")
    if explained:
        await books.records.passes("M6")
    else:
        await books.records.violates("M6", "P8", "does not know of it")


async def test_m6_the_ledger_invented_money(books: Books, bank: Sandbox) -> None:
    await books.post("ccb/P10", "suspense", None, {"bank:ccb": 100, "suspense": -100}, "P10")
    await books.records.violates("M6", "P10", "never took")


async def test_m6_another_amount(books: Books, bank: Sandbox) -> None:
    await books.records.sabotage("payments", "UPDATE transfers SET amount_fen = 1 WHERE provider_txn = 'P1'")
    await books.records.violates("M6", "P1", "the bank took 35000 fen, the ledger has 1")


async def test_no_bank_is_no_pass(books: Books) -> None:
    result = await books.records.check("M6")
    assert result.status is Status.FAILED_TO_RUN


async def test_an_empty_ledger_is_not_checked(records: Records) -> None:
    await records.need("payments")
    for check_id in ("M1", "M2", "M3", "M4", "M8"):
        result = await records.check(check_id)
        assert (result.status, result.looked_at) == (Status.NOT_CHECKED, 0), check_id
