from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey
from web_gateway.app import application

from tests.services.web_gateway.world import API, World


async def test_a_citizen_signs_on_and_finds_his_form_prefilled(gateway: World) -> None:
    citizen = await gateway.citizen()
    session = (await citizen.get(f"{API}/session")).json
    applicant = gateway.sandbox.population.personas()[0].household.applicant
    assert session["kind"] == "citizen"
    assert session["sub"].startswith("c-")
    assert session["prefill"] == {"name": applicant.name, "id_number": applicant.id_number, "phone": applicant.phone}
    assert (session["roles"], session["divisions"], session["locale"]) == ([], [], "zh-CN")


async def test_an_official_signs_on_with_role_and_division_and_the_services_see_both(gateway: World) -> None:
    clerk = await gateway.official("street_clerk", "410202001")
    session = (await clerk.get(f"{API}/session")).json
    assert (session["kind"], session["roles"], session["divisions"]) == ("staff", ["street_clerk"], ["410202001"])
    assert session["prefill"] is None
    assert session["engine_ui"] == ""
    await clerk.get(f"{API}/tasks")
    caller = gateway.backstage.last("ListTasks").caller
    assert caller is not None
    assert (caller.sub, caller.kind, caller.roles, caller.divisions) == (session["sub"], "staff", ("street_clerk",), ("410202001",))


async def test_nobody_is_nobody(gateway: World) -> None:
    stranger = await gateway.stranger()
    reply = await stranger.get(f"{API}/session")
    reply.problem(401, "UNAUTHENTICATED")
    assert reply.headers["WWW-Authenticate"] == "Bearer"
    assert gateway.backstage.asked == []


async def test_the_request_to_the_issuer_carries_state_nonce_and_pkce(gateway: World) -> None:
    stranger = await gateway.stranger()
    reply = await stranger.get("/auth/login?next=//evil.example")
    query = dict(parse_qsl(urlsplit(reply.headers["Location"]).query))
    assert (query["response_type"], query["code_challenge_method"]) == ("code", "S256")
    assert min(len(query["state"]), len(query["nonce"])) >= 32
    assert len(query["code_challenge"]) == 43
    assert query["redirect_uri"] == f"{gateway.url}/auth/callback"
    again = dict(parse_qsl(urlsplit((await stranger.get("/auth/login")).headers["Location"]).query))
    assert all(query[name] != again[name] for name in ("state", "nonce", "code_challenge"))
    cookie = reply.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/auth" in cookie


async def test_an_answer_that_was_not_asked_for_signs_nobody_on(gateway: World) -> None:
    victim = await gateway.stranger()
    for query in ("", "?code=x&state=y", "?state=&code=x"):
        assert (await victim.get(f"/auth/callback{query}")).status == 400
    await victim.get("/auth/login")
    reply = await victim.get("/auth/callback?code=x&state=somebody-elses")
    assert reply.status == 400
    assert "重新登录" in reply.text
    (await victim.get(f"{API}/session")).problem(401, "UNAUTHENTICATED")


async def state_of_new_login(gateway: World, person: Any) -> str:
    reply = await person.get("/auth/login?next=/cases")
    return str(dict(parse_qsl(urlsplit(reply.headers["Location"]).query))["state"])


async def test_a_wrong_code_another_issuer_and_a_refusal_sign_nobody_on(gateway: World) -> None:
    person = await gateway.stranger()
    state = await state_of_new_login(gateway, person)
    assert (await person.get(f"/auth/callback?code=x&state={state}&iss=http://evil.example")).status == 400
    state = await state_of_new_login(gateway, person)
    assert (await person.get(f"/auth/callback?code=never-given&state={state}")).status == 403
    # Used up by the first answer, right or wrong.
    assert (await person.get(f"/auth/callback?code=never-given&state={state}")).status == 400
    state = await state_of_new_login(gateway, person)
    cancelled = await person.get(f"/auth/callback?error=access_denied&state={state}")
    assert (cancelled.status, cancelled.headers["Location"]) == (302, "/cases")
    (await person.get(f"{API}/session")).problem(401, "UNAUTHENTICATED")


