from __future__ import annotations

import asyncio
import gzip
import json
import logging
import tempfile
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from anju.casework.v1 import casework_pb2 as casework
from anju.payments.v1 import payments_pb2 as payments
from chassis import errors
from chassis.errors import Refusal

from tests.services.web_gateway.world import API, NO, World, a_consent, a_dossier, an_application, world
from tests.support.patience import eventually


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/problems/", "/problems/not-found", "/healthz", "/openapi.json", f"{API}/session", "/nothing.js"]
)
async def test_every_answer_carries_the_security_headers(gateway: World, path: str) -> None:
    reply = await (await gateway.stranger()).get(path)
    policy = reply.headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "default-src 'self'" in policy
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Referrer-Policy"] == "no-referrer"
    assert reply.headers["Server"] == "anju"
    assert "Strict-Transport-Security" not in reply.headers
    assert "Access-Control-Allow-Origin" not in reply.headers


async def test_over_https_browsers_are_told_to_stay_there(keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, public_url="https://anju.example") as gateway:
            stranger = await gateway.stranger()
            stranger.base = f"http://{gateway.server.address}"
            reply = await stranger.get("/auth/login")
            assert "max-age" in reply.headers["Strict-Transport-Security"]
            assert "Secure" in reply.headers["Set-Cookie"]


async def test_one_person_is_slowed_down_and_others_are_not(keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, requests_per_minute=5) as gateway:
            citizen, clerk = await gateway.citizen(), await gateway.official("street_clerk")
            replies = [await citizen.get(f"{API}/inbox") for _ in range(6)]
            assert [reply.status for reply in replies][:3] == [200] * 3
            limited = replies[-1]
            limited.problem(429, "TOO_MANY_REQUESTS")
            assert int(limited.headers["Retry-After"]) >= 1
            assert '"person";q=5;w=60' in limited.headers["RateLimit-Policy"]
            assert limited.headers["RateLimit"].startswith('"person";r=0')
            assert (await clerk.get(f"{API}/inbox")).status == 200


async def test_one_address_is_slowed_down_whatever_it_says_about_itself(keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, requests_per_minute_per_address=10) as gateway:
            stranger = await gateway.stranger()
            statuses = [
                (await stranger.get(f"{API}/divisions", headers={"X-Forwarded-For": f"198.51.100.{number}"})).status for number in range(12)
            ]
            assert statuses == [200] * 10 + [429] * 2
            assert (await stranger.get("/auth/login")).status == 429
            assert (await stranger.get("/livez")).status == 200


async def test_healthz_says_who_does_not_serve(gateway: World) -> None:
    stranger = await gateway.stranger()
    reply = await stranger.get("/healthz")
    assert (reply.status, reply.json["status"]) == (200, "serving")
    assert set(reply.json["parts"]) == {
        "casework",
        "eligibility",
        "registry-gateway",
        "housing",
        "payments",
        "notifications",
        "organisation",
        "oversight",
        "sign-on",
    }
    housing = gateway.backstage.servers["housing"]
    await housing.set_serving(False)
    try:
        reply = await _settled(gateway, 503)
        assert reply.json["parts"]["housing"] == "not_serving"
        assert reply.json["parts"]["casework"] == "serving"
    finally:
        await housing.set_serving(True)
    assert (await _settled(gateway, 200)).json["status"] == "serving"
    assert (await stranger.get("/livez")).status == 200


async def _settled(gateway: World, status: int) -> Any:
    stranger = await gateway.stranger()
    return await eventually(lambda: stranger.get("/healthz"), lambda reply: reply.status == status)


async def test_the_gateway_starts_and_serves_while_services_are_away(keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), keys_dir, casework_address="127.0.0.1:9", oidc_issuer="http://127.0.0.1:9") as gateway:
            stranger = await gateway.stranger()
            health = await stranger.get("/healthz")
            assert (health.status, health.json["parts"]["casework"], health.json["parts"]["sign-on"]) == (503, "unreachable", "unreachable")
            assert (await stranger.get(f"{API}/divisions")).status == 200
            reply = await stranger.get(f"{API}/notices")
            reply.problem(503, "UNAVAILABLE")
            assert reply.headers["Retry-After"] == "2"
            token = {"Authorization": "Bearer " + gateway.token()}
            (await stranger.get(f"{API}/session", headers=token)).problem(503, "UNAVAILABLE")


