"""What every gRPC service is put together from; a service's ``app.py`` says only what is its own.

Everything is closed in the opposite order, when the block of ``composing`` ends.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cached_property, partial
from typing import Any, TypeVar

from chassis import once, operations
from chassis.commands import CannotRunError
from chassis.crypto import FIELD_KEYS, KeyRing
from chassis.db import OWNS_ITS_TABLES, Database
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.operations import Count, OperationsServicer
from chassis.outbox import Handler, Outbox
from chassis.rounds import every
from chassis.service import certificates, client, ring, signer, verifier
from chassis.settings import GrpcServiceSettings
from chassis.tls import Certificates

T = TypeVar("T")


class Composition:
    def __init__(self, settings: GrpcServiceSettings, name: str, stack: AsyncExitStack) -> None:
        self.name = name
        self._settings = settings
        self._stack = stack
        self._outbox: Outbox | None = None
        self._alarms: dict[str, Count] = {}
        self.database = Database(settings.database_url, pool_size=settings.database_pool_size, application=name)
        stack.push_async_callback(self.database.close)

    @cached_property
    def ring(self) -> KeyRing:
        return ring(self._settings.keys_dir, FIELD_KEYS)

    @cached_property
    def certificates(self) -> Certificates | None:
        return certificates(self._settings)

    def client(self, process: str) -> Client:
        """Calls of another service, in this process's name."""
        made = client(self._settings, process, signer(self._settings, self.name), self.certificates)
        self._stack.push_async_callback(made.close)
        return made

    def outbox(self, table: type[Any], handlers: Mapping[str, Handler]) -> Outbox:
        """The service's outbox; it delivers from ``serve`` on, and handlers may be added until then."""
        self._outbox = Outbox(self.database, table, handlers)
        return self._outbox

    def alarms(self, counts: Mapping[str, Count]) -> None:
        """What operators are told has to be looked into, by name."""
        self._alarms.update(counts)

    async def beside(self, running: AbstractAsyncContextManager[T]) -> T:
        """Keeps something open as long as the service."""
        return await self._stack.enter_async_context(running)

    async def serve(
        self,
        service: str,
        add: Callable[[Any, Any], None],
        servicer: Any,
        *,
        more: Mapping[str, Callable[[Any], None]] | None = None,
    ) -> GrpcServer:
        """Starts the outbox and the server. ``service``: its full name; ``add``: the generated function that adds ``servicer``; ``more``: the same of
        others, by full name. Beside them it says how it is (``chassis.operations``). Raises NoAccessLineError."""
        if self._settings.production and await self.database.owns_tables():
            raise CannotRunError(OWNS_ITS_TABLES)
        if self._outbox is not None:
            await self._outbox.start()
            self._stack.push_async_callback(self._outbox.stop)
            # Both standing tables grow with every call, and are kept as long as somebody may ask.
            await self.beside(every(once.PRUNE_SECONDS, partial(_forget_old_answers, self.database), "answers once given"))
        server = GrpcServer(
            service,
            verifier(self._settings),
            host=self._settings.host,
            port=self._settings.port,
            more=(*(more or ()), operations.SERVICE),
            drain_seconds=self._settings.drain_seconds,
            certificates=self.certificates,
            health_port=self._settings.health_port,
        )
        add(servicer, server.server)
        told = OperationsServicer(
            self.name, self.database, server.tally, outbox=self._outbox, certificates=self.certificates, alarms=self._alarms
        )
        told.add_to(server.server)
        for each in (more or {}).values():
            each(server.server)
        return await self._stack.enter_async_context(serving(server, self.database.ping))


async def _forget_old_answers(database: Database) -> None:
    await once.prune(database)


@asynccontextmanager
async def composing(settings: GrpcServiceSettings, name: str) -> AsyncIterator[Composition]:
    async with AsyncExitStack() as stack:
        yield Composition(settings, name, stack)
