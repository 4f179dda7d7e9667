"""Token buckets per person and per address, in bounded memory, told by the RateLimit headers (draft-ietf-httpapi-ratelimit-headers)."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

WINDOW_SECONDS: Final = 60
MAX_BUCKETS: Final = 20_000


@dataclass(frozen=True)
class Taken:
    """``remaining`` whole requests are left now; ``seconds`` until there is one more."""

    policy: str
    quota: int
    allowed: bool
    remaining: int
    seconds: int


class Buckets:
    """``quota`` requests a minute and key, saved up to at most ``quota``. The least recently used key is forgotten first."""

    def __init__(self, policy: str, quota: int, clock: Callable[[], float] = time.monotonic, capacity: int = MAX_BUCKETS) -> None:
        self.policy = policy
        self.quota = quota
        self._clock = clock
        self._capacity = capacity
        self._rate = quota / WINDOW_SECONDS
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str) -> Taken:
        now = self._clock()
        level, at = self._buckets.pop(key, (float(self.quota), now))
        level = min(float(self.quota), level + (now - at) * self._rate)
        allowed = level >= 1.0
        if allowed:
            level -= 1.0
        self._buckets[key] = (level, now)
        if len(self._buckets) > self._capacity:
            self._buckets.popitem(last=False)
        missing = 1.0 - (level - math.floor(level)) if level < self.quota else 0.0
        return Taken(self.policy, self.quota, allowed, int(level), max(1, math.ceil(missing / self._rate)))

    def __len__(self) -> int:
        return len(self._buckets)


def headers(taken: list[Taken]) -> dict[str, str]:
    """All policies, and the one that will bind first."""
    if not taken:
        return {}
    tightest = min(taken, key=lambda t: (t.allowed, t.remaining / t.quota))
    result = {
        "RateLimit-Policy": ", ".join(f'"{t.policy}";q={t.quota};w={WINDOW_SECONDS}' for t in taken),
        "RateLimit": f'"{tightest.policy}";r={tightest.remaining};t={tightest.seconds}',
    }
    if not tightest.allowed:
        result["Retry-After"] = str(tightest.seconds)
    return result


class Addresses:
    """The address a request comes from. X-Forwarded-For is believed only as far as our own proxies wrote it."""

    def __init__(self, trusted_proxies: tuple[str, ...]) -> None:
        self._trusted = [ip_network(network) for network in trusted_proxies]

    def of(self, peer: str, forwarded_for: list[str]) -> str:
        """``forwarded_for`` holds the header's values in order; read from the right, the first address that is not ours counts."""
        address = peer
        hops = [hop.strip() for value in forwarded_for for hop in value.split(",")]
        while self.is_ours(address) and hops:
            candidate = hops.pop()
            try:
                address = str(_parsed(candidate))
            except ValueError:
                break
        return address

    def is_ours(self, address: str) -> bool:
        """Of one of our own proxies."""
        try:
            parsed = _parsed(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def address_key(address: str) -> str:
    """What one household or one attacker can call his own: an IPv4 address, or an IPv6 network of 64 bits."""
    try:
        parsed = _parsed(address)
    except ValueError:
        return address
    return str(ip_network((parsed, 64), strict=False)) if isinstance(parsed, IPv6Address) else str(parsed)


def _parsed(address: str) -> IPv4Address | IPv6Address:
    """Raises ValueError. A socket that listens on both families names IPv4 peers as ::ffff:a.b.c.d, all of them in one network of 64 bits."""
    parsed = ip_address(address)
    return (parsed.ipv4_mapped or parsed) if isinstance(parsed, IPv6Address) else parsed
