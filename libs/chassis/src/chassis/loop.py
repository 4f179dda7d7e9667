"""The event loop every process runs on."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, on libuv's loop: most of what a service does is waiting for sockets, and it costs a twentieth less there (docs/benchmarks.md)."""
    return uvloop.run(main)
