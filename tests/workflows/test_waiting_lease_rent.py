"""Waiting, Lease and RentCycle: offers, signing, months of rent, reminders and arrears, in virtual time on the real engine."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import anju_calendar as calendar
import pytest
from anju_contracts import lease as lease_contract
from anju_contracts import rent_cycle
from anju_contracts import waiting as waiting_contract
from anju_contracts.base import STATE, TASK_QUEUE, Accepted, State
from anju_contracts.lease import ArrearsPaid, BillClosed, LeaseInput, SignLease
from anju_contracts.rent import Billing, Reduction
from anju_contracts.rent_cycle import PaymentOpened, PaymentPosted
from anju_contracts.waiting import Leaving, OfferAnswer, OfferMade, WaitingInput
from anju_workflows import search_attributes
from anju_workflows.lease.calls import BILLS_OF_LEASE, BillOnRecord
from anju_workflows.rent_cycle.calls import BillState, Standing
from anju_workflows.telling import fen, month
from anju_workflows.waiting.calls import DraftedLease
from temporalio.client import WorkflowExecutionStatus, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from tests.support.patience import eventually
from tests.workflows.stage import DEPOSIT, MONTHLY_RENT_FEN, PLACE, RENT, Stage

Handle = WorkflowHandle[Any, Any]


async def waiting(theatre: Stage, **changes: Any) -> Handle:
    no = f"KF-2026-{uuid.uuid4().int % 1_000_000:06d}"
    given = WaitingInput(application_no=no, owner="c-somebody", place=PLACE, **changes)
    handle = await theatre.client.start_workflow(waiting_contract.NAME, given, id=waiting_contract.workflow_id(no), task_queue=TASK_QUEUE)
    await theatre.reached(lambda: no in theatre.notes.waiting)
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


async def lease(theatre: Stage, *, months: int = 36, **changes: Any) -> Handle:
    theatre.notes.housing.term_months = months
    no = f"L-2026-{uuid.uuid4().int % 1_000_000:06d}"
    given = LeaseInput(
        lease_no=no,
        application_no="KF-2026-000001",
        owner="c-somebody",
        place=PLACE,
        unit="汴京家园 1号楼101",
        sign_by=datetime.now(UTC) + timedelta(days=15),
        **changes,
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


async def test_a_quarter_that_is_not_paid_is_three_months_of_arrears(theatre: Stage) -> None:
    theatre.notes.housing.billing = Billing(months_per_bill=3)
    handle, no = await active_lease(theatre)
    bill = f"{no}/{calls_period(datetime.now(UTC).date(), 0)}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await theatre.days(cycle, 12)
    await theatre.days(cycle, 25)
    assert (await cycle.result())["outcome"] == "arrears"
    assert "**累计欠租**：3 个月" in str(await handle.query("__temporal_workflow_metadata"))


async def test_days_for_which_nothing_is_owed_have_no_bill(theatre: Stage) -> None:
    today = datetime.now(UTC).date()
    spared = Reduction(code="minimum_living", permille=1000, first_day=today - timedelta(days=2), last_day=today + timedelta(days=45))
    theatre.notes.housing.reductions = (spared,)
    handle, no = await active_lease(theatre, months=2)
    await theatre.days(handle, 32)
    await theatre.reached(lambda: f"{no}/{calls_period(today, 1)}" in theatre.notes.bills)
    assert f"{no}/{calls_period(today, 0)}" not in theatre.notes.bills


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


# --- started again where the record stands -------------------------------------------------------------------------------------------------

UNIT = "金明小区 3号楼2单元501"


async def stands(handle: Handle, stage: str) -> None:
    async def stage_of() -> str:
        said: State = await handle.query(STATE, result_type=State)
        return said.stage

    await eventually(stage_of, lambda seen: seen == stage)


async def taken_up_waiting(theatre: Stage) -> Handle:
    """An offer no workflow has taken yet is made to the household; declined, it is the last one it may let pass."""
    made = OfferMade(offer_id="o-1", unit=UNIT, expires_at=datetime.now(UTC) + timedelta(days=7))
    theatre.notes.on_record = {"declines": 1, "offer": made}
    handle = await waiting(theatre, generation=1)
    await theatre.reached(lambda: "offer_made" in theatre.notes.templates())
    await answer(handle, "o-1", False)
    await handle.result()
    return handle


async def taken_up_offered(theatre: Stage) -> Handle:
    """The household knows of its offer, and has until the day it was told."""
    made = OfferMade(offer_id="o-1", unit=UNIT, expires_at=datetime.now(UTC) + timedelta(days=2))
    theatre.notes.on_record = {"offer": made, "told": True}
    handle = await waiting(theatre, generation=1)
    await stands(handle, "offered")
    await theatre.days(handle, 1.9)
    await answer(handle, "o-1", True)
    await handle.result()
    return handle


async def taken_up_leasing(theatre: Stage) -> Handle:
    drafted = DraftedLease(lease_no=f"L-{uuid.uuid4().hex[:8]}", sign_by=datetime.now(UTC) + timedelta(days=9), unit=UNIT)
    theatre.notes.on_record = {"drafted": drafted}
    handle = await waiting(theatre, generation=1)
    await handle.result()
    assert (await theatre.client.get_workflow_handle(lease_contract.workflow_id(drafted.lease_no)).describe()).status is not None
    return handle


def no_longer(theatre: Stage) -> None:
    theatre.notes.on_record = {}
    theatre.notes.bills_on_record = []


async def test_a_household_goes_on_with_an_offer_nobody_had_told_it_of(theatre: Stage) -> None:
    handle = await taken_up_waiting(theatre)
    no_longer(theatre)
    assert (await handle.result())["outcome"] == "struck_off"
    assert theatre.notes.templates() == ["offer_made", "offer_declined", "struck_off"], "registered is told once, by the first"


async def test_a_household_goes_on_with_the_offer_it_knows(theatre: Stage) -> None:
    handle = await taken_up_offered(theatre)
    no_longer(theatre)
    assert (await handle.result())["outcome"] == "leased"
    assert theatre.notes.templates() == ["offer_accepted"], "it was told of the offer when that was taken"
    assert theatre.notes.offers == {"o-1": "accepted"}


async def test_the_day_by_which_an_offer_must_be_answered_stays(theatre: Stage) -> None:
    made = OfferMade(offer_id="o-1", unit=UNIT, expires_at=datetime.now(UTC) + timedelta(days=2))
    theatre.notes.on_record = {"offer": made, "told": True}
    handle = await waiting(theatre, generation=1)
    await stands(handle, "offered")
    # Housing tells it again, at least once.
    await handle.signal("offer_made", made)
    await theatre.days(handle, 2.1)
    await stands(handle, "waiting")
    no_longer(theatre)
    assert theatre.notes.offers == {"o-1": "expired"}


async def test_an_offer_that_ran_out_while_nobody_worked_on_it_counts_against_nobody(theatre: Stage) -> None:
    made = OfferMade(offer_id="o-1", unit=UNIT, expires_at=datetime.now(UTC) - timedelta(days=1))
    theatre.notes.on_record = {"declines": 1, "offer": made, "told": True}
    handle = await waiting(theatre, generation=1)
    await theatre.reached(lambda: theatre.notes.offers == {"o-1": "expired"})
    no_longer(theatre)
    await stands(handle, "waiting")
    assert (await handle.query(STATE, result_type=State)).details["declines"] == "1"


async def test_one_that_is_started_again_makes_no_step_before_what_is_on_record(theatre: Stage) -> None:
    """On a simulated clock the record may be ahead of the wall's: the run that takes it up must not let days pass which it only catches up with."""
    made = OfferMade(offer_id="o-1", unit=UNIT, expires_at=datetime.now(UTC) + timedelta(days=7))
    theatre.notes.on_record = {"offer": made}
    recorded = datetime.now(UTC) + timedelta(days=10)
    handle = await waiting(theatre, generation=1, not_before=recorded)
    await theatre.reached(lambda: "offer_made" in theatre.notes.templates())
    await stands(handle, "offered")
    assert await theatre.clock.now(handle.id) >= recorded
    await asyncio.sleep(0.5)
    assert theatre.notes.offers == {}
    await answer(handle, "o-1", True)
    await handle.result()
    no_longer(theatre)
    assert theatre.notes.offers == {"o-1": "accepted"}


