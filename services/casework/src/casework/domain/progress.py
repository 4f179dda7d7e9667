"""What one step of the case does to its records: pure functions over the table of legal moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from anju_contracts.application import ENDS
from anju_contracts.moves import IllegalMoveError, Table
from anju_terms import review_stage

OBJECTION: Final = "objection"
# Adults may confirm from the moment the case is on record; its workflow waits for them a moment later.
CONFIRMING_STAGES: Final = ("submitted", "confirming")
NOTICE_STAGES: Final = ("public_notice", "objection_review")
OBJECTION_STATES: Final = {
    "objection_raised": "open",
    "objection_upheld": "upheld",
    "objection_dismissed": "dismissed",
    "one_objection_dismissed": "dismissed",
}
ANSWERS: Final = frozenset(OBJECTION_STATES) - {"objection_raised"}
# A household stands in one application until it ends; a registered one goes on standing in it, until its waiting or its lease is over.
RELEASING_ENDS: Final = frozenset(ENDS) - {"registered"}


class Step(NamedTuple):
    """Effects of a legal move. ``task_level`` and ``notice`` say what is open after it ("" and None: nothing)."""

    actor_kind: str
    task_level: str
    notice: str | None
    objection_state: str
    ended: bool
    releases_household: bool


def step(table: Table, levels: Iterable[str], current: str, event: str, stage: str) -> Step:
    """Effects of ``event`` in a case of these review levels. Raises IllegalMoveError when it does not lead from ``current`` to ``stage``."""
    move = table.move(current, event)
    if move.target != stage:
        raise IllegalMoveError(table.name, current, event)
    tasks = {review_stage(level): level for level in levels} | {"objection_review": OBJECTION}
    return Step(
        actor_kind=move.who,
        task_level=tasks.get(stage, ""),
        notice={"public_notice": "open", "objection_review": "suspended"}.get(stage),
        objection_state=OBJECTION_STATES.get(event, ""),
        ended=stage in table.ends,
        releases_household=stage in RELEASING_ENDS,
    )
