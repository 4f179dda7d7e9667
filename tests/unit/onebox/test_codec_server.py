"""The codec server opens sealed payloads for the Temporal UI of this machine, and for nobody else."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from aiohttp.test_utils import TestClient, TestServer
from aiohttp.web import Application, Request
from anju_onebox.codec_server import codec_app
from chassis.codec import EncryptionCodec
from chassis.crypto import KeyRing
from google.protobuf import json_format
from temporalio.api.common.v1 import Payload, Payloads

UI = "http://127.0.0.1:8233"
Browser = TestClient[Request, Application]


@pytest.fixture(scope="module")
def ring() -> KeyRing:
    return KeyRing.generate()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(ring: KeyRing) -> AsyncIterator[Browser]:
    async with TestClient(TestServer(codec_app(ring, [UI]))) as client:
        yield client


async def sealed(ring: KeyRing, text: str) -> str:
    payload = Payload(metadata={"encoding": b"json/plain"}, data=json.dumps(text).encode())
    encoded = await EncryptionCodec(ring, "default|application/KF-1").encode([payload])
    return json_format.MessageToJson(Payloads(payloads=encoded))


async def test_the_ui_reads_what_a_workflow_sealed(browser: Browser, ring: KeyRing) -> None:
    answer = await browser.post("/decode", data=await sealed(ring, "轮候"), headers={"Origin": UI, "X-Namespace": "default"})
    assert answer.status == 200
    assert answer.headers["Access-Control-Allow-Origin"] == UI
    assert answer.headers["Cache-Control"] == "no-store"
    opened = json_format.Parse(await answer.text(), Payloads())
    assert json.loads(opened.payloads[0].data) == "轮候"


async def test_what_the_ui_encodes_a_workflow_opens(browser: Browser, ring: KeyRing) -> None:
    plain = Payloads(payloads=[Payload(metadata={"encoding": b"json/plain"}, data=b"1")])
    answer = await browser.post("/encode", data=json_format.MessageToJson(plain), headers={"Origin": UI})
    encoded = json_format.Parse(await answer.text(), Payloads())
    assert encoded.payloads[0].metadata["encoding"] == b"binary/anju-aes256gcm"
    opened = await EncryptionCodec(ring, "default|application/KF-1").decode(list(encoded.payloads))
    assert opened[0].data == b"1"


@pytest.mark.parametrize("headers", [{}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": UI + ".evil.example"}])
async def test_other_pages_get_nothing(browser: Browser, ring: KeyRing, headers: dict[str, str]) -> None:
    body = await sealed(ring, "秘密")
    answer = await browser.post("/decode", data=body, headers=headers)
    assert answer.status == 403
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "秘密" not in await answer.text()


async def test_the_browsers_question_before_the_call_is_answered(browser: Browser) -> None:
    session: ClientSession = browser.session
    answer = await session.options(browser.make_url("/decode"), headers={"Origin": UI, "Access-Control-Request-Method": "POST"})
    assert answer.status == 204
    assert "x-namespace" in answer.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize("body", ["", "{", '{"payloads": 7}', '{"nothing": []}'])
async def test_nonsense_is_refused(browser: Browser, body: str) -> None:
    assert (await browser.post("/decode", data=body, headers={"Origin": UI})).status == 400


async def test_a_payload_of_another_key_or_place_does_not_open(browser: Browser, ring: KeyRing) -> None:
    assert (await browser.post("/decode", data=await sealed(KeyRing.generate(), "x"), headers={"Origin": UI})).status == 400
    moved = json_format.Parse(await sealed(ring, "x"), Payloads())
    moved.payloads[0].metadata["anju-place"] = b"default|application/KF-2"
    assert (await browser.post("/decode", data=json_format.MessageToJson(moved), headers={"Origin": UI})).status == 400
