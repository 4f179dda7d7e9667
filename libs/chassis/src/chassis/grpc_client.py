"""Channels to other services: one a target and process, identity on every call, a deadline on every call, no retries (whoever started the work owns them)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

import grpc

from chassis import access, identity, telemetry
from chassis.errors import UNAUTHENTICATED, Refusal, from_rpc_error, to_application_error
from chassis.identity import METADATA_KEY, Caller, Signer

Response = TypeVar("Response", covariant=True)

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


class Client:
    """Calls one process. ``audience``: its name, needed only for a service which several processes speak."""

    def __init__(self, address: str, signer: Signer, audience: str = "") -> None:
        target = address if ":///" in address else f"dns:///{address}"
        self.channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS, interceptors=telemetry.grpc_client_interceptors())
        self._signer = signer
        self._audience = audience

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
        audience, writes = self._audience or access.audience(asked.containing_service), access.access(asked).writes
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
            raise from_rpc_error(error) from None

    async def close(self) -> None:
        await self.channel.close()


async def activity_call(call: Awaitable[Any]) -> Any:
    """Awaits a ``Client.call`` inside an activity: a refusal becomes an ApplicationError that says whether asking again makes sense."""
    try:
        return await call
    except Refusal as refusal:
        raise to_application_error(refusal) from refusal
