"""Private files which several processes may want to make at once, and which must never be half written; and files that are followed while they change."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, Generic, TypeVar

from chassis import logs

T = TypeVar("T")

# A file that is followed is looked at again this often.
LOOK_SECONDS: Final = 1.0
_log = logs.get(__name__)


def write_private(path: Path, text: str, *, replace: bool = True) -> None:
    """Writes a file only its owner can read (0600): whole or not at all.

    With ``replace=False`` a file which is already there stays, so that of several processes starting together all read what the first one wrote.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            os.replace(aside, path)
        else:
            with suppress(FileExistsError):
                os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)


class Followed(Generic[T]):
    """What ``read`` makes of some files, made anew when one of them is another than before: keys change under processes that go on working."""

    def __init__(self, files: Sequence[Path], read: Callable[[], T]) -> None:
        """Raises what ``read`` does: OSError, and ValueError or KeyError for what is not what it should be."""
        self._files = files
        self._read = read
        self._seen = self._stand()
        self._value = read()
        self._looked_at = time.monotonic()

    def now(self, *, at_once: bool = False) -> T:
        """As the files have it, looked at not more often than LOOK_SECONDS, or ``at_once``. What cannot be read at this moment changes nothing, and is said
        once."""
        moment = time.monotonic()
        if at_once or moment - self._looked_at >= LOOK_SECONDS:
            self._looked_at = moment
            self._look()
        return self._value

    def _look(self) -> None:
        stand = self._stand()
        if stand == self._seen:
            return
        names = [file.name for file in self._files]
        try:
            self._value = self._read()
        except (OSError, ValueError, KeyError) as error:
            _log.warning("files_not_taken", files=names, why=logs.describe(error))
        else:
            _log.info("files_taken", files=names)
        # Last: another thread that looks meanwhile reads for itself, instead of taking what was there before for what is there now.
        self._seen = stand

    def _stand(self) -> list[tuple[int, int, int]]:
        """By what a changed file is known: its time alone does not tell two writes of one moment apart, nor a mounted folder that changes by turning a link."""
        found = []
        for file in self._files:
            try:
                state = file.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((state.st_mtime_ns, state.st_ino, state.st_size))
        return found