async def test_an_unreachable_issuer_is_said_in_words(gateway: World) -> None:
    issuer = gateway.server.edge.gate._issuer
    original, issuer._discovery = issuer.issuer, None
    issuer.issuer = "http://127.0.0.1:9"
    try:
        reply = await (await gateway.stranger()).get("/auth/login")
    finally:
        issuer.issuer = original
    assert reply.status == 503
    assert "暂时无法连接" in reply.text


async def test_signing_off_ends_the_session_even_for_a_stolen_copy_of_the_cookie(gateway: World) -> None:
    citizen = await gateway.citizen()
    stolen = {cookie.key: cookie.value for cookie in citizen.http.cookie_jar}
    assert (await citizen.ask("POST", "/auth/logout", headers={"X-CSRF-Token": None})).status == 403
    assert (await citizen.get(f"{API}/session")).status == 200
    assert (await citizen.ask("POST", "/auth/logout")).status == 204
    (await citizen.get(f"{API}/session")).problem(401, "UNAUTHENTICATED")
    thief = await gateway.stranger()
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in stolen.items())}
    (await thief.get(f"{API}/session", headers=headers)).problem(401, "UNAUTHENTICATED")
    assert (await thief.ask("POST", "/auth/logout")).status == 204
    # Nor at another gateway, nor after a restart of this one.
    async with application(gateway.settings.model_copy(update={"port": 0})) as replica:
        thief.base = f"http://{replica.address}"
        (await thief.get(f"{API}/session", headers=headers)).problem(401, "UNAUTHENTICATED")


async def test_a_session_that_is_used_goes_on_and_one_that_is_not_ends(gateway: World, monkeypatch: pytest.MonkeyPatch) -> None:
    citizen, idle = await gateway.citizen(), await gateway.citizen()
    sessions, began = gateway.server.edge.sessions, time.time()
    for minutes in (20, 40):
        monkeypatch.setattr(sessions, "_clock", lambda minutes=minutes: began + 60 * minutes)
        assert (await citizen.get(f"{API}/session")).status == 200
    (await idle.get(f"{API}/session")).problem(401, "UNAUTHENTICATED")
    monkeypatch.setattr(sessions, "_clock", lambda: began + 8 * 3600)
    (await citizen.get(f"{API}/session")).problem(401, "UNAUTHENTICATED")


async def test_what_was_signed_off_is_remembered_where_the_operator_says(gateway: World, tmp_path: Path) -> None:
    """Where the keys are mounted to be read, and the replicas have another folder in common."""
    shared = tmp_path / "signed-off"
    elsewhere = gateway.settings.model_copy(update={"port": 0, "signed_off_dir": shared})
    citizen = await gateway.citizen()
    async with application(elsewhere) as one, application(elsewhere) as other:
        citizen.base = f"http://{one.address}"
        session = {cookie.key: cookie.value for cookie in citizen.http.cookie_jar}
        assert (await citizen.ask("POST", "/auth/logout")).status == 204
        assert len(list(shared.iterdir())) == 1
        copy = await gateway.stranger()
        copy.base = f"http://{other.address}"
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in session.items())}
        (await copy.get(f"{API}/session", headers=headers)).problem(401, "UNAUTHENTICATED")


@pytest.mark.parametrize("token", [None, "", "x", "another sessions"])
async def test_a_forged_request_from_another_site_is_refused_on_every_unsafe_operation(gateway: World, token: str | None) -> None:
    citizen = await gateway.citizen()
    if token == "another sessions":
        token = (await gateway.citizen()).csrf
    from web_gateway.api.layer import Access
    from web_gateway.openapi import operations

    names = {"no": "KF-2026-000123", "id": "o-1", "code": "410202", "period": "202612", "index": "1", "account": "s-1", "list": "leases"}
    checked = 0
    for operation in operations():
        # What a stranger may say is said as nobody, whatever cookie comes with it.
        if operation.method != "GET" and operation.access is not Access.STRANGER:
            reply = await citizen.ask(operation.method, operation.path.format_map(names), headers={"X-CSRF-Token": token}, json={})
            reply.problem(403, "CSRF_TOKEN_REQUIRED")
            checked += 1
    assert checked >= 13
    assert gateway.backstage.asked == []


async def test_a_script_uses_a_bearer_token_and_needs_no_csrf(gateway: World) -> None:
    script = await gateway.stranger()
    headers = {"Authorization": f"Bearer {gateway.token('city_reviewer')}", "X-CSRF-Token": None}
    session = (await script.get(f"{API}/session", headers=headers)).json
    assert (session["roles"], session["csrf_token"]) == (["city_reviewer"], "")
    assert (await script.post(f"{API}/inbox/m-1/read", headers=headers)).status == 204


