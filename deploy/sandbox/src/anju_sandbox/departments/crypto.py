"""Signatures and ciphers of the gateways (protocols 4.1 and 4.2)."""

import base64
import hashlib
import hmac

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

_IV = b"AESCBCPKCS5Paddi"


def hmac_base64(key: str, text: str) -> str:
    """Base64(HMAC-SHA256(key, text)), the signature of both gateways."""
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def same_signature(left: str, right: str) -> bool:
    """Constant-time comparison."""
    return hmac.compare_digest(left.encode(), right.encode())


def sha1prng_key(seed: str) -> bytes:
    """The AES-128 key Java's KeyGenerator makes from ``SecureRandom("SHA1PRNG")`` seeded with a text: SHA1(SHA1(seed))[:16]."""
    return hashlib.sha1(hashlib.sha1(seed.encode()).digest()).digest()[:16]  # noqa: S324


def aes_encrypt(seed: str, text: str) -> str:
    """Base64 of AES-128-CBC/PKCS5 under the SHA1PRNG key of a seed and the fixed IV (protocol 4.2)."""
    padder = padding.PKCS7(128).padder()
    padded = padder.update(text.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(sha1prng_key(seed)), modes.CBC(_IV)).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def aes_decrypt(seed: str, token: str) -> str:
    """Reverse of :func:`aes_encrypt`. Raises ValueError on a wrong key or a damaged token."""
    decryptor = Cipher(algorithms.AES(sha1prng_key(seed)), modes.CBC(_IV)).decryptor()
    padded = decryptor.update(base64.b64decode(token, validate=True)) + decryptor.finalize()
    unpadder = padding.PKCS7(128).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def reply_signature(key: str, request_id: str, rtime: str, body: bytes) -> str:
    """Signature of an answer: HMAC over request id, answer time and SHA-256 of the exact body (assumed schema)."""
    return hmac_base64(key, request_id + rtime + hashlib.sha256(body).hexdigest())
