"""One way to reach Temporal: address and credentials by the SDK's own TEMPORAL_* variables or TOML, payloads sealed, traces attached."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio.client import Client, Interceptor
from temporalio.envconfig import ClientConfig

from chassis import telemetry
from chassis.codec import data_converter
from chassis.crypto import KeyRing
from chassis.deployment import Temporal
from chassis.service import ring
from chassis.settings import ProcessSettings

# What a connection for tools waits for; a process retries instead.
_TOOL_SECONDS = 10.0
PAYLOAD_KEYS = "payload-keys.json"


async def connect(settings: ProcessSettings, interceptors: Sequence[Interceptor] = (), **overrides: Any) -> Client:
    """Connects by TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS_* … (``temporalio.envconfig``); ``overrides`` go to ``Client.connect``.

    Raises RuntimeError when unsealed payloads are asked for in production.
    """
    if settings.production and settings.unsealed_payloads:
        raise RuntimeError("payloads in the clear are for development; they are refused in production")
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    config.setdefault("target_host", "127.0.0.1:7233")
    config.update(
        data_converter=data_converter(ring(settings.keys_dir, PAYLOAD_KEYS), unsealed=settings.unsealed_payloads),
        interceptors=[*telemetry.temporal_interceptors(), *interceptors],
        **overrides,
    )
    return await Client.connect(**config)


async def connect_to(engine: Temporal, ring: KeyRing | None = None) -> Client:
    """For a tool: the engine its deployment file names; TLS and API keys by TEMPORAL_… as everywhere. Without a ring, payloads stay sealed.

    Raises RPCError, ConnectionError and TimeoutError.
    """
    config: dict[str, Any] = dict(ClientConfig.load_client_connect_config())
    config.update(target_host=engine.address, namespace=engine.namespace)
    if ring is not None:
        config["data_converter"] = data_converter(ring)
    try:
        return await asyncio.wait_for(Client.connect(**config), _TOOL_SECONDS)
    except RuntimeError as error:
        raise ConnectionError(f"Temporal at {engine.address} does not answer") from error
