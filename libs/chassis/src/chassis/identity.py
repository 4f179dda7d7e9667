"""Who is asking. The web edge signs the person it has authenticated into a short token; every service checks it again.

Each process has its own Ed25519 key. The key set says for every key which kinds of callers it may vouch for: only the web edge may speak for
citizens and staff; every other process speaks for itself ("system" with the role that is its name).

A token is good at one process, for reading or for writing. A process that has to ask another in the name of whoever is calling it wraps the token it was
called with into one of its own: who was not calling it cannot be passed on (RFC 8693 calls such a process the actor).
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from chassis.errors import NOT_ALLOWED, OUT_OF_DIVISION, UNAUTHENTICATED, Refusal
from chassis.files import write_private

Kind = Literal["citizen", "staff", "system"]
METADATA_KEY = "anju-caller"
TOKEN_SECONDS = 300
# Clocks of two machines may differ by this much.
LEEWAY_SECONDS = 60
_ALGORITHM = "Ed25519"


@dataclass(frozen=True)
class Caller:
    """``sub`` is opaque; ``divisions`` are division codes, a code covers everything below it (4102 covers 410202001). ``person`` is the blind index of
    the identity number the sign-on has verified, empty where it has verified none."""

    sub: str
    kind: Kind
    roles: tuple[str, ...] = ()
    divisions: tuple[str, ...] = ()
    locale: str = "zh-CN"
    person: str = ""

    def has_role(self, *roles: str) -> bool:
        return any(role in self.roles for role in roles)

    def covers(self, division: str) -> bool:
        return any(division.startswith(mine) for mine in self.divisions)

    def require_kind(self, *kinds: Kind) -> None:
        if self.kind not in kinds:
            raise Refusal(NOT_ALLOWED)

    def require_role(self, *roles: str) -> None:
        if not self.has_role(*roles):
            raise Refusal(NOT_ALLOWED)

    def require_division(self, division: str) -> None:
        if not self.covers(division):
            raise Refusal(OUT_OF_DIVISION)


@dataclass(frozen=True)
class Passport:
    """A token that was read: who calls, for which process and for what it was made, which process has signed it, and which passes him on ("" when he came
    himself)."""

    caller: Caller
    audience: str
    writes: bool
    signer: str
    carrier: str = ""


_current: ContextVar[Caller | None] = ContextVar("anju_caller", default=None)
_current_token: ContextVar[str | None] = ContextVar("anju_caller_token", default=None)
_current_carrier: ContextVar[str] = ContextVar("anju_carrier", default="")


def current_caller() -> Caller:
    """The caller of the RPC now being served. Raises Refusal(UNAUTHENTICATED) outside of one."""
    caller = _current.get()
    if caller is None:
        raise Refusal(UNAUTHENTICATED)
    return caller


def caller_if_known() -> Caller | None:
    """None for a stranger, who may call what is open to everybody."""
    return _current.get()


def current_token() -> str | None:
    return _current_token.get()


def current_carrier() -> str:
    """The process that passes the caller on, "" when he came himself."""
    return _current_carrier.get()


def set_current(caller: Caller | None, token: str | None, carrier: str = "") -> None:
    _current.set(caller)
    _current_token.set(token)
    _current_carrier.set(carrier)


def _process(name: str) -> Caller:
    return Caller(sub=f"system:{name}", kind="system", roles=(name,))


class Signer:
    """Signs callers with this process's key."""

    def __init__(self, key: OKPKey, issuer: str) -> None:
        self._key = key
        self.issuer = issuer
        self._cache: OrderedDict[tuple[Caller | str, str, bool], tuple[float, str]] = OrderedDict()

    def token(self, caller: Caller, audience: str, *, writes: bool) -> str:
        """The caller to the process ``audience``, for calls that write or for those that read."""
        said = {
            "sub": caller.sub,
            "kind": caller.kind,
            "roles": list(caller.roles),
            "divisions": list(caller.divisions),
            "locale": caller.locale,
            "person": caller.person,
        }
        return self._signed(caller, said, audience, writes)

    def passed_on(self, token: str, audience: str, *, writes: bool) -> str:
        """Who has called this process with ``token``, to the process ``audience``."""
        return self._signed(token, {"passes_on": token}, audience, writes)

    def _signed(self, whom: Caller | str, said: dict[str, Any], audience: str, writes: bool) -> str:
        now, key = time.time(), (whom, audience, writes)
        cached = self._cache.get(key)
        if cached is not None and cached[0] - now > TOKEN_SECONDS / 2:
            return cached[1]
        claims = {"iss": self.issuer, "aud": audience, "writes": writes, "exp": int(now) + TOKEN_SECONDS, **said}
        token = jwt.encode({"alg": _ALGORITHM, "kid": self.issuer}, claims, self._key, algorithms=[_ALGORITHM])
        self._cache[key] = (now + TOKEN_SECONDS, token)
        if len(self._cache) > 4096:
            self._cache.popitem(last=False)
        return token

    def system(self) -> Caller:
        """This process speaking for itself."""
        return _process(self.issuer)


