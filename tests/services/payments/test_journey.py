"""Bills, orders at the bank and what becomes of them."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlparse

import pytest
from anju.common.v1 import common_pb2 as common
from anju.notifications.v1 import notifications_pb2 as notes
from anju.payments.v1 import payments_pb2 as pb
from anju_contracts.rent_cycle import PaymentOpened, PaymentPosted
from chassis.crypto import FIELD_KEYS, KeyRing
from payments.providers import ccb_protocol

from tests.services.payments.world import DEPOSIT, LEASE, NOW, OWNER, RENT, World, refused
from tests.support.keys import citizen, staff

BILL = f"{LEASE}/202612"


async def test_a_rent_from_issue_to_paid(world: World) -> None:
    bill = await world.issue()
    assert (bill.id, bill.state, bill.amount_fen, bill.paid_fen) == (BILL, "open", RENT, 0)
    assert bill.issued_at.ToDatetime() == NOW.replace(tzinfo=None)
    assert await world.balances() == {f"receivable:{LEASE}": RENT, "income:rent": -RENT}
    intent = await world.start(BILL)
    assert (intent.state, intent.amount_fen, intent.bill_id) == ("opened", RENT, BILL)
    assert ccb_protocol.ORDER_ID.fullmatch(intent.id)
    assert urlparse(intent.pay_url).path == f"/pay/{intent.id}"
    order = world.bank.orders[intent.id]
    assert (order["PAYMENT"], order["CURCODE"], order["REMARK1"], order["RETURNTYPE"]) == ("350.00", "01", BILL, "3")
    assert await world.wait_told("payment_opened", 1) == [(f"bill/{BILL}", PaymentOpened(intent_id=intent.id))]
    assert await world.called_back(intent) == "posted"
    paid = await world.bill(BILL)
    assert (paid.state, paid.paid_fen) == ("paid", RENT)
    assert paid.HasField("paid_at")
    assert await world.balances() == {"bank:ccb": RENT, "income:rent": -RENT}
    (told,) = await world.wait_told("payment_posted", 1)
    assert told == (f"bill/{BILL}", PaymentPosted(bill_id=BILL, intent_id=intent.id, settled=True))
    assert (await refused(world.start(BILL))).problem.reason == "BILL_NOT_PAYABLE"


async def test_a_deposit_is_no_income_and_a_bill_is_issued_once(world: World) -> None:
    first = await world.issue("")
    assert await world.issue("") == first
    assert (await refused(world.issue("", amount=1))).problem.reason == "EXISTS_WITH_DIFFERENT_AMOUNT"
    assert (await refused(world.issue("", owner="c-2"))).problem.reason == "EXISTS_WITH_DIFFERENT_AMOUNT"
    assert await world.transfers() == {"issue": 1}
    assert await world.balances() == {f"receivable:{LEASE}": DEPOSIT, f"deposit:{LEASE}": -DEPOSIT}


async def test_a_rent_keeps_every_figure_of_its_amount_and_a_false_one_is_refused(world: World) -> None:
    bill = await world.issue("202702", amount=35_000)
    assert [(line.first_day, line.last_day, line.days, line.amount_fen) for line in bill.lines] == [
        ("2027-02-01", "2027-02-28", 28, 35_000)
    ]
    assert (await world.bill(bill.id)).lines == bill.lines
    for change in (
        {"amount_fen": 34_999},
        {"days": 27},
        {"month_fen": 1},
        {"first_day": "2027-01-31"},
        {"first_day": "nonsense"},
        {"days": 0},
    ):
        refusal = await refused(world.issue("202703", change=change))
        assert [field.pointer for field in refusal.fields] == ["/lines"], change
    assert [field.pointer for field in (await refused(world.issue("", change={}))).fields] == ["/lines"], "a deposit has no days"
    assert await world.sql("SELECT count(*) FROM bills") == [(1,)]


async def overpaid(world: World) -> None:
    """An order that was given up is paid after all, when another has settled the bill."""
    await world.issue()
    first = await world.start(BILL)
    await world.sql("UPDATE intents SET state = 'expired'")
    await world.called_back(await world.start(BILL))
    await world.called_back(first)
    assert (await world.balances())[f"credit:{LEASE}"] == -RENT


async def test_the_next_rent_uses_what_was_paid_over_first(world: World) -> None:
    await overpaid(world)
    deposit = await world.issue("")
    assert (deposit.paid_fen, deposit.credit_fen) == (0, 0), "a deposit is not rent"
    dearer = await world.issue("202701", amount=RENT + 1_000)
    assert (dearer.state, dearer.paid_fen, dearer.credit_fen) == ("open", RENT, RENT)
    assert await world.issue("202701", amount=RENT + 1_000) == dearer, "once"
    rest = await world.start(dearer.id)
    assert rest.amount_fen == 1_000
    await world.called_back(rest)
    paid = await world.bill(dearer.id)
    assert (paid.state, paid.paid_fen, paid.credit_fen) == ("paid", RENT + 1_000, RENT)
    assert (await world.issue("202702")).credit_fen == 0
    assert f"credit:{LEASE}" not in await world.balances()


async def test_a_rent_that_credit_pays_whole_is_paid_when_it_is_issued(world: World) -> None:
    await overpaid(world)
    bill = await world.issue("202701", amount=RENT - 1)
    assert (bill.state, bill.paid_fen, bill.credit_fen) == ("paid", RENT - 1, RENT - 1)
    told = await world.wait_told("payment_posted", 3)
    assert PaymentPosted(bill_id=bill.id, intent_id="", settled=True) in [said for _, said in told]
    assert (await refused(world.start(bill.id))).problem.reason == "BILL_NOT_PAYABLE"
    assert (await world.balances())[f"credit:{LEASE}"] == -1


async def test_a_credit_is_used_once_however_many_bills_come_at_once(world: World) -> None:
    await overpaid(world)
    issued = await asyncio.gather(*(world.issue(f"2027{month:02d}", amount=RENT - 5_000) for month in range(1, 13)))
    assert sum(bill.credit_fen for bill in issued) == RENT
    assert f"credit:{LEASE}" not in await world.balances()


async def test_no_day_is_billed_twice(world: World) -> None:
    await world.issue("202702")
    twice = {"first_day": "2027-01-31", "last_day": "2027-02-28", "days": 29, "month_days": 29}
    assert (await refused(world.issue("202701", change=twice))).problem.reason == "EXISTS_WITH_DIFFERENT_AMOUNT"
    assert await world.transfers() == {"issue": 1}


async def test_concurrent_issues_of_a_bill_are_one(world: World) -> None:
    bills = await asyncio.gather(*(world.issue() for _ in range(20)))
    assert all(bill == bills[0] for bill in bills)
    assert await world.transfers() == {"issue": 1}


@pytest.mark.parametrize("round_", range(4))
async def test_fifty_taps_open_one_order(world: World, round_: int) -> None:
    await world.issue()
    # Half of them the same tap sent again, half another device.
    intents = await asyncio.gather(*(world.start(BILL, key="same" if tap % 2 else f"tap-{tap}") for tap in range(50)))
    assert len({intent.id for intent in intents}) == 1
    assert all(intent.pay_url for intent in intents)
    assert await world.sql("SELECT count(*) FROM intents") == [(1,)]
    assert world.bank.asked == ["530550"], "the bank was asked once"
    assert len(await world.wait_told("payment_opened", 1)) == 1


async def test_the_bank_says_500_though_it_captured(world: World) -> None:
    await world.issue()
    world.bank.answers_500 = world.bank.captures = 1
    assert (await refused(world.start(BILL, key="k"))).problem.reason == "BANK_UNAVAILABLE"
    (told,) = await world.wait_told("payment_opened", 1)
    (order_id,) = world.bank.orders
    assert told[1] == PaymentOpened(intent_id=order_id), "the workflow asks on, though the tenant saw an error"
    confirmed = await world.confirm(order_id)
    assert (confirmed.intent.state, confirmed.bill.state) == ("paid", "paid")
    assert confirmed.bill.paid_at.ToDatetime() == NOW.replace(tzinfo=None), "by the workflow's clock"
    again = await world.confirm(order_id)
    assert again == confirmed
    assert await world.called_back(confirmed.intent) == "repeated"
    assert await world.transfers() == {"issue": 1, "payment": 1}
    assert (await refused(world.start(BILL, key="k"))).problem.reason == "BILL_NOT_PAYABLE"


async def test_a_tenant_who_taps_again_after_an_error_is_not_charged_twice(world: World) -> None:
    await world.issue()
    world.bank.answers_500 = world.bank.captures = 1
    await refused(world.start(BILL))
    # Not paid again: the bank is asked about the first order before anything else.
    assert (await refused(world.start(BILL))).problem.reason == "BILL_NOT_PAYABLE"
    assert world.bank.asked == ["530550", "410408"]
    assert (await world.bill(BILL)).state == "paid"
    assert await world.transfers() == {"issue": 1, "payment": 1}


async def test_an_order_without_an_answer_is_sent_again_as_the_same_order(world: World) -> None:
    await world.issue()
    world.bank.answers_500 = 1
    await refused(world.start(BILL))
    intent = await world.start(BILL)
    assert intent.pay_url
    assert list(world.bank.orders) == [intent.id]


async def test_a_silent_bank_is_unavailable_and_nothing_is_concluded(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    world.bank.silent_seconds = 3
    refusal = await refused(world.confirm(intent.id))
    assert refusal.problem.reason == "BANK_UNAVAILABLE"
    world.bank.silent_seconds = 0
    assert (await world.confirm(intent.id)).intent.state == "opened"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>login</html>",
        b"<DOCUMENT><RETURN_CODE>999999</RETURN_CODE><RETURN_MSG>busy</RETURN_MSG></DOCUMENT>",
        b"<DOCUMENT><RETURN_CODE>000000</RETURN_CODE><QUERYORDER>",
        b"\xff" * 300_000,
    ],
)
async def test_an_answer_nobody_can_read_ends_no_order(world: World, body: bytes) -> None:
    await world.issue()
    intent = await world.start(BILL)
    world.clock.ahead = timedelta(hours=2)
    world.bank.query_body = body
    assert (await refused(world.confirm(intent.id))).problem.reason == "BANK_UNAVAILABLE"
    assert await world.sql("SELECT state FROM intents") == [("opened",)]


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b'{"SUCCESS": "true"}', b'{"SUCCESS":"true","PAYURL":"file:///etc/passwd"}', b"[" * 100_000, b"x" * 300_000],
)
async def test_an_order_answered_with_garbage_is_unavailable(world: World, body: bytes) -> None:
    await world.issue()
    world.bank.order_body = body
    assert (await refused(world.start(BILL))).problem.reason == "BANK_UNAVAILABLE"


async def test_an_order_the_bank_refuses_is_given_up_and_the_next_is_another(world: World) -> None:
    await world.issue()
    world.bank.order_body = b'{"SUCCESS": "false", "ERRCODE": "0130Z110A002"}'
    assert (await refused(world.start(BILL))).problem.reason == "BANK_UNAVAILABLE"
    assert await world.sql("SELECT state FROM intents") == [("failed",)]
    world.bank.order_body = None
    assert (await world.start(BILL)).pay_url
    assert await world.sql("SELECT state, count(*) FROM intents GROUP BY state ORDER BY state") == [("failed", 1), ("opened", 1)]


async def test_an_unpaid_order_ends_after_its_time_and_another_can_be_opened(world: World) -> None:
    await world.issue()
    first = await world.start(BILL)
    assert (await world.start(BILL)).id == first.id
    world.clock.ahead = timedelta(minutes=31)
    # Over by our clock, but the bank's may be behind.
    assert (await world.confirm(first.id)).intent.state == "opened"
    assert (await refused(world.start(BILL))).problem.reason == "BANK_UNAVAILABLE"
    world.clock.ahead = timedelta(minutes=33)
    world.bank.status_code = "2"
    assert (await world.confirm(first.id)).intent.state == "opened", "the bank does not know yet"
    world.bank.status_code = ""
    assert (await world.confirm(first.id)).intent.state == "expired"
    second = await world.start(BILL)
    assert second.id != first.id
    # The first was paid after all: it is posted, and so is the second, as the tenant's credit.
    assert await world.called_back(first) == "posted"
    assert (await world.bill(BILL)).state == "paid"
    assert await world.called_back(second) == "posted"
    assert await world.balances() == {"bank:ccb": 2 * RENT, "income:rent": -RENT, f"credit:{LEASE}": -RENT}
    assert (await world.bill(BILL)).paid_fen == RENT


async def test_an_order_found_expired_by_the_tenant_is_replaced_in_one_tap(world: World) -> None:
    await world.issue()
    first = await world.start(BILL)
    world.clock.ahead = timedelta(hours=1)
    second = await world.start(BILL)
    assert (second.id != first.id, second.state) == (True, "opened")


async def test_overdue_arrears_and_money_that_comes_late(world: World) -> None:
    await world.issue()
    assert (await refused(world.mark(BILL, "arrears"))).problem.reason == "STEP_REFUSED"
    assert (await world.mark(BILL, "overdue", "s1")).state == "overdue"
    assert (await world.mark(BILL, "overdue", "s1")).state == "overdue"
    assert (await refused(world.mark(BILL, "overdue", "s2"))).problem.reason == "STEP_REFUSED"
    assert (await world.mark(BILL, "arrears")).state == "arrears"
    # Arrears stay owed and may be paid.
    assert await world.called_back(await world.start(BILL)) == "posted"
    assert (await world.bill(BILL)).state == "paid"
    # Whoever marks a bill that is paid meanwhile learns it, and changes nothing.
    assert (await world.mark(BILL, "arrears", "s9")).state == "paid"
    assert (await refused(world.mark("L-404/202612", "overdue"))).problem.reason == "NOT_FOUND"


async def test_a_deposit_that_is_not_paid_in_time_is_not_asked_for_any_more(world: World) -> None:
    bill = await world.issue("")
    intent = await world.start(bill.id)
    await world.mark(bill.id, "overdue")
    world.clock.ahead = timedelta(hours=1)
    assert (await world.confirm(intent.id)).intent.state == "expired"
    await world.mark(bill.id, "arrears")
    assert await world.balances() == {}
    assert (await refused(world.start(bill.id))).problem.reason == "BILL_NOT_PAYABLE"
    # It was on its way: the money is the tenant's, not a deposit of a lease that lapsed.
    assert await world.called_back(intent) == "posted"
    assert await world.balances() == {"bank:ccb": DEPOSIT, f"credit:{LEASE}": -DEPOSIT}
    assert ((await world.bill(bill.id)).state, (await world.bill(bill.id)).paid_fen) == ("arrears", 0)


async def test_trial_balance_adds_up_and_is_for_finance_and_auditors(world: World) -> None:
    for number in (1, 2, 3):
        lease = f"L-2026-00000{number}"
        await world.issue("", lease=lease)
        await world.issue(lease=lease)
    for number in (1, 2):
        await world.called_back(await world.start(f"L-2026-00000{number}/202612"))
    for role in ("finance", "auditor"):
        found = (await world.call("GetTrialBalance", pb.GetTrialBalanceRequest(), staff(role))).accounts
        assert {a.account: a.debit_fen - a.credit_fen for a in found} == {
            "receivable": 3 * DEPOSIT + RENT,
            "bank:ccb": 2 * RENT,
            "cash": 0,
            "bank:cash": 0,
            "income:rent": -3 * RENT,
            "deposit": -3 * DEPOSIT,
            "credit": 0,
            "suspense": 0,
        }
        assert sum(a.debit_fen for a in found) == sum(a.credit_fen for a in found)
        assert all(a.title for a in found)
    for caller in (citizen(OWNER), staff("house_manager"), staff("operator")):
        assert (await refused(world.call("GetTrialBalance", pb.GetTrialBalanceRequest(), caller))).problem.reason == "NOT_ALLOWED"


async def test_what_is_told_while_temporal_is_away_is_told_later(world: World) -> None:
    world.notes.down = True
    await world.issue()
    assert await world.called_back(await world.start(BILL)) == "posted"
    assert world.notes.signals == []
    world.notes.down = False
    await world.wait_told("payment_posted", 1)
    await world.wait_told("payment_opened", 1)


async def test_the_message_names_what_is_still_to_pay(world: World, keys_dir: Path) -> None:
    def step() -> common.Step:
        made = world.next_step()
        made.tell.add(template="bill_issued").values["amount"].fen = RENT + 1_000
        return made

    async def told() -> list[notes.NotifyRequest]:
        rows = await world.sql("SELECT payload ->> 'key', payload ->> 'sealed' FROM outbox WHERE kind = 'tell' ORDER BY id")
        ring = KeyRing.load(keys_dir / FIELD_KEYS)
        return [notes.NotifyRequest.FromString(ring.decrypt(base64.b64decode(sealed), f"outbox|tell|{key}")) for key, sealed in rows]

    await overpaid(world)
    await world.issue("202701", amount=RENT + 1_000, step=step())
    [said] = await told()
    assert {name: value.fen for name, value in said.telling.values.items()} == {"amount": RENT + 1_000, "owed": 1_000}
    await world.issue("202702", step=step())
    assert [each.telling.values["owed"].fen for each in await told()] == [1_000, RENT]


async def test_nobody_is_asked_for_what_credit_has_paid_whole(world: World) -> None:
    await overpaid(world)
    step = world.next_step()
    step.tell.add(template="bill_issued").values["amount"].fen = RENT
    assert (await world.issue("202701", step=step)).state == "paid"
    assert await world.sql("SELECT count(*) FROM outbox WHERE kind = 'tell'") == [(0,)]
