"""Caller keys for tests: the same issuers a box has."""

from __future__ import annotations

from pathlib import Path

from anju_onebox.keys import ISSUERS as ISSUERS
from chassis.identity import Caller, Signer, load_key


def signer(keys_dir: Path, issuer: str) -> Signer:
    """The voice of one process: ``web-gateway`` speaks for people, every other for itself."""
    return Signer(load_key(keys_dir / f"{issuer}.jwk"), issuer)


def citizen(sub: str = "citizen-1") -> Caller:
    return Caller(sub=sub, kind="citizen")


def staff(role: str, *divisions: str, sub: str = "staff-1") -> Caller:
    """An official of whom the sign-on has verified the number, as it must for whoever decides."""
    return Caller(sub=sub, kind="staff", roles=(role,), divisions=divisions or ("4102",), person=f"index of {sub}")
