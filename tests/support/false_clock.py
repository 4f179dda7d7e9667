"""A wall clock that can be set wrong, for every process that is started with it (libfaketime). Monotonic clocks go on as they do; nor does the engine
follow, which is a Go program and asks the kernel itself: whoever talks to it sees a machine whose clock differs."""

from __future__ import annotations

from pathlib import Path
from typing import Final

# Debian's package faketime, by architecture.
_LIBRARIES: Final = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


class FalseClock:
    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    @property
    def available(self) -> bool:
        return bool(_LIBRARIES)

    def set(self, seconds: int) -> None:
        """The clock is right with 0; every process sees a change at once."""
        aside = self._file.with_suffix(".new")
        aside.write_text(f"{seconds:+d}s")
        aside.chmod(0o644)
        aside.replace(self._file)

    def environment(self) -> dict[str, str]:
        if not self.available:
            return {}
        return {
            "LD_PRELOAD": str(_LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
