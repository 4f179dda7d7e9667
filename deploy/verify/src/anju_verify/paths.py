"""Paths through the tables of legal moves, as they were recorded and as the engine's histories tell them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from anju_contracts.moves import Table
from anju_workflows.search_attributes import GENERATION, STAGE
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


class Walk(NamedTuple):
    """The stages one run went through. ``generation`` is not nought for a run that was started for a case that had stood still: it began in ``stood``
    without a move."""

    stages: list[str]
    generation: int = 0
    stood: str = ""


def walk_of(history: WorkflowHistory) -> Walk:
    """Every move shows itself to operators by the stage attribute, which is not sealed; beside a generation it is where the run begins."""
    stages: list[str] = []
    generation, stood = 0, ""
    for event in history.events:
        if not event.HasField("upsert_workflow_search_attributes_event_attributes"):
            continue
        fields = event.upsert_workflow_search_attributes_event_attributes.search_attributes.indexed_fields
        if STAGE.name not in fields:
            continue
        stage = _value(fields[STAGE.name].data)
        if GENERATION.name in fields:
            generation, stood = int(_value(fields[GENERATION.name].data)), str(stage)
        else:
            stages.append(str(stage))
    return Walk(stages, generation, stood)


def _value(data: bytes) -> Any:
    value = json.loads(data)
    return value[0] if isinstance(value, list) else value


def continued_from(history: WorkflowHistory) -> str:
    """The run which this one continues; empty for a first run."""
    if not history.events:
        return ""
    return history.events[0].workflow_execution_started_event_attributes.continued_execution_run_id
