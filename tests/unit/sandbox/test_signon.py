"""City sign-on: the whole code flow with PKCE, and everything that must not work."""

import re
import secrets
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from anju_sandbox.app import Sandbox, sandbox
from anju_sandbox.settings import SandboxSettings
from anju_sandbox.signon.identities import MAX_SEATS
from anju_sandbox.signon.issuer import challenge_of
from joserfc import jwt
from joserfc.jwk import KeySet
from stdnum.cn import ric

from tests.unit.sandbox.support import Json

REDIRECT = "http://127.0.0.1:8080/auth/callback"
VERIFIER = secrets.token_urlsafe(48)


def asked(world: Sandbox, **changed: str) -> dict[str, str]:
    return {
        "client_id": world.credentials.sign_on.client_id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "openid profile",
        "state": "state-1",
        "nonce": "nonce-1",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
    } | changed


async def sign_on(world: Sandbox, http: aiohttp.ClientSession, **choice: str) -> dict[str, list[str]]:
    url = world.issuer_url + "/authorize"
    async with http.post(url, data=asked(world) | choice, allow_redirects=False) as response:
        assert response.status == 302
        location = response.headers["Location"]
    assert location.startswith(REDIRECT + "?")
    return parse_qs(urlsplit(location).query)


async def redeem(world: Sandbox, http: aiohttp.ClientSession, code: str, **changed: str) -> tuple[int, Json]:
    client = world.credentials.sign_on
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    basic = aiohttp.encode_basic_auth(client.client_id, changed.pop("secret", client.client_secret))
    async with http.post(world.issuer_url + "/token", data=form | changed, headers={"Authorization": basic}) as response:
        return response.status, dict(await response.json())


async def claims_of(world: Sandbox, http: aiohttp.ClientSession, token: str) -> Json:
    async with http.get(world.issuer_url + "/.well-known/openid-configuration") as response:
        discovery = await response.json()
    assert discovery["issuer"] == world.issuer_url
    async with http.get(discovery["jwks_uri"]) as response:
        keys = KeySet.import_key_set(await response.json())
    assert all("d" not in key.as_dict(private=False) for key in keys.keys)
    decoded = jwt.decode(token, keys, algorithms=["ES256"])
    return dict(decoded.claims)


async def test_citizen_code_flow(world: Sandbox, http: aiohttp.ClientSession) -> None:
    async with http.get(world.issuer_url + "/authorize", params=asked(world)) as response:
        text = await response.text()
        assert response.status == 200
        assert "李安民" in text
        assert "街道经办" in text
    answer = await sign_on(world, http, persona="family")
    assert answer["state"] == ["state-1"]
    assert answer["iss"] == [world.issuer_url]
    status, tokens = await redeem(world, http, answer["code"][0])
    assert status == 200
    claims = await claims_of(world, http, tokens["id_token"])
    persona = world.population.persona("family")
    assert persona is not None
    applicant = persona.household.applicant
    assert claims["aud"] == world.credentials.sign_on.client_id
    assert claims["nonce"] == "nonce-1"
    assert (claims["kind"], claims["roles"], claims["locale"]) == ("citizen", [], "zh-CN")
    assert (claims["real_name"], claims["id_number"]) == (applicant.name, applicant.id_number)
    assert re.fullmatch(r"c-[0-9a-f]{24}", claims["sub"])
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    async with http.get(world.issuer_url + "/userinfo", headers=headers) as response:
        info = await response.json()
    assert (info["sub"], info["phone"]) == (claims["sub"], applicant.phone)
    headers = {"Authorization": f"Bearer {tokens['id_token']}"}
    async with http.get(world.issuer_url + "/userinfo", headers=headers) as response:
        assert response.status == 401


async def test_code_is_single_use_bound_and_needs_the_verifier(world: Sandbox, http: aiohttp.ClientSession) -> None:
    code = (await sign_on(world, http, persona="family"))["code"][0]
    assert (await redeem(world, http, code))[0] == 200
    assert (await redeem(world, http, code))[1]["error"] == "invalid_grant"
    for changed in ({"code_verifier": "x" * 43}, {"code_verifier": ""}, {"redirect_uri": REDIRECT + "/x"}):
        code = (await sign_on(world, http, persona="family"))["code"][0]
        assert (await redeem(world, http, code, **changed))[1]["error"] == "invalid_grant"
        assert (await redeem(world, http, code))[1]["error"] == "invalid_grant"
    code = (await sign_on(world, http, persona="family"))["code"][0]
    assert (await redeem(world, http, code, secret="guess"))[0] == 401
    assert (await redeem(world, http, code, grant_type="password"))[1]["error"] == "unsupported_grant_type"


