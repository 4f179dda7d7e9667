"""The bank's callbacks: duplicated, permuted, forged, late, wrong."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from anju.payments.v1 import payments_pb2 as pb

from tests.services.payments.world import KEY, LEASE, RENT, World, refused
from tests.support.keys import citizen, staff
from tests.unit.payments.bank_side import Rsa, callback, notice, signed_text

BILL = f"{LEASE}/202612"


async def test_a_thousand_deliveries_of_twenty_payments_post_each_once(world: World, seed: int) -> None:
    intents = []
    for number in range(20):
        lease = f"L-2026-{number:06d}"
        await world.issue(lease=lease, amount=RENT + number)
        intents.append(await world.start(f"{lease}/202612"))
    yuan = {i.id: f"{i.amount_fen // 100}.{i.amount_fen % 100:02d}" for i in intents}
    for order_id, amount in yuan.items():
        world.bank.takes(order_id, amount)
    bodies = [callback(KEY, notice(order_id, amount)) for order_id, amount in yuan.items()]
    deliveries = bodies * 50
    random.Random(seed).shuffle(deliveries)
    window = asyncio.Semaphore(64)

    async def deliver(raw: bytes) -> str:
        async with window:
            return await world.deliver(raw)

    results = await asyncio.gather(*(deliver(raw) for raw in deliveries))
    assert (results.count("posted"), results.count("repeated")) == (20, 980)
    assert await world.transfers() == {"issue": 20, "payment": 20}
    total = sum(RENT + number for number in range(20))
    assert await world.balances() == {"bank:ccb": total, "income:rent": -total}
    assert await world.sql("SELECT state, count(*) FROM bills GROUP BY state") == [("paid", 20)]
    assert len(await world.wait_told("payment_posted", 20)) == 20
    assert await world.alarms() == {}


async def test_callbacks_and_queries_at_once_post_once(world: World) -> None:
    """In whatever order the bank's answers come: the same books."""
    for number in range(15):
        lease = f"L-2026-{number:06d}"
        await world.issue(lease=lease)
        intent = await world.start(f"{lease}/202612")
        world.bank.paid[intent.id] = "350.00"
        calls = [world.called_back(intent) for _ in range(4)] + [world.confirm(intent.id) for _ in range(4)]
        random.shuffle(calls)
        await asyncio.gather(*calls)
    assert await world.transfers() == {"issue": 15, "payment": 15}
    assert await world.balances() == {"bank:ccb": 15 * RENT, "income:rent": -15 * RENT}


