"""Answers of the social insurance service behind the provincial gateway (缴费明细).

Public: the envelope and the fields AAB001 … SDC_BATCH_NO. Assumed schema: AAC037 1 = paid, 2 = owed; refusal codes 401 and 405 mean an expired secret;
ryhy beside the list.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from registry_gateway.domain.facts import Fact
from registry_gateway.domain.faults import Fault, RegisterFaultError, schema
from registry_gateway.domain.people import Person, knows, must_be
from registry_gateway.domain.reading import Json, code, fen, month, objects, optional_text, text, whole

# AAE140: 企业职工基本养老保险. Months and bases are counted by the pension insurance; other kinds repeat the same months.
_PENSION = "110"
_PAID = "1"
_YEAR = 12
# Batches lag by months. One older than a year shares no month with the year that is judged, and months "without a gap" up to it say nothing about today.
_OLDEST_BATCH = 12
_FIELD = re.compile(r"(AA[A-Z])([0-9O]{3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Insurance(Fact):
    """``continuous_months`` back from the newest batch; ``monthly_base_fen`` is the mean over the twelve months up to it."""

    continuous_months: int
    monthly_base_fen: int


@dataclass(frozen=True, slots=True)
class Page:
    """``confirmed``: the register knows whom it was asked about."""

    total: int
    rows: tuple[Json, ...]
    confirmed: bool = False


def _name(key: str) -> str:
    """One service spells a field AACOO3, with letters in place of noughts."""
    match = _FIELD.fullmatch(key)
    return match[1] + match[2].replace("O", "0") if match else key


def token(reply: Json) -> str:
    """The access token in an answer of /auth/token. Raises RegisterFaultError."""
    _check(reply, expired=Fault.REFUSED)
    body = reply.get("body")
    if not isinstance(body, dict):
        raise schema("body")
    return text(body, "access_token")


def _check(reply: Json, *, expired: Fault = Fault.EXPIRED) -> None:
    result = code(reply, "code")
    if result == "200":
        return
    fault = {"401": expired, "405": expired, "429": Fault.QUOTA}.get(result)
    if fault is None:
        fault = Fault.REFUSED if result.startswith("4") else Fault.INNER_FAILURE
    raise RegisterFaultError(fault, f"code {result[:8]}" if result.isalnum() else "")


def refusal(reply: Json) -> None:
    """Raises RegisterFaultError when the gateway refused the call."""
    _check(reply)


def page(reply: Json) -> Page:
    """One page of rows. Raises RegisterFaultError (EMPTY for success without data)."""
    _check(reply)
    outer = reply.get("data")
    inner = outer.get("data") if isinstance(outer, dict) else None
    if inner is None:
        raise RegisterFaultError(Fault.EMPTY)
    if not isinstance(inner, dict):
        raise schema("data")
    total = whole(inner, "total")
    rows = inner.get("list")
    if rows is None and total == 0:
        rows = []
    if rows is None:
        raise RegisterFaultError(Fault.EMPTY)
    return Page(total, tuple({_name(key): value for key, value in row.items()} for row in objects(rows, "list")), knows(inner))


def facts(rows: Iterable[Json], person: Person, on: date) -> Insurance | None:
    """Continuous months and mean base, or None without any row.

    Twice the same row counts once; several employers in one month are added up. Raises WrongPersonError for a row about somebody else and
    RegisterFaultError(STALE_BATCH) when the newest batch is too old on the day ``on``.
    """
    bases: dict[tuple[int, str], int] = {}
    newest = None
    for row in rows:
        must_be(person, text(row, "AAC002"), optional_text(row, "AAC003"))
        batch = month(text(row, "SDC_BATCH_NO"), "SDC_BATCH_NO")
        newest = batch if newest is None else max(newest, batch)
        kind, state = text(row, "AAE140"), text(row, "AAC037")
        paid_month, base = month(text(row, "AAE041"), "AAE041"), fen(row, "AAE180")
        if kind == _PENSION and state == _PAID and paid_month <= batch:
            key = (paid_month, optional_text(row, "AAB001"))
            bases[key] = max(base, bases.get(key, 0))
    if newest is None:
        return None
    if on.year * 12 + on.month - 1 - newest > _OLDEST_BATCH:
        raise RegisterFaultError(Fault.STALE_BATCH)
    months = {paid_month for paid_month, _ in bases}
    continuous = 0
    while newest - continuous in months:
        continuous += 1
    year = sum(base for (paid_month, _), base in bases.items() if newest - _YEAR < paid_month <= newest)
    return Insurance(continuous_months=continuous, monthly_base_fen=year // _YEAR)
