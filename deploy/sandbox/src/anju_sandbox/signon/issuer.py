"""Tokens of the city sign-on: authorization codes with PKCE, ES256 tokens, one client."""

import base64
import hashlib
import re
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from anju_sandbox.credentials import SignOnClient
from anju_sandbox.signon.identities import Identity

_CODE_SECONDS = 60
_TOKEN_SECONDS = 3600
_MAX_CODES = 10_000
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")


class GrantError(Exception):
    """An OAuth error code of RFC 6749 5.2, with a description."""

    def __init__(self, code: str, description: str) -> None:
        super().__init__(description)
        self.code = code
        self.description = description


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """A checked authorization request (RFC 6749, RFC 7636, OpenID Connect Core 3.1)."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    nonce: str
    code_challenge: str


@dataclass(frozen=True, slots=True)
class _Grant:
    request: AuthRequest
    identity: Identity
    expires_at: float


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a code verifier (RFC 7636 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def check_challenge(text: str) -> bool:
    """Whether a text has the form of an S256 challenge."""
    return bool(_CHALLENGE.fullmatch(text))


_LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"


class Issuer:
    """Issues and checks tokens. Codes live in memory for a minute: a restart merely asks people to sign on again."""

    def __init__(self, client: SignOnClient, private_jwk: dict[str, str]) -> None:
        self.client = client
        self.url = ""
        stored: dict[str, str | list[str]] = dict(private_jwk)
        self._kid = ECKey.import_key(stored).thumbprint()
        self._key = ECKey.import_key(stored | {"kid": self._kid, "use": "sig", "alg": "ES256"})
        self._codes: OrderedDict[str, _Grant] = OrderedDict()

    def jwks(self) -> dict[str, object]:
        """The public key set."""
        return {"keys": [self._key.as_dict(private=False)]}

    def grant(self, request: AuthRequest, identity: Identity) -> str:
        """A single-use authorization code."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Grant(request, identity, time.monotonic() + _CODE_SECONDS)
        while len(self._codes) > _MAX_CODES:
            self._codes.popitem(last=False)
        return code

    def redeem(self, code: str, redirect_uri: str, verifier: str) -> dict[str, object]:
        """The token answer for a code. Raises GrantError; a code is burnt by the first attempt, right or wrong."""
        grant = self._codes.pop(code, None)
        if grant is None or grant.expires_at < time.monotonic():
            raise GrantError("invalid_grant", "unknown, used or expired code")
        if grant.request.redirect_uri != redirect_uri:
            raise GrantError("invalid_grant", "redirect_uri differs from the authorization request")
        matches = _VERIFIER.fullmatch(verifier) and secrets.compare_digest(challenge_of(verifier), grant.request.code_challenge)
        if not matches:
            raise GrantError("invalid_grant", "code_verifier does not match")
        return self.tokens(grant.identity, nonce=grant.request.nonce, scope=grant.request.scope)

    def tokens(self, identity: Identity, *, nonce: str = "", scope: str = "openid profile") -> dict[str, object]:
        """A token answer: ID token with all claims, access token for userinfo and services."""
        now = int(time.time())
        common: dict[str, object] = {
            "iss": self.url,
            "sub": identity.sub,
            "iat": now,
            "exp": now + _TOKEN_SECONDS,
            "jti": secrets.token_urlsafe(16),
        }
        id_claims = common | {"aud": self.client.client_id, "auth_time": now} | identity.claims
        if nonce:
            id_claims["nonce"] = nonce
        access_claims = common | {"aud": self.client.client_id, "client_id": self.client.client_id, "scope": scope}
        return {
            "token_type": "Bearer",
            "expires_in": _TOKEN_SECONDS,
            "scope": scope,
            "id_token": self._encode("JWT", id_claims),
            "access_token": self._encode("at+jwt", access_claims | identity.claims),
        }

    def logout_token(self, sub: str) -> str:
        """What tells a client that everything this person signed on for is over (OpenID Connect Back-Channel Logout 1.0, 2.4)."""
        now = int(time.time())
        claims: dict[str, object] = {"iss": self.url, "aud": self.client.client_id, "sub": sub, "iat": now, "exp": now + 120}
        return self._encode("logout+jwt", claims | {"jti": secrets.token_urlsafe(16), "events": {_LOGOUT_EVENT: {}}})

    def _encode(self, kind: str, claims: dict[str, object]) -> str:
        return jwt.encode({"alg": "ES256", "typ": kind, "kid": self._kid}, claims, self._key)

    def userinfo(self, access_token: str) -> dict[str, object] | None:
        """The claims behind an access token; None if it is not ours, not an access token, or expired."""
        try:
            token = jwt.decode(access_token, self._key, algorithms=["ES256"])
        except (JoseError, ValueError):
            return None
        claims = token.claims
        if token.header.get("typ") != "at+jwt" or claims.get("iss") != self.url or claims.get("exp", 0) <= time.time():
            return None
        hidden = {"iss", "iat", "exp", "jti", "aud", "client_id", "scope"}
        return {name: value for name, value in claims.items() if name not in hidden}
