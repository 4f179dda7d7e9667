from __future__ import annotations

from chassis.tally import MINUTES, Tally


def test_it_counts_what_was_answered_and_what_was_not_and_how_long_it_took() -> None:
    tally = Tally(lambda: 1_000.0)
    for ending, seconds in (("answered", 0.1), ("answered", 0.3), ("failed", 0.2), ("unavailable", 5.4)):
        tally.note(ending, seconds)  # type: ignore[arg-type]  # one of the three
    recent = tally.recent()
    assert (recent.answered, recent.failed, recent.unavailable) == (2, 1, 1)
    assert (round(recent.mean_seconds, 3), recent.longest_seconds) == (1.5, 5.4)


def test_what_is_older_is_forgotten_and_an_idle_server_has_no_numbers_of_before() -> None:
    now = [0.0]
    tally = Tally(lambda: now[0])
    for minute in range(100):
        now[0] = minute * 60.0
        tally.note("failed", 1.0)
    assert tally.recent().failed == MINUTES
    now[0] += MINUTES * 60.0
    assert (tally.recent().failed, tally.recent().longest_seconds) == (0, 0.0)
