"""Payload encryption for Temporal: everything a workflow knows is sealed before it leaves the process, failures included.

AES-256-GCM by the key ring. The namespace and workflow id are authenticated with the payload: a payload copied into another workflow does not open.
They also stand in the clear in the payload's metadata (they are in the clear in Temporal anyway), so that a codec server can decode for the web UI.

What is not sealed for its place was sent by somebody without the key (the web UI, the command line, a stranger at the engine who copies what another
workflow was told) and is not taken: it opens to nothing that any model can be made of, so that a signal with it is dropped, an update rejected, and the
workflow goes on. To raise instead would let one message stop a workflow's every task. A key that is not in the ring is another matter, a mistake of
ours: the workflow's tasks fail, and are tried again, until the ring is whole.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Final, Self, cast

import temporalio.converter
from temporalio.api.common.v1 import Payload
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import (
    ActivitySerializationContext,
    DataConverter,
    PayloadCodec,
    SerializationContext,
    WithSerializationContext,
    WorkflowSerializationContext,
)
from temporalio.exceptions import ApplicationError

from chassis import logs
from chassis.crypto import DecryptionError, KeyRing, UnknownKeyError

_log = logs.get(__name__)

ENCODING: Final = b"binary/anju-aes256gcm"
# What a payload that is not sealed for its place opens to: no converter knows it.
REFUSED: Final = b"binary/anju-refused"
_PLACE: Final = "anju-place"
# Temporal refuses 2 MB and then retries for ever; documents travel by reference, so anything this large is a mistake and must fail at once.
MAX_PAYLOAD_BYTES: Final = 64 << 10


class EncryptionCodec(PayloadCodec, WithSerializationContext):
    """``unsealed``: payloads in the clear are taken as they are (development, and whoever only shows them)."""

    def __init__(self, ring: KeyRing, place: str | None = None, *, unsealed: bool = False) -> None:
        self._ring = ring
        self._place = place
        self._unsealed = unsealed

    def with_context(self, context: SerializationContext) -> EncryptionCodec:
        if isinstance(context, (WorkflowSerializationContext, ActivitySerializationContext)) and context.workflow_id:
            return EncryptionCodec(self._ring, f"{context.namespace}|{context.workflow_id}", unsealed=self._unsealed)
        return self

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._seal(payload) for payload in payloads]

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        return [self._open(payload) for payload in payloads]

    def _seal(self, payload: Payload) -> Payload:
        plain = payload.SerializeToString()
        if len(plain) > MAX_PAYLOAD_BYTES:
            raise ApplicationError(
                f"payload of {len(plain)} bytes is over the budget of {MAX_PAYLOAD_BYTES}",
                type="PayloadSizeError",
                non_retryable=True,
            )
        place = self._place or ""
        return Payload(metadata={"encoding": ENCODING, _PLACE: place.encode()}, data=self._ring.encrypt(plain, place))

    def _open(self, payload: Payload) -> Payload:
        if payload.metadata.get("encoding") != ENCODING:
            if self._unsealed:
                return payload
            return self._refused("unsealed")
        place = payload.metadata.get(_PLACE, b"").decode(errors="replace")
        if self._place is not None and place and place != self._place:
            return self._refused("sealed_elsewhere")
        try:
            return Payload.FromString(self._ring.decrypt(payload.data, place))
        except UnknownKeyError:
            raise
        except DecryptionError:
            if self._place is None:
                # Whoever only shows payloads says that this one does not open.
                raise
            return self._refused("forged")

    def _refused(self, why: str) -> Payload:
        _log.error("payload_refused", why=why, place=self._place or "")
        return Payload(metadata={"encoding": REFUSED})


@dataclasses.dataclass(frozen=True)
class _Sealing(DataConverter):
    """Of all its parts the codec alone looks at the place. The SDK asks for a converter of the place several times a payload, and would make the models'
    converter anew each time."""

    def with_context(self, context: SerializationContext) -> Self:
        codec = cast(EncryptionCodec, self.payload_codec).with_context(context)
        if codec is self.payload_codec:
            return self
        here = copy.copy(self)
        object.__setattr__(here, "payload_codec", codec)
        return here


def data_converter(ring: KeyRing, *, unsealed: bool = False) -> DataConverter:
    """Pydantic models, sealed, with failure messages and stack traces sealed too; ``unsealed`` as for the codec."""
    return _Sealing(
        payload_converter_class=pydantic_data_converter.payload_converter_class,
        payload_codec=EncryptionCodec(ring, unsealed=unsealed),
        failure_converter_class=temporalio.converter.DefaultFailureConverterWithEncodedAttributes,
    )
