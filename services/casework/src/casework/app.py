"""Composition root of casework: wires the real objects; tests pass their own settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import anju_profile
from anju.casework.v1 import casework_pb2_grpc as rpc
from anju.repair.v1.repair_pb2_grpc import add_RepairServiceServicer_to_server
from casekit import tell
from casekit.blocked import Keeper, RepairServicer, watching
from casekit.engine import Engine, TemporalEngine
from casekit.tell import Tellings
from casekit.words import SETTLE_WORD, Words
from chassis import temporal
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.grpc_client import Client
from chassis.grpc_server import GrpcServer, serving
from chassis.outbox import Handler, Outbox
from chassis.service import signer, verifier

from casework import tables
from casework.again import Cases
from casework.numbers import caught_up
from casework.parts import Parts
from casework.process import START_APPLICATION, Process
from casework.servicer import OPEN_METHODS, SERVICE, CaseworkServicer
from casework.settings import Settings
from casework.vault import KEYS, Vault
from casework.words import KINDS

NAME = "casework"


@asynccontextmanager
async def application(settings: Settings, *, engine: Engine | None = None) -> AsyncIterator[GrpcServer]:
    """Serves until the block ends. ``engine`` stands in for Temporal in tests."""
    async with AsyncExitStack() as stack:
        database = Database(settings.database_url, pool_size=settings.database_pool_size, application=NAME)
        stack.push_async_callback(database.close)
        # Lazily: casework takes applications in and shows them while the engine is away; the outbox starts them when it is back.
        if engine is None:
            client = await temporal.connect(settings, lazy=True)
            await stack.enter_async_context(caught_up(client, database))
            engine = TemporalEngine(client)
        ring = KeyRing.load_or_create(settings.keys_dir / KEYS)
        words = Words(database, tables.Word, tables.Outbox, engine, ring, KINDS)
        handlers: dict[str, Handler] = {
            START_APPLICATION: Process(engine).start_application,
            SETTLE_WORD: words.settle,
        }
        outbox = Outbox(database, tables.Outbox, handlers)
        notifications = Client(settings.notifications_address, signer(settings, NAME))
        stack.push_async_callback(notifications.close)
        tellings = Tellings(ring, notifications)
        handlers[tell.TELL] = tellings.deliver
        parts = Parts(
            database=database,
            outbox=outbox,
            words=words,
            vault=Vault.open_folder(settings.keys_dir),
            profile=anju_profile.load(settings.profile_dir, production=settings.production),
            number_prefix=settings.application_number_prefix,
            production=settings.production,
            separate_queues=settings.separate_queues,
            tellings=tellings,
        )
        await outbox.start()
        stack.push_async_callback(outbox.stop)
        server = GrpcServer(
            SERVICE,
            verifier(settings),
            host=settings.host,
            port=settings.port,
            open_methods=OPEN_METHODS,
            drain_seconds=settings.drain_seconds,
        )
        rpc.add_CaseworkServiceServicer_to_server(CaseworkServicer(parts), server.server)
        if isinstance(engine, TemporalEngine):
            keeper = Keeper(database, engine, tables.Repair, [Cases(parts)])
            await stack.enter_async_context(watching(keeper, settings.watch_seconds))
            add_RepairServiceServicer_to_server(RepairServicer(keeper), server.server)
        yield await stack.enter_async_context(serving(server, database.ping))
