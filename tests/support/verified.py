"""The books of a running box, checked by the same program an operator uses."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from tests.support.boxes import RunningBox


async def verified(box: RunningBox, canaries: list[str]) -> dict[str, dict[str, Any]]:
    """``anju verify`` as a program of its own: results by invariant. Raises AssertionError when one is broken or could not be checked."""
    canary_file = box.layout.data_dir / "canaries.txt"
    canary_file.write_text("\n".join(canaries), encoding="utf-8")
    program = str(Path(sys.executable).parent / "anju")
    command = [program, "verify", "--data-dir", str(box.layout.data_dir), "--json", "--full", "--canary-file", str(canary_file)]
    running = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)
    out, err = await running.communicate()
    assert out, err.decode(errors="replace")[-3000:]
    found = json.loads(out)
    broken = [
        f"{r['id']} {r['status']}: {r['violations']} {r['notes']}" for r in found["results"] if r["status"] not in ("passed", "not_checked")
    ]
    assert not broken, "\n".join(broken)
    assert running.returncode == found["exit_code"] == 0
    return {result["id"]: result for result in found["results"]}


def unseen(results: dict[str, dict[str, Any]], wanted: tuple[str, ...]) -> list[str]:
    """Those of the wanted invariants which looked at nothing, and so have proved nothing."""
    return [name for name in wanted if not results[name]["looked_at"]]
