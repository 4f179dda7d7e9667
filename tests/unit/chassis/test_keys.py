"""The key ring: who comes second reads what the first one wrote, old keys go on opening, values stay in their place, keys are never shown."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from chassis import service
from chassis.commands import CannotRunError
from chassis.crypto import DecryptionError, KeyRing
from chassis.files import Followed, write_private


def test_processes_starting_together_end_with_one_ring(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "field-keys.json"
    start, rings = threading.Barrier(8), []

    def load() -> None:
        start.wait()
        rings.append(KeyRing.load_or_create(path))

    threads = [threading.Thread(target=load) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rings) == 8
    assert all(ring == rings[0] for ring in rings)
    assert [each.name for each in path.parent.iterdir()] == ["field-keys.json"]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "keys.json"
    ring = KeyRing.load_or_create(path)

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        KeyRing.generate().save(path)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "new.json", "x", replace=False)
    assert KeyRing.load(path) == ring
    assert [each.name for each in tmp_path.iterdir()] == ["keys.json"]


def test_after_a_rotation_old_values_open_and_new_ones_use_the_new_key(tmp_path: Path) -> None:
    old, fresh = KeyRing.generate(), KeyRing.generate()
    sealed = old.encrypt("王秀芳".encode(), "person|name|1")
    KeyRing(fresh.current, {**old.keys, **fresh.keys}, old.index_key).save(tmp_path / "ring.json")
    rotated = KeyRing.load(tmp_path / "ring.json")
    assert rotated.decrypt(sealed, "person|name|1").decode() == "王秀芳"
    again = rotated.encrypt(b"x", "person|name|1")
    with pytest.raises(DecryptionError):
        old.decrypt(again, "person|name|1")
    assert rotated.blind_index("410202199001011236", "id") == old.blind_index("410202199001011236", "id"), "rows are still found"


@pytest.mark.parametrize(
    "spoil", [lambda s: s[:-1], lambda s: s[:-1] + bytes([s[-1] ^ 1]), lambda s: b"", lambda s: b"\xff", lambda s: b"\x02\xff\xff" + s]
)
def test_what_was_changed_or_moved_does_not_open(spoil: object) -> None:
    ring = KeyRing.generate()
    sealed = ring.encrypt(b"plain", "a|b|1")
    with pytest.raises(DecryptionError):
        ring.decrypt(sealed, "a|b|2")
    with pytest.raises(DecryptionError):
        ring.decrypt(spoil(sealed), "a|b|1")  # type: ignore[operator]


def test_a_ring_shows_no_key() -> None:
    ring = KeyRing.generate()
    shown = f"{ring!r} {ring}"
    assert ring.current in shown
    assert not any(repr(key) in shown for key in (*ring.keys.values(), ring.index_key))


def test_whoever_only_uses_a_ring_makes_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        KeyRing.load(tmp_path / "field-keys.json")
    with pytest.raises(CannotRunError, match="anju keys init"):
        service.ring(tmp_path, "field-keys.json")
    assert list(tmp_path.iterdir()) == []


def test_no_service_makes_keys() -> None:
    """Only the box and ``anju keys init`` do."""
    sources = [file for part in ("services", "workflows", "libs") for file in (Path(__file__).parents[3] / part).rglob("src/**/*.py")]
    assert len(sources) > 100
    found = {file.name for file in sources if "load_or_create" in file.read_text(encoding="utf-8")}
    assert found == {"crypto.py"}, "where it is defined"


def test_keys_are_rotated_under_processes_that_go_on_working(tmp_path: Path) -> None:
    """Several that read the file on their own: whatever one seals the others open, at every moment."""
    path = tmp_path / "ring.json"
    KeyRing.generate().save(path)
    processes = [KeyRing.load(path) for _ in range(4)]
    stop, sealed_with, opened = threading.Event(), set(), [0]

    def work(mine: KeyRing, other: KeyRing) -> None:
        while not stop.is_set():
            sealed = mine.encrypt(b"word", "place")
            sealed_with.add(sealed[1 : 1 + sealed[0]])
            assert other.decrypt(sealed, "place") == b"word"
            opened[0] += 1

    failed: list[BaseException] = []

    def guarded(mine: KeyRing, other: KeyRing) -> None:
        try:
            work(mine, other)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(processes[n], processes[(n + 1) % 4])) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(1.3)
        KeyRing.load(path).rotated(0).save(path)
    time.sleep(1.3)
    stop.set()
    for thread in threads:
        thread.join()
    assert not failed
    assert opened[0] > 1000
    assert len(sealed_with) == 4, "every new key was used"
    assert processes[0].blind_index("x", "id") == KeyRing.load(path).blind_index("x", "id")


def test_who_looks_while_another_thread_reads_does_not_take_the_old_for_the_new(tmp_path: Path) -> None:
    path, reading, go_on = tmp_path / "value", threading.Event(), threading.Event()
    path.write_text("old")

    def read() -> str:
        text = path.read_text()
        if text == "new" and not reading.is_set():
            reading.set()
            assert go_on.wait(10)
        return text

    followed = Followed([path], read)
    path.write_text("new")
    slow = threading.Thread(target=lambda: followed.now(at_once=True))
    slow.start()
    assert reading.wait(10)
    assert followed.now(at_once=True) == "new"
    go_on.set()
    slow.join()
    assert followed.now() == "new"


def test_a_ring_that_cannot_be_read_at_this_moment_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "ring.json"
    KeyRing.generate().save(path)
    ring = KeyRing.load(path)
    sealed = ring.encrypt(b"word", "place")
    for broken in ("", "{", '{"current": "x"}'):
        path.write_text(broken)
        time.sleep(0.01)
        with pytest.raises(DecryptionError):
            ring.decrypt(bytes([8]) + b"deadbeef" + sealed[9:], "place")
        assert ring.decrypt(sealed, "place") == b"word"
    path.unlink()
    assert ring.decrypt(ring.encrypt(b"word", "place"), "place") == b"word"


def test_a_new_key_is_known_before_it_seals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each process has a copy of its own. The new one reaches them one after the other, in its own time; whatever one of them seals meanwhile, all open."""
    copies = [tmp_path / name for name in ("casework", "worker", "notifications")]
    whole = KeyRing.generate()
    for copy in copies:
        whole.save(copy)
    processes, began = [KeyRing.load(copy) for copy in copies], time.time()
    monkeypatch.setattr("chassis.files.LOOK_SECONDS", 0.0)

    def sealed_with() -> set[str]:
        found = set()
        for one in processes:
            sealed = one.encrypt(b"word", "place")
            assert all(other.decrypt(sealed, "place") == b"word" for other in processes)
            found.add(sealed[1 : 1 + sealed[0]].decode())
        return found

    for round_ in range(3):
        old, whole = whole.sealing, whole.rotated(began + 600 * (round_ + 1))
        for copy in copies:
            whole.save(copy)
            assert sealed_with() == {old}, "known to some, and used by nobody"
        monkeypatch.setattr("chassis.crypto.time.time", lambda at=whole.next_at: at)
        assert sealed_with() == {whole.newest} != {old}
    assert len(whole.keys) == 4


def test_a_key_that_was_replaced_before_its_time_never_seals(tmp_path: Path) -> None:
    first = KeyRing.generate()
    hasty = first.rotated(time.time() + 600).rotated(0)
    hasty.save(tmp_path / "ring")
    ring = KeyRing.load(tmp_path / "ring")
    assert ring.sealing == hasty.newest != first.current
    assert len(ring.keys) == 3
    assert ring.decrypt(first.encrypt(b"word", "place"), "place") == b"word"
