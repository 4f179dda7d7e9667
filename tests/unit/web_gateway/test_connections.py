from __future__ import annotations

import pytest
from web_gateway.edge.connections import ANSWER_SECONDS, Caps, Connections
from web_gateway.edge.limits import Addresses


class Held:
    def __init__(self, peer: str) -> None:
        self._peer = peer
        self.dropped = self.was_late = False

    def peer(self) -> str:
        return self._peer

    def late(self) -> None:
        self.was_late = True

    def drop(self) -> None:
        self.dropped = True


class Here:
    """Connections by a clock of the test: 8 at once, 6 half open, 3 of them from one address; a header has 10 s."""

    def __init__(self, *proxies: str) -> None:
        self.now = 0.0
        self.all = Connections(Caps(8, 6, 3, 10.0), Addresses(proxies), lambda: self.now)

    def half_open(self, peer: str, count: int = 1) -> list[Held]:
        found = [Held(peer) for _ in range(count)]
        for each in found:
            self.all.half_open(each)
        return found


def test_of_one_address_the_oldest_gives_way_to_the_newest() -> None:
    here = Here()
    crowd = here.half_open("192.0.2.1", 5)
    (other,) = here.half_open("192.0.2.2")
    assert [each.dropped for each in crowd] == [True, True, False, False, False]
    assert not other.dropped
    assert here.all.half_open_count == 4


def test_whoever_sent_his_header_is_no_longer_counted_against_his_address() -> None:
    here = Here()
    for _ in range(8):
        (one,) = here.half_open("192.0.2.1")
        here.all.busy(one)
        assert not one.dropped
    assert here.all.half_open_count == 0


def test_of_many_addresses_the_one_that_holds_most_gives_way() -> None:
    here = Here()
    crowd = here.half_open("192.0.2.1", 3)
    others = [each for number in range(2, 6) for each in here.half_open(f"192.0.2.{number}")]
    assert [each.dropped for each in crowd] == [True, False, False]
    assert not any(each.dropped for each in others)


def test_networks_of_one_household_are_one_address() -> None:
    here = Here()
    crowd = [each for number in range(5) for each in here.half_open(f"2001:db8:0:7::{number:x}")]
    assert sum(each.dropped for each in crowd) == 2


def test_our_own_proxies_stand_for_everybody_and_have_no_cap_of_their_own() -> None:
    here = Here("10.0.0.0/8")
    assert not any(each.dropped for each in here.half_open("10.1.2.3", 6))
    (stranger,) = here.half_open("192.0.2.1")
    assert stranger.dropped, "in all there is one too many, and what is not our proxy gives way first"


def test_a_header_has_a_deadline_and_every_further_one_of_the_connection_too() -> None:
    here = Here()
    (first,) = here.half_open("192.0.2.1")
    here.now = 9.0
    (second,) = here.half_open("192.0.2.1")
    here.all.busy(second)
    here.all.idle(second)
    here.now = 10.0
    here.all.sweep()
    assert (first.was_late, second.was_late) == (True, False)
    here.now = 60.0
    here.all.half_open(second)
    here.all.sweep()
    assert not second.was_late
    here.now = 70.0
    here.all.sweep()
    assert second.was_late


def test_an_answer_nobody_takes_is_given_up_and_a_stream_is_not() -> None:
    here = Here()
    slow, stream = here.half_open("192.0.2.1", 2)
    for each in (slow, stream):
        here.all.busy(each)
    here.all.streams(stream)
    here.now = ANSWER_SECONDS
    here.all.sweep()
    assert (slow.dropped, stream.dropped) == (True, False)


def test_at_the_high_water_mark_idle_ones_make_room_and_then_there_is_none() -> None:
    here = Here()
    room: list[bool] = []
    here.all.on_room = lambda: room.append(True)
    held = []
    for number in range(8):
        (each,) = here.half_open(f"192.0.2.{number}")
        here.all.busy(each)
        held.append(each)
    here.all.idle(held[5])
    here.all.idle(held[2])
    assert here.all.full()
    assert here.all.make_room()
    assert held[5].dropped, "idle for longest"
    here.all.lost(held[5])
    assert room
    assert here.all.make_room()
    assert not here.all.make_room()


@pytest.mark.parametrize("steps", ["half lost", "half busy lost idle", "half busy idle half busy idle lost", "half busy half idle lost"])
def test_nothing_stays_of_a_connection_that_is_gone(steps: str) -> None:
    here = Here()
    one = Held("192.0.2.1")
    for step in steps.split():
        {"half": here.all.half_open, "busy": here.all.busy, "idle": here.all.idle, "lost": here.all.lost}[step](one)
    assert len(here.all) == 0
    assert not here.all._by_address
    assert not here.all._key_of
