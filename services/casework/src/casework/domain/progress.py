"""What one step of the case does to its records: pure functions over the table of legal moves."""

from __future__ import annotations

from typing import Final, NamedTuple

from anju_workflows.transitions import APPLICATION, IllegalMoveError

TASK_LEVELS: Final = {
    "street_review": "street",
    "district_review": "district",
    "city_review": "city",
    "objection_review": "objection",
}
NOTICE_STAGES: Final = ("public_notice", "objection_review")
OBJECTION_STATES: Final = {
    "objection_raised": "open",
    "objection_upheld": "upheld",
    "objection_dismissed": "dismissed",
    "one_objection_dismissed": "dismissed",
}
WAITING_ON: Final = ("citizen", "street", "district", "city", "registers", "public", "system", "nobody")
OFFICIALS: Final = ("street", "district", "city")
# A household stands in one application until it ends; a registered one goes on standing in it, until its waiting or its lease is over.
RELEASING_ENDS: Final = APPLICATION.ends - {"registered"}


class Step(NamedTuple):
    """Effects of a legal move. ``task_level`` and ``notice`` say what is open after it ("" and None: nothing)."""

    actor_kind: str
    task_level: str
    notice: str | None
    objection_state: str
    ended: bool
    releases_household: bool


def step(current: str, event: str, stage: str) -> Step:
    """Effects of ``event``. Raises IllegalMoveError when it does not lead from ``current`` to ``stage``."""
    if APPLICATION.next(current, event) != stage:
        raise IllegalMoveError(APPLICATION.name, current, event)
    return Step(
        actor_kind=_who(current, event),
        task_level=TASK_LEVELS.get(stage, ""),
        notice={"public_notice": "open", "objection_review": "suspended"}.get(stage),
        objection_state=OBJECTION_STATES.get(event, ""),
        ended=stage in APPLICATION.ends,
        releases_household=stage in RELEASING_ENDS,
    )


def request_of(step_id: str) -> str:
    """Id of the request which a step carries out, "" for one that the workflow made by itself (those are numbered)."""
    name = step_id.split("/")[-2] if step_id.count("/") >= 3 else ""
    return "" if name.isdigit() else name


def _who(current: str, event: str) -> str:
    return next(move.who for move in APPLICATION.moves if move.event == event and move.source in (current, "*"))
