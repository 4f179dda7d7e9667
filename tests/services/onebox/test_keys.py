"""Keys and certificates are changed three times under a box at work, by the commands an operator uses."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import aiohttp
import asyncpg
import pytest
from anju_onebox.authority import Step
from anju_onebox.keys import ISSUERS, RINGS, folder_of
from chassis.crypto import FIELD_KEYS, KeyRing
from chassis.tls import CERTIFICATE

from tests.support.boxes import RunningBox, running_box
from tests.support.families import Families
from tests.support.patience import eventually


@pytest.mark.parametrize("options", [(), ("--processes", "--replica", "casework=2")], ids=["one process", "a process each"])
async def test_keys_are_rotated_under_load_and_every_read_succeeds(session_dir: Path, options: tuple[str, ...]) -> None:
    async with running_box(session_dir / f"rotated-keys-{len(options)}", *options) as box:
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
        shown = set()
        for step in Step:
            rotated = await asyncio.to_thread(_keys, box, "rotate")
            assert len(rotated) == len(RINGS) + 2
            # Every process has another certificate each time; in the end none is of the authority the box began with.
            certified = await asyncio.to_thread(_keys, box, "certify", "--authority", step)
            assert len(certified) == len(ISSUERS)
            shown.add((folder_of(box.layout.keys_dir, "casework") / CERTIFICATE).read_bytes())
            await eventually(
                lambda: _rings(box), lambda rings: all(ring.sealing == ring.newest for ring in rings), what="the new keys' time"
            )
            # What is sealed with the new key by some is opened by all: casework, the workflow, notifications, the edge.
            other = await families.one()
            await other.submit()
            await other.reaches("street_review")
        stop.set()
        await asyncio.gather(*readers)
        failed, succeeded = statuses
        assert failed == 0, f"{failed} of {failed + succeeded} reads failed"
        assert succeeded > 100
        assert len(shown) == len(Step)
        for ring in RINGS:
            assert len(json.loads((box.layout.keys_dir / ring).read_text())["keys"]) == 4
        # Each of the four keys has sealed what came in its time.
        assert await _sealed_with(box) == set(KeyRing.load(box.layout.keys_dir / FIELD_KEYS).keys)
        # An operator's commands have the new ones as well.
        for command in (("keys", "check"), ("status",), ("repair",)):
            assert await asyncio.to_thread(_anju, box, *command)


def _keys(box: RunningBox, *words: str) -> list[str]:
    return _anju(box, "keys", *words)


def _anju(box: RunningBox, *words: str) -> list[str]:
    """The lines it has printed. Raises CalledProcessError."""
    command = [str(Path(sys.executable).parent / "anju"), *words, "--data-dir", str(box.layout.data_dir)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:-1]


def _rings(box: RunningBox) -> list[KeyRing]:
    return [KeyRing.load(box.layout.keys_dir / name) for name in RINGS]


async def _sealed_with(box: RunningBox) -> set[str]:
    """The keys by which the dossiers on record are sealed."""
    connection = await asyncpg.connect(box.layout.deployment().database_url("casework").replace("+asyncpg", ""))
    try:
        return {bytes(row["sealed"])[1:9].decode() for row in await connection.fetch("SELECT sealed FROM dossier")}
    finally:
        await connection.close()
