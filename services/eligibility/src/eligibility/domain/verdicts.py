"""The result of an assessment."""

from __future__ import annotations

from anju_contracts.application import Verdict
from anju_terms import Title
from pydantic import BaseModel, ConfigDict


class Judged(BaseModel):
    """One judged condition, with everything a person needs to check it by hand. The title is kept as it read on that day."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    title: Title
    verdict: Verdict
    reason: Title
    legal_ref: str
    observed: Title
    threshold: Title
    # The registers the condition rests on.
    registers: tuple[str, ...] = ()
    receipt_ids: tuple[str, ...] = ()


class Judgement(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    criteria: tuple[Judged, ...]


def overall(criteria: tuple[Judged, ...]) -> Verdict:
    """One condition failed fails the whole; then doubt outweighs what is met."""
    verdicts = {criterion.verdict for criterion in criteria}
    for verdict in (Verdict.NOT_MET, Verdict.NEEDS_REVIEW):
        if verdict in verdicts:
            return verdict
    return Verdict.MET