async def test_a_household_that_had_accepted_gets_its_lease(theatre: Stage) -> None:
    handle = await taken_up_leasing(theatre)
    no_longer(theatre)
    assert (await handle.result())["outcome"] == "leased"
    assert theatre.notes.waiting[handle.id.removeprefix("waiting/")] == "leased"


async def test_too_many_declines_on_record_strike_off(theatre: Stage) -> None:
    theatre.notes.on_record = {"declines": 2}
    handle = await waiting(theatre, generation=1)
    no_longer(theatre)
    assert (await handle.result())["outcome"] == "struck_off"


async def taken_up_signing(theatre: Stage) -> Handle:
    handle = await lease(theatre, generation=1, again=True)
    await stands(handle, "signing")
    await eventually(lambda: signed(handle))
    no = handle.id.split("/")[1]
    await pay(theatre, f"{no}/deposit")
    await theatre.reached(lambda: "activated" in theatre.notes.leases)
    return handle


async def signed(handle: Handle) -> bool:
    try:
        await sign(handle)
    except WorkflowUpdateFailedError:
        return False
    return True


def bills_of(no: str) -> list[BillOnRecord]:
    starts, due = calendar.add_months(datetime.now(UTC).date(), -5), datetime.now(UTC)
    months = [calls_period(starts, number) for number in range(6)]
    return [
        BillOnRecord(bill_id=f"{no}/deposit", period="", state="paid", due=due),
        *(BillOnRecord(bill_id=f"{no}/{each}", period=each, state="paid", due=due, counted=each == months[1]) for each in months[:5]),
        BillOnRecord(bill_id=f"{no}/{months[5]}", period=months[5], state="open", due=due),
    ]


