"""Which sessions were signed off, and whose all have ended, until they would have ended anyway: a copy of their cookie is worth nothing.

One empty file each in a folder that the replicas share, so it holds over a restart and at the other replicas too. Without a folder that can be
written it holds in this process only, and the log says so.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from chassis import logs
from chassis.files import write_private

_log = logs.get(__name__)
MAX_REMEMBERED: Final = 100_000
SWEEP_SECONDS: Final = 3600
# No id of a session begins like this.
_PERSON: Final = "person|"


class SignedOff:
    def __init__(self, folder: Path | None, clock: Callable[[], float]) -> None:
        self._folder = folder
        self._clock = clock
        self._until: OrderedDict[str, int] = OrderedDict()
        self._ended: OrderedDict[str, int] = OrderedDict()
        self._swept_at = float("-inf")

    def add(self, session_id: str, until: int) -> None:
        now = self._clock()
        self._until[session_id] = until
        while self._until and (len(self._until) > MAX_REMEMBERED or next(iter(self._until.values())) < now):
            self._until.popitem(last=False)
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._sweep(self._folder, now)
            file = self._file(self._folder, session_id)
            file.touch(mode=0o600)
            os.utime(file, (until, until))
        except OSError as error:
            _log.warning("sign_off_not_kept", error=type(error).__name__)

    def end_person(self, sub: str, at: int, until: int) -> None:
        """Everything this person signed on for up to ``at`` is over: the city sign-on has signed him off, or his duties are others now."""
        self._ended[sub] = max(at, self._ended.get(sub, 0))
        self._ended.move_to_end(sub)
        while len(self._ended) > MAX_REMEMBERED:
            self._ended.popitem(last=False)
        if self._folder is None:
            return
        try:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._sweep(self._folder, self._clock())
            file = self._file(self._folder, _PERSON + sub)
            write_private(file, str(max(at, self._kept(file))))
            os.utime(file, (until, until))
        except OSError as error:
            _log.warning("sign_off_not_kept", error=type(error).__name__)

    def ended_at(self, sub: str) -> int:
        """Up to when everything of this person is over; 0 when nothing is."""
        ended = self._ended.get(sub, 0)
        return ended if self._folder is None else max(ended, self._kept(self._file(self._folder, _PERSON + sub)))

    @staticmethod
    def _kept(file: Path) -> int:
        try:
            return int(file.read_text())
        except FileNotFoundError:
            return 0
        except (OSError, ValueError) as error:
            _log.warning("sign_off_not_read", error=type(error).__name__)
            return 0

    def __contains__(self, session_id: str) -> bool:
        if session_id in self._until:
            return True
        try:
            return self._folder is not None and self._file(self._folder, session_id).exists()
        except OSError as error:
            # A folder of somebody else's, say: nobody could be served at all otherwise.
            _log.warning("sign_off_not_read", error=type(error).__name__)
            return False

    def __len__(self) -> int:
        return len(self._until)

    def _sweep(self, folder: Path, now: float) -> None:
        if now - self._swept_at < SWEEP_SECONDS:
            return
        self._swept_at = now
        for file in folder.iterdir():
            if file.stat().st_mtime < now:
                file.unlink(missing_ok=True)

    @staticmethod
    def _file(folder: Path, session_id: str) -> Path:
        """By digest: there are file systems that do not tell upper case from lower."""
        return folder / sha256(session_id.encode()).hexdigest()[:40]
