"""What a workflow knows leaves the process sealed, failures included, and opens only in its own place."""

from __future__ import annotations

from pathlib import Path

import pytest
from chassis import temporal
from chassis.codec import ENCODING, MAX_PAYLOAD_BYTES, REFUSED, EncryptionCodec, data_converter
from chassis.crypto import DecryptionError, KeyRing, UnknownKeyError
from chassis.settings import ProcessSettings
from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.converter import WorkflowSerializationContext
from temporalio.exceptions import ApplicationError

CANARY = "410202199001011236"
PLACE = WorkflowSerializationContext(namespace="default", workflow_id="application/KF-1")
ELSEWHERE = WorkflowSerializationContext(namespace="default", workflow_id="application/KF-2")


async def test_a_value_opens_in_its_own_workflow_only() -> None:
    ring = KeyRing.generate()
    here = data_converter(ring).with_context(PLACE)
    sealed = await here.encode([{"id": CANARY}])
    assert sealed[0].metadata["encoding"] == ENCODING
    assert CANARY.encode() not in sealed[0].SerializeToString()
    assert await here.decode(sealed, [dict]) == [{"id": CANARY}]


async def test_what_is_sealed_for_another_place_opens_to_nothing() -> None:
    """Who reads histories without the key can copy what stands in them, under any label; that stops no workflow."""
    ring = KeyRing.generate()
    sealed = await data_converter(ring).with_context(PLACE).encode([{"id": CANARY}])
    relabelled = Payload(metadata={"encoding": ENCODING, "anju-place": b"default|application/KF-2"}, data=sealed[0].data)
    changed = Payload(metadata=relabelled.metadata, data=sealed[0].data[:-1] + bytes([sealed[0].data[-1] ^ 1]))
    cut = Payload(metadata=relabelled.metadata, data=sealed[0].data[:14])
    for forged in (sealed[0], relabelled, changed, cut):
        (opened,) = await EncryptionCodec(ring).with_context(ELSEWHERE).decode([forged])
        assert (opened.metadata["encoding"], opened.data) == (REFUSED, b"")
        with pytest.raises(KeyError):
            await data_converter(ring).with_context(ELSEWHERE).decode([forged], [dict])
    with pytest.raises(DecryptionError):
        await EncryptionCodec(ring).decode([changed])


async def test_what_is_not_sealed_opens_to_nothing() -> None:
    """Nor does it raise where payloads are opened: that would stop the workflow, and not only the message."""
    ring = KeyRing.generate()
    clear = Payload(metadata={"encoding": b"json/plain"}, data=b'{"actor": "clerk-1"}')
    (opened,) = await EncryptionCodec(ring, "default|application/KF-1").decode([clear])
    assert (opened.metadata["encoding"], opened.data) == (REFUSED, b"")
    with pytest.raises(KeyError):
        await data_converter(ring).with_context(PLACE).decode([clear], [dict])
    for lenient in (EncryptionCodec(ring, unsealed=True), EncryptionCodec(ring, unsealed=True).with_context(PLACE)):
        assert await lenient.decode([clear]) == [clear]


async def test_payloads_in_the_clear_are_refused_in_production(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="development"):
        await temporal.connect(ProcessSettings(production=True, unsealed_payloads=True, keys_dir=tmp_path), lazy=True)


async def test_histories_sealed_before_a_rotation_still_open() -> None:
    old, fresh = KeyRing.generate(), KeyRing.generate()
    sealed = await data_converter(old).with_context(PLACE).encode(["months ago"])
    both = KeyRing(fresh.current, {**old.keys, **fresh.keys}, old.index_key)
    assert await data_converter(both).with_context(PLACE).decode(sealed, [str]) == ["months ago"]
    new = await data_converter(both).with_context(PLACE).encode(["today"])
    with pytest.raises(UnknownKeyError):
        await data_converter(old).with_context(PLACE).decode(new, [str])


async def test_a_failures_text_details_and_stack_are_sealed() -> None:
    converter = data_converter(KeyRing.generate()).with_context(PLACE)
    failure = Failure()
    try:
        raise ApplicationError(f"about {CANARY}", {"id": CANARY}, type="REFUSED")
    except ApplicationError as error:
        await converter.encode_failure(error, failure)
    assert CANARY.encode() not in failure.SerializeToString()
    assert failure.application_failure_info.type == "REFUSED", "operators and retry policies still see which kind it is"
    again = await converter.decode_failure(failure)
    assert isinstance(again, ApplicationError)
    assert again.message == f"about {CANARY}"
    assert again.details == ({"id": CANARY},)


async def test_what_is_too_large_fails_at_once_and_says_by_how_much() -> None:
    codec = EncryptionCodec(KeyRing.generate(), "default|application/KF-1")
    room = MAX_PAYLOAD_BYTES - len(Payload(metadata={"encoding": b"json/plain"}, data=b"x" * 60_000).SerializeToString()) + 60_000
    fits = Payload(metadata={"encoding": b"json/plain"}, data=b"x" * room)
    assert await codec.decode(await codec.encode([fits])) == [fits]
    with pytest.raises(ApplicationError) as caught:
        await codec.encode([Payload(metadata=fits.metadata, data=fits.data + b"x")])
    assert caught.value.non_retryable
    assert caught.value.type == "PayloadSizeError"
    assert f"{MAX_PAYLOAD_BYTES + 1} bytes" in str(caught.value)
