"""Composition root of the web gateway: wires the real objects; tests pass their own settings."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Final

import aiohttp
import anju_profile
from aiohttp import web
from anju_people.index import PersonIndex
from anju_profile.look import Look
from anju_profile.places import Places
from chassis import logs, telemetry
from chassis.crypto import SESSION_KEYS
from chassis.service import certificates, ring, signer

from web_gateway import services
from web_gateway.api import serving as operations
from web_gateway.api.body import MAX_BODY_BYTES
from web_gateway.api.layer import EDGE, Api, Edge
from web_gateway.api.subjects import APIS, catalogue
from web_gateway.callbacks import Callbacks
from web_gateway.edge.access import Gate
from web_gateway.edge.connections import Caps, Connections, files_for
from web_gateway.edge.limits import Addresses, Buckets
from web_gateway.edge.middleware import Around
from web_gateway.edge.oidc import Issuer
from web_gateway.edge.protocol import serving
from web_gateway.edge.session import Sessions
from web_gateway.edge.signon import SignOnRoutes
from web_gateway.edge.standing import Standings
from web_gateway.edge.streams import Streams
from web_gateway.health import Health
from web_gateway.settings import Settings
from web_gateway.site import Site

NAME: Final = "web-gateway"
SIGNED_OFF: Final = "signed-off"
KEEP_ALIVE_SECONDS: Final = 65.0


@dataclass(frozen=True)
class WebServer:
    """``address`` is host:port as listened on, ``url`` what people use."""

    address: str
    url: str
    edge: Edge


@asynccontextmanager
async def application(settings: Settings, apis: Sequence[Api] = APIS) -> AsyncIterator[WebServer]:
    """Serves ``apis`` until the block ends. Services and the sign-on may be away at start; /healthz says so. Raises OSError when the port is taken."""
    async with AsyncExitStack() as stack:
        listening = _bound(settings, stack)
        address = f"{settings.host}:{listening.getsockname()[1]}"
        public_url = settings.public_url or f"http://{address}"
        remote = await stack.enter_async_context(services.connect(settings, signer(settings, NAME), certificates(settings)))
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        people = PersonIndex.of_folder(settings.keys_dir)
        issuer = Issuer(
            http,
            people,
            settings.oidc_issuer,
            settings.oidc_client_id,
            settings.oidc_client_secret.get_secret_value(),
        )
        sessions = Sessions(
            ring(settings.keys_dir, SESSION_KEYS),
            idle_seconds=settings.session_idle_seconds,
            seconds=settings.session_seconds,
            secure=public_url.startswith("https://"),
            # Beside the keys that seal the sessions, unless it is told elsewhere: whoever can open a session knows as well that it is over.
            signed_off_dir=settings.signed_off_dir or settings.keys_dir / SIGNED_OFF,
        )
        standings = Standings(remote, look_seconds=settings.standing_look_seconds, patience_seconds=settings.standing_patience_seconds)
        profile = anju_profile.load(settings.profile_dir, production=settings.production)
        edge = Edge(
            services=remote,
            sessions=sessions,
            people=people,
            gate=Gate(sessions, issuer, standings, Buckets("person", settings.requests_per_minute)),
            profile=profile,
            look=Look.of(settings.profile_dir),
            places=Places.of(settings.profile_dir, profile),
            streams=Streams(settings.events_poll_seconds),
            catalogue=catalogue(apis),
            issuer=issuer,
            strangers=Buckets("stranger", settings.stranger_requests_per_minute),
            engine_ui=settings.temporal_ui_url,
            file_rows=settings.file_rows,
        )
        health = Health(remote, issuer)
        addresses = Addresses(settings.trusted_proxies)
        around = Around(
            public_url=public_url,
            addresses=addresses,
            per_address=Buckets("address", settings.requests_per_minute_per_address),
            sessions=sessions,
            issuer=settings.oidc_issuer,
            catalogue=edge.catalogue,
        )
        app = web.Application(middlewares=telemetry.web_middlewares(), client_max_size=MAX_BODY_BYTES)
        around.install(app)
        app[EDGE] = edge
        for routes in (health, SignOnRoutes(issuer, sessions, standings, public_url), Callbacks(remote, edge.catalogue)):
            app.router.add_routes(routes.routes())
        for api in apis:
            app.router.add_routes(operations.routes(api))
        app.router.add_routes(Site(settings.static_dir, apis, edge.catalogue, edge.look, explorer=not settings.production).routes())

        async def drain(_app: web.Application) -> None:
            # Streams never end by themselves: a shutdown would wait for them to its limit.
            health.draining = True
            edge.streams.close()

        app.on_shutdown.append(drain)
        await stack.enter_async_context(
            serving(
                app,
                listening,
                public_url=public_url,
                headers=around.headers,
                connections=Connections(_caps(settings), addresses),
                keep_alive_seconds=KEEP_ALIVE_SECONDS,
                drain_seconds=settings.drain_seconds,
            )
        )
        yield WebServer(address, public_url, edge)


def _caps(settings: Settings) -> Caps:
    """What the system's limit on open files leaves of the settings."""
    most = files_for(settings.connections)
    if most < settings.connections:
        logs.get(NAME).warning("fewer_connections", wanted=settings.connections, possible=most)
    return Caps(
        connections=most,
        half_open=min(settings.half_open_connections, max(8, most // 2)),
        half_open_per_address=settings.half_open_connections_per_address,
        header_seconds=settings.header_seconds,
    )


def _bound(settings: Settings, stack: AsyncExitStack) -> socket.socket:
    """Bound before anything else: the address people use may depend on the port the system picked. Raises OSError when it is taken."""
    bound = socket.socket(socket.AF_INET6 if ":" in settings.host else socket.AF_INET, socket.SOCK_STREAM)
    stack.callback(bound.close)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind((settings.host, settings.port))
    return bound
