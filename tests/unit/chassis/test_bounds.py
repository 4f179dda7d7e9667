"""What no service could take is refused before any of them looks at it."""

from __future__ import annotations

from datetime import date

import pytest
from anju.casework.v1 import casework_pb2 as casework
from anju.common.v1 import common_pb2 as common
from chassis import bounds


def found(message: object) -> list[tuple[str, str]]:
    return [(violation.pointer, violation.code) for violation in bounds.violations(message)]  # type: ignore[arg-type]


def test_each_bad_value_is_named_by_its_place() -> None:
    request = casework.SubmitApplicationRequest(idempotency_key="a\x00")
    request.dossier.members.add(name="王秀芳")
    request.dossier.members.add(name="x" * 20_000)
    request.consent.registers.append("vehicles")
    request.consent.registers.append("\x00")
    assert found(request) == [
        ("/idempotency_key", "BAD_CHARACTER"),
        ("/dossier/members/1/name", "TOO_LONG"),
        ("/consent/registers/1", "BAD_CHARACTER"),
    ]


@pytest.mark.parametrize(
    ("seconds", "nanos", "fine"),
    [
        (0, 0, True),
        (1_795_000_000, 999_999_999, True),
        (-62_135_596_800, 0, False),
        (253_402_300_799, 0, False),
        (2**63 - 1, 0, False),
        (0, -1, False),
        (0, 10**9, False),
    ],
)
def test_an_instant_is_one_of_our_time(seconds: int, nanos: int, fine: bool) -> None:
    request = casework.SubmitApplicationRequest()
    request.consent.given_at.seconds, request.consent.given_at.nanos = seconds, nanos
    assert found(request) == ([] if fine else [("/consent/given_at", "OUT_OF_RANGE")])


def test_the_values_of_a_map_are_looked_at_too() -> None:
    telling = common.Telling()
    telling.values["day"].day.seconds = 2**62
    telling.values["text"].text = "\x00"
    assert sorted(code for _, code in found(telling)) == ["BAD_CHARACTER", "OUT_OF_RANGE"]


def test_a_message_of_nothing_but_bad_values_is_not_walked_to_its_end() -> None:
    assert len(found(casework.Consent(registers=["\x00"] * 5000))) == bounds.MAX_VIOLATIONS


@pytest.mark.parametrize(
    "text", ["", "0000-00-00", "9999-12-31", "0001-01-01", "2026-02-30", "20260101", "2026-W01-1", "２０２６-01-01", "2026-1-1"]
)
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ValueError):
        bounds.day(text)


def test_a_day() -> None:
    assert bounds.day("2028-02-29") == date(2028, 2, 29)


@pytest.mark.parametrize("raw", ["[" * 100_000, b'{"a":' * 100_000, "{"])
def test_json_nested_without_end_is_no_json(raw: str | bytes) -> None:
    with pytest.raises(ValueError):
        bounds.json_value(raw)