# -- the bank's callbacks -------------------------------------------------------------------------------------------------

# As the bank writes it: GBK, percent-encoded, in its own order; decoding and encoding again would change it.
RAW = "POSID=123&BRANCHID=990000000&ORDERID=A%2BB&PAYMENT=350.00&REMARK1=%D7%E2%BD%F0&REMARK2=a+b&SUCCESS=Y&SIGN=0aFF"


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_callback_reaches_payments_byte_for_byte(gateway: World, method: str) -> None:
    gateway.backstage.on("HandleCallback", payments.HandleCallbackResponse(result="posted"))
    stranger = await gateway.stranger()
    from yarl import URL

    if method == "GET":
        async with stranger.http.get(URL(f"{gateway.url}/callbacks/ccb?{RAW}", encoded=True)) as response:
            assert (response.status, await response.text()) == (200, "SUCCESS")
    else:
        reply = await stranger.ask(
            "POST", "/callbacks/ccb", data=RAW.encode(), headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
        assert (reply.status, reply.text) == (200, "SUCCESS")
    asked = gateway.backstage.last("HandleCallback")
    assert (asked.request.provider, asked.request.raw) == ("ccb", RAW.encode())
    assert asked.caller is not None
    assert (asked.caller.kind, asked.caller.roles) == ("system", ("web-gateway",))


@pytest.mark.parametrize(
    ("refusal", "status"),
    [
        (Refusal(errors.UNAVAILABLE), 503),
        (Refusal(errors.INTERNAL), 500),
        (Refusal(errors.Problem("BAD_SIGNATURE", errors.NOT_ALLOWED.status, "签名无效", "bad")), 403),
    ],
)
async def test_the_bank_hears_success_only_when_payments_has_it(gateway: World, refusal: Refusal, status: int) -> None:
    def script(_request: Any) -> Any:
        raise refusal

    gateway.backstage.on("HandleCallback", script)
    reply = await (await gateway.stranger()).ask("POST", "/callbacks/ccb", data=RAW.encode())
    assert reply.status == status
    assert "SUCCESS" not in reply.text


async def test_receipts_of_text_messages_reach_notifications_byte_for_byte(gateway: World) -> None:
    stranger, raw = await gateway.stranger(), b'{"receipts": [ ]}  '
    headers: dict[str, str | None] = {"Content-Type": "application/json", "X-Timestamp": "1764500000", "X-Signature": "5" * 300}
    assert (await stranger.ask("POST", "/callbacks/sms", data=raw, headers=headers)).status == 204
    asked = gateway.backstage.last("HandleReceipts")
    assert (asked.request.channel, asked.request.body, asked.request.timestamp, asked.request.signature) == (
        "sms",
        raw,
        "1764500000",
        "5" * 200,
    )
    assert asked.caller is not None
    assert (asked.caller.kind, asked.caller.roles) == ("system", ("web-gateway",))

    def forged(_request: Any) -> Any:
        raise Refusal(errors.Problem("BAD_RECEIPT_SIGNATURE", errors.NOT_ALLOWED.status, "签名无效", "bad"))

    gateway.backstage.on("HandleReceipts", forged)
    assert (await stranger.ask("POST", "/callbacks/sms", data=raw)).status == 403


async def test_an_empty_or_huge_callback_goes_nowhere(gateway: World) -> None:
    stranger = await gateway.stranger()
    (await stranger.ask("POST", "/callbacks/sms", data=b"")).problem(400, "BAD_REQUEST")
    (await stranger.ask("POST", "/callbacks/sms", data=b"x" * 70_000)).problem(413, "CONTENT_TOO_LARGE")
    (await stranger.ask("POST", "/callbacks/ccb", data=b"")).problem(400, "BAD_REQUEST")
    (await stranger.ask("POST", "/callbacks/ccb", data=b"x" * 70_000)).problem(413, "CONTENT_TOO_LARGE")
    assert gateway.backstage.asked == []


# -- pages ----------------------------------------------------------------------------------------------------------------


async def test_without_built_pages_people_are_told_how_to_build_them(gateway: World) -> None:
    reply = await (await gateway.stranger()).get("/")
    assert reply.status == 503
    assert "make web" in reply.text


async def test_built_pages(keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "static/assets").mkdir(parents=True)
        (folder / "static/index.html").write_text("citizens")
        (folder / "static/staff.html").write_text("officials")
        (folder / "static/assets/index-B3kd93Kd.js").write_text("script")
        (folder / "static/.secret").write_text("hidden")
        (folder / "outside.txt").write_text("outside")
        (folder / "static/link.txt").symlink_to(folder / "outside.txt")
        async with world(folder, keys_dir) as gateway:
            stranger = await gateway.stranger()
            for path, text in {
                "/": "citizens",
                "/cases/KF-2026-000123": "citizens",
                "/staff": "officials",
                "/staff/tasks": "officials",
                "/staffing": "citizens",
            }.items():
                reply = await stranger.get(path)
                assert (reply.status, reply.text, reply.headers["Cache-Control"]) == (200, text, "no-cache")
            script = await stranger.get("/assets/index-B3kd93Kd.js")
            assert script.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert "javascript" in script.headers["Content-Type"]
            for path in (
                "/assets/gone-B3kd93Kd.js",
                "/.secret",
                "/link.txt",
                "/%2e%2e/outside.txt",
                "/..%2foutside.txt",
                "/assets/%00.js",
                "/../outside.txt",
            ):
                from yarl import URL

                async with stranger.http.get(URL(gateway.url + path, encoded=True)) as response:
                    body = await response.text()
                assert "outside" not in body
                assert "hidden" not in body
                assert response.status == 404


async def test_the_documents_are_served(gateway: World) -> None:
    stranger = await gateway.stranger()
    document = (await stranger.get("/openapi.json")).json
    assert document["openapi"] == "3.1.0"
    docs = await stranger.get("/docs")
    for path in document["paths"]:
        assert path in docs.text
    assert "<script" not in docs.text
    assert (await stranger.get("/pages.css")).headers["Content-Type"] == "text/css"
    problems = await stranger.get("/problems/")
    assert "IDEMPOTENCY_KEY_REUSED" in problems.text
    assert (await stranger.get("/problems/no-such-thing")).status == 404


# -- personal data --------------------------------------------------------------------------------------------------------


async def test_no_log_line_names_a_person_a_case_or_a_token(
    gateway: World, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.backstage.on("SubmitApplication", casework.SubmitApplicationResponse(application=an_application()))
    gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=an_application()))
    with caplog.at_level(logging.DEBUG):
        citizen = await gateway.citizen()
        await citizen.post(f"{API}/applications", {"dossier": a_dossier(), "consent": a_consent()})
        await citizen.get(f"{API}/applications/{NO}")
        await citizen.get(f"{API}/applications/{NO}?phone=19999012345")
        await citizen.post(f"{API}/applications", {"dossier": {"phone": "19999012345"}})
        session = (await citizen.get(f"{API}/session")).json
    printed = capsys.readouterr()
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith(("asyncio", "aiohttp.client"))]
    written = "\n".join([*ours, printed.out, printed.err])
    assert "request" in written
    secrets = ["19999012345", "990101199001010011", "安示例", NO, session["sub"], session["csrf_token"], session["name"]]
    assert [secret for secret in secrets if secret in written] == []


