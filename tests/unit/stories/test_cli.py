"""The words of ``anju demo`` and ``anju replay``, and what they say where they cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest
from anju_stories import cli
from chassis.deployment import Deployment, Temporal


@pytest.mark.parametrize("story", ["demo", "replay"])
def test_the_help_has_examples(story: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(None, [story, "--help"]) == 0
    assert f"anju {story}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words", [["demo", "--months", "0"], ["replay"], ["replay", "xuzhou"], ["replay", "kaifeng", "--seed", "501"], ["demo"]]
)
def test_words_nobody_understands(words: list[str]) -> None:
    assert cli.run(None, words) == 2


def test_a_real_world_has_no_invented_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "city.yaml"
    file.write_text(Deployment(web_url="https://city.example").text())
    assert cli.run(None, ["demo", "--deployment", str(file)]) == 2
    said = capsys.readouterr().err
    assert "outside_url" in said
    assert "web_url" not in said


def test_a_system_that_is_away_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    away = Deployment(web_url="http://127.0.0.1:9", outside_url="http://127.0.0.1:9", temporal=Temporal(address="127.0.0.1:9"))
    assert cli.run(away, ["demo"]) == 1
    said = capsys.readouterr().err
    assert "did not answer" in said
    assert "Traceback" not in said
