from __future__ import annotations

import json
import os
import time
from pathlib import Path
from urllib.parse import quote

import pytest
from anju_verify.canaries import Canary, Scanner
from hypothesis import given, settings
from hypothesis import strategies as st

PERSON = Canary("991102199001011234", "identity number", "member 1 of KF-2026-000001")
NAME = Canary("欧阳晓明", "name", "member 1 of KF-2026-000001")
SHORT = Canary("欧阳", "name", "member 2 of KF-2026-000001")


@pytest.mark.parametrize(
    "written",
    [
        NAME.value.encode(),
        NAME.value.encode("utf-16-le"),
        NAME.value.encode("utf-16-be"),
        json.dumps(NAME.value).encode(),
        quote(NAME.value).encode(),
        quote(NAME.value).lower().encode(),
    ],
)
def test_every_form_is_found(written: bytes) -> None:
    noise = os.urandom(50_000)
    assert list(Scanner([NAME]).search(noise + written + noise)) == [NAME]


def test_nothing_is_found_in_masks_and_noise() -> None:
    text = "欧**明 9911************34 欧洲 阳光 991102199001011235".encode()
    assert list(Scanner([NAME, PERSON]).search(text + os.urandom(200_000))) == []


def test_a_value_that_begins_another_is_found_alone() -> None:
    scanner = Scanner([NAME, SHORT])
    assert set(scanner.search("欧阳先生，欧阳晓明".encode())) == {NAME, SHORT}
    assert list(scanner.search("欧阳先生".encode())) == [SHORT]


def test_no_canaries_search_nothing() -> None:
    assert not Scanner([])
    assert not Scanner([Canary("x", "given value", "number 1")])
    assert list(Scanner([]).search(b"anything")) == []


# A busy machine is no finding.
@settings(deadline=None)
@given(st.lists(st.text("张王明 a·1", min_size=2, max_size=5), min_size=1, max_size=8), st.text("张王明 a·1", max_size=60))
def test_finds_what_a_plain_search_finds_first(values: list[str], text: str) -> None:
    found = {canary.value for canary in Scanner([Canary(v, "name", "x") for v in values]).search(text.encode())}
    there = {value for value in values if value in text}
    assert found <= there
    assert bool(found) == bool(there)


def test_files(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "full").write_bytes(b"\x00" * 5_000 + PERSON.value.encode() + b"\x00")
    assert Scanner([PERSON]).search_file(tmp_path / "empty") == []
    assert Scanner([PERSON]).search_file(tmp_path / "full") == [PERSON]


def test_thousands_of_values_in_megabytes_of_noise_take_seconds() -> None:
    many = [Canary(f"99{number:016d}", "identity number", "x") for number in range(2000)]
    many += [Canary(chr(0x4E00 + number % 200) + chr(0x5000 + number), "name", "x") for number in range(2000)]
    data = os.urandom(4 << 20)
    scanner = Scanner(many)
    started = time.perf_counter()
    list(scanner.search(data))
    assert time.perf_counter() - started < 20
