from __future__ import annotations

import pytest
from anju_contracts.application import moves
from anju_contracts.moves import IllegalMoveError
from casework.domain import progress

LEVELS = ("street", "district", "city")
APPLICATION = moves(LEVELS, "district")


def test_every_legal_move_has_effects_and_every_other_is_refused() -> None:
    for current in APPLICATION.stages:
        for event in {move.event for move in APPLICATION.moves}:
            if not APPLICATION.allows(current, event):
                with pytest.raises(IllegalMoveError):
                    progress.step(APPLICATION, LEVELS, current, event, current)
                continue
            target = APPLICATION.next(current, event)
            step = progress.step(APPLICATION, LEVELS, current, event, target)
            assert step.ended == (target in APPLICATION.ends)
            assert bool(step.task_level) == target.endswith("_review")
            for wrong in set(APPLICATION.stages) - {target}:
                with pytest.raises(IllegalMoveError):
                    progress.step(APPLICATION, LEVELS, current, event, wrong)


@pytest.mark.parametrize(
    ("current", "event", "stage", "who", "level", "notice", "releases"),
    [
        ("submitted", "start_verification", "verifying", "system", "", None, False),
        ("verifying", "verification_done", "street_review", "system", "street", None, False),
        ("street_review", "street_approved", "district_review", "street", "district", None, False),
        ("city_review", "city_approved", "public_notice", "city", "", "open", False),
        ("public_notice", "objection_raised", "objection_review", "public", "objection", "suspended", False),
        ("objection_review", "objection_dismissed", "public_notice", "district", "", "open", False),
        ("objection_review", "objection_upheld", "rejected", "district", "", None, True),
        ("public_notice", "notice_closed", "registered", "system", "", None, False),
        ("correction", "corrected", "verifying", "citizen", "", None, False),
        ("correction", "correction_expired", "lapsed", "system", "", None, True),
        ("district_review", "withdrawn", "withdrawn", "citizen", "", None, True),
    ],
)
def test_effects(current: str, event: str, stage: str, who: str, level: str, notice: str | None, releases: bool) -> None:
    step = progress.step(APPLICATION, LEVELS, current, event, stage)
    assert (step.actor_kind, step.task_level, step.notice, step.releases_household) == (who, level, notice, releases)


def test_a_city_with_two_levels_has_a_table_of_two() -> None:
    levels = ("street", "city")
    table = moves(levels, "city")
    assert progress.step(table, levels, "street_review", "street_approved", "city_review").task_level == "city"
    assert progress.step(table, levels, "objection_review", "objection_upheld", "rejected").actor_kind == "city"
    with pytest.raises(IllegalMoveError):
        progress.step(table, levels, "street_review", "street_approved", "district_review")
