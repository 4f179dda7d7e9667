"""Key ring, field encryption and blind indexes. AES-256-GCM; the place a value belongs to (table, column, row) is authenticated with it, so a value moved to
another row does not decrypt."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.files import Followed, write_private

# File, in the folder of keys, of the ring that seals what people wrote and are known by.
FIELD_KEYS: Final = "field-keys.json"
# Of the one that seals the sessions of the web edge, which opens no dossier.
SESSION_KEYS: Final = "session-keys.json"


class DecryptionError(ValueError):
    """The value was changed, moved to another place, or its key is not in the ring."""


class UnknownKeyError(DecryptionError):
    """Its key is not in the ring: the value may be good, and another process, or this one with its whole ring, may open it."""


@dataclass(frozen=True)
class KeyRing:
    """Named 256-bit keys; the current one encrypts, every one decrypts. ``index_key`` makes blind indexes and is never rotated.

    A ring read from a file follows the file: keys are rotated under processes that go on working. Where each has a copy of the file, a new one is known to
    all of them before any seals with it: ``next`` takes the place of ``current`` at the second ``next_at``.
    """

    current: str
    keys: dict[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)
    next: str = ""
    next_at: float = 0.0
    _source: Followed[KeyRing] | None = field(default=None, repr=False, compare=False)

    @classmethod
    def generate(cls) -> KeyRing:
        name = secrets.token_hex(4)
        return cls(name, {name: secrets.token_bytes(32)}, secrets.token_bytes(32))

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        """Raises FileNotFoundError: whoever only uses a ring makes none. A process that invented a missing one would seal what nobody else can open."""
        followed = Followed([path], partial(cls._read, path))
        return replace(followed.now(), _source=followed)

    @classmethod
    def _read(cls, path: Path) -> KeyRing:
        raw = json.loads(path.read_text())
        return cls(
            raw["current"],
            {name: base64.b64decode(key) for name, key in raw["keys"].items()},
            base64.b64decode(raw["index_key"]),
            raw.get("next", ""),
            float(raw.get("next_at", 0)),
        )

    @property
    def newest(self) -> str:
        """The key that seals, or will when its time has come."""
        return self.next or self.current

    @property
    def sealing(self) -> str:
        """The key that seals at this moment."""
        return self.next if self.next and time.time() >= self.next_at else self.current

    def rotated(self, at: float) -> KeyRing:
        """With one more key, which seals from the second ``at`` on; the others go on opening."""
        name = secrets.token_hex(4)
        return KeyRing(self.sealing, {**self.keys, name: secrets.token_bytes(32)}, self.index_key, name, at)

    def _now(self, *, at_once: bool = False) -> KeyRing:
        """The ring as its file has it."""
        return self if self._source is None else self._source.now(at_once=at_once)

    def save(self, path: Path, *, replace: bool = True) -> None:
        content = {
            "current": self.current,
            "keys": {name: base64.b64encode(key).decode() for name, key in self.keys.items()},
            "index_key": base64.b64encode(self.index_key).decode(),
            **({"next": self.next, "next_at": self.next_at} if self.next else {}),
        }
        write_private(path, json.dumps(content), replace=replace)

    @classmethod
    def load_or_create(cls, path: Path) -> KeyRing:
        """For the commands that make keys (the box, ``anju keys init``); of those that run together all get the ring which was there first."""
        if not path.exists():
            cls.generate().save(path, replace=False)
        return cls.load(path)

    def encrypt(self, plain: bytes, place: str) -> bytes:
        """key name (1 length byte + name), 12 bytes of nonce, ciphertext with tag."""
        ring, nonce = self._now(), os.urandom(12)
        key = ring.sealing
        name = key.encode()
        return bytes([len(name)]) + name + nonce + AESGCM(ring.keys[key]).encrypt(nonce, plain, place.encode())

    def decrypt(self, sealed: bytes, place: str) -> bytes:
        """Raises DecryptionError when the value does not belong to ``place`` or was changed, UnknownKeyError when the ring lacks the key it names."""
        try:
            length = sealed[0]
            name, nonce, body = sealed[1 : 1 + length].decode(), sealed[1 + length : 13 + length], sealed[13 + length :]
            keys = self._now().keys
            # Sealed by a process that has seen the new key before this one.
            key = keys.get(name) or self._now(at_once=True).keys.get(name)
            if key is None:
                raise UnknownKeyError(f"no key to decrypt {place}")
            return AESGCM(key).decrypt(nonce, body, place.encode())
        except DecryptionError:
            raise
        except (InvalidTag, IndexError, ValueError) as error:
            raise DecryptionError(f"cannot decrypt {place}") from error

    def blind_index(self, value: str, purpose: str) -> str:
        """The same value gives the same index (so it can be unique and searched), and the index does not give the value."""
        return hmac.new(self.index_key, f"{purpose}\x1f{value}".encode(), hashlib.sha256).hexdigest()
