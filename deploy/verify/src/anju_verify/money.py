"""Money: the ledger balances, agrees with the bills, and agrees with the bank's own book."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any, Final

from anju_contracts import rent_cycle
from temporalio.client import WorkflowExecutionStatus

from anju_verify.check import Findings, Register, UnreachableError
from anju_verify.kept import never_rewritten
from anju_verify.sources import Sources

check: Final = Register()

_BANK: Final = "ccb"
_LEDGER: Final = ("transfers", "postings")
# Payments asks the bank about an order nobody heard of within minutes of its end.
_ASKED_AFTER: Final = timedelta(minutes=10)


@check("M1", "the postings of a transfer are all there and sum to 0")
async def m1(sources: Sources, found: Findings) -> None:
    since = await sources.since("M1", "payments", grows=("transfers", "postings"))
    rows = await sources.rows(
        "payments",
        f"""
        SELECT transfers.key, transfers.entries, transfers.amount_fen, count(postings.id) AS postings,
               COALESCE(sum(postings.amount_fen), 0)::bigint AS total,
               COALESCE(sum(postings.amount_fen) FILTER (WHERE postings.amount_fen > 0), 0)::bigint AS moved
        FROM transfers LEFT JOIN postings ON postings.transfer_id = transfers.id
        WHERE {since.new("transfers")} OR transfers.id IN (SELECT transfer_id FROM postings WHERE {since.new("postings")})
        GROUP BY transfers.id
        """,  # noqa: S608  # a condition of ours
    )
    found.looked(len(rows))
    for row in rows:
        named = f"transfer {row['key']}"
        found.unless(row["total"] == 0, f"{named}: its postings sum to {row['total']} fen")
        found.unless(row["postings"] == row["entries"], f"{named} has {row['postings']} postings of {row['entries']}")
        found.unless(row["moved"] == row["amount_fen"], f"{named} is of {row['amount_fen']} fen, its postings move {row['moved']}")
    for row in await sources.rows(
        "payments",
        f"SELECT id, transfer_id FROM postings WHERE {since.new('postings')} AND NOT EXISTS (SELECT 1 FROM transfers WHERE transfers.id = transfer_id)",  # noqa: S608  # a condition of ours
    ):
        found.violation(f"posting {row['id']} belongs to no transfer")


@check("M2", "every balance is the sum of its postings and follows from the bills; the ledger sums to 0")
async def m2(sources: Sources, found: Findings) -> None:
    posted = {
        row["account"]: row["balance"]
        for row in await sources.rows("payments", "SELECT account, sum(amount_fen)::bigint AS balance FROM postings GROUP BY account")
    }
    total = sum(posted.values())
    found.unless(total == 0, f"the ledger sums to {total} fen", "the sum of the ledger")
    expected = await _balances_by_bills(sources)
    found.looked(len(posted.keys() | expected.keys()))
    for account in sorted(posted.keys() | expected.keys()):
        have, want = posted.get(account, 0), expected.get(account, 0)
        # An account everybody's money goes through has another balance every second, right or wrong.
        found.unless(have == want, f"account {account} has {have} fen, by the bills and the money received it is {want}", account)


async def _balances_by_bills(sources: Sources) -> dict[str, int]:
    """What the accounts must be, worked out from bills and receipts of money without a look at any posting. Debit positive."""
    balances: dict[str, int] = defaultdict(int)
    for row in await sources.rows("payments", "SELECT lease_no, kind, state, amount_fen, paid_fen FROM bills"):
        lease, unpaid = row["lease_no"], row["amount_fen"] - row["paid_fen"]
        # A deposit that was not paid in time is not asked for any more: its lease has lapsed.
        withdrawn = row["kind"] == "deposit" and row["state"] == "arrears"
        balances[f"receivable:{lease}"] += 0 if withdrawn else unpaid
        if row["kind"] == "deposit":
            balances[f"deposit:{lease}"] -= row["paid_fen"] if withdrawn else row["amount_fen"]
        else:
            balances["income:rent"] -= row["amount_fen"]
        # What was received for the lease and settled no bill is the tenant's credit.
        balances[f"credit:{lease}"] += row["paid_fen"]
    for row in await sources.rows(
        "payments",
        """
        SELECT transfers.kind, transfers.provider, transfers.amount_fen, bills.lease_no
        FROM transfers LEFT JOIN bills ON bills.id = transfers.bill_id WHERE transfers.provider IS NOT NULL
        """,
    ):
        balances[f"bank:{row['provider']}"] += row["amount_fen"]
        balances[f"credit:{row['lease_no']}" if row["kind"] == "payment" else "suspense"] -= row["amount_fen"]
    for row in await sources.rows(
        "payments",
        "SELECT cash_taken.point, cash_taken.amount_fen, bills.lease_no FROM cash_taken JOIN bills ON bills.id = cash_taken.bill_id",
    ):
        balances[f"cash:{row['point']}"] += row["amount_fen"]
        balances[f"credit:{row['lease_no']}"] -= row["amount_fen"]
    for row in await sources.rows("payments", "SELECT point, expected_fen, counted_fen, slip_no, slip_fen FROM cash_counts"):
        balances[f"cash:{row['point']}"] += row["counted_fen"] - row["expected_fen"]
        balances["suspense"] -= row["counted_fen"] - row["expected_fen"]
        if row["slip_no"] is not None:
            balances[f"cash:{row['point']}"] -= row["counted_fen"]
            balances["bank:cash"] += row["slip_fen"]
            balances["suspense"] += row["counted_fen"] - row["slip_fen"]
    return balances


@check("M3", "at most one transfer per idempotency key and per provider's transaction; a paid order has exactly one")
async def m3(sources: Sources, found: Findings) -> None:
    found.looked(await sources.value("payments", "SELECT count(*) FROM transfers"))
    for row in await sources.rows("payments", "SELECT key, count(*) AS count FROM transfers GROUP BY key HAVING count(*) > 1"):
        found.violation(f"key {row['key']} has {row['count']} transfers")
    for row in await sources.rows(
        "payments",
        """
        SELECT provider, provider_txn, count(*) AS count FROM transfers WHERE provider IS NOT NULL
        GROUP BY provider, provider_txn HAVING count(*) > 1
        """,
    ):
        found.violation(f"transaction {row['provider_txn']} of {row['provider']} was posted {row['count']} times")
    for row in await sources.rows(
        "payments", "SELECT bill_id, count(*) AS count FROM transfers WHERE kind = 'issue' GROUP BY bill_id HAVING count(*) > 1"
    ):
        found.violation(f"bill {row['bill_id']} was issued {row['count']} times")
    intents = await sources.rows(
        "payments",
        """
        SELECT intents.id, intents.state, intents.amount_fen, count(transfers.id) AS count, max(transfers.amount_fen) AS posted
        FROM intents LEFT JOIN transfers ON transfers.kind = 'payment' AND transfers.provider = intents.provider
             AND transfers.provider_txn = intents.id
        GROUP BY intents.id
        """,
    )
    found.looked(len(intents))
    for row in intents:
        wanted = 1 if row["state"] == "paid" else 0
        found.unless(row["count"] == wanted, f"order {row['id']} is {row['state']} and was posted {row['count']} times")
        found.unless(
            row["posted"] in (None, row["amount_fen"]), f"order {row['id']} is for {row['amount_fen']} fen, posted {row['posted']}"
        )


@check("M4", "paid ≤ billed; what was paid is what was posted, the excess is credit")
async def m4(sources: Sources, found: Findings) -> None:
    since = await sources.since("M4", "payments", grows=("transfers", "postings"))
    rows = await sources.rows(
        "payments",
        f"""
        SELECT bills.id, bills.state, bills.amount_fen, bills.paid_fen, COALESCE(paid.settled, 0)::bigint AS settled,
               EXISTS (SELECT 1 FROM transfers WHERE transfers.bill_id = bills.id AND transfers.kind = 'issue'
                       AND transfers.amount_fen = bills.amount_fen) AS issued
        FROM bills LEFT JOIN (
            SELECT transfers.bill_id, -sum(postings.amount_fen) AS settled
            FROM transfers JOIN postings ON postings.transfer_id = transfers.id AND postings.account LIKE 'receivable:%'
            WHERE transfers.kind IN ('payment', 'credit', 'cash') GROUP BY transfers.bill_id
        ) AS paid ON paid.bill_id = bills.id
        WHERE {since.new("bills")} OR bills.id IN (SELECT bill_id FROM transfers WHERE {since.new("transfers")})
        """,  # noqa: S608  # a condition of ours
    )
    found.looked(len(rows))
    for row in rows:
        named = f"bill {row['id']}"
        found.unless(0 <= row["paid_fen"] <= row["amount_fen"], f"{named} of {row['amount_fen']} fen has {row['paid_fen']} paid")
        found.unless(row["settled"] == row["paid_fen"], f"{named} has {row['paid_fen']} fen paid, the ledger settled {row['settled']}")
        found.unless(row["issued"], f"{named} is not in the ledger as issued")
        whole = row["paid_fen"] == row["amount_fen"]
        found.unless(whole == (row["state"] == "paid"), f"{named} is {row['state']} with {row['paid_fen']} of {row['amount_fen']} fen paid")


@check("M6", "the bank's book = the ledger + what is in transit; unexplained 0")
async def m6(sources: Sources, found: Findings) -> None:
    posted = {
        row["provider_txn"]: row["amount_fen"]
        for row in await sources.rows("payments", "SELECT provider_txn, amount_fen FROM transfers WHERE provider = $1", _BANK)
    }
    open_ = {
        row["id"]: row
        for row in await sources.rows(
            "payments",
            "SELECT id, bill_id, expires_at + $1 > now() AS to_be_asked FROM intents WHERE state = 'opened'",
            _ASKED_AFTER,
        )
    }
    taken = {order["order_id"]: order["payment_fen"] for order in await sources.book("/bank/orders") if order["status"] == "paid"}
    found.looked(len(taken | posted))
    in_transit = 0
    for order_id, amount in taken.items():
        if order_id in posted:
            same = posted[order_id] == amount
            found.unless(same, f"order {order_id}: the bank took {amount} fen, the ledger has {posted[order_id]}")
        elif order_id in open_ and await _on_its_way(
            sources, order_id, open_[order_id]["bill_id"], to_be_asked=open_[order_id]["to_be_asked"]
        ):
            in_transit += amount
        else:
            found.violation(f"order {order_id}: the bank took {amount} fen, and the ledger does not know of it")
    for order_id, amount in posted.items():
        found.unless(order_id in taken, f"order {order_id}: the ledger has {amount} fen which the bank never took")
    if in_transit:
        found.note(f"{in_transit} fen in transit")


async def _on_its_way(sources: Sources, order_id: str, bill_id: str, *, to_be_asked: bool) -> bool:
    """The bank has still to tell us, or it will be asked: by the bill's workflow, and by payments when the order's time is over."""
    if to_be_asked:
        return True
    callbacks: list[dict[str, Any]] = await sources.book("/bank/callbacks")
    if any(callback["order_id"] == order_id and callback["state"] == "due" for callback in callbacks):
        return True
    try:
        return await sources.status_of(rent_cycle.workflow_id(bill_id)) is WorkflowExecutionStatus.RUNNING
    except UnreachableError:
        return True


@check("M8", "the ledger is never updated or deleted from: triggers refuse it, and no role but the superuser has the right")
async def m8(sources: Sources, found: Findings) -> None:
    if not await never_rewritten(sources, "payments", _LEDGER, found):
        raise UnreachableError("database of payments: there is no ledger")
    # The server forgets its counts when it crashes. A posting taken out still leaves its transfer short (M1); a transfer taken out with its postings
    # leaves bills and balances (M2, M4) or the bank's book (M6) in disagreement.


@check(
    "M10",
    "a household's account adds up: entry by entry it owes and holds nothing below nought, each entry is of a bill of its own lease, each bill comes out as its record says",
)
async def m10(sources: Sources, found: Findings) -> None:
    rows = await sources.rows(
        "payments",
        """
        SELECT transfers.key, transfers.kind, transfers.as_of, split_part(postings.account, ':', 1) AS head, split_part(postings.account, ':', 2) AS lease,
               postings.amount_fen, bills.id AS bill_id, bills.lease_no, bills.kind AS bill_kind, bills.state, bills.issued_at,
               bills.amount_fen AS billed_fen, bills.paid_fen
        FROM postings JOIN transfers ON transfers.id = postings.transfer_id LEFT JOIN bills ON bills.id = transfers.bill_id
        WHERE postings.account LIKE 'receivable:%' OR postings.account LIKE 'credit:%'
        ORDER BY transfers.id
        """,
    )
    stands: dict[tuple[str, str], int] = defaultdict(int)
    bills: dict[str, dict[str, Any]] = {}
    owed_on: dict[str, int] = defaultdict(int)
    for row in rows:
        named = f"transfer {row['key']}"
        found.unless(
            row["lease_no"] == row["lease"], f"{named} is in the account of lease {row['lease']}, and of a bill of {row['lease_no']}"
        )
        if row["bill_id"] is not None:
            found.unless(row["as_of"] >= row["issued_at"], f"{named} is dated before its bill {row['bill_id']} was issued")
            bills[row["bill_id"]] = dict(row)
        account = (row["head"], row["lease"])
        stands[account] += row["amount_fen"] if row["head"] == "receivable" else -row["amount_fen"]
        found.unless(stands[account] >= 0, f"lease {row['lease']}: after {named} its {row['head']} is {stands[account]} fen")
        if row["head"] == "receivable" and row["bill_id"] is not None:
            owed_on[row["bill_id"]] += row["amount_fen"]
    for bill_id, bill in bills.items():
        withdrawn = bill["bill_kind"] == "deposit" and bill["state"] == "arrears"
        wanted = 0 if withdrawn else bill["billed_fen"] - bill["paid_fen"]
        found.unless(owed_on[bill_id] == wanted, f"bill {bill_id}: by the account {owed_on[bill_id]} fen are owed, by the bill {wanted}")
    found.looked(len({lease for _, lease in stands}))


@check(
    "M11",
    "cash: each receipt is posted once and as it says; who counts has taken none of it, and counts all of it; what is short or over has somebody who follows it up",
)
async def m11(sources: Sources, found: Findings) -> None:
    for row in await sources.rows(
        "payments",
        """
        SELECT transfers.id, transfers.kind, transfers.amount_fen AS posted, cash_taken.amount_fen AS taken, cash_taken.count_id, cash_taken.taken_by,
               cash_counts.counted_by, cash_taken.taken_by_person, cash_counts.counted_by_person, transfers.bill_id AS for_bill, cash_taken.bill_id,
               EXISTS (SELECT FROM postings WHERE transfer_id = transfers.id AND account = 'cash:' || cash_taken.point
                       AND postings.amount_fen = cash_taken.amount_fen) AS in_till
        FROM (SELECT * FROM transfers WHERE kind = 'cash') AS transfers FULL JOIN cash_taken ON cash_taken.transfer_id = transfers.id
        LEFT JOIN cash_counts ON cash_counts.id = cash_taken.count_id
        """,
    ):
        found.looked(1)
        named = f"cash of entry {row['id']}"
        found.unless(
            row["posted"] is not None and row["posted"] == row["taken"], f"{named}: {row['taken']} fen taken, {row['posted']} posted"
        )
        found.unless(row["for_bill"] == row["bill_id"], f"{named} was taken for bill {row['bill_id']}, and is posted for {row['for_bill']}")
        found.unless(row["in_till"], f"{named} is not in the till where it was taken")
        himself = row["counted_by"] == row["taken_by"] or (row["taken_by_person"] or "-") == row["counted_by_person"]
        found.unless(row["counted_by"] is None or not himself, f"{named} was counted by who took it")
    for row in await sources.rows(
        "payments",
        """
        SELECT cash_counts.id, expected_fen, counted_fen, slip_fen, owner, receipts, count(cash_taken.transfer_id) AS has,
               COALESCE(sum(cash_taken.amount_fen), 0)::bigint AS taken
        FROM cash_counts LEFT JOIN cash_taken ON cash_taken.count_id = cash_counts.id GROUP BY cash_counts.id
        """,
    ):
        found.looked(1)
        named = f"count {row['id']}"
        found.unless(
            (row["has"], row["taken"]) == (row["receipts"], row["expected_fen"]),
            f"{named} is of {row['expected_fen']} fen, its receipts are {row['taken']}",
        )
        differs = row["counted_fen"] != row["expected_fen"] or row["slip_fen"] not in (None, row["counted_fen"])
        found.unless(not differs or bool(row["owner"]), f"{named} is short or over, and nobody follows it up")
