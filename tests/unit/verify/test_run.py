"""The program around the checks: what a result means, what the exit code says, and that it owes nothing to the services it judges."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from anju_verify import cli, run
from anju_verify.check import MAX_SHOWN, Findings, Register, Report, Result, Status, UnreachableError
from anju_verify.report import as_json, print_report
from anju_verify.run import Options
from chassis.deployment import Deployment
from rich.console import Console


def result(status: Status, count: int = 0) -> Result:
    return Result("X1", "statement", status, 3, count, tuple(f"violation [{n}]" for n in range(count)), (), 0.1)


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> Register:
    check = Register()
    monkeypatch.setattr(run, "_TOPICS", (SimpleNamespace(check=check),))
    return check


async def statuses(options: Options | None = None) -> dict[str, Status]:
    report = await run.verify(Deployment(), options or Options(settle_seconds=0))
    return {each.id: each.status for each in report.results}


async def test_what_a_result_means(topic: Register) -> None:
    @topic("A", "looked and found nothing wrong")
    async def passed(sources: object, found: Findings) -> None:
        found.looked(5)

    @topic("B", "nothing to look at")
    async def nothing(sources: object, found: Findings) -> None:
        found.looked(0)

    @topic("C", "something wrong")
    async def wrong(sources: object, found: Findings) -> None:
        found.looked()
        found.violation("there")

    @topic("D", "cannot look")
    async def away(sources: object, found: Findings) -> None:
        raise UnreachableError("it is away")

    @topic("E", "a bug")
    async def bug(sources: object, found: Findings) -> None:
        raise ValueError("a value with somebody's name")

    report = await run.verify(Deployment(), Options(settle_seconds=0))
    assert {each.id: each.status for each in report.results} == {
        "A": Status.PASSED,
        "B": Status.NOT_CHECKED,
        "C": Status.VIOLATED,
        "D": Status.FAILED_TO_RUN,
        "E": Status.FAILED_TO_RUN,
    }
    assert report.exit_code == 1
    assert report["D"].notes == ("it is away",)
    assert "somebody" not in str(report["E"])


async def test_what_was_found_before_a_check_broke_still_counts(topic: Register) -> None:
    @topic("A", "")
    async def half(sources: object, found: Findings) -> None:
        found.violation("there")
        raise UnreachableError("and then nothing")

    assert await statuses() == {"A": Status.VIOLATED}


async def test_only_what_stays_counts(topic: Register) -> None:
    """A running box moves between two looks; what is there both times is wrong."""
    looks = {"A": 0, "B": 0}

    @topic("A", "passing")
    async def passing(sources: object, found: Findings) -> None:
        looks["A"] += 1
        found.looked()
        found.unless(looks["A"] > 1, "on its way")

    @topic("B", "staying")
    async def staying(sources: object, found: Findings) -> None:
        looks["B"] += 1
        found.looked()
        found.violation("stays")
        found.violation(f"seen at look {looks['B']}")

    report = await run.verify(Deployment(), Options(settle_seconds=0.01))
    assert report["A"].status is Status.PASSED
    assert report["B"].violations == ("stays",)
    assert report["B"].violation_count == 1


async def test_what_stays_wrong_counts_though_its_figures_move(topic: Register) -> None:
    """An account everybody's money goes through has another balance at every look."""
    balance = iter((100, 200))

    @topic("M", "")
    async def moving(sources: object, found: Findings) -> None:
        have = next(balance)
        found.looked()
        found.unless(False, f"account bank:ccb has {have} fen, it should have {have + 1}", "bank:ccb")

    report = await run.verify(Deployment(), Options(settle_seconds=0.01))
    assert report["M"].violations == ("account bank:ccb has 200 fen, it should have 201",)
    assert (report["M"].status, report["M"].violation_count) == (Status.VIOLATED, 1)
    assert "subjects" not in as_json(report)["results"][0]


