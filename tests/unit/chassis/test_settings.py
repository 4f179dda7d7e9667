"""Settings by environment and by file; what is wrong is said in the operator's own words, without the value."""

from __future__ import annotations

from pathlib import Path

import pytest
from chassis import commands, service
from chassis.settings import GrpcServiceSettings, reference_table
from pydantic import ValidationError

SECRET = "postgresql+asyncpg://u:geheim@h/db"


def test_a_secret_may_come_from_a_file_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "url"
    file.write_text(SECRET + "\n")
    monkeypatch.delenv("ANJU_DATABASE_URL", raising=False)
    monkeypatch.setenv("ANJU_DATABASE_URL_FILE", str(file))
    assert GrpcServiceSettings().database_url == SECRET
    monkeypatch.setenv("ANJU_DATABASE_URL", "postgresql+asyncpg://other")
    assert GrpcServiceSettings().database_url == "postgresql+asyncpg://other"
    assert GrpcServiceSettings(database_url="given").database_url == "given"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ANJU_PORT", "geheim", "ANJU_PORT: "),
        ("ANJU_LOG_FORMAT", "geheim", "ANJU_LOG_FORMAT: "),
        ("ANJU_PORT_FILE", "/no/such/geheim", "No such file"),
    ],
)
def test_wrong_settings_end_the_process_with_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    program = service.program("x", GrpcServiceSettings, lambda settings: pytest.fail("started"))
    assert commands.run(program, ["serve"], name="anju-x") == 2
    shown = capsys.readouterr().err
    assert said in shown
    assert "Traceback" not in shown
    assert "geheim" not in shown or name.endswith("_FILE"), "a path may be named, a value may not"


def test_a_wrong_setting_does_not_show_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANJU_PORT", "geheim")
    with pytest.raises(ValidationError) as caught:
        GrpcServiceSettings()
    assert "geheim" not in str(caught.value)


def test_every_setting_is_in_the_reference_with_its_meaning() -> None:
    table = reference_table([GrpcServiceSettings])
    for name, field in GrpcServiceSettings.model_fields.items():
        assert f"`ANJU_{name.upper()}`" in table
        assert field.description
        assert field.description in table
