"""Keys are rotated three times under a box at work, by the command an operator uses."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
from anju_onebox.layout import RINGS

from tests.support.boxes import RunningBox, running_box
from tests.support.families import Families


async def test_keys_are_rotated_under_load_and_every_read_succeeds(session_dir: Path) -> None:
    async with running_box(session_dir / "rotated-keys") as box:
        families = Families(box, 400_000)
        family = await families.one()
        await family.submit()
        await family.reaches("street_review")
        stop, statuses = asyncio.Event(), [0, 0]

        async def read(path: str) -> None:
            """What was sealed by any key so far: the dossier, the messages."""
            headers = {"Authorization": f"Bearer {await family.applicant.token()}"}
            async with aiohttp.ClientSession() as http:
                while not stop.is_set():
                    async with http.get(f"{box.url}/api/v1{path}", headers=headers) as response:
                        statuses[response.status == 200] += 1
                        await response.read()
                    await asyncio.sleep(0.02)

        readers = [asyncio.create_task(read(path)) for path in (f"/applications/{family.no}", "/inbox")]
        for _ in range(3):
            rotated = await asyncio.to_thread(_rotate, box)
            assert len(rotated) == len(RINGS)
            # What is sealed with the new key by some is opened by all: casework, the workflow, notifications, the edge.
            other = await families.one()
            await other.submit()
            await other.reaches("street_review")
        stop.set()
        await asyncio.gather(*readers)
        failed, succeeded = statuses
        assert failed == 0, f"{failed} of {failed + succeeded} reads failed"
        assert succeeded > 100
        for ring in RINGS:
            assert len(json.loads((box.layout.keys_dir / ring).read_text())["keys"]) == 4


def _rotate(box: RunningBox) -> list[str]:
    command = [str(Path(sys.executable).parent / "anju"), "keys", "rotate", "--data-dir", str(box.layout.data_dir)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]