@pytest.mark.parametrize(
    "raw",
    [
        b"GET /api/v1/inbox?phone=19999012345" + b"9" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /api/v1/inbox HTTP/1.1\r\nHost: a\r\nCookie: anju_session=19999012345" + b"9" * 9000 + b"\r\n\r\n",
        b"GET /19999012345\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"19999012345\r\n\r\n",
        b"POST /api/v1/units HTTP/1.1\r\nHost: a\r\nContent-Length: -19999012345\r\n\r\n",
        b"POST /api/v1/units HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n19999012345",
    ],
)
async def test_bytes_that_are_no_request_are_not_repeated(gateway: World, raw: bytes, caplog: pytest.LogCaptureFixture) -> None:
    host, port = gateway.server.address.split(":")
    with caplog.at_level(logging.DEBUG):
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(raw)
        answer = await asyncio.wait_for(reader.read(), 5)
        writer.close()
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b"application/problem+json" in answer
    assert b"nosniff" in answer
    assert b"19999012345" not in answer
    assert "19999012345" not in caplog.text


# -- packed ---------------------------------------------------------------------------------------------------------------


async def raw(gateway: World, path: str, accept_encoding: str, token: str = "") -> tuple[dict[str, str], bytes]:
    """An answer as it comes over the wire."""
    headers = {"Accept-Encoding": accept_encoding} | ({"Authorization": f"Bearer {token}"} if token else {})
    async with aiohttp.ClientSession(auto_decompress=False) as http, http.get(gateway.url + path, headers=headers) as response:
        assert response.status == 200
        return dict(response.headers), await response.read()


