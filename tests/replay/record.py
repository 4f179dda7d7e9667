"""Records one history for every way a workflow can go, on the real engine, payloads in the clear (invented people only)."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import anju_calendar as calendar
import typer
from anju_contracts import lease as lease_contract
from anju_contracts import rent_cycle
from anju_contracts.application import Correction, Decision, ObjectionDecision, ObjectionRaised, Withdrawal
from anju_contracts.base import Accepted, Resume
from anju_contracts.lease import ArrearsPaid
from anju_contracts.rent_cycle import PaymentOpened
from anju_contracts.waiting import Leaving
from anju_onebox.engine.temporal import TemporalServer
from anju_workflows.application.calls import ASSESS
from anju_workflows.rent_cycle.calls import BillState
from chassis import commands
from temporalio.client import WorkflowHandle
from temporalio.exceptions import ApplicationError

from tests.workflows import test_application as application
from tests.workflows import test_complaint as letters
from tests.workflows import test_waiting_lease_rent as tenancy
from tests.workflows.stage import CLOCKS, DEPOSIT, REGISTERS, Stage, stage
from tests.workflows.test_application import objected, request

FOLDER = Path(__file__).parent / "histories"


def without_machine(value: Any) -> Any:
    """A history says nothing about where it was recorded."""
    if isinstance(value, dict):
        return {k: "recorder" if k == "identity" else without_machine(v) for k, v in value.items() if k != "stackTrace"}
    return [without_machine(each) for each in value] if isinstance(value, list) else value


async def save(name: str, handle: WorkflowHandle[Any, Any]) -> None:
    history = await handle.fetch_history()
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(
        {"workflow_id": handle.id, "history": without_machine(json.loads(history.to_json()))}, separators=(",", ":"), ensure_ascii=False
    )
    text = text.replace(f"{os.getpid()}@{socket.gethostname()}", "recorder")
    (FOLDER / f"{name}.json").write_text(text + "\n")


async def applications(theatre: Stage) -> None:
    handle = await theatre.approved()
    await theatre.days(handle, 11)
    await handle.result()
    await save("application-registered", handle)

    theatre.notes.advances.clear()
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    await save("application-refused", handle)

    theatre.notes.advances.clear()
    handle = await application.handed_on(theatre)
    await theatre.decide(handle, "city", Decision.REFUSE)
    await handle.result()
    await save("application-handed-on", handle)

    for name, corrected in (("application-corrected", True), ("application-lapsed", False)):
        theatre.notes.advances.clear()
        handle = await theatre.apply()
        await theatre.reached(lambda: "verification_done" in theatre.notes.events)
        await theatre.decide(handle, "street", Decision.RETURN)
        await theatre.reached(lambda: theatre.notes.events[-1] == "street_returned")
        if corrected:
            await handle.execute_update("correct", Correction(round=2, actor="c", request_id=request()), result_type=Accepted)
            await theatre.reached(lambda: theatre.notes.events.count("verification_done") == 2)
            await theatre.decide(handle, "street", Decision.REFUSE)
        else:
            await theatre.days(handle, 40)
        await handle.result()
        await save(name, handle)

    theatre.notes.advances.clear()
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await handle.execute_update("withdraw", Withdrawal(actor="c", request_id=request()), result_type=Accepted)
    await handle.result()
    await save("application-withdrawn", handle)

    theatre.notes.advances.clear()
    theatre.notes.tries.clear()
    theatre.notes.silent_tries = dict.fromkeys(REGISTERS, 10_000)
    handle = await theatre.apply()
    await theatre.reached(lambda: len(theatre.notes.tries) == 4)
    await handle.execute_update("withdraw", Withdrawal(actor="c", request_id=request()), result_type=Accepted)
    await handle.result()
    theatre.notes.silent_tries = {}
    await save("application-withdrawn-verifying", handle)

    theatre.notes.advances.clear()
    handle = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.days(handle, 20)
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    await save("application-escalated", handle)

    theatre.notes.advances.clear()
    theatre.notes.tries.clear()
    theatre.notes.silent_tries = {"vehicles": 10_000}
    handle = await theatre.apply(clocks=CLOCKS.model_copy(update={"lookup_max_retry_seconds": 6 * 3600}))
    await theatre.reached(lambda: len(theatre.notes.tries) == 4)
    await theatre.days(handle, 25)
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.decide(handle, "street", Decision.REFUSE)
    await handle.result()
    theatre.notes.silent_tries = {}
    await save("application-register-silent", handle)

    for name, upheld in (("application-objection-dismissed", False), ("application-objection-upheld", True)):
        theatre.notes.advances.clear()
        handle, objection = await objected(theatre)  # type: ignore[assignment]  # the helper returns the handle as an object
        said = ObjectionDecision(objection_id=objection, upheld=upheld, answer="答复", actor="s", request_id=request())
        await handle.execute_update("decide_objection", said, result_type=Accepted)
        if not upheld:
            await theatre.days(handle, 12)
        await handle.result()
        await save(name, handle)

    theatre.notes.advances.clear()
    handle, first = await objected(theatre)  # type: ignore[assignment]  # the helper returns the handle as an object
    second = ObjectionRaised(objection_id="o-second", actor="c-else", request_id=request())
    await handle.execute_update("raise_objection", second, result_type=Accepted)
    await theatre.reached(lambda: theatre.notes.templates().count("objection_received") >= 2)
    for count, objection in enumerate((first, second.objection_id)):
        await theatre.reached(lambda count=count: theatre.notes.events.count("one_objection_dismissed") == count)
        said = ObjectionDecision(objection_id=objection, upheld=False, answer="答复", actor="s", request_id=request())
        await handle.execute_update("decide_objection", said, result_type=Accepted)
    await theatre.days(handle, 12)
    await handle.result()
    await save("application-two-objections", handle)


async def confirmations(theatre: Stage) -> None:
    for name, go in {
        "application-confirmed": application.all_confirmed,
        "application-unconfirmed": application.confirmation_lapsed,
        "application-member-refused": application.member_refused,
        "application-consent-taken-back": application.consent_taken_back,
    }.items():
        theatre.notes.advances.clear()
        theatre.notes.tries.clear()
        await save(name, await go(theatre))


async def troubles(theatre: Stage) -> None:
    """A step refused and made again after an operator resumed the case; a step whose service hung, made again as an ordinary one."""

    async def refuse() -> None:
        raise ApplicationError("no such role", type="NOT_ALLOWED", non_retryable=True)

    async def hang() -> None:
        await asyncio.sleep(4)

    for name, trouble in (("application-parked", refuse), ("application-hung-step", hang)):
        theatre.notes.advances.clear()
        theatre.notes.trouble[ASSESS] = trouble
        handle = await theatre.apply()
        if trouble is refuse:
            while "NOT_ALLOWED" not in str(await handle.query("__temporal_workflow_metadata")):
                await asyncio.sleep(0.05)
            await handle.signal("resume", Resume(actor="operator"))
        else:
            await asyncio.sleep(3.5)
        theatre.notes.trouble.clear()
        await theatre.reached(lambda: "verification_done" in theatre.notes.events)
        await theatre.decide(handle, "street", Decision.REFUSE)
        await handle.result()
        await save(name, handle)


async def waitings(theatre: Stage) -> None:
    handle = await tenancy.waiting(theatre)
    await tenancy.answer(handle, await tenancy.offer(theatre, handle), True)
    await handle.result()
    await save("waiting-leased", handle)
    handle = await tenancy.waiting(theatre)
    await tenancy.answer(handle, await tenancy.offer(theatre, handle), False)
    await tenancy.offer(theatre, handle)
    await theatre.days(handle, 9)
    await handle.result()
    await save("waiting-struck-off", handle)
    handle = await tenancy.waiting(theatre)
    await handle.execute_update("leave", Leaving(actor="c", request_id=request()), result_type=Accepted)
    await handle.result()
    await save("waiting-left", handle)
    handle = await tenancy.waiting(theatre)
    await tenancy.offer(theatre, handle)
    await handle.execute_update("leave", Leaving(actor="c", request_id=request()), result_type=Accepted)
    await handle.result()
    await save("waiting-left-offered", handle)
    handle = await tenancy.waiting(theatre)
    await theatre.days(handle, 365 * 6)
    await handle.result()
    await save("waiting-expired", handle)


async def leases(theatre: Stage) -> None:
    handle = await tenancy.lease(theatre)
    await theatre.days(handle, 16)
    await handle.result()
    await save("lease-lapsed-unsigned", handle)
    handle = await tenancy.lease(theatre)
    await tenancy.sign(handle)
    bill = f"{handle.id.split('/')[1]}/deposit"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await theatre.days(cycle, 17)
    await handle.result()
    await save("lease-lapsed-deposit", handle)
    await save("rent-deposit", cycle)

    starts = datetime.now(UTC).date()
    handle, no = await tenancy.active_lease(theatre, months=26)
    first_run = (await handle.describe()).run_id
    for month in range(13):
        if month:
            await theatre.days(handle, 31)
        await tenancy.pay(theatre, f"{no}/{tenancy.calls_period(starts, month)}")
    await save("lease-first-year", theatre.client.get_workflow_handle(lease_contract.workflow_id(no), run_id=first_run))
    await save("lease-second-year", theatre.client.get_workflow_handle(lease_contract.workflow_id(no)))

    handle, no = await tenancy.active_lease(theatre, months=2)
    await theatre.days(handle, 70)
    await handle.result()
    await save("lease-ended", handle)


async def bills(theatre: Stage) -> None:
    period = tenancy.calls_period(datetime.now(UTC).date(), 0)
    _handle, no = await tenancy.active_lease(theatre)
    await save("rent-paid", await tenancy.pay(theatre, f"{no}/{period}"))
    _handle, no = await tenancy.active_lease(theatre)
    bill = f"{no}/{period}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    theatre.notes.bank_says = lambda _: BillState(intent_state="paid", settled=True)
    await cycle.signal("payment_opened", PaymentOpened(intent_id="i1"))
    await theatre.days(cycle, 0.05)
    await cycle.result()
    await save("rent-paid-after-query", cycle)
    await save("rent-arrears", await arrears(theatre, "lease-arrears-paid", in_time=False))
    await arrears(theatre, "lease-arrears-taken-back", in_time=True)

    _handle, no = await tenancy.active_lease(theatre)
    bill = f"{no}/{period}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    await theatre.days(theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill)), 12)
    await save("rent-paid-overdue", await tenancy.pay(theatre, bill))
    handle = await tenancy.lease(theatre)
    await tenancy.sign(handle)
    bill = f"{handle.id.split('/')[1]}/deposit"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    theatre.notes.bank_says = lambda _: BillState(intent_state="opened", settled=False)
    due = calendar.days_after(await theatre.clock.now(cycle.id), DEPOSIT.due_days)
    await theatre.clock.advance_to(cycle.id, due - timedelta(minutes=5))
    await cycle.signal("payment_opened", PaymentOpened(intent_id="i1"))
    theatre.notes.orders_open.add(bill)
    await theatre.clock.advance_to(cycle.id, due + timedelta(minutes=30))
    theatre.notes.bank_says = lambda _: BillState(intent_state="paid", settled=True)
    await theatre.days(cycle, 0.05)
    await cycle.result()
    await save("rent-deposit-at-the-bank", cycle)


async def arrears(theatre: Stage, name: str, *, in_time: bool) -> WorkflowHandle[Any, Any]:
    """A bill in arrears whose money comes after all; saves the lease under ``name``."""
    period = tenancy.calls_period(datetime.now(UTC).date(), 0)
    _handle, no = await tenancy.active_lease(theatre)
    bill = f"{no}/{period}"
    await theatre.reached(lambda: bill in theatre.notes.bills)
    cycle = theatre.client.get_workflow_handle(rent_cycle.workflow_id(bill))
    await theatre.days(cycle, 40)
    await cycle.result()
    owing = theatre.client.get_workflow_handle(lease_contract.workflow_id(no))
    await owing.signal("arrears_paid", ArrearsPaid(bill_id=bill, amount_fen=tenancy.MONTHLY_RENT_FEN, in_time=in_time))
    told = "arrears_taken_back" if in_time else "arrears_paid"
    await theatre.reached(lambda: told in theatre.notes.templates())
    await save(name, owing)
    return cycle


async def taken_up(theatre: Stage) -> None:
    for name, go in {
        "application-taken-up-verifying": application.taken_up_verifying,
        "application-taken-up-confirming": application.taken_up_confirming,
        "application-taken-up-review": application.taken_up_at_the_second_level,
        "application-taken-up-correction": application.taken_up_in_correction,
        "application-taken-up-objections": application.taken_up_with_objections,
        "application-taken-up-registered": application.taken_up_registered,
        "waiting-taken-up": tenancy.taken_up_waiting,
        "waiting-taken-up-offered": tenancy.taken_up_offered,
        "waiting-taken-up-leasing": tenancy.taken_up_leasing,
        "lease-taken-up-signing": tenancy.taken_up_signing,
        "lease-taken-up-active": tenancy.taken_up_half_a_year_in,
        "rent-taken-up": tenancy.taken_up_overdue,
    }.items():
        for noted in (theatre.notes.advances, theatre.notes.told, theatre.notes.leases, theatre.notes.on_record):
            noted.clear()
        theatre.notes.bills_on_record = []
        handle = await go(theatre)
        if name == "lease-taken-up-active":
            await theatre.days(handle, 32)
        await save(name, handle)


async def complaints(theatre: Stage) -> None:
    for name, go in {
        "complaint-rated": letters.rated,
        "complaint-silent-citizen": letters.closed_by_silence,
        "complaint-urgent-overdue": letters.urgent_and_overdue,
        "complaint-misuse": letters.investigated,
        "complaint-about-staff": letters.answered_by_two,
        "complaint-escalated": letters.escalated,
        "complaint-merged": letters.reassigned_and_merged,
        "complaint-withdrawn": letters.withdrawn,
        "complaint-taken-up": letters.taken_up,
    }.items():
        theatre.notes.complaints.clear()
        handle = await go(theatre)
        await handle.result()
        await save(name, handle)


PARTS = {each.__name__: each for each in (applications, confirmations, troubles, waitings, leases, bills, taken_up, complaints)}


async def record_all(parts: list[str]) -> int:
    server = TemporalServer(Path(tempfile.mkdtemp(prefix=f"anju-record-{uuid.uuid4().hex}")))
    await server.start()
    try:
        async with stage(server.address, None) as theatre:
            for part in parts or PARTS:
                theatre.notes.advances.clear()
                theatre.notes.told.clear()
                await PARTS[part](theatre)
    finally:
        await server.stop()
    return 0


app = commands.program("Histories for the replay test.")


@app.command(epilog=commands.examples("python -m tests.replay.record", "python -m tests.replay.record taken_up"))
def write(parts: Annotated[list[str] | None, typer.Argument(help=f"only these: {', '.join(PARTS)}")] = None) -> None:
    """Records every history anew, for a change that is meant to break running cases: say in the commit why."""
    unknown = [part for part in parts or [] if part not in PARTS]
    if unknown:
        raise typer.BadParameter(f"no such part: {', '.join(unknown)}")
    commands.wait_for(record_all(parts or []))


if __name__ == "__main__":
    commands.start(app, name="python -m tests.replay.record")
