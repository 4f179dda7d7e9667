"""Bytes and texts of departments, read strictly."""

from __future__ import annotations

import contextlib
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry_gateway.domain import reading
from registry_gateway.domain.faults import Fault, RegisterFaultError


@pytest.mark.parametrize(
    ("text", "centi"),
    [
        ("56.80", 5680),
        ("56.8", 5680),
        ("97", 9700),
        ("97.550", 9755),
        ("56.80㎡", 5680),
        ("56.80 平方米", 5680),
        ("0.29m²", 29),
        ("16.1M2", 1610),
    ],
)
def test_areas_with_and_without_a_unit(text: str, centi: int) -> None:
    assert reading.centi_sqm(text, "jzmj") == centi


@pytest.mark.parametrize("text", ["", "0", "-5", "56.805", "56,80", "约56", "56.80亩", "1e3", "NaN", "٥٦", "99999999", "1000001"])
def test_areas_nobody_should_guess(text: str) -> None:
    with pytest.raises(RegisterFaultError) as caught:
        reading.centi_sqm(text, "jzmj")
    assert caught.value.fault is Fault.SCHEMA


@given(st.integers(1, 9_999_999))
def test_every_area_is_exact(centi: int) -> None:
    assert reading.centi_sqm(f"{centi // 100}.{centi % 100:02d}㎡", "jzmj") == centi


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("100%", Fraction(1)),
        ("16.67%", Fraction(1667, 10_000)),
        ("33.333333", Fraction(33_333_333, 100_000_000)),
        ("1/3", Fraction(1, 3)),
        ("50", Fraction(1, 2)),
        ("0.4%", Fraction(1, 250)),
        (" 1 / 2 ", Fraction(1, 2)),
        ("2/2", Fraction(1)),
    ],
)
def test_shares_are_exact(text: str, part: Fraction) -> None:
    assert reading.share(text, "qlbl") == part


@pytest.mark.parametrize("text", ["", "0%", "0/3", "100.01%", "101%", "2/1", "1/0", "一半", "-5%", "%", "1/3/5"])
def test_shares_nobody_should_guess(text: str) -> None:
    with pytest.raises(RegisterFaultError):
        reading.share(text, "qlbl")


def test_amounts_are_exact() -> None:
    assert reading.fen({"x": "2600.10"}, "x") == 260_010
    assert reading.fen({"x": 2600}, "x") == 260_000
    assert reading.fen(reading.parse_object(b'{"x": 0.29}'), "x") == 29
    for value in ("-1", "1e9", "", None, True, [], "2600元"):
        with pytest.raises(RegisterFaultError):
            reading.fen({"x": value}, "x")


@pytest.mark.parametrize("text", ["2014-10-01", "2014/10/01", "20141001", "2014-10-01 08:00:00", "2014-10-01T08:00:00"])
def test_dates_in_every_spelling(text: str) -> None:
    assert reading.day(text, "op_date") == date(2014, 10, 1)


@pytest.mark.parametrize("text", ["", "2014", "2014-02-31", "01.10.2014", "2014-10-01x"])
def test_dates_nobody_should_guess(text: str) -> None:
    with pytest.raises(RegisterFaultError):
        reading.day(text, "op_date")


def test_gbk_is_read_by_its_name_and_without() -> None:
    body = '{"name": "王伟"}'.encode("gb18030")
    assert reading.parse_object(body, "GBK") == {"name": "王伟"}
    assert reading.parse_object(body, "utf-8") == {"name": "王伟"}
    assert reading.parse_object(b"\xef\xbb\xbf" + '{"name": "王伟"}'.encode()) == {"name": "王伟"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": ',
        b"<html></html>",
        b"\xff\xfe",
        b"[" * 500_000,
        b'{"a":' * 100_000,
        b'{"a": 1e9999999999999999999}',
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_not_json(body: bytes) -> None:
    with pytest.raises(RegisterFaultError) as caught:
        reading.parse_object(body)
    assert caught.value.fault is Fault.NOT_JSON


def test_too_much_is_not_read() -> None:
    with pytest.raises(RegisterFaultError) as caught:
        reading.parse_object(b" " * (reading.MAX_BODY_BYTES + 1))
    assert caught.value.fault is Fault.OVERSIZE


@given(st.binary(max_size=400))
def test_any_bytes_give_an_object_or_a_fault(body: bytes) -> None:
    with contextlib.suppress(RegisterFaultError):
        assert isinstance(reading.parse_object(body), dict)
