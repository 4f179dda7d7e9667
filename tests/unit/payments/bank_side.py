"""The bank's side of the protocol, computed here from its description alone: no line of it is shared with the product."""

from __future__ import annotations

import hashlib
import random
from urllib.parse import quote

# ASN.1 DigestInfo of MD5 (RFC 8017, section 9.2).
MD5_INFO = bytes.fromhex("3020300c06082a864886f70d020505000410")
ORDER = [
    "POSID",
    "BRANCHID",
    "ORDERID",
    "PAYMENT",
    "CURCODE",
    "REMARK1",
    "REMARK2",
    "ACC_TYPE",
    "SUCCESS",
    "TYPE",
    "REFERER",
    "CLIENTIP",
    "ACCDATE",
    "USRMSG",
    "INSTALLNUM",
    "ERRMSG",
    "USRINFO",
]
ALWAYS = ORDER[:7]


class Rsa:
    """Textbook RSA with a key of any length; the bank's real keys have e = 17, and one has 1023 bits."""

    def __init__(self, n: int, e: int, d: int) -> None:
        self.n, self.e, self.d = n, e, d

    @classmethod
    def generate(cls, bits: int, e: int = 17, seed: int = 4102) -> Rsa:
        draw = random.Random(seed)

        def prime(size: int) -> int:
            while True:
                candidate = draw.getrandbits(size) | (3 << (size - 2)) | 1
                if candidate % e != 1 and _is_prime(candidate, draw):
                    return candidate

        while True:
            p, q = prime((bits + 1) // 2), prime(bits // 2)
            if p != q and (p * q).bit_length() == bits:
                return cls(p * q, e, pow(e, -1, (p - 1) * (q - 1)))

    def sign(self, message: bytes) -> str:
        size = (self.n.bit_length() + 7) // 8
        tail = MD5_INFO + hashlib.md5(message).digest()
        padded = b"\x00\x01" + b"\xff" * (size - 3 - len(tail)) + b"\x00" + tail
        return pow(int.from_bytes(padded), self.d, self.n).to_bytes(size).hex()

    def public_hex(self) -> str:
        """SubjectPublicKeyInfo as DER, in hex: how the bank hands it out."""
        key = _der(0x30, _integer(self.n) + _integer(self.e))
        algorithm = bytes.fromhex("300d06092a864886f70d0101010500")
        return _der(0x30, algorithm + _der(0x03, b"\x00" + key)).hex()


def signed_text(fields: dict[str, str]) -> str:
    return "&".join(f"{name}={fields.get(name, '')}" for name in ORDER if name in fields or name in ALWAYS)


def callback(key: Rsa, fields: dict[str, str]) -> bytes:
    """The body of a callback as it comes over the wire."""
    signature = key.sign(signed_text(fields).encode("gbk"))
    return "&".join(f"{name}={quote(value, safe='', encoding='gbk')}" for name, value in {**fields, "SIGN": signature}.items()).encode()


def notice(order_id: str, yuan: str, pos: str = "100000001", branch: str = "410000000", **more: str) -> dict[str, str]:
    fixed = {"POSID": pos, "BRANCHID": branch, "ORDERID": order_id, "PAYMENT": yuan, "CURCODE": "01", "REMARK1": "", "REMARK2": ""}
    return {**fixed, "ACC_TYPE": "30", "SUCCESS": "Y", "ACCDATE": "20261123", **more}


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag, 0x80 | len(length)]) + length + content


def _integer(value: int) -> bytes:
    return _der(0x02, value.to_bytes(value.bit_length() // 8 + 1))


def _is_prime(n: int, draw: random.Random) -> bool:
    if any(n % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for _ in range(24):
        x = pow(draw.randrange(2, n - 1), odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True
