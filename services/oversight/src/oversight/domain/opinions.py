"""What somebody may say of a finished service: one of five levels, and why (GB/T 39735, 好差评)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anju_terms import terms

LEVELS: Final = tuple(terms("satisfaction_levels"))
# These two open a follow-up.
BAD: Final = frozenset({"dissatisfied", "very_dissatisfied"})
_PRAISED: Final = frozenset({"very_satisfied", "satisfied"})
_PRAISE: Final = frozenset({"quick", "friendly", "clear", "little_paper", "easy"})
MAX_CHARS: Final = 500


def reasons_of(level: str) -> Sequence[str]:
    """The reasons that go with a level, in the order in which they are shown."""
    return [code for code in terms("satisfaction_reasons") if (code in _PRAISE) == (level in _PRAISED)]
