from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from chassis.crypto import KeyRing
from web_gateway.edge.session import Person, Prefill, Session, Sessions
from web_gateway.edge.signed_off import SignedOff

PERSON = Person("c-1", "citizen", "张晓明", (), (), "zh-CN", Prefill("张晓明", "990101199001010011", "19999012345"))


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


def sessions(clock: Clock, ring: KeyRing | None = None, folder: Path | None = None) -> Sessions:
    return Sessions(ring or KeyRing.generate(), idle_seconds=1800, seconds=28800, secure=False, signed_off_dir=folder, clock=clock)


def cookie(kept: Sessions, session: Session) -> str:
    response = web.Response()
    kept.put(response, session)
    morsel = response.cookies[kept.cookie]
    assert morsel["httponly"] is True
    assert morsel["samesite"] == "Lax"
    return morsel.value


def request_with(kept: Sessions, value: str) -> web.Request:
    return make_mocked_request("GET", "/", headers={"Cookie": f"{kept.cookie}={value}"})


def test_a_session_comes_back_as_it_was_and_shows_nothing() -> None:
    clock = Clock()
    kept = sessions(clock)
    session = kept.start(PERSON)
    value = cookie(kept, session)
    found = kept.find(request_with(kept, value))
    assert found == session
    assert "c-1" not in value
    assert len(value) < 1000


def test_a_session_ends_idle_absolutely_and_by_signing_off() -> None:
    clock = Clock()
    kept = sessions(clock)
    start = clock.now
    session = kept.start(PERSON)
    idle = cookie(kept, session)
    clock.now = start + 1799
    assert kept.find(request_with(kept, idle)) is not None
    clock.now = start + 1800
    assert kept.find(request_with(kept, idle)) is None
    clock.now = start + 28799
    late = cookie(kept, session)
    assert kept.find(request_with(kept, late)) is not None
    clock.now = start + 28800
    assert kept.find(request_with(kept, late)) is None
    clock.now = start
    kept.end(web.Response(), session)
    assert kept.find(request_with(kept, idle)) is None


def test_signing_off_is_forgotten_once_the_session_is_over_anyway() -> None:
    clock = Clock()
    kept = sessions(clock)
    for _ in range(10):
        kept.end(web.Response(), kept.start(PERSON))
    clock.now += 30_000
    kept.end(web.Response(), kept.start(PERSON))
    assert len(kept._signed_off) == 1


def test_signing_off_holds_over_a_restart_and_at_another_replica(tmp_path: Path) -> None:
    clock, ring, folder = Clock(), KeyRing.generate(), tmp_path / "signed-off"
    first, other = sessions(clock, ring, folder), sessions(clock, ring, folder)
    session, alive = first.start(PERSON), first.start(PERSON)
    value, alive_value = cookie(first, session), cookie(first, alive)
    first.end(web.Response(), session)
    for kept in (first, other, sessions(clock, ring, folder)):
        assert kept.find(request_with(kept, value)) is None
        assert kept.find(request_with(kept, alive_value)) == alive
    assert [session.id in file.name for file in folder.iterdir()] == [False]
    clock.now += 30_000
    other.end(web.Response(), other.start(PERSON))
    assert len(list(folder.iterdir())) == 1


def test_signing_off_works_without_a_folder_to_write_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    kept = sessions(Clock(), folder=tmp_path / "file")
    session = kept.start(PERSON)
    value = cookie(kept, session)
    kept.end(web.Response(), session)
    assert kept.find(request_with(kept, value)) is None


@pytest.mark.parametrize("change", ["flip", "cut", "empty", "rubbish", "long", "other key", "sign-on cookie"])
def test_a_forged_cookie_is_no_session(change: str) -> None:
    clock = Clock()
    kept = sessions(clock)
    value = cookie(kept, kept.start(PERSON))
    if change == "sign-on cookie":
        response = web.Response()
        kept.put_sign_on(response, kept.new_sign_on("/"))
        value = response.cookies[kept.sign_on_cookie].value
    value = {
        "flip": value[:-10] + ("A" if value[-10] != "A" else "B") + value[-9:],
        "cut": value[:-4],
        "empty": "",
        "rubbish": "!!!",
        "long": value * 20,
        "other key": cookie(sessions(clock), kept.start(PERSON)),
        "sign-on cookie": value,
    }[change]
    assert kept.find(request_with(kept, value)) is None


def test_a_csrf_token_belongs_to_one_session() -> None:
    kept = sessions(Clock())
    one, other = kept.start(PERSON), kept.start(PERSON)
    assert kept.csrf_ok(one, kept.csrf_token(one))
    assert not kept.csrf_ok(one, kept.csrf_token(other))
    assert not kept.csrf_ok(one, "")
    assert not kept.csrf_ok(one, "\udcff漢")


def test_over_https_the_cookie_is_bound_to_the_host() -> None:
    kept = Sessions(KeyRing.generate(), idle_seconds=60, seconds=60, secure=True)
    response = web.Response()
    kept.put(response, kept.start(PERSON))
    morsel = response.cookies["__Host-anju_session"]
    assert morsel["secure"] is True
    assert morsel["path"] == "/"
    assert morsel["domain"] == ""


def test_a_person_too_large_for_a_cookie_is_an_error_and_not_a_lost_session() -> None:
    kept = sessions(Clock())
    with pytest.raises(ValueError, match="does not fit"):
        kept.put(web.Response(), kept.start(Person("c-1", "staff", "x" * 5000)))


def test_a_folder_that_cannot_be_read_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = SignedOff(tmp_path, Clock())

    def forbidden(_self: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "exists", forbidden)
    kept.add("here", 1_800_000_100)
    assert "here" in kept
    assert "another" not in kept


def test_a_sign_off_in_the_last_second_is_no_error() -> None:
    """The session's end passes between the look at the cookie and the note of its sign-off."""
    clock = Clock()
    signed_off = SignedOff(None, clock)
    signed_off.add("s-1", int(clock.now) - 1)
    assert len(signed_off) == 0
