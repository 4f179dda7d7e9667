"""Who is asking. The web edge signs the person it has authenticated into a short token; every service checks it again.

Each process has its own Ed25519 key. The key set says for every key which kinds of callers it may vouch for: only the web edge may speak for
citizens and staff; every other process speaks for itself ("system" with the role that is its name).

A process has a second key while one takes the place of another: the key set knows it before the process signs with it.

A token is good at one process, for reading or for writing. A process that has to ask another in the name of whoever is calling it wraps the token it was
called with into one of its own: who was not calling it cannot be passed on (RFC 8693 calls such a process the actor).
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey

from chassis.errors import NOT_ALLOWED, OUT_OF_DIVISION, UNAUTHENTICATED, Refusal
from chassis.files import Followed, write_private

Kind = Literal["citizen", "staff", "system"]
METADATA_KEY = "anju-caller"
TOKEN_SECONDS = 300
# Clocks of two machines may differ by this much.
LEEWAY_SECONDS = 60
_ALGORITHM = "Ed25519"
# File, in the folder of keys, of the public keys of all processes.
CALLERS = "callers.jwks"
_SINCE, _PROCESS, _KINDS = "anju_since", "anju_process", "anju_kinds"


@dataclass(frozen=True)
class Caller:
    """``sub`` is opaque; ``divisions`` are division codes, a code covers everything below it (4102 covers 410202001). ``person`` is the blind index of
    the identity number the sign-on has verified, empty where it has verified none. ``acting_for`` is the ``sub`` of whom an official stands in for in this
    call, whose duties it is made with; empty for his own. ``assisted_by`` is the ``sub`` of a clerk at a counter who types in a citizen's name, on his signed
    authorisation, and ``assistance`` the visit in which he does; empty for who is at the keyboard himself."""

    sub: str
    kind: Kind
    roles: tuple[str, ...] = ()
    divisions: tuple[str, ...] = ()
    locale: str = "zh-CN"
    person: str = ""
    acting_for: str = ""
    assisted_by: str = ""
    assistance: str = ""

    @property
    def accounts(self) -> tuple[str, ...]:
        """In whose names a citizen's matters stand: his own, and the one a counter has made of his person (``counter_account``). Other kinds have their own."""
        return accounts_of(self.sub, self.person) if self.kind == "citizen" else (self.sub,)

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


def counter_account(person: str) -> str:
    """The account of a household which a counter has acted for before anybody of it had signed on. ``person``: blind index of its applicant."""
    return f"counter-{hashlib.sha256(person.encode()).hexdigest()[:32]}"


def accounts_of(sub: str, person: str) -> tuple[str, ...]:
    """In whose names the matters of a citizen stand: his own account, and his person's at counters. ``person``: "" where none is verified."""
    return (sub, counter_account(person)) if person else (sub,)


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


@dataclass(frozen=True)
class OwnKeys:
    """The keys of one process, the newest last, each with the second from which it signs."""

    keys: tuple[tuple[float, OKPKey], ...] = field(repr=False)

    def signing(self) -> OKPKey:
        """The newest whose time has come."""
        now = time.time()
        return next((key for since, key in reversed(self.keys) if since <= now), self.keys[0][1])


@dataclass(frozen=True)
class KnownKeys:
    """The public keys of all processes; by the id of each, whose it is and for which kinds of callers it may vouch."""

    keys: KeySet
    processes: Mapping[str, str]
    kinds: Mapping[str, frozenset[str]]


class Signer:
    """Signs callers with this process's key."""

    def __init__(self, keys: OwnKeys | Followed[OwnKeys], issuer: str) -> None:
        self._keys = keys
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
            "acting_for": caller.acting_for,
            "assisted_by": caller.assisted_by,
            "assistance": caller.assistance,
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
        signing = (self._keys.now() if isinstance(self._keys, Followed) else self._keys).signing()
        token = jwt.encode({"alg": _ALGORITHM, "kid": signing.kid}, claims, signing, algorithms=[_ALGORITHM])
        self._cache[key] = (now + TOKEN_SECONDS, token)
        if len(self._cache) > 4096:
            self._cache.popitem(last=False)
        return token

    def system(self) -> Caller:
        """This process speaking for itself."""
        return _process(self.issuer)


