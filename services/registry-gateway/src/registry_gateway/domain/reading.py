"""Bytes to plain values, strictly: what the protocol does not promise is refused, never filled with a default."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from registry_gateway.domain.faults import Fault, RegisterFaultError, schema

Json = dict[str, Any]

MAX_BODY_BYTES = 1 << 20
_MAX_TEXT = 500
_CHARSETS = {"gbk", "gb2312", "gb18030"}
_DATE = re.compile(r"(\d{4})[-/.]?(\d{2})[-/.]?(\d{2})(?:[ T].*)?", re.ASCII)
_AREA = re.compile(r"(\d{1,7}(?:\.\d{1,4})?)(?:㎡|m2|平方米|平米)?", re.ASCII | re.IGNORECASE)
_DECIMAL = re.compile(r"\d{1,12}(?:\.\d{1,6})?", re.ASCII)
_RATIO = re.compile(r"(\d{1,6})/(\d{1,6})", re.ASCII)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_MAX_AREA_CENTI_SQM = 100_000_00


def _decode(body: bytes, charset: str | None) -> str:
    if charset and charset.lower() in _CHARSETS:
        return body.decode("gb18030")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Some offices announce UTF-8 and send GBK. The signature was checked over the bytes, so reading them the other way is safe.
        return body.decode("gb18030")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _no_duplicates(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a field is given twice")
    return found


def parse_object(body: bytes, charset: str | None = None) -> Json:
    """The JSON object in an answer. Raises RegisterFaultError(NOT_JSON or OVERSIZE)."""
    if len(body) > MAX_BODY_BYTES:
        raise RegisterFaultError(Fault.OVERSIZE)
    try:
        value = json.loads(_decode(body, charset), parse_constant=_no_constant, parse_float=Decimal, object_pairs_hook=_no_duplicates)
    except (ValueError, ArithmeticError, RecursionError):
        raise RegisterFaultError(Fault.NOT_JSON) from None
    if not isinstance(value, dict):
        raise RegisterFaultError(Fault.NOT_JSON, "not an object")
    return value


def code(value: Json, name: str) -> str:
    """A result code: text or whole number, "" when missing."""
    found = value.get(name)
    return str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else ""


def objects(value: Any, name: str) -> list[Json]:
    """A list of JSON objects. Raises RegisterFaultError(SCHEMA)."""
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise schema(name)
    return value


def optional_text(row: Json, name: str) -> str:
    """A text, "" when missing or null. Numbers are read as written. Raises RegisterFaultError(SCHEMA) for anything else."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or len(value) > _MAX_TEXT:
        raise schema(name)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise schema(name) from None
    return value.strip()


def text(row: Json, name: str) -> str:
    """A text which must be there."""
    value = optional_text(row, name)
    if not value:
        raise schema(name)
    return value


def whole(row: Json, name: str) -> int:
    """A whole number of at most nine digits, given as number or as text."""
    value = text(row, name)
    if not _WHOLE.fullmatch(value):
        raise schema(name)
    return int(value)


def fen(row: Json, name: str) -> int:
    """An amount in yuan with decimals, as integer fen; parts of a fen are dropped."""
    value = text(row, name)
    if not _DECIMAL.fullmatch(value):
        raise schema(name)
    try:
        return int((Decimal(value) * 100).to_integral_value(ROUND_FLOOR))
    except InvalidOperation:
        raise schema(name) from None


def day(value: str, name: str) -> date:
    """A date in one of the written forms 2014-10-01, 2014/10/01, 20141001, with or without a time."""
    match = _DATE.fullmatch(value)
    if match is None:
        raise schema(name)
    try:
        return date(int(match[1]), int(match[2]), int(match[3]))
    except ValueError:
        raise schema(name) from None


def month(value: str, name: str) -> int:
    """The month a text starts with (yyyymm or a date without separators), counted in months since year 0."""
    if not (len(value) in (6, 8) and value.isascii() and value.isdigit() and 1 <= int(value[4:6]) <= 12 and "1950" <= value[:4] <= "2200"):
        raise schema(name)
    return int(value[:4]) * 12 + int(value[4:6]) - 1


def centi_sqm(value: str, name: str) -> int:
    """A floor area such as "56.8", "56.80㎡" or "56.80 平方米" in hundredths of a square metre; more decimals than two must be zeros.

    Raises RegisterFaultError(SCHEMA) for anything which would have to be rounded or guessed.
    """
    match = _AREA.fullmatch(value.replace(" ", "").replace("m²", "㎡"))
    if match is None:
        raise schema(name)
    area = Decimal(match[1]) * 100
    if area != area.to_integral_value() or not 0 < area <= _MAX_AREA_CENTI_SQM:
        raise schema(name)
    return int(area)


def share(value: str, name: str) -> Fraction:
    """A share such as "100%", "16.67%", "1/3" or "50" as the exact part of the whole, above 0 and at most 1."""
    text_ = value.replace(" ", "").removesuffix("%")
    ratio = _RATIO.fullmatch(text_)
    if ratio is not None and int(ratio[2]) > 0:
        part = Fraction(int(ratio[1]), int(ratio[2]))
    elif _DECIMAL.fullmatch(text_):
        part = Fraction(text_) / 100
    else:
        raise schema(name)
    if not 0 < part <= 1:
        raise schema(name)
    return part
