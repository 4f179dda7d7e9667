"""Channels to other services: one a target and process (another when its certificates change), identity on every call, a deadline on every call, no retries (whoever started the work owns them)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import grpc

from chassis import access, identity, logs, telemetry, tls
from chassis.errors import UNAUTHENTICATED, Refusal, from_rpc_error, to_application_error
from chassis.identity import METADATA_KEY, Caller, Signer

Response = TypeVar("Response", covariant=True)

_log = logs.get(__name__)
# No call lasts longer (the server ends it): a channel is closed so long after another has taken its place.
_LONGEST_CALL_SECONDS = 60.0

CHANNEL_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("grpc.max_receive_message_length", 4 << 20),
    # The one owner of retries is the workflow (or the person): a second owner multiplies the load on a service that is already in trouble.
    ("grpc.enable_retries", 0),
    ("grpc.lb_policy_name", "round_robin"),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    # A service that comes back is found within a second, not after minutes of growing backoff.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Reply metadata of one process must never be mixed up with another's through a shared subchannel.
    ("grpc.use_local_subchannel_pool", 1),
)


class Method(Protocol[Response]):
    def __call__(self, request: Any, *, timeout: float | None = None, metadata: Any = None) -> Awaitable[Response]: ...


class _Followed:
    """Stands where a channel stands, over TLS. When the certificates change, calls begun from then on take a new connection; none that runs is cut."""

    def __init__(self, target: str, process: str, certificates: tls.Certificates) -> None:
        self._target = target
        self._options = (*CHANNEL_OPTIONS, ("grpc.ssl_target_name_override", tls.name_of(process)))
        self._certificates = certificates
        self._open()
        self._leaving: set[asyncio.Task[None]] = set()

    def _open(self) -> None:
        self._shown = self._certificates.now()
        self._methods: dict[str, Any] = {}
        self._channel = grpc.aio.secure_channel(
            self._target, tls.of_client(self._shown), options=self._options, interceptors=telemetry.grpc_client_interceptors()
        )

    # As of ``grpc.aio.Channel``: what a stub is made of.

    def unary_unary(self, method: str, *serialization: Any, **more: Any) -> Callable[..., Any]:
        return self._method("unary_unary", method, *serialization, **more)

    def unary_stream(self, method: str, *serialization: Any, **more: Any) -> Callable[..., Any]:
        return self._method("unary_stream", method, *serialization, **more)

    def stream_unary(self, method: str, *serialization: Any, **more: Any) -> Callable[..., Any]:
        return self._method("stream_unary", method, *serialization, **more)

    def stream_stream(self, method: str, *serialization: Any, **more: Any) -> Callable[..., Any]:
        return self._method("stream_stream", method, *serialization, **more)

    def _method(self, kind: str, method: str, *serialization: Any, **more: Any) -> Callable[..., Any]:
        def call(*request: Any, **how: Any) -> Any:
            self._follow()
            found = self._methods.get(method)
            if found is None:
                found = self._methods[method] = getattr(self._channel, kind)(method, *serialization, **more)
            return found(*request, **how)

        return call

    def _follow(self) -> None:
        if self._certificates.now() is self._shown:
            return
        leaving = asyncio.create_task(self._leave(self._channel))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        self._open()

    @staticmethod
    async def _leave(channel: grpc.aio.Channel) -> None:
        try:
            await asyncio.sleep(_LONGEST_CALL_SECONDS)
        finally:
            await channel.close()

    async def close(self) -> None:
        for leaving in self._leaving:
            leaving.cancel()
        await asyncio.gather(*self._leaving, return_exceptions=True)
        await self._channel.close()


class Client:
    """Calls one process. ``process``: its name, which its certificate has to bear, and which a token for it has; needed for TLS, and for a service which
    several processes speak."""

    def __init__(self, address: str, signer: Signer, process: str = "", certificates: tls.Certificates | None = None) -> None:
        target = address if ":///" in address else f"dns:///{address}"
        self.channel: Any
        if certificates is None:
            self.channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS, interceptors=telemetry.grpc_client_interceptors())
        elif process:
            self.channel = _Followed(target, process, certificates)
        else:
            raise ValueError("over TLS a client has to be told whom it speaks to")
        self._signer = signer
        self._process = process

    async def call(
        self,
        method: Callable[..., Any],
        request: Any,
        *,
        timeout: float = 5.0,
        caller: Caller | None = None,
        forward: bool = False,
    ) -> Any:
        """One RPC. Raises Refusal for every error status.

        The call is made as ``caller`` when given (the web edge speaking for a person), as the person now being served with ``forward`` (so the
        next service checks the same reach), and otherwise as this process itself. Raises Refusal(UNAUTHENTICATED) with ``forward`` when nobody is
        being served.
        """
        asked = access.asked_with(request.DESCRIPTOR)
        audience, writes = self._process or access.audience(asked.containing_service), access.access(asked).writes
        if forward:
            mine = identity.current_token()
            if mine is None:
                raise Refusal(UNAUTHENTICATED)
            token = self._signer.passed_on(mine, audience, writes=writes)
        else:
            token = self._signer.token(caller or self._signer.system(), audience, writes=writes)
        try:
            return await method(request, timeout=timeout, metadata=((METADATA_KEY, token),))
        except grpc.aio.AioRpcError as error:
            if _of_certificates(error):
                _log.warning("certificate_refused", process=self._process, why=error.details())
            raise from_rpc_error(error) from None

    async def close(self) -> None:
        await self.channel.close()


def _of_certificates(error: grpc.aio.AioRpcError) -> bool:
    """Whether the other end could not show who it is. (gRPC has no code for it.)"""
    said = error.details() or ""
    return error.code() is grpc.StatusCode.UNAVAILABLE and (
        "verif" in said.lower() or "CERTIFICATE" in said or "WRONG_VERSION_NUMBER" in said
    )


async def activity_call(call: Awaitable[Any]) -> Any:
    """Awaits a ``Client.call`` inside an activity: a refusal becomes an ApplicationError that says whether asking again makes sense."""
    try:
        return await call
    except Refusal as refusal:
        raise to_application_error(refusal) from refusal