class Verifier:
    """Checks tokens against the key set, and that the key may vouch for such a caller."""

    def __init__(self, known: KnownKeys | Followed[KnownKeys]) -> None:
        self._known = known
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
            decoded, known = self._decoded(token)
            claims, kid = decoded.claims, str(decoded.header.get("kid", ""))
            process = known.processes[kid]
            audience, writes, ends = str(claims["aud"]), claims["writes"] is True, float(claims["exp"])
            if claims["iss"] != process or ends + LEEWAY_SECONDS < now:
                raise Refusal(UNAUTHENTICATED)
            if "passes_on" in claims:
                read = (
                    self._carried(str(claims["passes_on"]), Passport(_process(process), audience, writes, process, process), ends)
                    if may_wrap
                    else None
                )
            else:
                read = ends, Passport(_named(claims, process, known.kinds[kid]), audience, writes, process)
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

    def _decoded(self, token: str) -> tuple[jwt.Token, KnownKeys]:
        """By the keys there are; when that fails, by those there are at this moment: another process may have seen a new one before this."""
        if not isinstance(self._known, Followed):
            return jwt.decode(token, self._known.keys, algorithms=[_ALGORITHM]), self._known
        known = self._known.now()
        try:
            return jwt.decode(token, known.keys, algorithms=[_ALGORITHM]), known
        except (JoseError, ValueError):
            fresh = self._known.now(at_once=True)
            if fresh is known:
                raise
            return jwt.decode(token, fresh.keys, algorithms=[_ALGORITHM]), fresh


def _named(claims: dict[str, Any], process: str, kinds: frozenset[str]) -> Caller:
    """Raises Refusal for whom a key of ``process`` may not vouch for."""
    caller = Caller(
        sub=str(claims["sub"]),
        kind=claims["kind"],
        roles=tuple(claims["roles"]),
        divisions=tuple(claims["divisions"]),
        locale=str(claims.get("locale", "zh-CN")),
        person=str(claims.get("person", "")),
        acting_for=str(claims.get("acting_for", "")),
        assisted_by=str(claims.get("assisted_by", "")),
        assistance=str(claims.get("assistance", "")),
    )
    # A process that speaks for itself is nobody else and has no division: only the web edge may name people.
    for_itself = caller.kind != "system" or replace(caller, locale="zh-CN") == _process(process)
    # A clerk types in the name of a citizen, in a visit that is on record.
    assisted = bool(caller.assisted_by), bool(caller.assistance)
    typed_by_whom = assisted == (False, False) or (caller.kind == "citizen" and all(assisted))
    if caller.kind not in kinds or not for_itself or not typed_by_whom:
        raise Refusal(UNAUTHENTICATED)
    return caller


def generate_keys(folder: Path, issuers: dict[str, tuple[Kind, ...]]) -> None:
    """Writes ``<issuer>.jwk`` (private, 0600) for every issuer that has none, and ``callers.jwks`` with the public halves."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for issuer in issuers:
        path = folder / f"{issuer}.jwk"
        if not path.exists():
            write_private(path, json.dumps({"keys": [_new_key(issuer, 0)]}), replace=False)
    _publish(folder, issuers)


def rotate_keys(folder: Path, issuers: dict[str, tuple[Kind, ...]], at: float) -> None:
    """One more key for every issuer, which signs from the second ``at`` on. Those whose last token has ended are forgotten: whoever has copied one has
    nothing any more. Raises FileNotFoundError."""
    now = time.time()
    for issuer in issuers:
        path = folder / f"{issuer}.jwk"
        keys = _own(path)
        ended = [each.get(_SINCE, 0) + TOKEN_SECONDS + 2 * LEEWAY_SECONDS < now for each in keys[1:]]
        needed = [key for key, over in zip(keys, [*ended, False], strict=True) if not over]
        write_private(path, json.dumps({"keys": [*needed, _new_key(f"{issuer}.{secrets.token_hex(4)}", at)]}))
    _publish(folder, issuers)


def _new_key(kid: str, since: float) -> dict[str, Any]:
    return {**OKPKey.generate_key("Ed25519", {"kid": kid}).as_dict(private=True), _SINCE: since}


def _publish(folder: Path, issuers: dict[str, tuple[Kind, ...]]) -> None:
    public = [
        {**key.as_dict(private=False), "kid": key.kid, _PROCESS: issuer, _KINDS: list(kinds)}
        for issuer, kinds in issuers.items()
        for _, key in load_key(folder / f"{issuer}.jwk").keys
    ]
    write_private(folder / CALLERS, json.dumps({"keys": public}))


def _own(path: Path) -> list[dict[str, Any]]:
    """Of the process, oldest first; a file of the time before keys were rotated is its one key."""
    raw = json.loads(path.read_text())
    keys: list[dict[str, Any]] = raw.get("keys", [raw])
    return keys


def load_key(path: Path) -> OwnKeys:
    return OwnKeys(tuple((float(each.pop(_SINCE, 0)), OKPKey.import_key(each)) for each in _own(path)))


def load_key_set(path: Path) -> KnownKeys:
    ours = (_PROCESS, _KINDS)
    keys = json.loads(path.read_text())["keys"]
    return KnownKeys(
        KeySet.import_key_set({"keys": [{name: value for name, value in key.items() if name not in ours} for key in keys]}),
        {key["kid"]: key[_PROCESS] for key in keys},
        {key["kid"]: frozenset(key[_KINDS]) for key in keys},
    )