async def taken_up_half_a_year_in(theatre: Stage) -> Handle:
    given = f"L-2026-{uuid.uuid4().int % 1_000_000:06d}"
    theatre.notes.bills_on_record = bills_of(given)
    starts = calendar.add_months(datetime.now(UTC).date(), -5)
    theatre.notes.housing.term_months = 12
    input_ = LeaseInput(
        lease_no=given,
        application_no="KF-2026-000001",
        owner="c-somebody",
        place=PLACE,
        unit=UNIT,
        sign_by=datetime.now(UTC),
        generation=1,
        again=True,
        stage="active",
        terms=theatre.notes.housing.lease(),
        term=theatre.notes.housing.term(starts),
    )
    return await theatre.client.start_workflow(lease_contract.NAME, input_, id=lease_contract.workflow_id(given), task_queue=TASK_QUEUE)


async def details(handle: Handle) -> dict[str, str]:
    said: State = await handle.query(STATE, result_type=State)
    return said.details


async def test_a_lease_goes_on_being_signed(theatre: Stage) -> None:
    handle = await taken_up_signing(theatre)
    assert theatre.notes.leases == ["signed", "activated"]
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING


async def test_a_lease_goes_on_with_its_bills(theatre: Stage) -> None:
    handle = await taken_up_half_a_year_in(theatre)
    no = handle.id.split("/")[1]
    (*_, newest) = theatre.notes.bills_on_record
    await eventually(lambda: details(handle), lambda seen: seen["open_bills"] == newest.bill_id)
    assert (await details(handle)) == {"next_month": "6", "arrears_months": "1", "open_bills": newest.bill_id}
    await handle.signal("bill_closed", BillClosed(bill_id=newest.bill_id, outcome="paid"))
    await theatre.days(handle, 32)
    following = f"{no}/{calls_period(datetime.now(UTC).date(), 1)}"
    await theatre.reached(lambda: following in theatre.notes.bills)
    assert [bill for bill in theatre.notes.bills if bill.startswith(no)] == [following], "what is on record is not issued again"
    assert (await details(handle))["open_bills"] == following


async def test_a_lease_hears_of_bills_that_close_while_it_reads_them(theatre: Stage) -> None:
    reading = asyncio.Event()
    theatre.notes.trouble[BILLS_OF_LEASE] = reading.wait
    handle = await taken_up_half_a_year_in(theatre)
    (*_, newest) = theatre.notes.bills_on_record
    await handle.signal("bill_closed", BillClosed(bill_id=newest.bill_id, outcome="arrears"))
    reading.set()
    await eventually(lambda: details(handle), lambda seen: seen["next_month"] == "6")
    await eventually(lambda: details(handle), lambda seen: (seen["open_bills"], seen["arrears_months"]) == ("", "2"))