async def test_forged_callbacks_are_refused_noted_and_change_nothing(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    fields = notice(intent.id, "350.00")
    honest = callback(KEY, fields)
    thief = Rsa.generate(1024, seed=666)
    stretched = f"SIGN={KEY.sign(signed_text(fields).encode())}".encode()
    forged = [
        callback(thief, fields),
        honest.replace(b"PAYMENT=350.00", b"PAYMENT=0.01"),
        honest.replace(b"CURCODE=01", b"CURCODE=02"),
        honest.replace(b"100000001", b"100000002"),
        honest.replace(intent.id.encode(), b"P" + b"0" * 26),
        honest.replace(b"SUCCESS=Y", b"SUCCESS=N"),
        honest + b"&PAYMENT=0.01",
        honest.replace(b"&SIGN=", b"&ERRMSG=x&SIGN="),
        honest[:-2],
        stretched,
        quote(honest.decode()).encode(),
        b"",
        b"\xff\xfe\x00",
        b"SIGN=" + b"0" * 256,
    ]
    for raw in forged:
        assert (await refused(world.deliver(raw))).problem.reason == "BAD_SIGNATURE", raw
    assert await world.alarms() == {"bad_signature": len(forged)}
    # Anybody can make these up without end: they are counted, and none is kept.
    await asyncio.gather(*(refused(world.deliver(b"SIGN=00&ORDERID=%d" % number)) for number in range(30)))
    assert await world.sql("SELECT count(*), max(seen) FROM alarms") == [(1, len(forged) + 30)]
    assert await world.transfers() == {"issue": 1}
    assert (await world.bill(BILL)).state == "open"
    assert await world.sql("SELECT state FROM intents") == [("opened",)]
    assert world.notes.told("payment_posted") == []
    # The honest one still counts.
    world.bank.takes(intent.id, "350.00")
    assert await world.deliver(honest) == "posted"


async def test_a_random_thousand_of_forgeries(world: World, seed: int) -> None:
    await world.issue()
    intent = await world.start(BILL)
    # No field is empty: the name of an empty one may be lost without a change of what was signed.
    honest = callback(KEY, notice(intent.id, "350.00", REMARK1=BILL, REMARK2="-"))
    draw = random.Random(seed)

    def forge() -> bytes:
        raw = bytearray(honest)
        # Only what is signed, and the signature itself; letters of hex keep their meaning in either case.
        place = draw.randrange(len(raw))
        raw[place] = draw.choice([b for b in range(33, 127) if chr(b).lower() != chr(raw[place]).lower() and b not in b"&%+="])
        return bytes(raw)

    for _ in range(20):
        # Not all at once: the last of a thousand would wait longer than a call may.
        results = await asyncio.gather(*(refused(world.deliver(forge())) for _ in range(50)))
        assert {refusal.problem.reason for refusal in results} == {"BAD_SIGNATURE"}
    assert await world.transfers() == {"issue": 1}


async def test_money_the_bank_signs_for_and_nobody_knows_is_held_in_suspense(world: World) -> None:
    raw = callback(KEY, notice("P404", "12.34"))
    world.bank.takes("P404", "12.34")
    assert await world.deliver(raw) == "posted"
    assert await world.deliver(raw) == "repeated"
    assert await world.balances() == {"bank:ccb": 1234, "suspense": -1234}
    assert await world.alarms() == {"unknown_order": 1}


async def test_another_amount_than_ordered_pays_no_bill(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    assert await world.called_back(intent, fen=RENT - 1) == "posted"
    assert await world.balances() == {
        "bank:ccb": RENT - 1,
        "suspense": 1 - RENT,
        f"receivable:{LEASE}": RENT,
        "income:rent": -RENT,
    }
    assert await world.alarms() == {"amount_differs": 1}
    assert (await world.bill(BILL)).paid_fen == 0
    # The order is over, the tenant may open another; what the bank says later of the first changes nothing more.
    assert await world.called_back(intent) == "repeated"
    assert await world.alarms() == {"amount_differs": 1, "repeated_with_other_amount": 1}
    assert (await world.start(BILL)).id != intent.id


@pytest.mark.parametrize("amount", ["-350.00", "0.00", "350.001", "99999999999.00", "3.5e2", "", "350.00 "])
async def test_signed_nonsense_is_noted_and_not_posted(world: World, amount: str) -> None:
    await world.issue()
    intent = await world.start(BILL)
    refusal = await refused(world.deliver(callback(KEY, notice(intent.id, amount))))
    assert refusal.problem.reason == "BAD_CALLBACK"
    assert await world.alarms() == {"malformed": 1}
    assert await world.transfers() == {"issue": 1}


async def test_a_notice_for_another_counter_or_currency_is_not_ours(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    for fields in (
        notice(intent.id, "350.00", pos="100000009"),
        notice(intent.id, "350.00", branch="420000000"),
        notice(intent.id, "350.00", CURCODE="02"),
    ):
        assert (await refused(world.deliver(callback(KEY, fields)))).problem.reason == "WRONG_MERCHANT"
    assert await world.alarms() == {"wrong_merchant": 3}
    assert await world.transfers() == {"issue": 1}


async def test_a_failed_payment_is_ignored_and_the_order_stays_open(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    assert await world.called_back(intent, SUCCESS="N", ERRMSG="余额不足") == "ignored"
    assert (await world.start(BILL)).id == intent.id
    assert await world.called_back(intent) == "posted"


async def test_only_the_web_gateway_hands_in_callbacks(world: World) -> None:
    request = pb.HandleCallbackRequest(provider="ccb", raw=b"x")
    for caller in (citizen(), staff("finance"), staff("web-gateway")):
        assert (await refused(world.call("HandleCallback", request, caller))).problem.reason == "NOT_ALLOWED"
    assert (await refused(world.step("HandleCallback", request))).problem.reason == "NOT_ALLOWED"
    assert (await refused(world.call("HandleCallback", pb.HandleCallbackRequest(provider="icbc")))).problem.reason == "INVALID_FIELDS"
    assert await world.alarms() == {}


def recut(fields: dict[str, str]) -> bytes:
    """A failure notice whose payer wrote ``&SUCCESS=Y`` into the message at its end: signed by the bank as one line, cut again so that it says paid."""
    failed = fields | {"SUCCESS": "N", "USRMSG": "房租&SUCCESS=Y"}
    line = signed_text(failed)
    head, _, tail = line.partition("&REMARK2=")
    hidden = tail.removesuffix("&SUCCESS=Y")
    cut = [pair.partition("=")[::2] for pair in head.split("&")] + [("REMARK2", hidden), ("SUCCESS", "Y")]
    pairs = [f"{name}={quote(value.encode('gbk'), safe='')}" for name, value in cut]
    return "&".join([*pairs, f"SIGN={KEY.sign(line.encode('gbk'))}"]).encode()


async def test_a_failure_notice_cut_again_into_a_paid_one_posts_nothing(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    asked = len(world.bank.asked)
    assert await world.deliver(recut(notice(intent.id, "350.00"))) == "ignored"
    assert await world.alarms() == {"signed_separator": 1}
    assert world.bank.asked[asked:] == ["410408"], "the bank was asked"
    assert await world.transfers() == {"issue": 1}
    assert await world.sql("SELECT state FROM intents") == [("opened",)]
    # And when the household has paid after all, the bank's own answer posts it.
    world.bank.takes(intent.id, "350.00")
    assert await world.deliver(recut(notice(intent.id, "350.00"))) == "posted"
    assert await world.transfers() == {"issue": 1, "payment": 1}


async def test_a_callback_the_bank_does_not_confirm_posts_nothing_and_is_called_again(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    raw = callback(KEY, notice(intent.id, "350.00"))
    assert (await refused(world.deliver(raw))).problem.reason == "BANK_UNAVAILABLE"
    world.bank.answers_500 = 0
    world.bank.query_body = b"rubbish"
    assert (await refused(world.deliver(raw))).problem.reason == "BANK_UNAVAILABLE"
    assert await world.transfers() == {"issue": 1}
    world.bank.query_body = None
    world.bank.takes(intent.id, "350.00")
    assert await world.deliver(raw) == "posted"
    asked = len(world.bank.asked)
    assert await world.deliver(raw) == "repeated"
    assert len(world.bank.asked) == asked, "what is in the books needs no question"


async def test_an_order_nobody_knows_and_the_bank_neither_is_no_money(world: World) -> None:
    assert (await refused(world.deliver(callback(KEY, notice("P404", "12.34"))))).problem.reason == "BANK_UNAVAILABLE"
    assert await world.transfers() == {}


async def test_what_is_posted_is_what_the_bank_answers_and_not_what_its_callback_said(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    world.bank.takes(intent.id, "350.00")
    assert await world.deliver(callback(KEY, notice(intent.id, "0.01"))) == "posted"
    assert await world.alarms() == {"callback_differs": 1}
    assert (await world.bill(BILL)).paid_fen == RENT


@pytest.mark.parametrize("day", ["29991231", "99991231", "19000101", "20261399", "x"])
async def test_a_day_in_a_callback_dates_nothing(world: World, day: str) -> None:
    """Far ahead, long ago or no day at all: the bank's own answer dates the money, and a day it cannot have booked it on dates nothing either."""
    await world.issue()
    intent = await world.start(BILL)
    before = datetime.now(UTC)
    world.bank.account_date = day
    assert await world.called_back(intent, ACCDATE=day) == "posted"
    paid_at = (await world.bill(BILL)).paid_at.ToDatetime(UTC)
    assert before <= paid_at <= datetime.now(UTC)


@pytest.mark.parametrize("day", ["29991231", "99991231", "19000101"])
async def test_money_of_an_unknown_order_is_booked_when_it_is_heard_of(world: World, day: str) -> None:
    world.bank.takes("P404", "12.34")
    assert await world.deliver(callback(KEY, notice("P404", "12.34", ACCDATE=day))) == "posted"
    assert await world.sql("SELECT now() - as_of BETWEEN '0' AND '1 minute' FROM transfers") == [(True,)]


async def test_a_callback_for_one_order_pays_no_other(world: World) -> None:
    """Both orders are ours; the signature is the bank's own for the first. Put on the second it is a forgery, and left on the first it is not confirmed."""
    await world.issue()
    await world.issue("202701")
    first, second = await world.start(BILL), await world.start(f"{LEASE}/202701")
    world.bank.takes(second.id, "350.00")
    honest = callback(KEY, notice(first.id, "350.00"))
    assert (await refused(world.deliver(honest.replace(first.id.encode(), second.id.encode())))).problem.reason == "BAD_SIGNATURE"
    assert (await refused(world.deliver(honest))).problem.reason == "BANK_UNAVAILABLE"
    assert await world.transfers() == {"issue": 2}


async def test_a_callback_kept_and_sent_again_pays_neither_the_bill_twice_nor_the_next(world: World) -> None:
    await world.issue()
    intent = await world.start(BILL)
    world.bank.takes(intent.id, "350.00")
    kept = callback(KEY, notice(intent.id, "350.00"))
    assert await world.deliver(kept) == "posted"
    await world.issue("202701")
    await world.start(f"{LEASE}/202701")
    assert [await world.deliver(kept) for _ in range(3)] == ["repeated"] * 3
    assert await world.transfers() == {"issue": 2, "payment": 1}
    assert (await world.bill(f"{LEASE}/202701")).paid_fen == 0


@pytest.mark.parametrize("field", ["POSID", "ORDERID"])
async def test_an_answer_about_another_counter_or_order_is_no_answer(world: World, field: str) -> None:
    await world.issue()
    intent = await world.start(BILL)
    world.bank.takes(intent.id, "350.00")
    record = {"POSID": "100000001", "ORDERID": intent.id, "AMOUNT": "350.00", "STATUSCODE": "1"} | {field: "100000009"}
    fields = "".join(f"<{name}>{value}</{name}>" for name, value in record.items())
    world.bank.query_body = f"<DOCUMENT><RETURN_CODE>000000</RETURN_CODE><QUERYORDER>{fields}</QUERYORDER></DOCUMENT>".encode()
    assert (await refused(world.deliver(callback(KEY, notice(intent.id, "350.00"))))).problem.reason == "BANK_UNAVAILABLE"
    assert await world.transfers() == {"issue": 1}