async def test_only_the_chosen_run(topic: Register) -> None:
    @topic("A", "")
    async def first(sources: object, found: Findings) -> None:
        found.looked()

    @topic("B", "")
    async def second(sources: object, found: Findings) -> None:
        raise AssertionError("was not asked for")

    assert await statuses(Options(only=("A",))) == {"A": Status.PASSED}


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ([Status.PASSED, Status.NOT_CHECKED], 0),
        ([Status.PASSED, Status.FAILED_TO_RUN], 2),
        ([Status.VIOLATED, Status.FAILED_TO_RUN], 1),
    ],
)
def test_exit_code(given: list[Status], code: int) -> None:
    assert Report(tuple(result(status) for status in given), 1.0).exit_code == code


def test_lists_are_bounded_and_counted() -> None:
    report = Report((result(Status.VIOLATED, MAX_SHOWN + 5),), 1.0)
    shown = json.loads(json.dumps(as_json(report)))
    assert len(shown["results"][0]["violations"]) == MAX_SHOWN
    assert shown["results"][0]["violation_count"] == MAX_SHOWN + 5
    text = StringIO()
    print_report(report, Console(file=text, width=100))
    assert "violation [0]" in text.getvalue()
    assert "5 more" in text.getvalue()


def test_every_invariant_has_its_check() -> None:
    promised = [
        "M1",
        "M2",
        "M3",
        "M4",
        "M6",
        "M8",
        "M10",
        "M11",
        "M9",
        "A1",
        "A2",
        "A3",
        "A4",
        "L1",
        "W1",
        "W2",
        "W3",
        "W4",
        "W5",
        "W6",
        "R1",
        "R2",
        "R3",
        "R4",
        "R5",
        "R6",
        "I1",
        "I3",
        "I4",
        "I5",
        "I6",
        "I7",
        "C1",
        "C2",
        "C3",
        "C4",
        "E1",
        "E2",
        "E3",
        "O1",
        "F1",
        "P1",
        "P2",
        "P3",
        "P4",
    ]
    assert list(run.checks()) == promised
    assert all(check.statement for check in run.checks().values())


def test_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "canaries").write_text("一\n\n二\n", encoding="utf-8")
    given: list[Options] = []

    async def looked(deployment: Deployment, options: Options) -> Report:
        given.append(options)
        return Report((), 0.0)

    monkeypatch.setattr(run, "verify", looked)
    words = ["--only", "m1, W3", "--canary", "零", "--canary-file", str(tmp_path / "canaries"), "--histories", "all", "--settle", "0"]
    assert cli.run(Deployment(), words) == 0
    assert given == [Options(only=("M1", "W3"), canaries=("零", "一", "二"), histories=None, settle_seconds=0)]
    for wrong in (["--only", "Z9"], ["--histories", "some"], ["--deployment", str(tmp_path / "nowhere.yaml")]):
        assert cli.run(Deployment(), wrong) == 2
    # The terminal breaks a long path where it likes.
    assert "nowhere.yaml" in re.sub(r"[\s│]", "", capsys.readouterr().err)
    assert len(given) == 1


def test_the_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(None, ["--help"]) == 0
    assert "anju verify --deployment" in capsys.readouterr().out


def test_without_a_box_it_asks_for_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(None, []) == 2
    assert "deployment-file" in capsys.readouterr().err


def test_nothing_known_is_nothing_passed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(Deployment().text())
    code = cli.run(None, ["--json", "--settle", "0", "--deployment", str(file)])
    answer = json.loads(capsys.readouterr().out)
    assert code == answer["exit_code"] == 2
    assert "passed" not in {each["status"] for each in answer["results"]}


def test_it_imports_no_service() -> None:
    """A mistake shared with the service it judges would be no mistake to it."""
    services = (
        "casework",
        "eligibility",
        "registry_gateway",
        "housing",
        "payments",
        "notifications",
        "organisation",
        "oversight",
        "web_gateway",
        "anju_sandbox",
    )
    code = f"import sys, anju_verify.run; print([m for m in sys.modules if m.split('.')[0] in {services!r}])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
