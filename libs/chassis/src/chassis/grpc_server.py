"""The gRPC server every service runs: who calls and whether he may, deadlines, the error catalogue, health, reflection and a graceful drain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

import asyncpg
import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_status import rpc_status
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from chassis import bounds, identity, logs, telemetry
from chassis.access import Access, audience, service_named, table
from chassis.errors import BAD_REQUEST, BAD_VALUE, DEADLINE, INTERNAL, UNAUTHENTICATED, UNAVAILABLE, Refusal, invalid, to_status
from chassis.identity import Verifier
from chassis.tally import Ending, Tally
from chassis.tls import Certificates, name_of

_log = logs.get(__name__)

MAX_MESSAGE_BYTES = 1 << 20
MAX_CONCURRENT = 256
MAX_CONCURRENT_PROBES = 16
DEFAULT_DEADLINE_SECONDS = 10.0
MAX_DEADLINE_SECONDS = 60.0
# Callers need no token to ask whether the server lives.
_OPEN_SERVICES = ("/grpc.health.v1.", "/grpc.reflection.")

SERVER_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES * 4),
    ("grpc.max_metadata_size", 16 << 10),
    # Clients come back to another replica when one is added: a channel does not live for ever.
    ("grpc.max_connection_age_ms", 10 * 60 * 1000),
    ("grpc.max_connection_age_grace_ms", 30 * 1000),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10 * 1000),
    # Another process listening on our port by mistake must fail loudly.
    ("grpc.so_reuseport", 0),
)


class _Unreadable:
    """Stands in for a request which is not the message it should be."""


def _reading(deserialize: Callable[[bytes], Any] | None) -> Callable[[bytes], Any] | None:
    """Left to itself, gRPC answers a broken message with UNKNOWN, which says "try again", and does so before anybody was asked who is calling."""
    if deserialize is None:
        return None

    def read(data: bytes) -> Any:
        try:
            return deserialize(data)
        except DecodeError:
            return _Unreadable()

    return read


class _Guard(grpc.aio.ServerInterceptor):
    """Identity and access in, refusals out, one log line per failed call."""

    def __init__(self, verifier: Verifier, own_name: str, lines: Mapping[str, Access], tally: Tally, *, certified: bool) -> None:
        self._verifier = verifier
        self._tally = tally
        self._certified = certified
        self._own_name = own_name
        self._lines = lines

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        handler = await continuation(details)
        method = str(details.method)
        if handler is None or method.startswith(_OPEN_SERVICES):
            return handler
        if handler.request_streaming or handler.response_streaming:
            raise TypeError(f"{method}: only unary calls are served")
        if method not in self._lines:
            # Added behind the server's back: nobody has said who may call it.
            return None
        inner: Any = handler.unary_unary

        async def guarded(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            started = time.monotonic()
            ending: Ending = "answered"
            try:
                self._admit(method, context)
                if isinstance(request, _Unreadable):
                    raise Refusal(BAD_REQUEST)
                if found := bounds.violations(request):
                    raise invalid(found)
                remaining = context.time_remaining()
                limit = DEFAULT_DEADLINE_SECONDS if remaining is None else min(remaining, MAX_DEADLINE_SECONDS)
                async with asyncio.timeout(limit):
                    return await inner(request, context)
            except Refusal as refusal:
                _log.info(
                    "rpc_refused",
                    method=method,
                    reason=refusal.problem.reason,
                    seconds=round(time.monotonic() - started, 3),
                )
                await _abort(context, refusal)
            except TimeoutError:
                ending = "unavailable"
                _log.warning("rpc_deadline", method=method, seconds=round(time.monotonic() - started, 3))
                await _abort(context, Refusal(DEADLINE))
            except (OperationalError, PoolTimeoutError, ConnectionError, OSError):
                ending = "unavailable"
                _log.exception("rpc_dependency_down", method=method)
                await _abort(context, Refusal(UNAVAILABLE))
            except DBAPIError as error:
                if _value_refused(error):
                    _log.warning("rpc_value_refused", method=method, why=logs.describe(error))
                    await _abort(context, Refusal(BAD_VALUE))
                _log.exception("rpc_database_error", method=method)
                # A lost connection may surface as any driver error; the transaction was rolled back, so asking again is safe.
                away = error.connection_invalidated or _server_away(error)
                ending = "unavailable" if away else "failed"
                await _abort(context, Refusal(UNAVAILABLE if away else INTERNAL))
            except grpc.aio.AbortError:
                raise
            except asyncio.CancelledError:
                raise
            except Exception:
                ending = "failed"
                _log.exception("rpc_failed", method=method)
                await _abort(context, Refusal(INTERNAL))
            finally:
                self._tally.note(ending, time.monotonic() - started)

        return grpc.unary_unary_rpc_method_handler(guarded, _reading(handler.request_deserializer), handler.response_serializer)

    def _admit(self, method: str, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Raises Refusal: UNAUTHENTICATED, also for a token made for another process or shown by another process than has signed it, or NOT_ALLOWED for a caller who does not stand in the line of the
        rpc."""
        line = self._lines[method]
        metadata = dict(context.invocation_metadata() or ())
        token = metadata.get(identity.METADATA_KEY)
        if token is None:
            if not line.open:
                raise Refusal(UNAUTHENTICATED)
            identity.set_current(None, None)
            return
        text = token.decode() if isinstance(token, bytes) else token
        passport = self._verifier.passport(text)
        if passport.audience != self._own_name:
            raise Refusal(UNAUTHENTICATED)
        if self._certified and (name := name_of(passport.signer)) not in (shown := _names(context)):
            # Somebody has another process's key, or its token, and not its certificate.
            _log.warning("certificate_of_another", method=method, signer=name, certificate=shown)
            raise Refusal(UNAUTHENTICATED)
        line.check(passport)
        identity.set_current(passport.caller, text, passport.carrier)


