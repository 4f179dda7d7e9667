"""The city sign-on as its client sees it: OpenID Connect Core 1.0 code flow with PKCE (RFC 7636), tokens checked against its published keys.

Only ES256 and EdDSA are accepted. Keys are cached and asked for again when a token names one we do not know, at most twice a minute, so that
forged key ids cannot make us ask the issuer for ever.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
from anju_people.index import PersonIndex
from chassis import bounds, logs
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from web_gateway.edge.session import Person, PersonKind, Prefill, SignOn

_log = logs.get(__name__)

ALGORITHMS: Final = ["ES256", "EdDSA", "Ed25519"]
CALL_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 256 << 10
MAX_TOKEN_CHARS: Final = 8192
KEYS_SECONDS: Final = 600
REFRESH_SECONDS: Final = 30
LEEWAY_SECONDS: Final = 60
LOGOUT_EVENT: Final = "http://schemas.openid.net/event/backchannel-logout"
_SUB = re.compile(r"[\x21-\x7e]{1,100}")


class SignOnUnavailableError(RuntimeError):
    """The issuer did not answer, or not in its own protocol; asking again may help."""


class SignOnRefusedError(RuntimeError):
    """The code or token is not good."""


@dataclass(frozen=True)
class Discovery:
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


@dataclass(frozen=True)
class Bearer:
    """``issued_at`` and ``expires_at`` in seconds since 1970."""

    person: Person
    issued_at: float
    expires_at: float


class Issuer:
    def __init__(self, http: aiohttp.ClientSession, people: PersonIndex, issuer: str, client_id: str, client_secret: str) -> None:
        self._people = people
        self._http = http
        self.issuer = issuer
        self._client_id = client_id
        self._client_secret = client_secret
        self._discovery: Discovery | None = None
        self._keys: KeySet | None = None
        self._keys_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    # -- the browser's way there and back --------------------------------------------------------------------------------------------

    async def authorization_url(self, sign_on: SignOn, redirect_uri: str, locale: str) -> str:
        """Where to send the browser. Raises SignOnUnavailableError."""
        discovery = await self._discovered()
        query = urlencode(
            {
                "response_type": "code",
                "client_id": self._client_id,
                "redirect_uri": redirect_uri,
                "scope": "openid profile phone",
                "state": sign_on.state,
                "nonce": sign_on.nonce,
                "code_challenge": challenge(sign_on.verifier),
                "code_challenge_method": "S256",
                "ui_locales": locale,
            }
        )
        joint = "&" if "?" in discovery.authorization_endpoint else "?"
        return f"{discovery.authorization_endpoint}{joint}{query}"

    async def redeem(self, code: str, sign_on: SignOn, redirect_uri: str) -> Person:
        """Exchanges the code. Raises SignOnRefusedError or SignOnUnavailableError."""
        discovery = await self._discovered()
        # RFC 6749, 2.3.1: both halves are form-encoded before they are joined.
        basic = f"{quote(self._client_id, safe='')}:{quote(self._client_secret, safe='')}"
        status, answer = await self._json(
            "POST",
            discovery.token_endpoint,
            data={"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri, "code_verifier": sign_on.verifier},
            headers={"Authorization": "Basic " + base64.b64encode(basic.encode()).decode()},
        )
        if status in (400, 401, 403):
            raise SignOnRefusedError(f"the issuer refused the code with {status}")
        token = answer.get("id_token")
        if status != 200 or not isinstance(token, str):
            raise SignOnUnavailableError(f"the token endpoint answered {status}")
        claims = await self._claims(token, kinds=("JWT", ""))
        if claims.get("nonce") != sign_on.nonce:
            raise SignOnRefusedError("the token is for another sign-on")
        return person(claims, self._people)

    async def bearer(self, token: str) -> Bearer:
        """The person of an access token (RFC 9068). An ID token is no key to an API. Raises SignOnRefusedError or SignOnUnavailableError."""
        claims = await self._claims(token, kinds=("at+jwt", "application/at+jwt"))
        return Bearer(person(claims, self._people), claims["iat"], claims["exp"])

    async def signed_off(self, token: str) -> tuple[str, int]:
        """Whose sessions a logout token ends, and up to when (OpenID Connect Back-Channel Logout 1.0, 2.6).

        Raises SignOnRefusedError or SignOnUnavailableError.
        """
        claims = await self._claims(token, kinds=("logout+jwt", "application/logout+jwt", "JWT", ""))
        events = claims.get("events")
        if not isinstance(events, dict) or LOGOUT_EVENT not in events or "nonce" in claims:
            raise SignOnRefusedError("not a logout token")
        sub = _text(claims, "sub")
        if not _SUB.fullmatch(sub):
            raise SignOnRefusedError("a logout token for nobody")
        return sub, int(claims["iat"])

    # -- tokens ----------------------------------------------------------------------------------------------------------------------

    async def _claims(self, token: str, kinds: tuple[str, ...]) -> dict[str, Any]:
        if len(token) > MAX_TOKEN_CHARS:
            raise SignOnRefusedError("the token is too long")
        kid = _header(token).get("kid")
        keys = await self._keys_with(kid if isinstance(kid, str) else "")
        try:
            decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
        except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
            raise SignOnRefusedError(f"the token does not verify: {type(error).__name__}") from None
        claims = decoded.claims
        now = time.time()
        if str(decoded.header.get("typ", "")) not in kinds:
            raise SignOnRefusedError("a token of the wrong kind")
        if claims.get("iss") != self.issuer or not self._is_for_us(claims):
            raise SignOnRefusedError("the token is of another issuer or for another client")
        if not _number(claims.get("exp")) or claims["exp"] + LEEWAY_SECONDS <= now:
            raise SignOnRefusedError("the token has expired")
        if not _number(claims.get("iat")) or claims["iat"] - LEEWAY_SECONDS > now:
            raise SignOnRefusedError("the token was issued in the future")
        if _number(claims.get("nbf")) and claims["nbf"] - LEEWAY_SECONDS > now:
            raise SignOnRefusedError("the token is not valid yet")
        return dict(claims)

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        audience = claims.get("aud")
        several = isinstance(audience, list) and len(audience) > 1
        ours = self._client_id in audience if isinstance(audience, list) else audience == self._client_id
        return ours and (not several or claims.get("azp") == self._client_id)

    # -- discovery and keys ----------------------------------------------------------------------------------------------------------

    async def check(self) -> None:
        """For the health page: the issuer publishes keys now. Raises SignOnUnavailableError."""
        await self._fetch_keys()

    async def _discovered(self) -> Discovery:
        async with self._lock:
            if self._discovery is None:
                _, answer = await self._json("GET", f"{self.issuer}/.well-known/openid-configuration")
                endpoints = [answer.get(name) for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")]
                if answer.get("issuer") != self.issuer or not all(
                    isinstance(e, str) and e.startswith(("https://", "http://")) for e in endpoints
                ):
                    raise SignOnUnavailableError("the discovery document is not this issuer's")
                self._discovery = Discovery(*(str(endpoint) for endpoint in endpoints))
            return self._discovery

    async def _keys_with(self, kid: str) -> KeySet:
        """The issuer's keys, fresh when ``kid`` is not among those we have; stale ones serve on while the issuer is away."""
        now = time.monotonic()
        known = self._keys is not None and any(key.kid == kid for key in self._keys)
        due = now - self._keys_at > KEYS_SECONDS or not known
        if self._keys is None or (due and now - self._tried_at > REFRESH_SECONDS):
            try:
                return await self._fetch_keys()
            except SignOnUnavailableError:
                if self._keys is None:
                    raise
                _log.warning("issuer_keys_not_refreshed")
        assert self._keys is not None
        return self._keys

    async def _fetch_keys(self) -> KeySet:
        discovery = await self._discovered()
        async with self._lock:
            self._tried_at = time.monotonic()
            status, answer = await self._json("GET", discovery.jwks_uri)
            listed = answer.get("keys")
            if status != 200 or not isinstance(listed, list):
                raise SignOnUnavailableError(f"the key set endpoint answered {status}")
            # Only the two kinds we accept: a symmetric key in there must never verify anything.
            usable = [k for k in listed if isinstance(k, dict) and (k.get("kty"), k.get("crv")) in {("EC", "P-256"), ("OKP", "Ed25519")}]
            try:
                self._keys = KeySet.import_key_set({"keys": usable})
            except (JoseError, ValueError, TypeError, KeyError):
                raise SignOnUnavailableError("the key set holds no usable key") from None
            self._keys_at = time.monotonic()
            return self._keys

    async def _json(self, method: str, url: str, **options: Any) -> tuple[int, dict[str, Any]]:
        try:
            async with self._http.request(
                method, url, timeout=aiohttp.ClientTimeout(total=CALL_SECONDS), allow_redirects=False, **options
            ) as response:
                raw = await response.content.read(MAX_ANSWER_BYTES)
                status = response.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise SignOnUnavailableError(type(error).__name__) from None
        try:
            answer = bounds.json_value(raw)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            raise SignOnUnavailableError(f"the issuer answered {status} without JSON")
        return status, answer


