"""A test that hangs ends, and says where it stood."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_HANGS = """
import asyncio
import uvloop

def test_on_the_loop_of_the_suite():
    async def for_nothing():
        await asyncio.Event().wait()

    uvloop.run(for_nothing())
"""


def test_a_hang_on_the_loop_ends_with_the_place_it_hangs_at(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(_HANGS)
    root = Path(__file__).parents[3]
    options = [
        "-p",
        "tests.support.hanging",
        "-p",
        "no:cacheprovider",
        "--timeout=1",
        "--timeout-method=thread",
        f"--rootdir={tmp_path}",
        "-c",
        "/dev/null",
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(tmp_path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert "test_on_the_loop_of_the_suite hangs: no end after 1 s" in ended.stderr
    assert "<locals>.for_nothing" in ended.stderr, ended.stderr
