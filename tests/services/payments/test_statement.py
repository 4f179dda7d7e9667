"""A household's account at its lease, on any day, against the ledger; receipts and their papers."""

from __future__ import annotations

from datetime import date, timedelta

import pypdfium2
import pytest
from anju.payments.v1 import payments_pb2 as pb
from chassis.wire import utc

from tests.services.payments.test_journey import overpaid
from tests.services.payments.world import DEPOSIT, LEASE, NOW, OWNER, RENT, World, refused
from tests.support.keys import citizen, staff

BILL = f"{LEASE}/202612"


async def account(world: World, on: str = "") -> pb.GetStatementResponse:
    found: pb.GetStatementResponse = await world.call("GetStatement", pb.GetStatementRequest(lease_no=LEASE, on=on), citizen(OWNER))
    return found


def text_of(file: bytes) -> str:
    return "".join("".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(file)).split())


async def test_it_adds_up_to_the_ledger_after_every_entry(world: World) -> None:
    await overpaid(world)
    await world.issue("")
    await world.called_back(await world.start(f"{LEASE}/deposit"))
    dearer = await world.issue("202701", amount=RENT + 1_000)
    await world.issue("202702")
    found = await account(world)
    sums = await world.balances()
    assert found.owed_fen == sums[f"receivable:{LEASE}"] == RENT + 1_000
    assert found.credit_fen == -sums.get(f"credit:{LEASE}", 0) == 0
    assert found.deposit_fen == -sums[f"deposit:{LEASE}"] == DEPOSIT
    assert found.received_fen == sums["bank:ccb"] == 2 * RENT + DEPOSIT
    assert found.charged_fen == 3 * RENT + 1_000 + DEPOSIT
    assert found.charged_fen - found.received_fen == found.owed_fen - found.credit_fen
    by_credit = [line for line in found.lines if line.kind == "credit"]
    assert [(line.bill_id, line.received_fen, line.settled_fen) for line in by_credit] == [(dearer.id, 0, RENT)]
    owed = credit = 0
    for line in found.lines:
        owed += line.charged_fen - line.settled_fen
        credit += line.received_fen - line.settled_fen
        assert (line.owed_fen, line.credit_fen) == (owed, credit), line
        assert bool(line.receipt_no) == (line.kind == "payment")


async def test_as_of_a_day_it_shows_what_the_ledger_had_at_its_end(world: World) -> None:
    for number in range(3):
        at = NOW + timedelta(days=number)
        await world.issue(f"20270{number + 1}", step=world.next_step(as_of=at))
    # 20:00 in London is the next day in China.
    await world.issue("202704", step=world.next_step(as_of=NOW.replace(hour=20) + timedelta(days=2)))
    days = [(NOW + timedelta(days=number)).date().isoformat() for number in range(-1, 4)]
    shown = [await account(world, on) for on in days]
    assert [(each.on, len(each.lines), each.owed_fen) for each in shown] == [
        (days[0], 0, 0),
        (days[1], 1, RENT),
        (days[2], 2, 2 * RENT),
        (days[3], 3, 3 * RENT),
        (days[4], 4, 4 * RENT),
    ]
    assert date.fromisoformat((await account(world)).on) >= NOW.date()


@pytest.mark.parametrize("on", ["2026-02-30", "tomorrow", "9999-12-31", "0000-01-01"])
async def test_a_day_that_is_none_is_refused(world: World, on: str) -> None:
    await world.issue()
    assert [field.pointer for field in (await refused(account(world, on))).fields] == ["/on"]


async def test_a_deposit_that_lapsed_is_asked_for_no_more(world: World) -> None:
    await world.issue("")
    await world.mark(f"{LEASE}/deposit", "overdue")
    await world.mark(f"{LEASE}/deposit", "arrears")
    found = await account(world)
    assert [(line.kind, line.charged_fen, line.owed_fen) for line in found.lines] == [
        ("issue", DEPOSIT, DEPOSIT),
        ("withdraw", -DEPOSIT, 0),
    ]
    assert (found.charged_fen, found.owed_fen, found.deposit_fen) == (0, 0, 0)