class Verifier:
    """Checks tokens against the key set, and that the key may vouch for such a caller."""

    def __init__(self, key_set: dict[str, Any]) -> None:
        self._keys = KeySet.import_key_set({"keys": [{k: v for k, v in key.items() if k != "anju_kinds"} for key in key_set["keys"]]})
        self._kinds = {key["kid"]: frozenset(key["anju_kinds"]) for key in key_set["keys"]}
        self._cache: OrderedDict[str, tuple[float, Passport]] = OrderedDict()

    def passport(self, token: str) -> Passport:
        """Raises Refusal(UNAUTHENTICATED) for a token that is forged, expired or signed by a key that may not vouch for it, or that passes on somebody who
        was not calling its signer."""
        return self._read(token)[1]

    def _read(self, token: str, *, may_wrap: bool = True) -> tuple[float, Passport]:
        """With the second it ends."""
        now = time.time()
        cached = self._cache.get(token)
        if cached is not None:
            if cached[0] < now:
                raise Refusal(UNAUTHENTICATED)
            if cached[1].carrier and not may_wrap:
                raise Refusal(UNAUTHENTICATED)
            return cached
        try:
            decoded = jwt.decode(token, self._keys, algorithms=[_ALGORITHM])
            claims, kid = decoded.claims, str(decoded.header.get("kid", ""))
            audience, writes, ends = str(claims["aud"]), claims["writes"] is True, float(claims["exp"])
            if claims["iss"] != kid or ends + LEEWAY_SECONDS < now:
                raise Refusal(UNAUTHENTICATED)
            if "passes_on" in claims:
                read = (
                    self._carried(str(claims["passes_on"]), Passport(_process(kid), audience, writes, kid, kid), ends) if may_wrap else None
                )
            else:
                read = ends, Passport(self._named(claims, kid), audience, writes, kid)
        except (JoseError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Refusal(UNAUTHENTICATED) from error
        if read is None:
            raise Refusal(UNAUTHENTICATED)
        self._cache[token] = read
        if len(self._cache) > 4096:
            self._cache.popitem(last=False)
        return read

    def _carried(self, token: str, outer: Passport, ends: float) -> tuple[float, Passport]:
        """One hop, of a person, who has called the process that passes him on."""
        inner_ends, inner = self._read(token, may_wrap=False)
        if inner.audience != outer.carrier or inner.caller.kind == "system":
            raise Refusal(UNAUTHENTICATED)
        return min(ends, inner_ends), replace(outer, caller=inner.caller)

    def _named(self, claims: dict[str, Any], kid: str) -> Caller:
        caller = Caller(
            sub=str(claims["sub"]),
            kind=claims["kind"],
            roles=tuple(claims["roles"]),
            divisions=tuple(claims["divisions"]),
            locale=str(claims.get("locale", "zh-CN")),
            person=str(claims.get("person", "")),
        )
        # A process that speaks for itself is nobody else and has no division: only the web edge may name people.
        for_itself = caller.kind != "system" or replace(caller, locale="zh-CN") == _process(kid)
        if caller.kind not in self._kinds.get(kid, ()) or not for_itself:
            raise Refusal(UNAUTHENTICATED)
        return caller


def generate_keys(folder: Path, issuers: dict[str, tuple[Kind, ...]]) -> None:
    """Writes ``<issuer>.jwk`` (private, 0600) for every issuer that has none, and ``callers.jwks`` with the public halves."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    public = []
    for issuer, kinds in issuers.items():
        path = folder / f"{issuer}.jwk"
        if not path.exists():
            key = OKPKey.generate_key("Ed25519", {"kid": issuer})
            write_private(path, json.dumps(key.as_dict(private=True)), replace=False)
        key = load_key(path)
        public.append({**key.as_dict(private=False), "kid": issuer, "anju_kinds": list(kinds)})
    write_private(folder / "callers.jwks", json.dumps({"keys": public}))


def load_key(path: Path) -> OKPKey:
    return OKPKey.import_key(json.loads(path.read_text()))


def load_key_set(path: Path) -> dict[str, Any]:
    key_set: dict[str, Any] = json.loads(path.read_text())
    return key_set
