"""Paths through the tables of legal moves, as they were recorded and as the engine's histories tell them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache

from anju_contracts.moves import Table
from anju_workflows.search_attributes import STAGE
from temporalio.client import WorkflowHistory


@cache
def legal_pairs(table: Table) -> frozenset[tuple[str, str]]:
    """Every (stage, stage) which some move joins."""
    opened = [stage for stage in table.stages if stage not in table.ends]
    return frozenset((source, move.target) for move in table.moves for source in (opened if move.source == "*" else [move.source]))


def first_illegal(table: Table, stages: Sequence[str], start: str | None) -> tuple[str, str] | None:
    """The first step in a walk over stages which no move allows; ``start`` None when its beginning is not known."""
    pairs, current = legal_pairs(table), start
    for stage in stages:
        if current is not None and (current, stage) not in pairs:
            return current, stage
        current = stage
    return None


def stages_of(history: WorkflowHistory) -> Iterator[str]:
    """The stage after each move of one run: every move shows itself to operators by the stage attribute, which is not sealed."""
    for event in history.events:
        if not event.HasField("upsert_workflow_search_attributes_event_attributes"):
            continue
        fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        if STAGE.name in fields:
            value = json.loads(fields[STAGE.name].data)
            yield value[0] if isinstance(value, list) else value


def continued_from(history: WorkflowHistory) -> str:
    """The run which this one continues; empty for a first run."""
    if not history.events:
        return ""
    return history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
