"""An engine that dies while the box runs is started again on its own data and port: everything above it waits meanwhile, and goes on."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from chassis import logs

from anju_onebox.engine.process import EngineError

_log = logs.get(__name__)
# An engine that dies so often cannot be helped by one more start.
_DEATHS = 5
_WITHIN_SECONDS = 120.0


class Engine(Protocol):
    async def start(self) -> None: ...
    async def ended(self) -> int: ...


async def keep(name: str, engine: Engine, say: Callable[[str], None]) -> None:
    """Runs until it is cancelled. Raises EngineError when the engine does not come up again, or dies again and again."""
    loop = asyncio.get_running_loop()
    deaths: deque[float] = deque(maxlen=_DEATHS)
    while True:
        code = await engine.ended()
        _log.error("engine_ended", engine=name, code=code)
        deaths.append(loop.time())
        if len(deaths) == _DEATHS and deaths[-1] - deaths[0] < _WITHIN_SECONDS:
            raise EngineError(f"{name} 反复退出 — it ended {_DEATHS} times within {_WITHIN_SECONDS:.0f} s")
        say(f"[yellow]![/] {name} 意外退出，正在重新启动 — it ended by itself and is being started again")
        await engine.start()
        _log.info("engine_restarted", engine=name)
        say(f"[green]✓[/] {name} 已恢复 — it is back")