def challenge(verifier: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _header(token: str) -> dict[str, Any]:
    """The unverified header, only to choose a key by."""
    part = token.partition(".")[0]
    try:
        header = bounds.json_value(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except ValueError:
        raise SignOnRefusedError("not a token") from None
    if not isinstance(header, dict):
        raise SignOnRefusedError("not a token")
    return header


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(claims: Mapping[str, Any], name: str, limit: int = 100) -> str:
    value = claims.get(name)
    return value[:limit] if isinstance(value, str) else ""


def person(claims: Mapping[str, Any], people: PersonIndex) -> Person:
    """Who the claims say somebody is. Raises SignOnRefusedError for claims that name nobody we know how to serve.

    What they say of duties and divisions is not read: that is organisation's to say (ADR 18).
    """
    sub, said = _text(claims, "sub"), claims.get("kind")
    if not _SUB.fullmatch(sub) or said not in ("citizen", "staff"):
        raise SignOnRefusedError("the token names nobody we can serve")
    kind: PersonKind = "citizen" if said == "citizen" else "staff"
    prefill = None
    if kind == "citizen" and _text(claims, "id_number"):
        prefill = Prefill(_text(claims, "real_name"), _text(claims, "id_number", 32), _text(claims, "phone", 32))
    return Person(
        sub,
        kind,
        _text(claims, "name"),
        locale=_text(claims, "locale", 20) or "zh-CN",
        prefill=prefill,
        index=people.of(_text(claims, "id_number", 32)),
    )
