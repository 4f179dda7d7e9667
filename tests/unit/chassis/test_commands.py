"""Programs on the command line: help with examples, sentences instead of traces, codes a script can rely on."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer
from chassis import commands, service
from chassis.settings import GrpcServiceSettings

PROGRAMS = {
    "casework.cli": "casework",
    "eligibility.cli": "eligibility",
    "housing.cli": "housing",
    "notifications.cli": "notifications",
    "organisation.cli": "organisation",
    "oversight.cli": "oversight",
    "payments.cli": "payments",
    "registry_gateway.cli": "registry-gateway",
    "web_gateway.cli": "web-gateway",
    "anju_workflows.cli": "worker",
}


@pytest.mark.parametrize("module", PROGRAMS)
def test_every_process_explains_itself(module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The program its entry point starts, with an example of what is typed."""
    started: list[tuple[typer.Typer, str | None]] = []
    monkeypatch.setattr(commands, "start", lambda app, *, name=None: started.append((app, name)))
    importlib.import_module(module).main()
    app, name = started[0]
    assert name == f"anju-{PROGRAMS[module]}"
    assert commands.run(app, ["--help"], name=name) == 0
    said = capsys.readouterr().out
    assert f"{name} serve" in said
    assert (f"{name} migrate" in said) == (module not in ("web_gateway.cli", "anju_workflows.cli"))


@pytest.mark.parametrize("words", [[], ["nonsense"], ["serve", "--fast"]])
def test_words_nobody_understands_are_code_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    program = service.program("x", GrpcServiceSettings, lambda settings: pytest.fail("started"))
    assert commands.run(program, words, name="anju-x") == 2
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err + shown.out


@pytest.mark.parametrize(("error", "code"), [(RuntimeError("a bug"), 1), (commands.CannotRunError("put this right", 7), 7)])
def test_a_process_that_fails_says_how(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    @asynccontextmanager
    async def application(settings: GrpcServiceSettings):  # type: ignore[no-untyped-def]  # never yields
        raise error
        yield

    assert commands.run(service.program("x", GrpcServiceSettings, application), ["serve"], name="anju-x") == code
    said = capsys.readouterr().err
    assert ("anju-x: put this right" in said) == (code == 7)


def test_what_is_interrupted_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    app = commands.program("x")

    async def broken() -> int:
        raise KeyboardInterrupt

    @app.command()
    def work() -> None:
        commands.wait_for(broken(), interrupted="goes on where it was")

    assert commands.run(app, [], name="x") == 130
    assert "goes on where it was" in capsys.readouterr().err
    asyncio.set_event_loop(None)


def test_a_generator_writes_and_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "docs" / "page.md"
    app = commands.generator("Writes a page.", "make page", lambda: {page: "what the code says"})
    assert commands.run(app, ["--check"]) == 1
    assert "make page" in capsys.readouterr().err
    assert not page.exists()
    assert commands.run(app, []) == 0
    assert page.read_text() == "what the code says"
    assert commands.run(app, ["--check"]) == 0
