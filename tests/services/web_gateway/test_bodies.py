from __future__ import annotations

import gzip
from typing import Any

import pytest

from tests.services.web_gateway.world import API, World, a_consent, a_dossier


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        (lambda b: b.update(surprise=1), "/surprise", "unknown_field"),
        (lambda b: b["dossier"].update(status="registered"), "/dossier/status", "unknown_field"),
        (lambda b: b["dossier"]["members"][0].update(rank=1), "/dossier/members/0/rank", "unknown_field"),
        (lambda b: b["dossier"].pop("phone"), "/dossier/phone", "required"),
        (lambda b: b["dossier"]["members"][0].update(annual_income_fen="1"), "/dossier/members/0/annual_income_fen", "wrong_type"),
        (lambda b: b["dossier"]["members"][0].update(annual_income_fen=1.5), "/dossier/members/0/annual_income_fen", "wrong_type"),
        (lambda b: b["dossier"]["members"][0].update(annual_income_fen=-1), "/dossier/members/0/annual_income_fen", "out_of_range"),
        (lambda b: b["dossier"].update(members=[]), "/dossier/members", "too_short"),
        (lambda b: b["dossier"].update(members=b["dossier"]["members"] * 21), "/dossier/members", "too_long"),
        (lambda b: b["dossier"].update(address="x" * 201), "/dossier/address", "too_long"),
        (lambda b: b["dossier"].update(district="开封"), "/dossier/district", "bad_format"),
        (lambda b: b["consent"].update(registers=["tax"]), "/consent/registers/0", "not_in_list"),
    ],
)
async def test_what_is_wrong_with_a_body_is_said_per_field(gateway: World, change: Any, pointer: str, code: str) -> None:
    body: dict[str, Any] = {"dossier": a_dossier(), "consent": a_consent()}
    change(body)
    problem = (await (await gateway.citizen()).post(f"{API}/applications", body)).problem(422, "INVALID_FIELDS")
    assert (pointer, code) in {(e["pointer"], e["code"]) for e in problem["errors"]}
    assert gateway.backstage.asked == []


@pytest.mark.parametrize(
    ("data", "content_type", "status", "code"),
    [
        (b"", "application/json", 400, "MALFORMED_JSON"),
        (b"{", "application/json", 400, "MALFORMED_JSON"),
        (b'{"dossier": {}, "dossier": {}}', "application/json", 400, "MALFORMED_JSON"),
        (b'{"a": NaN}', "application/json", 400, "MALFORMED_JSON"),
        (b'{"a": "\\ud800"}', "application/json", 400, "MALFORMED_JSON"),
        (b'{"a": "\\u0000"}', "application/json", 400, "MALFORMED_JSON"),
        (b"[" * 10_000, "application/json", 400, "MALFORMED_JSON"),
        (b"\xff\xfe", "application/json", 400, "MALFORMED_JSON"),
        (b"null", "application/json", 422, "INVALID_FIELDS"),
        (b"[]", "application/json", 422, "INVALID_FIELDS"),
        (b"{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"{}", "application/json; charset=gbk", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "application/json", 413, "CONTENT_TOO_LARGE"),
    ],
)
async def test_bad_bodies(gateway: World, data: bytes, content_type: str, status: int, code: str) -> None:
    citizen = await gateway.citizen()
    reply = await citizen.ask("POST", f"{API}/applications", data=data, headers={"Content-Type": content_type})
    reply.problem(status, code)
    assert gateway.backstage.asked == []


async def test_a_body_in_chunks_without_end_is_cut_off(gateway: World) -> None:
    async def endless() -> Any:
        for _ in range(100):
            yield b" " * 4096

    reply = await (await gateway.citizen()).ask("POST", f"{API}/applications", data=endless(), headers={"Content-Type": "application/json"})
    reply.problem(413, "CONTENT_TOO_LARGE")


@pytest.mark.parametrize("path", [f"{API}/applications", "/callbacks/ccb", "/callbacks/sms"])
@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_what_its_encoding_says_is_the_senders_mistake(gateway: World, path: str, encoding: str) -> None:
    headers: dict[str, str | None] = {"Content-Type": "application/json", "Content-Encoding": encoding}
    (await (await gateway.citizen()).ask("POST", path, data=b"19999012345", headers=headers)).problem(400, "BAD_REQUEST")
    assert gateway.backstage.asked == []


async def test_a_packed_body_counts_as_large_as_it_unpacks(gateway: World) -> None:
    headers: dict[str, str | None] = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    reply = await (await gateway.citizen()).ask("POST", f"{API}/applications", data=gzip.compress(b" " * 20_000_000), headers=headers)
    reply.problem(413, "CONTENT_TOO_LARGE")
