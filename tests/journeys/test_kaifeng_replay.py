"""``anju replay kaifeng`` on two fresh boxes: the same seed gives the same outcome, home and payments of every household, and books in order."""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.support.boxes import RunningBox, running_box
from tests.support.verified import verified

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600)]

HOUSEHOLDS = 60


async def replayed(box: RunningBox) -> str:
    """The digest over all households."""
    program = str(Path(sys.executable).parent / "anju")
    command = [program, "replay", "kaifeng", "--data-dir", str(box.layout.data_dir), "--households", str(HOUSEHOLDS), "--months", "2"]
    replay = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    said = (await replay.communicate())[0].decode()
    print(said)
    assert replay.returncode == 0
    digest = re.search(r"digest ([0-9a-f]{16})", said)
    assert digest, said
    await verified(box, [])
    return digest[1]


async def test_the_same_seed_gives_the_same_city(session_dir: Path) -> None:
    digests = []
    for name in ("first", "second"):
        async with running_box(session_dir / f"replay-{name}") as box:
            digests.append(await replayed(box))
    assert digests[0] == digests[1]
