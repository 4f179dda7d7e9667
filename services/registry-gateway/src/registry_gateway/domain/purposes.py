"""What may be asked and kept for which purpose (personal information law, articles 6 and 19). A field which is not listed does not leave and does not stay."""

from __future__ import annotations

from collections.abc import Iterable

# Checking whether a household may have public rental housing (Order 11, articles 8 and 9), in the words casework gives and consents name.
ADMISSION = "公共租赁住房保障资格核验"

# Personal data each purpose may send to each register, by the register's own field names.
_ADMISSION_FIELDS: dict[str, frozenset[str]] = {
    "social_insurance": frozenset({"SFZH", "XM"}),
    "real_estate": frozenset({"QLRMC", "QLRZJHM", "QLRZJZL"}),
    "vehicles": frozenset({"sfzmhm", "xm"}),
    "marriage": frozenset({"name_man", "cert_num_man", "name_woman", "cert_num_woman"}),
}

_PURPOSES = {ADMISSION: _ADMISSION_FIELDS}


class NotAllowedError(Exception):
    """The purpose does not cover this question."""


def fields_for(purpose: str, legal_basis: str, register: str) -> frozenset[str]:
    """The fields a purpose may send to a register. Raises NotAllowedError for a purpose nobody has approved and without a legal basis."""
    fields = _PURPOSES.get(purpose.strip())
    if fields is None or not legal_basis.strip():
        raise NotAllowedError("a question needs an approved purpose and a legal basis")
    return fields[register]


def check(asked: Iterable[str], allowed: frozenset[str]) -> None:
    """Raises NotAllowedError for a field outside the list."""
    outside = sorted(set(asked) - allowed)
    if outside:
        raise NotAllowedError(f"fields outside the purpose: {', '.join(outside)}")
