"""What is asked of a machine nobody prepared: .ci/run installs it or says that it is missing."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from anju_onebox.reference import ROOT


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A Debian as it is shipped: a python3 which makes no environment, apt, and neither make's work nor Chromium."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("bash", "dirname", "grep"):
        (tools / name).symlink_to(str(shutil.which(name)))
    for name, body in {
        "dpkg-query": "exit 1",
        "python3": "exit 1",
        "git": "exit 0",
        "apt-get": 'echo "apt-get $*" >&2',
        "sudo": '[ "$1" = -n ] && shift; exec "$@"',
        "true": "exit 0",
        "make": 'echo "make $*"',
    }.items():
        (tools / name).write_text(f"#!{shutil.which('bash')}\n{body}\n")
        (tools / name).chmod(0o755)
    return tools


def run(machine: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(ROOT / ".ci" / "run")], env={"PATH": str(machine)}, capture_output=True, text=True, timeout=30, check=False)


def test_a_python_that_makes_no_environment_gets_what_it_needs(machine: Path) -> None:
    ran = run(machine)
    assert ran.returncode == 0, ran.stderr
    (installed,) = [line for line in ran.stderr.splitlines() if line.startswith("apt-get install")]
    assert "python3-venv" in installed.split()
    assert "git" not in installed.split(), "what is there already is left alone"
    assert "SKIPPED: browser tests" in ran.stdout
    assert ran.stdout.endswith("make test\n")


def test_what_may_not_be_installed_is_named(machine: Path) -> None:
    (machine / "apt-get").unlink()
    ran = run(machine)
    assert ran.returncode == 0, ran.stderr
    assert "NOT INSTALLED" in ran.stdout
    assert "python3-venv" in ran.stdout
    assert "chromium" in ran.stdout
