"""What may be asked and kept for which purpose (personal information law, articles 6 and 19). A field which is not listed does not leave and does not stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# Checking whether a household may have public rental housing (Order 11, articles 8 and 9), in the words casework gives and consents name.
ADMISSION = "公共租赁住房保障资格核验"


class NotAllowedError(Exception):
    """The purpose does not cover this question."""


def fields_for(purpose: str, legal_basis: str, approved: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The fields a purpose may send to a register (``approved`` has them by purpose). Raises NotAllowedError for a purpose nobody has approved and without
    a legal basis."""
    fields = approved.get(purpose.strip())
    if fields is None or not legal_basis.strip():
        raise NotAllowedError("a question needs an approved purpose and a legal basis")
    return fields


def check(asked: Iterable[str], allowed: frozenset[str]) -> None:
    """Raises NotAllowedError for a field outside the list."""
    outside = sorted(set(asked) - allowed)
    if outside:
        raise NotAllowedError(f"fields outside the purpose: {', '.join(outside)}")