def forged(gateway: World, kind: str) -> str:
    good = gateway.token()
    head, body, signature = good.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    key = gateway.sandbox.issuer._key
    kid = json.loads(base64.urlsafe_b64decode(head + "=="))["kid"]

    def sign(change: dict[str, Any], header: dict[str, Any] | None = None, with_key: Any = key) -> str:
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": kid, **(header or {})}, claims | change, with_key)

    def b64(value: dict[str, Any]) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    public = json.dumps(gateway.sandbox.issuer.jwks()["keys"][0]).encode()  # type: ignore[index]
    now = int(time.time())
    return {
        "id token": gateway.token(kind="id_token"),
        "expired": sign({"exp": now - 120}),
        "no expiry": sign({"exp": None}),
        "expiry as text": sign({"exp": str(now + 1000)}),
        "from the future": sign({"iat": now + 600}),
        "not yet": sign({"nbf": now + 600}),
        "another issuer": sign({"iss": "http://evil.example"}),
        "another client": sign({"aud": "somebody"}),
        "two clients without azp": sign({"aud": ["anju", "somebody"]}),
        "another key, same kid": sign({}, with_key=ECKey.generate_key("P-256")),
        "unknown kid": sign({}, {"kid": "unknown"}, ECKey.generate_key("P-256")),
        "none": f"{b64({'alg': 'none', 'typ': 'at+jwt', 'kid': kid})}.{b64(claims)}.",
        "hs256 with the public key": jwt.encode(
            {"alg": "HS256", "typ": "at+jwt", "kid": kid}, claims, OctKey.import_key(public), algorithms=["HS256"]
        ),
        "rs256": jwt.encode(
            {"alg": "RS256", "typ": "at+jwt", "kid": kid}, claims, RSAKey.generate_key(2048, auto_kid=False), algorithms=["RS256"]
        ),
        "own key in the header": sign({}, {"jwk": ECKey.generate_key("P-256").as_dict(private=False)}, ECKey.generate_key("P-256")),
        "changed claims": f"{head}.{b64(claims | {'kind': 'staff', 'roles': ['finance']})}.{signature}",
        "signature cut": f"{head}.{body}.{signature[:-4]}",
        "a system": sign({"kind": "system", "roles": ["worker"]}),
        "not a token": "rubbish",
        "three dots": "...",
        "very long": good + "A" * 9000,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "id token", "expired", "no expiry", "expiry as text", "from the future", "not yet", "another issuer", "another client",
        "two clients without azp", "another key, same kid", "unknown kid", "none", "hs256 with the public key", "rs256",
        "own key in the header", "changed claims", "signature cut", "a system", "not a token", "three dots", "very long",
    ],
)  # fmt: skip
async def test_forged_tokens_open_nothing(gateway: World, kind: str) -> None:
    script = await gateway.stranger()
    reply = await script.get(f"{API}/session", headers={"Authorization": f"Bearer {forged(gateway, kind)}"})
    if kind == "very long":
        assert reply.status in (400, 401)
        return
    reply.problem(401, "UNAUTHENTICATED")
    assert "invalid_token" in reply.headers["WWW-Authenticate"]


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "Bearer ", "token", ""])
async def test_a_broken_authorization_header_is_refused_and_not_overlooked(gateway: World, value: str) -> None:
    citizen = await gateway.citizen()
    (await citizen.get(f"{API}/session", headers={"Authorization": value})).problem(401, "UNAUTHENTICATED")


async def test_unknown_key_ids_do_not_make_us_ask_the_issuer_for_ever(gateway: World) -> None:
    script = await gateway.stranger()
    issuer = gateway.server.edge.gate._issuer
    fetched, original = 0, issuer._fetch_keys

    async def counted() -> Any:
        nonlocal fetched
        fetched += 1
        return await original()

    issuer._fetch_keys = counted  # type: ignore[method-assign]
    try:
        for _ in range(20):
            await script.get(f"{API}/session", headers={"Authorization": f"Bearer {forged(gateway, 'unknown kid')}"})
    finally:
        issuer._fetch_keys = original  # type: ignore[method-assign]
    assert fetched <= 1