def _names(context: grpc.aio.ServicerContext[Any, Any]) -> list[str]:
    """What the certificate of the other end bears; it was checked before the call."""
    return [name.decode() for name in context.auth_context().get("x509_subject_alternative_name", ())]


def _server_away(error: DBAPIError) -> bool:
    """PostgreSQL is starting, stopping or full (classes 53 and 57), the connection was lost (class 08), or the same call was answered elsewhere in this
    very moment (chassis.once): none of it is about the call, and its repeat gets the answer."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] in ("08", "53", "57") or (state == "23505" and '"once_pkey"' in str(error.orig))


def _value_refused(error: DBAPIError) -> bool:
    """PostgreSQL or its driver could not take a value (class 22, or a key too long for an index): it came with the call, and asking again changes nothing."""
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] == "22" or state == "54000" or isinstance(getattr(error.orig, "__cause__", None), asyncpg.exceptions.DataError)


async def _abort(context: grpc.aio.ServicerContext[Any, Any], refusal: Refusal) -> NoReturn:
    status = rpc_status.to_status(to_status(refusal))
    context.set_trailing_metadata(status.trailing_metadata)
    await context.abort(status.code, status.details)
    raise AssertionError("abort raises")


def _listening(server: grpc.aio.Server, address: str, certificates: Certificates | None) -> int:
    """The port. Raises OSError when it cannot be had."""
    port = server.add_insecure_port(address) if certificates is None else server.add_secure_port(address, certificates.of_server())
    if port == 0:
        raise OSError(f"cannot listen on {address}")
    return port


class GrpcServer:
    """One server with one Anju service, and ``more`` by their full names. Raises NoAccessLineError for an rpc that does not say who may call it."""

    def __init__(
        self,
        service_name: str,
        verifier: Verifier,
        *,
        host: str,
        port: int,
        more: Sequence[str] = (),
        drain_seconds: float = 5.0,
        certificates: Certificates | None = None,
        health_port: int = 0,
    ) -> None:
        self._service_name = service_name
        self._drain_seconds = drain_seconds
        self.tally = Tally()
        lines = {method: line for name in (service_name, *more) for method, line in table(service_named(name)).items()}
        self.server = grpc.aio.server(
            interceptors=[
                *telemetry.grpc_server_interceptors(),
                _Guard(verifier, audience(service_named(service_name)), lines, self.tally, certified=certificates is not None),
            ],
            options=SERVER_OPTIONS,
            maximum_concurrent_rpcs=MAX_CONCURRENT,
        )
        self._health = health.aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self.server)
        reflection.enable_server_reflection((service_name, *more, health.SERVICE_NAME, reflection.SERVICE_NAME), self.server)
        self.port = _listening(self.server, f"{host}:{port}", certificates)
        self._probed: grpc.aio.Server | None = None
        if health_port:
            self._probed = grpc.aio.server(options=SERVER_OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT_PROBES)
            health_pb2_grpc.add_HealthServicer_to_server(self._health, self._probed)
            _listening(self._probed, f"{host}:{health_port}", None)
        self.address = f"{host}:{self.port}"

    async def start(self) -> None:
        await self.server.start()
        if self._probed is not None:
            await self._probed.start()
        await self.set_serving(True)

    async def set_serving(self, serving: bool) -> None:
        state = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._health.set(self._service_name, state)

    async def stop(self) -> None:
        """Not serving first (so balancers look away), then running calls finish within the drain time."""
        await self._health.enter_graceful_shutdown()
        await self.server.stop(self._drain_seconds)
        if self._probed is not None:
            await self._probed.stop(None)


@asynccontextmanager
async def serving(server: GrpcServer, ping: Callable[[], Awaitable[None]] | None = None) -> AsyncIterator[GrpcServer]:
    """Runs the server for the length of the block; its health follows ``ping`` (the database) every few seconds."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(5)
            try:
                async with asyncio.timeout(3):
                    await ping()  # type: ignore[misc]  # started only when there is a ping
                await server.set_serving(True)
            except Exception:
                await server.set_serving(False)

    await server.start()
    watcher = asyncio.create_task(watch()) if ping is not None else None
    try:
        yield server
    finally:
        if watcher is not None:
            watcher.cancel()
            with suppress(asyncio.CancelledError):
                await watcher
        await server.stop()
