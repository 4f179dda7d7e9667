"""What a case says to people while it is in the middle of a step: nothing that counts."""

from __future__ import annotations

from anju_contracts.application import moves
from anju_contracts.base import RECORDING
from anju_workflows.case import Case

from tests.workflows.stage import LEVELS, PLACE


async def test_in_the_middle_of_a_step_no_refusal_is_an_answer() -> None:
    case = Case(moves(LEVELS, "district"), "KF-2026-000001", PLACE)
    assert case.not_now("TASK_NOT_OPEN", "").type == RECORDING, "it has not made its first step"
    case.stage = "street_review"
    assert case.not_now("TASK_NOT_OPEN", "").type == "TASK_NOT_OPEN"

    async def step() -> str | None:
        return case.not_now("TASK_NOT_OPEN", "").type

    assert await case.ask(step) == RECORDING
    assert case.not_now("TASK_NOT_OPEN", "").type == "TASK_NOT_OPEN"
