"""Recorded histories replay, and the commands a workflow may issue have not changed unnoticed.

``python -m tests.replay.record`` records the histories anew; do that only for a change that is meant to break running cases, and say so.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path

import anju_profile
import pytest
from anju_workflows.flows import WORKFLOWS
from anju_workflows.worker import workflow_runner
from temporalio.client import WorkflowHistory
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.worker import Replayer

from tests.replay.fingerprint import fingerprints

HERE = Path(__file__).parent
HISTORIES = sorted((HERE / "histories").glob("*.json"))
# Every way a workflow can go has a recorded history; a new path needs a new one.
PATHS = {
    "application-confirmed",
    "application-unconfirmed",
    "application-member-refused",
    "application-consent-taken-back",
    "application-taken-up-confirming",
    "application-registered",
    "application-refused",
    "application-corrected",
    "application-handed-on",
    "application-lapsed",
    "application-withdrawn",
    "application-withdrawn-verifying",
    "application-two-objections",
    "application-escalated",
    "application-register-silent",
    "application-objection-dismissed",
    "application-objection-upheld",
    "application-parked",
    "application-hung-step",
    "application-taken-up-verifying",
    "application-taken-up-review",
    "application-taken-up-correction",
    "application-taken-up-objections",
    "application-taken-up-registered",
    "waiting-leased",
    "waiting-taken-up",
    "waiting-taken-up-offered",
    "waiting-taken-up-leasing",
    "lease-taken-up-signing",
    "lease-taken-up-active",
    "rent-taken-up",
    "waiting-struck-off",
    "waiting-left",
    "waiting-left-offered",
    "waiting-expired",
    "lease-first-year",
    "lease-second-year",
    "lease-lapsed-unsigned",
    "lease-lapsed-deposit",
    "lease-ended",
    "lease-arrears-paid",
    "lease-arrears-taken-back",
    "rent-paid",
    "rent-paid-after-query",
    "rent-paid-overdue",
    "rent-arrears",
    "rent-deposit",
    "rent-deposit-at-the-bank",
    "complaint-rated",
    "complaint-silent-citizen",
    "complaint-urgent-overdue",
    "complaint-misuse",
    "complaint-about-staff",
    "complaint-escalated",
    "complaint-merged",
    "complaint-withdrawn",
    "complaint-taken-up",
}


def test_every_path_has_a_history() -> None:
    assert {path.stem for path in HISTORIES} == PATHS


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_history_replays(path: Path) -> None:
    anju_profile.load(Path("profiles/kaifeng"))
    recorded = json.loads(path.read_text())
    history = WorkflowHistory.from_json(recorded["workflow_id"], recorded["history"])
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=workflow_runner())
    await replayer.replay_workflow(history)


async def test_a_changed_workflow_is_noticed() -> None:
    """The check above can fail: a history with its first command gone does not replay."""
    recorded = json.loads((HERE / "histories" / "application-registered.json").read_text())
    events = [e for e in recorded["history"]["events"] if e["eventType"] != "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"]
    history = WorkflowHistory.from_json(recorded["workflow_id"], {"events": events})
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=workflow_runner())
    with pytest.raises(Exception, match=r".+"):
        await replayer.replay_workflow(history)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_workflow_started_under_another_contract_is_still_read(path: Path) -> None:
    """What a contract no longer knows is ignored, and what came later has a default: an open case outlives both."""
    anju_profile.load(Path("profiles/kaifeng"))
    recorded = json.loads(path.read_text())
    started = recorded["history"]["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"][0]
    given = json.loads(base64.b64decode(started["data"]))
    optional = {"separate_queues", "submission", "generation", "again", "not_before", "heard", "late_money"}
    older = {name: value for name, value in given.items() if name not in optional or value}
    older["a_field_of_long_ago"] = {"household_size": 3}
    if isinstance(older.get("clocks"), dict):
        older["clocks"]["a_clock_of_long_ago"] = 7
    assert older != given
    started["data"] = base64.b64encode(json.dumps(older).encode()).decode()
    history = WorkflowHistory.from_json(recorded["workflow_id"], recorded["history"])
    replayer = Replayer(workflows=WORKFLOWS, data_converter=pydantic_data_converter, workflow_runner=workflow_runner())
    await replayer.replay_workflow(history)


def test_fingerprints_are_the_committed_ones() -> None:
    """A changed order of commands breaks running cases: guard it with workflow.patched, then update fingerprints.json with the change."""
    assert fingerprints() == json.loads((HERE / "fingerprints.json").read_text())
