"""Signatures and ciphers of the provincial gateway and the national platform.

Signatures are Base64(HMAC-SHA256). Call secrets travel under AES-128-CBC with PKCS#5 padding, the key made from the app key as Java's SHA1PRNG does it,
the initialisation vector fixed by the protocol. Assumed schema: answers are signed over request id, answer time and SHA-256 of the body.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from registry_gateway.domain.faults import Fault, RegisterFaultError

_IV = b"AESCBCPKCS5Paddi"
# How far the clocks of a department and of this machine may differ, and how old an answer may be.
TOLERANCE_MS = 5 * 60 * 1000


def sign(key: str, text: str) -> str:
    """Base64(HMAC-SHA256(key, text))."""
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def sha1prng_key(seed: str) -> bytes:
    """The AES-128 key of Java's KeyGenerator over SecureRandom("SHA1PRNG") seeded with a text."""
    # SHA-1 is the department's choice; it derives a key here, it does not protect a signature.
    return hashlib.sha1(hashlib.sha1(seed.encode(), usedforsecurity=False).digest(), usedforsecurity=False).digest()[:16]


def open_secret(app_key: str, sealed: str) -> str:
    """The call secret inside a token. Raises RegisterFaultError(REFUSED) when it was not sealed with our app key."""
    try:
        decryptor = Cipher(algorithms.AES(sha1prng_key(app_key)), modes.CBC(_IV)).decryptor()
        padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
        unpadder = padding.PKCS7(128).unpadder()
        return (unpadder.update(padded) + unpadder.finalize()).decode()
    except (ValueError, binascii.Error):
        raise RegisterFaultError(Fault.REFUSED, "the call secret cannot be read") from None


def check_reply(headers: Mapping[str, str], prefix: str, *, request_id: str, key: str, body: bytes, now_ms: int) -> None:
    """Raises RegisterFaultError unless the answer is to this very request (NOT_BOUND), signed (BAD_SIGNATURE) and fresh (STALE)."""
    if headers.get(f"{prefix}_requestid", "") != request_id:
        raise RegisterFaultError(Fault.NOT_BOUND)
    rtime = headers.get(f"{prefix}_rtime", "")
    expected = sign(key, request_id + rtime + hashlib.sha256(body).hexdigest())
    if not hmac.compare_digest(expected.encode(), headers.get(f"{prefix}_reply_sign", "").encode("utf-8", "replace")):
        raise RegisterFaultError(Fault.BAD_SIGNATURE)
    if not (rtime.isascii() and rtime.isdigit() and len(rtime) <= 15) or abs(now_ms - int(rtime)) > TOLERANCE_MS:
        raise RegisterFaultError(Fault.STALE)
