"""What a criterion brings: which registers it rests on, its limit in the profile, and how it judges.

A criterion is a pure function of the inputs. It need not think of silence: where a register it rests on did not answer, or mixed people up, ``rules``
turns its finding into doubt.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from anju_contracts.application import Verdict
from anju_terms import Title

from eligibility.domain.inputs import Inputs
from eligibility.domain.wording import NOTHING


@dataclass(frozen=True, slots=True)
class Finding:
    """What was compared with what, and what came of it. Without a ``threshold`` the criterion's own is shown."""

    verdict: Verdict
    reason: Title
    observed: Title = NOTHING
    threshold: Title | None = None
    receipts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limited:
    """A criterion with a number: it applies to the categories whose section of the profile has its limit."""

    # The code in the vocabulary ``criteria``; the file has the same name.
    code: str
    # Its name in the profile, ending with the unit.
    limit: str
    registers: tuple[str, ...]
    threshold: Callable[[int], Title]
    judge: Callable[[Inputs, int], Finding]


@dataclass(frozen=True, slots=True)
class Universal:
    """A criterion of the law itself, without a number of the city's: it applies to everybody."""

    code: str
    legal_ref: str
    registers: tuple[str, ...]
    judge: Callable[[Inputs], Finding]


Criterion = Limited | Universal
