"""A cursor comes back from the client: whatever it holds, the answer is a page or a refusal."""

from __future__ import annotations

import base64
import json
from datetime import UTC, date, datetime

import pytest
from chassis import paging
from chassis.errors import Refusal


def test_a_cursor_survives_the_way_out_and_back() -> None:
    assert paging.decode(paging.encode("410202", 7), str, int) == ["410202", 7]
    assert paging.decode("", str, int) is None


@pytest.mark.parametrize("key", [["410202\x00", 7], ["\ud800", 7], ["410202", "7"], ["410202"], ["410202", True], {"a": 1}, None])
def test_a_key_no_row_can_have_is_refused(key: object) -> None:
    cursor = base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")
    with pytest.raises(Refusal) as caught:
        paging.decode(cursor, str, int)
    assert caught.value.problem.reason == "BAD_CURSOR"


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        ([2**63], (int,)),
        ([-1], (int,)),
        ([1.0], (int,)),
        (["9999-12-31"], (date,)),
        (["2026-W01-1"], (date,)),
        (["2026-01-01T00:00:00"], (datetime,)),
        (["9999-12-31T23:59:59+00:00"], (datetime,)),
        (["0001-01-01T00:00:00+23:59"], (datetime,)),
    ],
)
def test_a_number_or_a_date_no_row_can_have_is_refused(key: list[object], kinds: tuple[type, ...]) -> None:
    with pytest.raises(Refusal) as caught:
        paging.decode(base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("="), *kinds)
    assert caught.value.problem.reason == "BAD_CURSOR"


def test_dates_and_instants_survive_as_what_they_are() -> None:
    key = (date(2026, 11, 26), datetime(2026, 11, 26, 9, 0, 0, 123456, tzinfo=UTC), 2**63 - 1)
    assert paging.decode(paging.encode(*key), date, datetime, int) == list(key)


@pytest.mark.parametrize("text", ["[" * 700, '[{"a":' * 100, "[" + "1" * 700 + "]"])
def test_a_cursor_nested_or_long_without_end_is_refused(text: str) -> None:
    for repeated in (1, 100):
        with pytest.raises(Refusal) as caught:
            paging.decode(base64.urlsafe_b64encode((text * repeated).encode()).decode().rstrip("="), str)
        assert caught.value.problem.reason == "BAD_CURSOR"


@pytest.mark.parametrize("cursor", ["%", "AAAA", "!" * 50, "W10", "名"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Refusal) as caught:
        paging.decode(cursor, str, int)
    assert caught.value.problem.reason == "BAD_CURSOR"
