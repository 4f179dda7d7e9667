"""A breaker for each office: after a few failures in a row nothing is sent for a while, then one question finds out whether it is back."""

from __future__ import annotations

from dataclasses import dataclass

FAILURES_TO_OPEN = 5
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 300.0
# A question that was let through to probe and never came back (its caller was cancelled) must not keep the breaker shut for ever.
PROBE_SECONDS = 10.0


@dataclass(slots=True)
class Breaker:
    """Times are seconds of any monotonic clock, given by the caller."""

    failures: int = 0
    openings: int = 0
    open_until: float = 0.0
    probing_until: float = 0.0

    def allows(self, now: float) -> bool:
        """Whether a question may leave now. While half-open only one at a time may."""
        if now < self.open_until:
            return False
        if self.openings == 0:
            return True
        if now < self.probing_until:
            return False
        self.probing_until = now + PROBE_SECONDS
        return True

    def succeeded(self) -> None:
        self.failures = self.openings = 0
        self.open_until = self.probing_until = 0.0

    def failed(self, now: float, retry_after_seconds: float | None = None) -> None:
        """Counts a failure; ``retry_after_seconds`` is the department's own word and opens at once."""
        self.failures += 1
        half_open = self.openings > 0
        if not (half_open or retry_after_seconds or self.failures >= FAILURES_TO_OPEN):
            return
        if now < self.open_until and not retry_after_seconds:
            # Questions that were already on their way fail too; they are no new reason to wait longer.
            return
        pause = min(FIRST_PAUSE_SECONDS * 2.0 ** min(self.openings, 10), LONGEST_PAUSE_SECONDS)
        self.openings += 1
        self.probing_until = 0.0
        self.open_until = max(self.open_until, now + max(pause, min(retry_after_seconds or 0.0, LONGEST_PAUSE_SECONDS)))
