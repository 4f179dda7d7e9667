"""Translation between the workflows' models and protobuf."""

from __future__ import annotations

from datetime import datetime

from anju.common.v1 import common_pb2
from anju.eligibility.v1 import eligibility_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from anju_workflows import calls
from anju_workflows.contracts import LookupOutcome, Verdict

OUTCOMES = {common_pb2.LookupOutcome.Value(f"LOOKUP_OUTCOME_{outcome.name}"): outcome for outcome in LookupOutcome}
VERDICTS = {eligibility_pb2.Verdict.Value(f"VERDICT_{verdict.name}"): verdict for verdict in Verdict}


def instant(value: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(value)
    return stamp


def step(value: calls.Step) -> common_pb2.Step:
    return common_pb2.Step(step_id=value.step_id, as_of=instant(value.as_of), actor=value.actor)
