"""Which facts of the other services tell that a service was finished for somebody who may say what he thought of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

# The case is decided: on the waiting list, or refused. Who withdraws or lets it lapse was served nothing.
_DECIDED: Final = frozenset({"registered", "rejected"})
_ANSWERED: Final = frozenset({"objection_dismissed", "one_objection_dismissed", "objection_upheld"})


@dataclass(frozen=True)
class Finished:
    """``item`` is of the vocabulary evaluated_services. ``step_id``: the step of the application it was; empty for what another service has done for its
    household. ``by_objector``: it was done for who objected."""

    item: str
    step_id: str = ""
    by_objector: bool = False


def finished(fact_id: str, code: str, codes: Mapping[str, str]) -> list[Finished]:
    """What was finished with a fact (``casekit.facts``): nothing, one service, or two, when a refusal answers an objection."""
    match code:
        case "application_moved":
            answered = codes.get("events") in _ANSWERED
            decided = codes.get("stages") in _DECIDED
            return [Finished("objection_answered", fact_id, by_objector=True)] * answered + [
                Finished("application_decided", fact_id)
            ] * decided
        case "lease_moved" if codes.get("lease_states") == "deposit":
            return [Finished("lease_signed")]
        case "bill_paid":
            return [Finished("bill_paid")]
    return []
