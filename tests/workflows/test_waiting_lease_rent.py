"""Waiting, Lease and RentCycle: offers, signing, months of rent, reminders and arrears, in virtual time on the real engine."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import anju_calendar as calendar
import pytest
from anju_contracts import lease as lease_contract
from anju_contracts import rent_cycle
from anju_contracts import waiting as waiting_contract
from anju_contracts.base import STATE, TASK_QUEUE, Accepted, State
from anju_contracts.lease import ArrearsPaid, LeaseInput, SignLease
from anju_contracts.rent_cycle import PaymentOpened, PaymentPosted
from anju_contracts.waiting import Leaving, OfferAnswer, OfferMade, WaitingInput
from anju_workflows import search_attributes
from anju_workflows.rent_cycle.calls import BillState
from anju_workflows.telling import fen, month
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.support.patience import eventually
from tests.workflows.stage import DEPOSIT, MONTHLY_RENT_FEN, PLACE, Stage

Handle = WorkflowHandle[Any, Any]


async def waiting(theatre: Stage) -> Handle:
    no = f"KF-2026-{uuid.uuid4().int % 1_000_000:06d}"
    given = WaitingInput(application_no=no, owner="c-somebody", place=PLACE)
    handle = await theatre.client.start_workflow(waiting_contract.NAME, given, id=waiting_contract.workflow_id(no), task_queue=TASK_QUEUE)
    await theatre.reached(lambda: theatre.notes.waiting.get(no) == "waiting")
    return handle


async def offer(theatre: Stage, handle: Handle) -> str:
    made = OfferMade(offer_id=f"offer-{uuid.uuid4().hex}", unit="汴京家园 1号楼101", expires_at=datetime.now(UTC) + timedelta(days=7))
    before = theatre.notes.templates().count("offer_made")
    await handle.signal("offer_made", made)
    await handle.signal("offer_made", made)
    await theatre.reached(lambda: theatre.notes.templates().count("offer_made") == before + 1)
    return made.offer_id


async def answer(handle: Handle, offer_id: str, accept: bool) -> Accepted:
    said = OfferAnswer(offer_id=offer_id, accept=accept, actor="c-somebody", request_id=uuid.uuid4().hex)
    answered: Accepted = await handle.execute_update("answer_offer", said, result_type=Accepted)
    return answered


async def test_accepted_offer_becomes_a_lease(theatre: Stage) -> None:
    handle = await waiting(theatre)
    offered = await offer(theatre, handle)
    assert (await answer(handle, offered, True)).stage == "leased"
    result = await handle.result()
    assert result["outcome"] == "leased"
    assert theatre.notes.offers == {offered: "accepted"}
    lease = theatre.client.get_workflow_handle(lease_contract.workflow_id(theatre.notes.drafted[-1]))
    assert (await lease.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_declined_then_expired_offers_strike_off(theatre: Stage) -> None:
    handle = await waiting(theatre)
    first = await offer(theatre, handle)
    await answer(handle, first, False)
    second = await offer(theatre, handle)
    await theatre.days(handle, 9)
    assert (await handle.result())["outcome"] == "struck_off"
    assert theatre.notes.released == [handle.id.removeprefix("waiting/")]
    assert theatre.notes.offers == {first: "declined", second: "expired"}


async def test_answer_to_another_offer_is_refused(theatre: Stage) -> None:
    handle = await waiting(theatre)
    await offer(theatre, handle)
    with pytest.raises(WorkflowUpdateFailedError):
        await answer(handle, "offer-of-somebody-else", True)


async def test_five_years_end_the_registration_after_two_alarms(theatre: Stage) -> None:
    handle = await waiting(theatre)
    await theatre.reached(lambda: True)
    await theatre.days(handle, 365 * 4 + 10)
    assert theatre.notes.templates() == ["registered", "waiting_alarm"]
    await theatre.days(handle, 365 * 2)
    assert (await handle.result())["outcome"] == "expired"
    assert theatre.notes.released == [handle.id.removeprefix("waiting/")]
    assert theatre.notes.templates() == ["registered", "waiting_alarm", "waiting_alarm", "waiting_expired"]


async def test_leaving_the_list(theatre: Stage) -> None:
    handle = await waiting(theatre)
    await handle.execute_update("leave", Leaving(actor="c-somebody", request_id=uuid.uuid4().hex), result_type=Accepted)
    assert (await handle.result())["outcome"] == "left"
    assert theatre.notes.released == [handle.id.removeprefix("waiting/")]


async def test_leaving_while_an_offer_is_open_gives_the_home_back(theatre: Stage) -> None:
    handle = await waiting(theatre)
    offered = await offer(theatre, handle)
    await handle.execute_update("leave", Leaving(actor="c-somebody", request_id=uuid.uuid4().hex), result_type=Accepted)
    assert (await handle.result())["outcome"] == "left"
    assert theatre.notes.offers == {offered: "declined"}


async def test_an_offer_told_again_after_its_answer_is_no_new_offer(theatre: Stage) -> None:
    """Housing tells at least once: a redelivery must not cost the household a second refusal."""
    handle = await waiting(theatre)
    made = OfferMade(offer_id="offer-told-twice", unit="汴京家园 1号楼101", expires_at=datetime.now(UTC) + timedelta(days=7))
    await handle.signal("offer_made", made)
    await theatre.reached(lambda: "offer_made" in theatre.notes.templates())
    await answer(handle, made.offer_id, False)
    await theatre.reached(lambda: "offer_declined" in theatre.notes.templates())
    await handle.signal("offer_made", made)
    other = await offer(theatre, handle)
    await answer(handle, other, True)
    assert (await handle.result())["outcome"] == "leased"
    assert theatre.notes.offers == {made.offer_id: "declined", other: "accepted"}


async def test_two_offers_are_answered_one_after_the_other(theatre: Stage) -> None:
    handle = await waiting(theatre)
    made = [OfferMade(offer_id=f"offer-{n}", unit=f"1号楼10{n}", expires_at=datetime.now(UTC) + timedelta(days=7)) for n in (1, 2)]
    for each in made:
        await handle.signal("offer_made", each)
    await theatre.reached(lambda: theatre.notes.templates().count("offer_made") == 1)
    with pytest.raises(WorkflowUpdateFailedError):
        await answer(handle, "offer-2", True)
    await answer(handle, "offer-1", False)
    await theatre.reached(lambda: theatre.notes.templates().count("offer_made") == 2)
    await answer(handle, "offer-2", True)
    assert (await handle.result())["outcome"] == "leased"
    assert theatre.notes.offers == {"offer-1": "declined", "offer-2": "accepted"}


async def test_an_operator_finds_who_waits_and_who_must_sign(theatre: Stage) -> None:
    """Long waits begin with their search attributes, not with their first move years later."""
    registered = await theatre.approved()
    await theatre.days(registered, 11)
    await registered.result()
    handle = theatre.client.get_workflow_handle(waiting_contract.workflow_id(registered.id.removeprefix("application/")))
    await shows(handle, "waiting", "410202", "410202001", "house_manager", False)
    offered = await offer(theatre, handle)
    await shows(handle, "offered", "410202", "410202001", "citizen", False)
    await answer(handle, offered, False)
    await theatre.reached(lambda: "offer_declined" in theatre.notes.templates())
    await shows(handle, "waiting", "410202", "410202001", "house_manager", False)
    await answer(handle, await offer(theatre, handle), True)
    await handle.result()
    drafted = theatre.client.get_workflow_handle(lease_contract.workflow_id(theatre.notes.drafted[-1]))
    await shows(drafted, "signing", "410202", "410202001", "citizen", False)


async def shows(handle: Handle, *expected: object) -> None:
    """What an operator can filter by; every open wait has a deadline. A step runs within a workflow task, and the engine shows what it changed when
    that task is over."""
    keys = (
        search_attributes.STAGE,
        search_attributes.DISTRICT,
        search_attributes.STREET,
        search_attributes.WAITING_ON,
        search_attributes.OVERDUE,
    )

    async def shown() -> tuple[object, ...]:
        attributes = (await handle.describe()).typed_search_attributes
        return (*(attributes.get(key) for key in keys), attributes.get(search_attributes.DEADLINE) is not None)

    await eventually(shown, lambda found: found == (*expected, True), what=str(expected))


async def lease(theatre: Stage, *, months: int = 36) -> Handle:
    theatre.notes.housing.term_months = months
    no = f"L-2026-{uuid.uuid4().int % 1_000_000:06d}"
    given = LeaseInput(
        lease_no=no,
        application_no="KF-2026-000001",
        owner="c-somebody",
        place=PLACE,
        unit="汴京家园 1号楼101",
        sign_by=datetime.now(UTC) + timedelta(days=15),
    )
    return await theatre.client.start_workflow(lease_contract.NAME, given, id=lease_contract.workflow_id(no), task_queue=TASK_QUEUE)


async def sign(handle: Handle, acknowledged: bool = True) -> None:
    said = SignLease(actor="c-somebody", acknowledged=acknowledged, request_id=uuid.uuid4().hex)
    await handle.execute_update("sign", said, result_type=Accepted)


async def pay(theatre: Stage, bill_id: str) -> Handle:
    await theatre.reached(lambda: bill_id in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill_id))
    await cycle.signal("payment_posted", PaymentPosted(bill_id=bill_id, intent_id="i", settled=True))
    assert (await cycle.result())["outcome"] == "paid"
    return cycle


async def active_lease(theatre: Stage, *, months: int = 36) -> tuple[Handle, str]:
    handle = await lease(theatre, months=months)
    no = handle.id.split("/")[1]
    await sign(handle)
    await pay(theatre, f"{no}/deposit")
    await theatre.reached(lambda: "activated" in theatre.notes.leases)
    return handle, no


async def test_signing_needs_the_acknowledgement(theatre: Stage) -> None:
    handle = await lease(theatre)
    with pytest.raises(WorkflowUpdateFailedError):
        await sign(handle, acknowledged=False)
    await sign(handle)


async def test_unsigned_lease_lapses(theatre: Stage) -> None:
    handle = await lease(theatre)
    await theatre.days(handle, 16)
    assert (await handle.result())["outcome"] == "lapsed"
    assert theatre.notes.templates() == ["lease_sign_reminder", "lease_lapsed"]
    assert theatre.notes.leases == ["lapsed"]
    assert theatre.notes.released == ["KF-2026-000001"]


async def test_unpaid_deposit_lapses(theatre: Stage) -> None:
    handle = await lease(theatre)
    await sign(handle)
    bill = f"{handle.id.split('/')[1]}/deposit"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    await theatre.days(theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill)), 17)
    assert (await handle.result())["outcome"] == "lapsed"
    assert theatre.notes.bills[bill] == "arrears"


async def test_money_that_came_in_the_last_moment_is_not_answered_with_a_lapsed_lease(theatre: Stage) -> None:
    """The ledger had the money before it was asked to write the bill off; the word of it was still on the way."""
    handle = await lease(theatre)
    await sign(handle)
    bill = f"{handle.id.split('/')[1]}/deposit"
    theatre.notes.paid_at_last.add(bill)
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await theatre.days(cycle, 17)
    assert (await cycle.result())["outcome"] == "paid"
    await theatre.reached(lambda: "activated" in theatre.notes.leases)
    assert theatre.notes.templates().count("deposit_paid") == 1


@pytest.mark.parametrize("paid", [True, False], ids=["paid", "given up"])
async def test_a_home_is_not_taken_back_while_its_deposit_is_at_the_bank(theatre: Stage, paid: bool) -> None:
    handle = await lease(theatre)
    await sign(handle)
    bill = f"{handle.id.split('/')[1]}/deposit"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    due = calendar.days_after(await theatre.clock.now(cycle.id), DEPOSIT.due_days)
    await theatre.clock.advance_to(cycle.id, due - timedelta(minutes=5))
    await cycle.signal("payment_opened", PaymentOpened(intent_id="i1"))
    theatre.notes.orders_open.add(bill)
    await theatre.clock.advance_to(cycle.id, due + timedelta(minutes=5))
    assert theatre.notes.bills[bill] == "overdue"
    theatre.notes.bank_says = lambda _: BillState(intent_state="paid" if paid else "expired", settled=paid)
    theatre.notes.orders_open.clear()
    await theatre.clock.advance_to(cycle.id, due + timedelta(minutes=30))
    assert (await cycle.result())["outcome"] == ("paid" if paid else "arrears")
    await theatre.reached(lambda: ("activated" if paid else "lapsed") in theatre.notes.leases)


async def test_a_lease_that_has_run_its_term_frees_the_household(theatre: Stage) -> None:
    handle, _no = await active_lease(theatre, months=2)
    assert theatre.notes.released == []
    await theatre.days(handle, 70)
    assert (await handle.result())["outcome"] == "ended"
    assert theatre.notes.released == ["KF-2026-000001"]


async def test_three_months_of_rent_then_years_with_continue_as_new(theatre: Stage) -> None:
    handle, no = await active_lease(theatre, months=26)
    first_run = (await handle.describe()).run_id
    starts = datetime.now(UTC).date()
    in_time = ArrearsPaid(bill_id=f"{no}/{calls_period(starts, 0)}", amount_fen=MONTHLY_RENT_FEN, in_time=True)
    await handle.signal("arrears_paid", in_time)
    for number in range(14):
        period = calls_period(starts, number)
        if number:
            await theatre.days(handle, 31)
        bill = f"{no}/{period}"
        await pay(theatre, bill)
        cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
        issued = await theatre.clock.now(cycle.id)
        assert abs(issued - await theatre.clock.now(handle.id)) < timedelta(days=32)
    assert (await handle.describe()).run_id != first_run
    await handle.signal("arrears_paid", in_time)
    await theatre.days(handle, 1)
    assert theatre.notes.templates().count("arrears_taken_back") == 1, "another year has heard of it too"
    assert len({bill for bill in theatre.notes.bills if bill.startswith(no)}) >= 15
    history = await handle.fetch_history()
    assert len(history.events) < 500


def calls_period(starts: Any, month: int) -> str:
    from anju_calendar import add_months

    return f"{add_months(starts, month):%Y%m}"


async def test_late_rent_is_reminded_and_written_to_arrears_then_the_lease_knows(theatre: Stage) -> None:
    handle, no = await active_lease(theatre)
    bill = f"{no}/{calls_period(datetime.now(UTC).date(), 0)}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await theatre.days(cycle, 12)
    assert theatre.notes.bills[bill] == "overdue"
    assert theatre.notes.templates().count("bill_reminder") == 1
    await theatre.days(cycle, 25)
    assert (await cycle.result())["outcome"] == "arrears"
    assert theatre.notes.bills[bill] == "arrears"
    assert "累计欠租" in str(await handle.query("__temporal_workflow_metadata"))


async def test_the_household_hears_once_that_its_arrears_came_in(theatre: Stage) -> None:
    handle, no = await active_lease(theatre)
    bill = f"{no}/{calls_period(datetime.now(UTC).date(), 0)}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await theatre.days(cycle, 37)
    assert (await cycle.result())["outcome"] == "arrears"
    late = ArrearsPaid(bill_id=bill, amount_fen=MONTHLY_RENT_FEN)
    await handle.signal("arrears_paid", late)
    await theatre.reached(lambda: "arrears_paid" in theatre.notes.templates())
    (told,) = [each for each in theatre.notes.told if each.template == "arrears_paid"]
    assert told.values == {"month": month(bill[-6:]), "amount": fen(35_000)}
    await handle.signal("arrears_paid", late)
    await theatre.days(handle, 31)
    assert theatre.notes.templates().count("arrears_paid") == 1


async def test_arrears_the_bank_had_the_money_for_are_taken_back(theatre: Stage) -> None:
    """The counted month goes, and the household hears that the warning before no longer holds."""
    handle, no = await active_lease(theatre)
    bill = f"{no}/{calls_period(datetime.now(UTC).date(), 0)}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await theatre.days(cycle, 37)
    assert (await cycle.result())["outcome"] == "arrears"
    assert "累计欠租" in str(await handle.query("__temporal_workflow_metadata"))
    in_time = ArrearsPaid(bill_id=bill, amount_fen=MONTHLY_RENT_FEN, in_time=True)
    for _ in range(2):
        await handle.signal("arrears_paid", in_time)
    await theatre.reached(lambda: "arrears_taken_back" in theatre.notes.templates())
    assert "累计欠租" not in str(await handle.query("__temporal_workflow_metadata"))
    assert theatre.notes.templates().count("arrears_taken_back") == 1
    assert "arrears_paid" not in theatre.notes.templates()


async def test_lost_callback_is_found_by_asking_the_bank(theatre: Stage) -> None:
    _handle, no = await active_lease(theatre)
    bill = f"{no}/{calls_period(datetime.now(UTC).date(), 0)}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await cycle.signal("payment_opened", PaymentOpened(intent_id="i1"))
    await theatre.days(cycle, 0.05)
    assert theatre.notes.bank_asked >= 3
    theatre.notes.bank_says = lambda _: BillState(intent_state="paid", settled=True)
    await theatre.days(cycle, 0.05)
    assert (await cycle.result())["outcome"] == "paid"


async def test_a_payment_nobody_made_pays_nothing(theatre: Stage) -> None:
    """Told by somebody who can reach the engine. Payments has no money: the bill stays open, is pressed in time, and the lease is told nothing."""
    handle, no = await active_lease(theatre)
    bill = f"{no}/{calls_period(datetime.now(UTC).date(), 0)}"
    theatre.notes.unpaid.add(bill)
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await cycle.signal("payment_posted", PaymentPosted(bill_id=bill, intent_id="i", settled=True))
    await theatre.days(cycle, 15)
    assert theatre.notes.bills[bill] == "overdue"
    assert "bill_paid" not in theatre.notes.templates()
    assert "1 次收到无人说过的话" in str(await cycle.query("__temporal_workflow_metadata"))
    assert bill in (await handle.query(STATE, result_type=State)).details["open_bills"]
    theatre.notes.unpaid.clear()
    await pay(theatre, bill)
    assert theatre.notes.templates().count("bill_paid") == 1


async def test_an_order_nobody_opened_is_asked_about_once(theatre: Stage) -> None:
    """The order of another bill, or of none: payments does not know it, and the workflow does not go on asking for it."""
    _handle, no = await active_lease(theatre)
    bill = f"{no}/{calls_period(datetime.now(UTC).date(), 0)}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))

    def unknown(_: str) -> BillState:
        raise ApplicationError("NOT_FOUND: no such order", type="NOT_FOUND", non_retryable=True)

    theatre.notes.bank_says = unknown
    await cycle.signal("payment_opened", PaymentOpened(intent_id="P-of-another"))
    await theatre.days(cycle, 0.1)
    assert theatre.notes.bank_asked == 1
    theatre.notes.bank_says = lambda _: BillState(intent_state="paid", settled=True)
    await cycle.signal("payment_opened", PaymentOpened(intent_id="i1"))
    await theatre.days(cycle, 0.05)
    assert (await cycle.result())["outcome"] == "paid"


async def test_an_offer_nobody_made_is_none(theatre: Stage) -> None:
    handle = await waiting(theatre)
    theatre.notes.no_offers.add("of-made-up")
    made = OfferMade(offer_id="of-made-up", unit="汴京家园 1号楼101", expires_at=datetime.now(UTC) + timedelta(days=7))
    await handle.signal("offer_made", made)
    await eventually(lambda: handle.query("__temporal_workflow_metadata"), lambda page: "1 次收到无人说过的话" in str(page))
    assert (await handle.query(STATE, result_type=State)).stage == "waiting"
    assert "offer_made" not in theatre.notes.templates()