@pytest.mark.parametrize("state", ["paid", "arrears"])
async def test_a_lease_learns_what_became_of_its_deposit_meanwhile(theatre: Stage, state: str) -> None:
    no = f"L-2026-{uuid.uuid4().int % 1_000_000:06d}"
    theatre.notes.bills_on_record = [BillOnRecord(bill_id=f"{no}/deposit", period="", state=state, due=datetime.now(UTC))]
    given = LeaseInput(
        lease_no=no, application_no="KF-2026-000001", owner="c", place=PLACE, unit=UNIT, sign_by=datetime.now(UTC),
        generation=1, again=True, stage="deposit", terms=theatre.notes.housing.lease(),
    )  # fmt: skip
    await theatre.client.start_workflow(lease_contract.NAME, given, id=lease_contract.workflow_id(no), task_queue=TASK_QUEUE)
    await theatre.reached(lambda: theatre.notes.leases == ["activated" if state == "paid" else "lapsed"])


async def bill(theatre: Stage, standing: Standing) -> Handle:
    no = f"L-2026-{uuid.uuid4().int % 1_000_000:06d}"
    theatre.notes.bill_standing = standing
    given = rent_cycle.RentCycleInput(
        bill_id=f"{no}/202612", lease_no=no, application_no="KF-2026-000001", owner="c", place=PLACE, kind="rent", period="202612",
        amount_fen=MONTHLY_RENT_FEN, not_before=datetime.now(UTC), clocks=RENT, generation=1,
    )  # fmt: skip
    workflow_id = rent_cycle.workflow_id(given.bill_id)
    return await theatre.client.start_workflow(rent_cycle.NAME, given, id=workflow_id, task_queue=TASK_QUEUE)


async def taken_up_overdue(theatre: Stage) -> Handle:
    """Two days past its due day, the first reminder over, an order open at the bank."""
    theatre.notes.bank_says = lambda _: BillState(intent_state="expired", settled=False)
    theatre.notes.bank_asked = 0
    cycle = await bill(theatre, Standing(state="overdue", due=datetime.now(UTC) - timedelta(days=2), intent="i1"))
    await stands(cycle, "overdue")
    await theatre.days(cycle, 6)
    assert theatre.notes.bank_asked == 1
    await theatre.days(cycle, 15)
    await cycle.result()
    return cycle


async def test_a_bill_goes_on_where_it_is(theatre: Stage) -> None:
    cycle = await taken_up_overdue(theatre)
    assert (await cycle.result())["outcome"] == "arrears"
    assert theatre.notes.templates() == ["bill_reminder", "bill_arrears"], "the reminder whose day was over is not made up for"
    assert list(theatre.notes.bills.values()) == ["arrears"]


@pytest.mark.parametrize(("state", "told"), [("paid", ["bill_paid"]), ("arrears", [])])
async def test_a_bill_that_ended_meanwhile_tells_its_lease(theatre: Stage, state: str, told: list[str]) -> None:
    cycle = await bill(theatre, Standing(state=state, due=datetime.now(UTC)))
    assert (await cycle.result())["outcome"] == state
    assert theatre.notes.templates() == told
    assert "open" not in theatre.notes.bills.values(), "it is not issued again"
    events = (await cycle.fetch_history()).events
    assert any(event.HasField("signal_external_workflow_execution_initiated_event_attributes") for event in events)


@pytest.mark.parametrize("outcome", ["paid", "arrears"])
async def test_a_deposit_nobody_paid_or_gave_up_changes_nothing(theatre: Stage, outcome: str) -> None:
    """Housing asks payments before it records either; the lease waits on for what becomes of the bill."""
    handle = await lease(theatre)
    no = handle.id.removeprefix("lease/")
    await sign(handle)
    await theatre.reached(lambda: f"{no}/deposit" in theatre.notes.bills)

    async def not_so() -> None:
        raise ApplicationError("NOT_SAID", type="NOT_SAID", non_retryable=True)

    theatre.notes.trouble["advance_lease"] = not_so
    await handle.signal("bill_closed", lease_contract.BillClosed(bill_id=f"{no}/deposit", outcome=outcome))
    await eventually(lambda: handle.query("__temporal_workflow_metadata"), lambda page: "1 次收到无人说过的话" in str(page))
    state = await handle.query(STATE, result_type=State)
    assert (state.stage, state.blocked, state.details["open_bills"]) == ("deposit", "", f"{no}/deposit")
    theatre.notes.trouble.clear()
    await pay(theatre, f"{no}/deposit")
    await theatre.reached(lambda: "activated" in theatre.notes.leases)
