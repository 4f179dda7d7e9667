"""The end of a test that hangs: it says where it stood, and takes its worker with it.

A signal would be kinder, but uvloop runs signal handlers where their exceptions are lost: a test with a deadline by signal hangs for ever. The engines
and boxes of the worker end with it (``guard.py``), and the run goes on with a new worker.
"""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import os
import threading
from typing import Final, Protocol

import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

_TIMER: Final = pytest.StashKey[threading.Timer]()


class Deadline(Protocol):
    """What pytest-timeout settles for a test."""

    @property
    def timeout(self) -> float: ...


def pytest_timeout_set_timer(item: pytest.Item, settings: Deadline) -> bool:
    timer = threading.Timer(settings.timeout, _give_up, (item, settings.timeout))
    timer.daemon = True
    item.stash[_TIMER] = timer
    timer.start()
    return True


def pytest_timeout_cancel_timer(item: pytest.Item) -> bool:
    if (timer := item.stash.get(_TIMER, None)) is not None:
        timer.cancel()
    return True


def _give_up(item: pytest.Item, seconds: float) -> None:
    # The real one: what a test prints is captured, and lost with the process.
    stderr = item.config.stash[fault_handler_stderr_fd_key]
    try:
        os.write(stderr, f"\n{item.nodeid} hangs: no end after {seconds:.0f} s\n{_tasks()}\n".encode())
        faulthandler.dump_traceback(file=stderr)
    finally:
        os._exit(1)


def _tasks() -> str:
    return "\n".join(
        f"{each.get_name()}\n{_awaited(each.get_coro())}" for each in gc.get_objects() if isinstance(each, asyncio.Task) and not each.done()
    )


def _awaited(waiting: object) -> str:
    """Down to the innermost await: a task's own stack is its outermost function alone."""
    lines = []
    while waiting is not None:
        for kind in ("cr", "ag", "gi"):
            if (frame := getattr(waiting, f"{kind}_frame", None)) is not None:
                lines.append(f"  {frame.f_code.co_qualname} {frame.f_code.co_filename}:{frame.f_lineno}")
        waiting = next(
            (found for name in ("cr_await", "ag_await", "gi_yieldfrom") if (found := getattr(waiting, name, None)) is not None), None
        )
    return "\n".join(lines)
