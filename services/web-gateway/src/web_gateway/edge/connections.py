"""Every open connection, bounded in what a stranger can hold before he has asked for anything.

A connection is *half open* until the header of a request is whole, *busy* while it is answered, *idle* between two requests. Half-open ones have a deadline
and a cap per address and in all, and the oldest gives way: an honest header arrives within a moment, so whoever is new is served and whoever dawdles is
not. Mobile operators put thousands of people behind one address, and a proxy of ours everybody: the cap per address is for strangers and is on what is
half open alone. At the high-water mark idle connections are closed, and when there are none accepting pauses: the rest waits in the kernel.
"""

from __future__ import annotations

import asyncio
import errno
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final, Protocol

from chassis import logs

from web_gateway.edge.limits import Addresses, address_key

_log = logs.get(__name__)

SWEEP_SECONDS: Final = 0.5
# Nothing takes so long but a stream of events, which has its own end: neither the longest form nor the longest file on the slowest line.
ANSWER_SECONDS: Final = 300.0
BACKLOG: Final = 256
ACCEPTED_AT_ONCE: Final = 64
# Files of the process which are no connections of people: channels, logs, the pages.
OTHER_FILES: Final = 256
NO_FILE_SECONDS: Final = 0.5


class Held(Protocol):
    """One connection, as far as it is counted here."""

    def peer(self) -> str: ...
    def late(self) -> None:
        """The header did not arrive in time."""

    def drop(self) -> None: ...


@dataclass(frozen=True)
class Caps:
    """How many connections at once, and how long a header may take."""

    connections: int
    half_open: int
    half_open_per_address: int
    header_seconds: float


class Connections:
    def __init__(self, caps: Caps, addresses: Addresses, clock: Callable[[], float] = time.monotonic) -> None:
        self._caps = caps
        self._addresses = addresses
        self._clock = clock
        # Each in the order of its beginning: the oldest is the first.
        self._half: dict[Held, float] = {}
        self._idle: dict[Held, float] = {}
        self._busy: dict[Held, float] = {}
        self._streams: set[Held] = set()
        self._by_address: dict[str, dict[Held, None]] = {}
        self._key_of: dict[Held, str] = {}
        self.on_room: Callable[[], None] = lambda: None

    # -- what becomes of a connection -----------------------------------------------------------------------------------------------

    def half_open(self, connection: Held) -> None:
        """A connection begins, or the first bytes of another request came over it."""
        if connection in self._half or connection in self._busy:
            return
        self._idle.pop(connection, None)
        self._half[connection] = self._clock()
        peer = connection.peer()
        if not self._addresses.is_ours(peer):
            key = address_key(peer)
            self._key_of[connection] = key
            same = self._by_address.setdefault(key, {})
            same[connection] = None
            if len(same) > self._caps.half_open_per_address:
                self._drop(next(iter(same)), "address")
        if len(self._half) > self._caps.half_open:
            # Of whoever holds the most; our own proxies last.
            most = max(self._by_address.values(), key=len, default=None) or self._half
            self._drop(next(iter(most)), "all")

    def busy(self, connection: Held) -> None:
        self._forget_half(connection)
        self._idle.pop(connection, None)
        self._busy.setdefault(connection, self._clock())

    def streams(self, connection: Held) -> None:
        """What it is answered with goes on for as long as its reader listens."""
        self._streams.add(connection)

    def idle(self, connection: Held) -> None:
        if self._busy.pop(connection, None) is not None:
            self._streams.discard(connection)
            self._idle[connection] = self._clock()

    def lost(self, connection: Held) -> None:
        self._forget_half(connection)
        self._idle.pop(connection, None)
        self._busy.pop(connection, None)
        self._streams.discard(connection)
        if not self.full():
            self.on_room()

    # -- bounds ---------------------------------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self._half) + len(self._idle) + len(self._busy)

    @property
    def half_open_count(self) -> int:
        return len(self._half)

    def full(self) -> bool:
        return len(self) >= self._caps.connections

    def make_room(self) -> bool:
        """Closes the connection that has been idle for longest. False when none is."""
        oldest = next(iter(self._idle), None)
        if oldest is None:
            return False
        del self._idle[oldest]
        oldest.drop()
        return True

    def sweep(self) -> None:
        """Ends what has taken too long."""
        now = self._clock()
        for connection in list(_older(self._half, now - self._caps.header_seconds)):
            _log.warning("header_too_late")
            self._forget_half(connection)
            connection.late()
        for connection in list(_older(self._busy, now - ANSWER_SECONDS)):
            if connection not in self._streams:
                _log.warning("answer_not_taken")
                connection.drop()

    def _drop(self, connection: Held, cap: str) -> None:
        _log.warning("half_open_dropped", reason=cap)
        self._forget_half(connection)
        connection.drop()

    def _forget_half(self, connection: Held) -> None:
        if self._half.pop(connection, None) is None:
            return
        key = self._key_of.pop(connection, None)
        if key is not None:
            same = self._by_address[key]
            del same[connection]
            if not same:
                del self._by_address[key]


def _older(since: dict[Held, float], then: float) -> Iterator[Held]:
    for connection, at in since.items():
        if at > then:
            return
        yield connection


def files_for(connections: int) -> int:
    """Asks the system for so many open files and says how many connections it leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return connections if soft == resource.RLIM_INFINITY else max(1, min(connections, soft - OTHER_FILES))


@asynccontextmanager
async def accepting(listening: socket.socket, connections: Connections, connect: Callable[[], asyncio.Protocol]) -> AsyncIterator[None]:
    """Accepts on a bound socket until the block ends, and sweeps. asyncio's own server takes whatever comes, and logs each file it could not open."""
    loop = asyncio.get_running_loop()
    listening.setblocking(False)
    listening.listen(BACKLOG)
    starting: set[asyncio.Task[None]] = set()
    reading = False

    def resume() -> None:
        nonlocal reading
        if not reading and listening.fileno() >= 0:
            reading = True
            loop.add_reader(listening, accept)

    def pause() -> None:
        nonlocal reading
        if reading:
            reading = False
            loop.remove_reader(listening)

    def accept() -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            if connections.full() and not connections.make_room():
                _log.warning("accepting_paused", reason="high_water")
                pause()
                return
            try:
                accepted, _peer = listening.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    _log.warning("accepting_paused", reason=errno.errorcode[error.errno])
                    connections.make_room()
                    pause()
                    loop.call_later(NO_FILE_SECONDS, resume)
                    return
                # The caller left before he was let in.
                continue
            accepted.setblocking(False)
            task = loop.create_task(begin(accepted))
            starting.add(task)
            task.add_done_callback(starting.discard)

    async def begin(accepted: socket.socket) -> None:
        try:
            await loop.connect_accepted_socket(connect, accepted)
        except OSError:
            accepted.close()

    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            connections.sweep()

    connections.on_room = resume
    sweeping = loop.create_task(sweep())
    resume()
    try:
        yield
    finally:
        connections.on_room = lambda: None
        pause()
        listening.close()
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
