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
def test_finds_what_a_plain_search_finds(values: list[str], text: str) -> None:
    found = {canary.value for canary in Scanner([Canary(v, "name", "x") for v in values]).search(text.encode())}
    assert found == {value for value in values if value in text}


# "河南省开封市…" to the 55th character, and on to what a form may take at most.
@pytest.mark.parametrize("length", [55, 300, 5000])
def test_a_value_of_any_length(length: int) -> None:
    address = Canary(("河南省开封市龙亭区北道门街道" * length)[:length], "address", "KF-2026-000001")
    scanner = Scanner([address, NAME])
    for written in (
        address.value.encode(),
        quote(address.value).encode(),
        json.dumps(address.value).encode(),
        address.value.encode("utf-16-le"),
    ):
        assert list(scanner.search(b"a=" + written + b"&")) == [address]
    assert list(scanner.search(address.value[:-1].encode() + NAME.value.encode())) == [NAME]


def test_a_beginning_hides_nothing_inside_it() -> None:
    """What begins like one value and goes on otherwise may be another one."""
    long, inside = Canary("开封市龙亭区北道门街道", "address", "1"), Canary("封市龙亭区鼓楼", "address", "2")
    assert list(Scanner([long, inside]).search("开封市龙亭区鼓楼".encode())) == [inside]


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
