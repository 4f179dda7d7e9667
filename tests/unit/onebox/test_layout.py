"""One description of the box serves both ways of running it."""

from __future__ import annotations

import fcntl
import importlib
import stat
from pathlib import Path

import pytest
from anju_onebox.handover import hand_over
from anju_onebox.layout import PROCESSES, SERVICES, Layout, database_name
from anju_onebox.supervisor import process_environment, replicas
from anju_sandbox.servers import places
from anju_sandbox.settings import SandboxSettings
from chassis.settings import GrpcServiceSettings


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    result = Layout(tmp_path / "box", ports_offset=1000, web_port=9080)
    result.prepare()
    hand_over(result)
    for service in SERVICES:
        result.write_secret(f"{service}.database-url", f"postgresql+asyncpg://{service}")
    return result


def settings_class(process: str) -> type[GrpcServiceSettings]:
    package = "anju_workflows" if process == "worker" else database_name(process)
    found: type[GrpcServiceSettings] = importlib.import_module(f"{package}.settings").Settings
    return found


@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_reads_from_its_environment_what_the_box_gives_it_directly(
    layout: Layout, process: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANJU_PORT", "1")
    inside = layout.settings(settings_class(process), process)
    for name, value in process_environment(layout, process).items():
        if name.startswith("ANJU_"):
            monkeypatch.setenv(name, value)
    if process == "worker":
        monkeypatch.delenv("ANJU_PORT")
        inside = layout.settings(settings_class(process), process)
    assert settings_class(process)() == inside


@pytest.mark.parametrize("process", PROCESSES)
def test_every_variable_names_a_setting_of_its_process(layout: Layout, process: str) -> None:
    fields = settings_class(process).model_fields
    common = {f"{database_name(service)}_address" for service in SERVICES}
    for variable in layout.environment(process):
        name = variable.removeprefix("ANJU_").lower()
        assert name in fields or name.removesuffix("_file") in fields or name in common, variable


def test_secrets_are_files_of_their_owner_and_not_in_the_environment(layout: Layout) -> None:
    for folder in (layout.keys_dir, layout.secrets_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        for file in folder.rglob("*"):
            if file.suffix != ".jwks":
                assert stat.S_IMODE(file.stat().st_mode) == (0o700 if file.is_dir() else 0o600), file
    secrets = [file.read_text() for file in layout.secrets_dir.iterdir()]
    for process in PROCESSES:
        for value in layout.environment(process).values():
            assert value not in secrets


def test_a_second_box_meets_the_first_on_no_port(tmp_path: Path) -> None:
    one, two = Layout(tmp_path), Layout.from_environment(tmp_path, 2000)
    assert not set(one.ports.values()) & set(two.ports.values())
    assert len(set(one.ports.values())) == len(one.ports)


def test_nine_replicas_of_everything_meet_nothing_of_the_box(tmp_path: Path) -> None:
    """A service's fourth replica once fell on the port of PostgreSQL."""
    ports = Layout(tmp_path, replicas=dict.fromkeys(SERVICES, 9), split=True).ports
    assert len(set(ports.values())) == len(ports) > 9 * len(SERVICES)


def test_every_port_of_the_outside_world_is_among_the_boxs_ports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout(tmp_path, 1000)
    for name, value in layout.sandbox_environment().items():
        monkeypatch.setenv(name, value)
    settings = SandboxSettings()
    assert {settings.port_of(server) for server in places()} <= set(layout.ports.values())


@pytest.mark.parametrize(("variable", "value"), [("ANJU_PORTS_OFFSET", "x"), ("ANJU_PORTS_OFFSET", "-1"), ("ANJU_PORT", "70000")])
def test_a_number_that_is_none_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ValueError, match=f"{variable}={value}"):
        Layout.from_environment(tmp_path)


def test_replicas_have_ports_of_their_own_and_one_address(tmp_path: Path) -> None:
    layout = Layout(tmp_path, replicas={"casework": 2, "worker": 2}, split=True)
    assert layout.address("casework") == "ipv4:///127.0.0.1:7401,127.0.0.1:7411"
    assert layout.environment("casework", replica=1)["ANJU_PORT"] == "7411"
    assert layout.environment("housing")["ANJU_CASEWORK_ADDRESS"] == layout.address("casework")
    assert replicas(layout, "casework") == [("casework", 0), ("casework #2", 1)]
    assert replicas(layout, "housing") == [("housing", 0)]


def test_an_operators_surroundings_do_not_reach_into_the_box(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEMPORAL_API_KEY", "of-another-cluster")
    monkeypatch.setenv("ANJU_DATABASE_URL", "postgresql://of-the-whole-box")
    monkeypatch.setenv("ANJU_LOG_LEVEL", "DEBUG")
    environment = process_environment(layout, "casework")
    assert "TEMPORAL_API_KEY" not in environment
    assert "ANJU_DATABASE_URL" not in environment
    assert environment["ANJU_LOG_LEVEL"] == "DEBUG"


def test_what_is_there_stays(layout: Layout) -> None:
    before = {file: file.read_bytes() for folder in (layout.keys_dir, layout.sandbox_dir) for file in folder.rglob("*") if file.is_file()}
    layout.prepare()
    hand_over(layout)
    assert before == {file: file.read_bytes() for file in before}


def test_folders_are_closed_whoever_makes_them_first(tmp_path: Path) -> None:
    layout = Layout(tmp_path / "box")
    layout.make_folders()
    assert stat.S_IMODE(layout.data_dir.stat().st_mode) == 0o711
    for folder in (layout.keys_dir, layout.secrets_dir, layout.logs_dir, layout.sandbox_dir):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_only_a_living_box_owns_its_folder(layout: Layout) -> None:
    layout.save()
    assert not layout.is_owned()
    with layout.lock_file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert layout.is_owned()
    assert not layout.is_owned()


def test_a_started_box_is_found_by_its_folder(layout: Layout) -> None:
    with pytest.raises(FileNotFoundError):
        Layout.of_running(layout.data_dir)
    layout.save()
    assert Layout.of_running(layout.data_dir) == layout
