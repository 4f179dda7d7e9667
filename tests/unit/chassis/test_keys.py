"""The key ring: who comes second reads what the first one wrote, old keys go on opening, values stay in their place, keys are never shown."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from chassis.crypto import DecryptionError, KeyRing
from chassis.files import write_private


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