@pytest.mark.parametrize(
    "changed",
    [
        {"redirect_uri": "http://evil.example/callback"},
        {"redirect_uri": REDIRECT + "/../x"},
        {"client_id": "other"},
        {"code_challenge": ""},
        {"code_challenge_method": "plain"},
        {"state": ""},
        {"nonce": ""},
        {"response_type": "token"},
        {"scope": "profile"},
    ],
)
async def test_bad_requests_are_shown_not_redirected(world: Sandbox, http: aiohttp.ClientSession, changed: dict[str, str]) -> None:
    url = world.issuer_url + "/authorize"
    async with http.get(url, params=asked(world, **changed), allow_redirects=False) as response:
        assert response.status == 400
    data = asked(world, **changed) | {"persona": "family"}
    async with http.post(url, data=data, allow_redirects=False) as response:
        assert response.status == 400
        assert "Location" not in response.headers


async def test_page_escapes_what_it_carries(world: Sandbox, http: aiohttp.ClientSession) -> None:
    params = asked(world, state="'><script>alert(1)</script>")
    async with http.get(world.issuer_url + "/authorize", params=params) as response:
        assert "<script>" not in await response.text()


async def test_cancel_and_unknown_people(world: Sandbox, http: aiohttp.ClientSession) -> None:
    assert (await sign_on(world, http, action="cancel"))["error"] == ["access_denied"]
    data = asked(world) | {"id_number": "41020219900101001X"}
    async with http.post(world.issuer_url + "/authorize", data=data, allow_redirects=False) as response:
        assert response.status == 400
        assert "没有这个人" in await response.text()


async def test_staff_roles_and_divisions(world: Sandbox, http: aiohttp.ClientSession) -> None:
    expected = {
        "street_clerk": "410202001",
        "district_reviewer": "410202",
        "city_reviewer": "4102",
        "house_manager": "4102",
        "finance": "4102",
        "operator": "4102",
        "auditor": "4102",
    }
    for role, division in expected.items():
        code = (await sign_on(world, http, role=role))["code"][0]
        claims = await claims_of(world, http, (await redeem(world, http, code))[1]["id_token"])
        assert (claims["sub"], claims["kind"]) == (f"s-{role}-{division}", "staff")
        assert (claims["roles"], claims["divisions"]) == ([role], [division])
        assert claims["id_number"].startswith("98"), "a person, and nobody who could apply"


async def token(world: Sandbox, http: aiohttp.ClientSession, **body: object) -> tuple[int, Json]:
    async with http.post(world.urls["control"] + "/persona/token", json=body) as response:
        return response.status, dict(await response.json(content_type=None))


async def test_scripted_tokens(world: Sandbox, http: aiohttp.ClientSession) -> None:
    status, tokens = await token(world, http, role="finance", seat=2)
    assert status == 200
    claims = await claims_of(world, http, tokens["id_token"])
    assert claims["sub"] == tokens["claims"]["sub"] == "s-finance-4102-2"
    other = next(world.population.households(1)).applicant
    _, tokens = await token(world, http, id_number=other.id_number)
    assert tokens["claims"]["real_name"] == other.name
    for wrong in (
        {"persona": "nobody"},
        {"role": "mayor"},
        {"role": "street_clerk", "division": "410202"},
        {"role": "district_reviewer", "division": "4102"},
        {"role": "district_reviewer", "division": "310000"},
        {"role": "finance", "seat": 10},
    ):
        assert (await token(world, http, **wrong))[0] == 404


async def test_every_official_is_a_person_of_his_own(world: Sandbox) -> None:
    """What needs two persons needs two numbers; none of them belongs to a household that may apply."""
    people = [
        world.identities.staff("street_clerk", division, seat)
        for division in ("410202001", "410202002")
        for seat in range(1, MAX_SEATS + 1)
    ]
    numbers = [str(each.claims["id_number"]) for each in people if each is not None]
    assert len(set(numbers)) == 2 * MAX_SEATS
    for number in numbers:
        assert ric.calc_check_digit(number) == number[-1]
        assert world.population.person(number) is None


async def test_keys_and_subjects_survive_a_restart(fresh_dir: Path, http: aiohttp.ClientSession) -> None:
    seen = []
    for _ in range(2):
        async with sandbox(SandboxSettings.on_free_ports(fresh_dir, issuer_url="https://id.example")) as world:
            seen.append((world.issuer.jwks(), world.identities.persona("family")))
            assert world.issuer_url == "https://id.example"
    assert seen[0] == seen[1]


async def test_logout_only_leads_home(world: Sandbox, http: aiohttp.ClientSession) -> None:
    url = world.issuer_url + "/end_session"
    params = {"post_logout_redirect_uri": "http://127.0.0.1:8080/bye", "state": "s"}
    async with http.get(url, params=params, allow_redirects=False) as response:
        assert response.headers["Location"] == "http://127.0.0.1:8080/bye?state=s"
    for evil in ("http://evil.example/", "//evil.example", "javascript:alert(1)", "http://127.0.0.1:8080@evil.example/"):
        async with http.get(url, params={"post_logout_redirect_uri": evil}, allow_redirects=False) as response:
            assert response.status == 200
