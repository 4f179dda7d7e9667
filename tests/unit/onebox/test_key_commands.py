"""``anju keys``: what it makes, says and refuses."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from anju_onebox import authority, cli, keys
from anju_onebox.cli import app
from chassis import commands
from chassis.crypto import FIELD_KEYS, KeyRing
from chassis.identity import load_key

from tests.support.ports import free_block


def anju(*words: str) -> int:
    return commands.run(app, ["keys", *words], name="anju")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    assert anju("init", str(tmp_path / "keys")) == 0
    return tmp_path / "keys"


def test_what_was_made_stays(folder: Path) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert anju("init", str(folder)) == 0
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


def test_new_keys_are_handed_to_every_process_and_used_later(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert anju("rotate", str(folder), "--after", "30m") == 0
    assert "in use from" in capsys.readouterr().out
    whole = KeyRing.load(folder / FIELD_KEYS)
    assert whole.newest != whole.sealing
    for process in ("casework", "eligibility"):
        assert KeyRing.load(keys.folder_of(folder, process) / FIELD_KEYS) == whole
        own = load_key(keys.folder_of(folder, process) / f"{process}.jwk")
        assert len(own.keys) == 2
        assert own.signing().kid == process


def test_a_certificate_that_ends_soon_or_is_lost_fails_the_check(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert anju("check", str(folder)) == 0
    (keys.folder_of(folder, "worker") / "tls.key").unlink()
    assert anju("check", str(folder)) == 1
    assert "to be made anew: worker —" in capsys.readouterr().err
    monkeypatch.setattr(authority, "CERTIFICATE_LIVES", timedelta(days=29))
    assert anju("certify", str(folder)) == 0
    assert anju("check", str(folder)) == 1
    assert "casework, operations —" in capsys.readouterr().err
    monkeypatch.undo()
    assert anju("certify", str(folder)) == 0
    assert anju("check", str(folder)) == 0


@pytest.mark.parametrize("command", ["rotate", "certify", "check"])
def test_where_no_keys_are_none_are_made_and_it_says_what_makes_them(
    tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert anju(command, str(tmp_path)) == 1
    assert "anju keys init" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_step_out_of_turn_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    assert anju("certify", str(folder), "--authority", "use") == 1
    assert "--authority add comes first" in capsys.readouterr().err
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize(("days", "said"), [(29, True), (31, False)])
async def test_the_state_of_a_box_says_when_certificates_end_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], days: int, said: bool
) -> None:
    with free_block(tmp_path) as block:
        layout = replace(block, split=True)
        layout.prepare()
        monkeypatch.setattr(authority, "CERTIFICATE_LIVES", timedelta(days=days))
        keys.certify(layout.keys_dir)
        assert await cli._status(layout) == 1, "nothing runs"
        assert ("anju keys certify" in capsys.readouterr().out) is said
