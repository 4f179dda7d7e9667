"""What people are told: a template and the facts that fill its blanks. Notifications words them; no text is made here.

A telling about a recorded step travels with the step (``calling.Step.tell``); one without a step (a reminder) is an activity of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from anju_contracts.base import Model


class Value(Model):
    """One fact; exactly one field is set."""

    text: str | None = None
    day: datetime | None = None
    month: str | None = None
    fen: int | None = None
    count: int | None = None
    term: tuple[str, str] | None = None
    terms: tuple[tuple[str, str], ...] | None = None


class Telling(Model):
    """``role`` and ``division`` are empty for the household of the case; otherwise the duty that is told, within a division."""

    template: str
    values: dict[str, Value] = {}
    role: str = ""
    division: str = ""


def text(value: str) -> Value:
    """What a person wrote, or a name: shown as it is in every language."""
    return Value(text=value)


def day(instant: datetime) -> Value:
    """The calendar day in China in which the instant lies."""
    return Value(day=instant)


def month(period: str) -> Value:
    """yyyymm."""
    return Value(month=period)


def fen(amount: int) -> Value:
    return Value(fen=amount)


def count(number: int) -> Value:
    return Value(count=number)


def term(vocabulary: str, code: str) -> Value:
    return Value(term=(vocabulary, code))


def several(vocabulary: str, codes: Iterable[str]) -> Value:
    return Value(terms=tuple((vocabulary, code) for code in codes))


def household(template: str, /, **values: Value) -> Telling:
    return Telling(template=template, values=values)


def staff(template: str, role: str, division: str, /, **values: Value) -> Telling:
    return Telling(template=template, values=values, role=role, division=division)


class Notify(Model):
    """A message without a step; ``key`` makes it be told once."""

    key: str
    no: str
    telling: Telling
    as_of: datetime


NOTIFY: Final = "notify"
