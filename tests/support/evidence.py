"""What is left of a failed test for whoever looks into it: the data and logs of the boxes and engines of its run, and the seed."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.surroundings import SEED

_PREFIX: Final = "anju-tests-"
# Whole clusters are kept: more than a few of them would fill a developer's disk.
_RUNS_KEPT: Final = 6


@contextmanager
def data_folder(parent: Path | None = None) -> Iterator[tuple[Path, list[str]]]:
    """A folder for the engines and boxes of a run, removed at the end unless a failed test was written into the list.

    Not pytest's own: that one is closed to the unprivileged user PostgreSQL runs as under root.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    folder.chmod(0o711)
    failed: list[str] = []
    yield folder, failed
    if failed:
        (folder / "failed").write_text("\n".join(failed) + "\n", encoding="utf-8")
        _forget_oldest(folder.parent)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _forget_oldest(parent: Path) -> None:
    kept = sorted(parent.glob(f"{_PREFIX}*/failed"), key=lambda note: note.stat().st_mtime)
    for note in kept[:-_RUNS_KEPT]:
        shutil.rmtree(note.parent, ignore_errors=True)


def described(folder: Path, seed: int, since: float) -> str:
    """For the report of a failed test which began at ``since``: how to run it again, and which logs were written meanwhile."""
    lines = [f"again with the same seed: {SEED}={seed}", f"data is kept in {folder}"]
    for log in sorted(folder.rglob("*.log")):
        # In a cluster or a queue of the engine's such files are no logs.
        if log.is_file() and log.stat().st_size > 0 and log.stat().st_mtime >= since:
            lines.append(f"  {log.relative_to(folder)}")
    return "\n".join(lines)
