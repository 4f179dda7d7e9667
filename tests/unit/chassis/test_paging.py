"""A cursor comes back from the client: whatever it holds, the answer is a page or a refusal."""

from __future__ import annotations

import base64
import json

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


@pytest.mark.parametrize("cursor", ["%", "AAAA", "!" * 50, "W10", "名"])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(Refusal) as caught:
        paging.decode(cursor, str, int)
    assert caught.value.problem.reason == "BAD_CURSOR"