@pytest.mark.parametrize(
    ("accept", "coding"),
    [("gzip, br", "gzip"), ("gzip;q=0, br", ""), ("identity", ""), ("", ""), ("*", "gzip"), ("deflate", ""), ("gzip;q=0.5", "gzip")],
)
async def test_json_is_packed_for_whoever_takes_it_packed(gateway: World, accept: str, coding: str) -> None:
    for path in (f"{API}/divisions", "/openapi.json"):
        headers, body = await raw(gateway, path, accept)
        assert headers.get("Content-Encoding", "") == coding
        assert "Accept-Encoding" in headers["Vary"]
        plain = gzip.decompress(body) if coding else body
        assert json.loads(plain)
        assert not coding or len(body) < len(plain) / 3


async def test_nothing_secret_is_packed_beside_what_others_may_have_chosen(gateway: World) -> None:
    """The length of the packed answer would tell how much of a guess is in it (BREACH)."""
    case = an_application()
    case.objections.add(id="o", text="x" * 5000, state="open")
    gateway.backstage.on("GetApplication", casework.GetApplicationResponse(application=case))
    for path in (f"{API}/session", f"{API}/applications/{NO}"):
        headers, _ = await raw(gateway, path, "gzip, br, deflate", gateway.token())
        assert "Content-Encoding" not in headers
    headers, _ = await raw(gateway, f"{API}/inbox", "gzip", gateway.token())
    assert "Content-Encoding" not in headers, "nothing to gain"


async def test_a_problem_repeats_the_address_and_is_not_packed(gateway: World) -> None:
    reply = await (await gateway.stranger()).get(f"{API}/session?" + "a" * 3000, headers={"Accept-Encoding": "gzip"})
    assert reply.status >= 400
    assert "Content-Encoding" not in reply.headers


async def test_divisions_are_asked_for_again_only_by_their_validator(gateway: World) -> None:
    stranger = await gateway.stranger()
    first = await stranger.get(f"{API}/divisions")
    assert first.headers["Cache-Control"] == "public, max-age=3600"
    again = await stranger.get(f"{API}/divisions", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.text, again.headers["ETag"]) == (304, "", first.headers["ETag"])


async def test_pages_are_given_as_small_as_the_build_made_them(keys_dir: Path) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "static/assets").mkdir(parents=True)
        (folder / "static/index.html").write_text("citizens")
        script = folder / "static/assets/index-B3kd93Kd.js"
        script.write_bytes(b"plain")
        script.with_name(script.name + ".br").write_bytes(b"as brotli")
        script.with_name(script.name + ".gz").write_bytes(b"as gzip")
        async with world(folder, keys_dir) as gateway:
            for accept, coding, content in (("gzip, br", "br", b"as brotli"), ("gzip", "gzip", b"as gzip"), ("identity", None, b"plain")):
                headers, body = await raw(gateway, f"/assets/{script.name}", accept)
                assert (headers.get("Content-Encoding"), body) == (coding, content)
                assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
                assert "javascript" in headers["Content-Type"]
