"""How a server has done in the last minutes: what was answered, what was not, and how long it took. Bounded whatever the load."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

MINUTES: Final = 5
Ending = Literal["answered", "failed", "unavailable"]


@dataclass
class _Minute:
    number: int
    endings: dict[Ending, int] = field(default_factory=lambda: dict.fromkeys(("answered", "failed", "unavailable"), 0))
    seconds: float = 0.0
    longest: float = 0.0


@dataclass(frozen=True)
class Recent:
    """Of the last ``MINUTES``. A refusal is an answer."""

    answered: int
    failed: int
    unavailable: int
    mean_seconds: float
    longest_seconds: float


class Tally:
    """``clock``: seconds of any monotonic clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._minutes: deque[_Minute] = deque(maxlen=MINUTES)

    def note(self, ending: Ending, seconds: float) -> None:
        number = int(self._clock() // 60)
        if not self._minutes or self._minutes[-1].number != number:
            self._minutes.append(_Minute(number))
        minute = self._minutes[-1]
        minute.endings[ending] += 1
        minute.seconds += seconds
        minute.longest = max(minute.longest, seconds)

    def recent(self) -> Recent:
        oldest = int(self._clock() // 60) - MINUTES
        minutes = [each for each in self._minutes if each.number > oldest]
        answered, failed, unavailable = (sum(each.endings[ending] for each in minutes) for ending in ("answered", "failed", "unavailable"))
        calls = answered + failed + unavailable
        mean = sum(each.seconds for each in minutes) / calls if calls else 0.0
        return Recent(answered, failed, unavailable, mean, max((each.longest for each in minutes), default=0.0))
