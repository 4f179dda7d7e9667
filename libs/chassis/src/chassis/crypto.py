"""Key ring, field encryption and blind indexes. AES-256-GCM; the place a value belongs to (table, column, row) is authenticated with it, so a value moved to
another row does not decrypt."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from chassis.files import write_private

# File, in the folder of keys, of the ring that seals what people wrote and are known by.
FIELD_KEYS: Final = "field-keys.json"


class DecryptionError(ValueError):
    """The value was changed, moved to another place, or its key is not in the ring."""


@dataclass(frozen=True)
class KeyRing:
    """Named 256-bit keys; the current one encrypts, every one decrypts. ``index_key`` makes blind indexes and is never rotated silently."""

    current: str
    keys: dict[str, bytes] = field(repr=False)
    index_key: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> KeyRing:
        name = secrets.token_hex(4)
        return cls(name, {name: secrets.token_bytes(32)}, secrets.token_bytes(32))

    @classmethod
    def load(cls, path: Path) -> KeyRing:
        raw = json.loads(path.read_text())
        return cls(
            raw["current"],
            {name: base64.b64decode(key) for name, key in raw["keys"].items()},
            base64.b64decode(raw["index_key"]),
        )

    def save(self, path: Path, *, replace: bool = True) -> None:
        content = {
            "current": self.current,
            "keys": {name: base64.b64encode(key).decode() for name, key in self.keys.items()},
            "index_key": base64.b64encode(self.index_key).decode(),
        }
        write_private(path, json.dumps(content), replace=replace)

    @classmethod
    def load_or_create(cls, path: Path) -> KeyRing:
        """The ring of the file, made on the first start. Replicas starting together all get the one which was there first."""
        if not path.exists():
            cls.generate().save(path, replace=False)
        return cls.load(path)

    def encrypt(self, plain: bytes, place: str) -> bytes:
        """key name (1 length byte + name), 12 bytes of nonce, ciphertext with tag."""
        nonce = os.urandom(12)
        name = self.current.encode()
        return bytes([len(name)]) + name + nonce + AESGCM(self.keys[self.current]).encrypt(nonce, plain, place.encode())

    def decrypt(self, sealed: bytes, place: str) -> bytes:
        """Raises DecryptionError when the value does not belong to ``place`` or was changed."""
        try:
            length = sealed[0]
            name, nonce, body = sealed[1 : 1 + length].decode(), sealed[1 + length : 13 + length], sealed[13 + length :]
            return AESGCM(self.keys[name]).decrypt(nonce, body, place.encode())
        except (InvalidTag, KeyError, IndexError, UnicodeDecodeError, ValueError) as error:
            raise DecryptionError(f"cannot decrypt {place}") from error

    def blind_index(self, value: str, purpose: str) -> str:
        """The same value gives the same index (so it can be unique and searched), and the index does not give the value."""
        return hmac.new(self.index_key, f"{purpose}\x1f{value}".encode(), hashlib.sha256).hexdigest()
