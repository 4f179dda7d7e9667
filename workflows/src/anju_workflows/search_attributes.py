"""The search attributes of every Anju workflow: one registry, from which the dev server, the operator's set-up and the code take them.

They stand in the clear in Temporal's visibility store: no personal data, ever.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from anju_contracts import base
from temporalio.common import SearchAttributeKey, SearchAttributePair, SearchAttributeUpdate, TypedSearchAttributes

STAGE: Final = SearchAttributeKey.for_keyword("HousingStage")
DISTRICT: Final = SearchAttributeKey.for_keyword("District")
STREET: Final = SearchAttributeKey.for_keyword("Street")
WAITING_ON: Final = SearchAttributeKey.for_keyword("WaitingOn")
DEADLINE: Final = SearchAttributeKey.for_datetime("DeadlineAt")
OVERDUE: Final = SearchAttributeKey.for_bool("Overdue")
BLOCKED: Final = SearchAttributeKey.for_bool(base.BLOCKED)
# How many workflows the case has had before this one: set when a case that was started again has read where it stands.
GENERATION: Final = SearchAttributeKey.for_int("Generation")

SEARCH_ATTRIBUTES: Final[dict[str, str]] = {
    STAGE.name: "Keyword",
    DISTRICT.name: "Keyword",
    STREET.name: "Keyword",
    WAITING_ON.name: "Keyword",
    DEADLINE.name: "Datetime",
    OVERDUE.name: "Bool",
    BLOCKED.name: "Bool",
    GENERATION.name: "Int",
}


def updates(
    *, stage: str, waiting_on: str, deadline: datetime | None, overdue: bool, place: tuple[str, str] | None = None
) -> list[SearchAttributeUpdate[Any]]:
    """One upsert for everything an operator filters by; ``place`` is (district, street), given once."""
    changed: list[SearchAttributeUpdate[Any]] = [
        STAGE.value_set(stage),
        WAITING_ON.value_set(waiting_on),
        DEADLINE.value_unset() if deadline is None else DEADLINE.value_set(deadline),
        OVERDUE.value_set(overdue),
    ]
    if place is not None:
        changed += [DISTRICT.value_set(place[0]), STREET.value_set(place[1])]
    return changed


def expectation(*, waiting_on: str, deadline: datetime | None) -> list[SearchAttributeUpdate[Any]]:
    """Who is awaited until when, within a stage."""
    return [WAITING_ON.value_set(waiting_on), DEADLINE.value_unset() if deadline is None else DEADLINE.value_set(deadline)]


def at_start(*, stage: str, waiting_on: str, deadline: datetime | None, place: tuple[str, str]) -> TypedSearchAttributes:
    """What a case that begins with a long wait is started with: operators find it from its first day, and no engine action is spent on it."""
    given: list[SearchAttributePair[Any]] = [
        SearchAttributePair(STAGE, stage),
        SearchAttributePair(WAITING_ON, waiting_on),
        SearchAttributePair(OVERDUE, value=False),
        SearchAttributePair(DISTRICT, place[0]),
        SearchAttributePair(STREET, place[1]),
    ]
    if deadline is not None:
        given.append(SearchAttributePair(DEADLINE, deadline))
    return TypedSearchAttributes(given)
