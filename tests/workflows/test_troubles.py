"""What is not a person's word and not the law never ends a case: a service that hangs, a mistake of ours, a cancel from the operator's UI."""

from __future__ import annotations

import asyncio

import pytest
from anju_contracts.application import DECIDE
from anju_contracts.base import RESUME, Resume
from anju_contracts.waiting import workflow_id as waiting_id
from anju_workflows import search_attributes
from anju_workflows.application import calls
from anju_workflows.waiting.calls import REGISTER_WAITING
from temporalio.api.common.v1 import Payload
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowUpdateFailedError
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError

from tests.support.patience import eventually
from tests.workflows.stage import LEVELS, Stage


async def test_a_hung_service_holds_up_its_own_cases_only_and_their_steps_become_ordinary(theatre: Stage) -> None:
    """The step is tried locally for three seconds, then the engine holds it: no workflow task waits for it any more."""
    hung, tries = asyncio.Event(), 0

    async def hang() -> None:
        nonlocal tries
        tries += 1
        await hung.wait()

    theatre.notes.trouble[calls.ASSESS] = hang
    handle = await theatre.apply()

    async def ordinary() -> bool:
        return any(
            event.activity_task_scheduled_event_attributes.activity_type.name == calls.ASSESS
            for event in (await handle.fetch_history()).events
            if event.HasField("activity_task_scheduled_event_attributes")
        )

    await eventually(ordinary)
    assert tries >= 1
    theatre.notes.trouble.clear()
    hung.set()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)


async def test_an_unexpected_refusal_parks_the_case_until_an_operator_resumes_it(theatre: Stage) -> None:
    refusals = 0

    async def refuse() -> None:
        nonlocal refusals
        refusals += 1
        raise ApplicationError("no such role", type="NOT_ALLOWED", non_retryable=True)

    theatre.notes.trouble[calls.ASSESS] = refuse
    handle = await theatre.apply()
    await theatre.reached(lambda: refusals >= 1)

    async def blocked() -> object:
        return (await handle.describe()).typed_search_attributes.get(search_attributes.BLOCKED)

    async def becomes(shown: bool) -> None:
        await eventually(blocked, lambda seen: bool(seen) is shown)

    await becomes(shown=True)
    assert "NOT_ALLOWED" in str(await handle.query("__temporal_workflow_metadata"))
    assert (await handle.describe()).status is WorkflowExecutionStatus.RUNNING
    # Resumed while nothing has been put right: parked again, and nothing is lost.
    await handle.signal("resume", Resume(actor="operator"))
    await theatre.reached(lambda: refusals >= 2)
    await becomes(shown=True)
    theatre.notes.trouble.clear()
    await handle.signal("resume", Resume(actor="operator"))
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    # Steps run within a workflow task; the engine shows what changed when the task is over.
    await becomes(shown=False)


async def test_our_own_gateways_refusal_is_not_a_departments_silence(theatre: Stage) -> None:
    """It parks the case; nobody is told that a register stayed silent."""

    async def refuse() -> None:
        raise ApplicationError("not for this purpose", type="PURPOSE_NOT_ALLOWED", non_retryable=True)

    theatre.notes.trouble[calls.LOOKUP_REGISTER] = refuse
    handle = await theatre.apply()
    await eventually(lambda: handle.query("__temporal_workflow_metadata"), lambda page: "PURPOSE_NOT_ALLOWED" in str(page))
    theatre.notes.trouble.clear()
    await handle.signal("resume", Resume(actor="operator"))
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    assert "register_silent" not in theatre.notes.templates("staff")


@pytest.mark.parametrize("stage", ["verifying", "street_review", "public_notice"])
async def test_a_request_to_cancel_is_noted_and_ends_nothing(theatre: Stage, stage: str) -> None:
    asked = asyncio.Event()
    if stage == "verifying":
        theatre.notes.trouble[calls.LOOKUP_REGISTER] = asked.wait
    handle = await (theatre.approved() if stage == "public_notice" else theatre.apply())
    await theatre.reached(lambda: bool(theatre.notes.advances) and theatre.notes.advances[-1].stage == stage)
    await handle.cancel()
    await eventually(lambda: handle.query("__temporal_workflow_metadata"), lambda page: "已忽略" in str(page))
    asked.set()
    if stage != "public_notice":
        for level in LEVELS:
            await theatre.reached(lambda level=level: theatre.notes.advances[-1].waiting_on == level)
            await theatre.decide(handle, level)
        await theatre.reached(lambda: theatre.notes.events[-1] == "city_approved")
    await theatre.days(handle, 11)
    assert (await handle.result())["outcome"] == "registered"


async def test_whoever_is_on_the_list_can_be_told_of_an_offer(theatre: Stage) -> None:
    """Housing may offer a home the moment the household is on its list: its workflow must be there by then."""
    found: list[object] = []

    async def look() -> None:
        assert theatre.notes.client is not None
        (no,) = {advance.no for advance in theatre.notes.advances}
        found.append((await theatre.notes.client.get_workflow_handle(waiting_id(no)).describe()).status)

    theatre.notes.trouble[REGISTER_WAITING] = look
    handle = await theatre.approved()
    await theatre.days(handle, 11)
    assert (await handle.result())["outcome"] == "registered"
    await theatre.reached(lambda: bool(found))
    assert found == [WorkflowExecutionStatus.RUNNING]


async def test_what_was_said_to_one_case_says_nothing_to_another(theatre: Stage) -> None:
    """A stranger at the engine has no key, but can copy a sealed message from one history into another: it is no word, and stops nothing."""
    mine = await theatre.apply()
    await theatre.reached(lambda: "verification_done" in theatre.notes.events)
    await theatre.decide(mine, "street")
    other = await theatre.apply()
    await theatre.reached(lambda: theatre.notes.events.count("verification_done") == 2)
    stranger = await Client.connect(theatre.client.service_client.config.target_host, namespace=theatre.client.namespace)
    copied = [
        payload
        for event in (await stranger.get_workflow_handle(mine.id).fetch_history()).events
        for payload in event.workflow_execution_update_accepted_event_attributes.accepted_request.input.args.payloads
    ]
    assert copied
    changed = Payload(metadata={**copied[0].metadata, "anju-place": f"{theatre.client.namespace}|{other.id}".encode()}, data=copied[0].data)
    for forged in (copied[0], changed):
        with pytest.raises(WorkflowUpdateFailedError):
            await stranger.get_workflow_handle(other.id).execute_update(DECIDE, RawValue(forged))
        await stranger.get_workflow_handle(other.id).signal(RESUME, RawValue(forged))
    await theatre.decide(other, "street")
