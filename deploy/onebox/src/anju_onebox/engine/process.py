"""Child processes of the box: started in a session of their own, never outliving the parent, stopped gently and then for good."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

_GUARD = Path(__file__).with_name("guard.py")
_LOG_LIMIT_BYTES = 10 << 20


class EngineError(RuntimeError):
    """A part of the box did not start; the text says which and where its log is."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    """Whether nobody listens on a port of this machine; connections that have just ended do not count."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def guarded(command: Sequence[str], stop_signal: signal.Signals, user: str | None = None) -> tuple[str, ...]:
    """The command of a program which is told ``stop_signal`` when this process ends, however it ends."""
    return (sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), str(int(stop_signal)), user or "-", "--", *command)


def _open_log(log: Path) -> int:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


class Child:
    """One running program. Its output goes to ``log`` (appended; an overlong file is moved to ``<log>.1`` at the next start)."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path, stop_signal: signal.Signals) -> None:
        self.name = name
        self.log = log
        self._process = process
        self._stop_signal = stop_signal

    @classmethod
    async def start(
        cls,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> Child:
        """Starts the program. Must be called from the main thread: the kernel ties the child's life to the thread which made it."""
        descriptor = _open_log(log)
        try:
            process = await asyncio.create_subprocess_exec(
                *guarded(command, stop_signal, user),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=descriptor,
                stderr=descriptor,
                env=dict(environment) if environment is not None else None,
                cwd=directory,
                # Ctrl-C in the terminal reaches the box alone, which stops its parts in order.
                start_new_session=True,
            )
        finally:
            os.close(descriptor)
        return cls(name, process, log, stop_signal)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        if self.running:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    async def wait(self) -> int:
        return await self._process.wait()

    async def stop(self, patience_seconds: float = 10.0) -> None:
        """Asks the program to end, and kills it (with what it started) when it has not after ``patience_seconds``."""
        self.signal(self._stop_signal)
        try:
            async with asyncio.timeout(patience_seconds):
                await self.wait()
        except TimeoutError:
            await self.kill()

    async def kill(self) -> None:
        """kill -9 of the program and of its process group."""
        if self.running:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        await self.wait()

    def tail(self, lines: int = 12) -> str:
        """The end of the log, for error messages to the person at the terminal."""
        if not self.log.exists():
            return ""
        with self.log.open("rb") as file:
            file.seek(max(0, self.log.stat().st_size - 8192))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
