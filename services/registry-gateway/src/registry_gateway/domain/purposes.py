"""What may be asked and kept for which purpose (personal information law, articles 6 and 19). A field which is not listed does not leave and does not stay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anju_terms import is_code

# Checking whether a household may have public rental housing (Order 11, articles 8 and 9); a code of the vocabulary `purposes`.
ADMISSION = "admission"


class NotAllowedError(Exception):
    """The purpose does not cover this question."""


def fields_for(purpose: str, legal_basis: str, approved: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The fields a purpose may send to a register (``approved`` has them by purpose). Raises NotAllowedError for a purpose nobody has approved and without
    a legal basis (vocabulary `legal_bases`)."""
    fields = approved.get(purpose)
    if fields is None or not is_code("legal_bases", legal_basis):
        raise NotAllowedError("a question needs an approved purpose and a legal basis")
    return fields


def check(asked: Iterable[str], allowed: frozenset[str]) -> None:
    """Raises NotAllowedError for a field outside the list."""
    outside = sorted(set(asked) - allowed)
    if outside:
        raise NotAllowedError(f"fields outside the purpose: {', '.join(outside)}")