async def test_only_the_household_and_staff_of_its_place_see_it_and_a_look_is_on_record(world: World) -> None:
    await world.issue()
    asked, on_paper = pb.GetStatementRequest(lease_no=LEASE), pb.GetStatementFileRequest(lease_no=LEASE)
    for caller in (citizen("c-2"), staff("house_manager", "410203")):
        for method, request in (("GetStatement", asked), ("GetStatementFile", on_paper)):
            assert (await refused(world.call(method, request, caller))).problem.reason == "NOT_FOUND"
    assert (await refused(world.call("GetStatement", asked, staff("street_clerk", "410202")))).problem.reason == "NOT_ALLOWED"
    await world.call("GetStatement", asked, staff("finance", "4102"))
    await world.call("GetStatementFile", on_paper, staff("finance", "4102"))
    assert await world.looks("KF-1", citizen(OWNER)) == [(["finance"], "statement", 2)]


async def test_the_paper_says_the_same(world: World) -> None:
    await overpaid(world)
    await world.issue("202701", amount=RENT + 1_000)
    answer = await world.call("GetStatementFile", pb.GetStatementFileRequest(lease_no=LEASE), citizen(OWNER))
    read = text_of(answer.file)
    for words in (
        "公共租赁住房缴费对账单",
        LEASE,
        "账单：2026年12月租金",
        "用多缴的钱抵扣：2027年1月租金",
        "现在欠缴10.00元",
        "到账合计700.00元",
    ):
        assert words in read, words
    assert OWNER not in read


async def test_a_receipt_for_every_payment_and_a_code_that_proves_it(world: World) -> None:
    await world.issue()
    await world.called_back(await world.start(BILL))
    [paid] = [line for line in (await account(world)).lines if line.receipt_no]
    asked = pb.GetReceiptFileRequest(lease_no=LEASE, receipt_no=paid.receipt_no)
    file = (await world.call("GetReceiptFile", asked, citizen(OWNER))).file
    read = text_of(file)
    for words in (paid.receipt_no, "样张", "人民币叁佰伍拾元整", "¥350.00", "2026年12月租金"):
        assert words in read, words
    assert (await world.call("GetReceiptFile", asked, citizen(OWNER))).file == file, "the same receipt is the same file"
    ((mark,),) = await world.sql("SELECT key FROM transfers WHERE kind = 'payment'")
    for number, sign in ((paid.receipt_no, "0" * 16), (paid.receipt_no, mark[:16]), ("R99999999", "0" * 16), ("x", "")):
        assert not (await world.call("CheckReceipt", pb.CheckReceiptRequest(receipt_no=number, mark=sign))).matches


async def test_the_code_on_a_receipt_says_what_it_was_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from payments import paper

    seen: list[str] = []
    drawn = paper.code
    monkeypatch.setattr(paper, "code", lambda url: seen.append(url) or drawn(url))  # type: ignore[func-returns-value]
    await world.issue()
    await world.called_back(await world.start(BILL))
    [paid] = [line for line in (await account(world)).lines if line.receipt_no]
    await world.call("GetReceiptFile", pb.GetReceiptFileRequest(lease_no=LEASE, receipt_no=paid.receipt_no), citizen(OWNER))
    number, mark = seen[0].split("/")[-2:]
    answer = await world.call("CheckReceipt", pb.CheckReceiptRequest(receipt_no=number, mark=mark))
    assert (answer.matches, answer.amount_fen, answer.bill_kind, answer.period) == (True, RENT, "rent", "202612")
    assert utc(answer.at) == utc(paid.at)


async def test_a_receipt_is_of_a_payment_of_this_household(world: World) -> None:
    await world.issue()
    await world.issue(lease="L-2026-000002", owner="c-2")
    await world.called_back(await world.start(BILL))
    lines = (await account(world)).lines
    [paid] = [line.receipt_no for line in lines if line.receipt_no]
    issued = f"R{int(paid[1:]) - 2:08d}"
    asks = [(LEASE, issued, OWNER), (LEASE, paid, "c-2"), ("L-2026-000002", paid, OWNER), (LEASE, "R00000000", OWNER), (LEASE, "'", OWNER)]
    for lease, number, owner in asks:
        request = pb.GetReceiptFileRequest(lease_no=lease, receipt_no=number)
        assert (await refused(world.call("GetReceiptFile", request, citizen(owner)))).problem.reason == "NOT_FOUND", number
