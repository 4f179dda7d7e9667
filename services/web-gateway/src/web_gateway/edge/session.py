"""The session of a signed-on person: sealed in a cookie, so any replica can serve him and nothing is stored about him here.

The cookie holds what the API needs on every call and what prefills the form; AES-256-GCM by a key ring of the edge's own, which opens nothing else, so
that it can neither be read nor forged. A session slides for half an hour and ends after eight hours (settings). Signing off is remembered until then (``signed_off``).
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal

from aiohttp import web
from chassis.crypto import DecryptionError, KeyRing

from web_gateway.edge.signed_off import SignedOff

PersonKind = Literal["citizen", "staff"]
_SESSION_PLACE: Final = "web-gateway|cookie|session"
_SIGN_ON_PLACE: Final = "web-gateway|cookie|sign-on"
# Browsers drop a cookie over 4096 bytes silently, and a person would be signed on to nothing.
MAX_COOKIE_BYTES: Final = 3800
SIGN_ON_SECONDS: Final = 600
# Every answer would carry a new cookie otherwise.
RESEAL_AFTER_SECONDS: Final = 60


@dataclass(frozen=True)
class Prefill:
    """What the real-name sign-on knows and the form may start with; goes to this person only."""

    name: str
    id_number: str
    phone: str


@dataclass(frozen=True)
class Person:
    sub: str
    kind: PersonKind
    name: str
    roles: tuple[str, ...] = ()
    divisions: tuple[str, ...] = ()
    locale: str = "zh-CN"
    prefill: Prefill | None = None
    # Blind index of the verified identity number; empty when the sign-on knows none.
    index: str = ""
    # Whom an official stands in for: account and name; empty for himself.
    acting_for: str = ""
    acting_for_name: str = ""
    # The account of the clerk at a counter who types in this person's name, and the visit in which he does; empty for who is there himself.
    assisted_by: str = ""
    assistance: str = ""

    @property
    def signs_as(self) -> str:
        """The name under what an official says: his own, and of whom he stands in for."""
        return f"{self.name}（代 {self.acting_for_name}）" if self.acting_for else self.name


@dataclass(frozen=True)
class Session:
    id: str
    person: Person
    signed_on_at: int
    sealed_at: int
    # Of an official: the capacity he has chosen ("" for his first), and when his duties, as the person has them here, were last heard from organisation.
    acting: str = ""
    standing_at: int = 0


@dataclass(frozen=True)
class SignOn:
    """What one sign-on on its way must find again: state against forged answers, nonce against replayed tokens, PKCE verifier."""

    state: str
    nonce: str
    verifier: str
    next: str
    at: int


class Sessions:
    def __init__(
        self,
        ring: KeyRing,
        *,
        idle_seconds: int,
        seconds: int,
        secure: bool,
        signed_off_dir: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ring = ring
        self._idle_seconds = idle_seconds
        self._seconds = seconds
        self._secure = secure
        self._clock = clock
        self._signed_off = SignedOff(signed_off_dir, clock)
        # The __Host- prefix makes a browser refuse the cookie from a subdomain or over plain HTTP.
        self.cookie = "__Host-anju_session" if secure else "anju_session"
        self.sign_on_cookie = "__Secure-anju_sign_on" if secure else "anju_sign_on"

    # -- the session -----------------------------------------------------------------------------------------------------------------

    def start(self, person: Person) -> Session:
        now = int(self._clock())
        return Session(secrets.token_urlsafe(18), person, now, now)

    def put(self, response: web.StreamResponse, session: Session) -> None:
        """Writes the cookie, for half an hour from now at most. Raises ValueError when it would not fit into one."""
        session = replace(session, sealed_at=int(self._clock()))
        sealed = self._seal(_SESSION_PLACE, asdict(session))
        if len(sealed) > MAX_COOKIE_BYTES:
            raise ValueError("the session does not fit into a cookie")
        left = session.signed_on_at + self._seconds - session.sealed_at
        response.set_cookie(
            self.cookie, sealed, max_age=max(0, min(self._idle_seconds, left)), path="/", httponly=True, secure=self._secure, samesite="Lax"
        )

    def find(self, request: web.Request) -> Session | None:
        """The live session of a request; None for no cookie, a forged or an ended one."""
        raw = self._open(_SESSION_PLACE, request.cookies.get(self.cookie, ""))
        if raw is None:
            return None
        try:
            session = _session(raw)
        except (KeyError, TypeError):
            return None
        now = self._clock()
        ended = now >= session.signed_on_at + self._seconds or now >= session.sealed_at + self._idle_seconds
        return None if ended or self.is_signed_off(session) else session

    def is_signed_off(self, session: Session) -> bool:
        """By the person himself, here or at another replica, or by the city sign-on."""
        return session.id in self._signed_off or self.is_over_for(session.person.sub, session.signed_on_at)

    def is_over_for(self, sub: str, since: float) -> bool:
        """Whether the city sign-on has ended what this person signed on for at ``since``."""
        return since <= self._signed_off.ended_at(sub)

    def end_person(self, sub: str, at: int) -> None:
        self._signed_off.end_person(sub, at, at + self._seconds)

    def is_stale(self, session: Session) -> bool:
        return self._clock() - session.sealed_at >= RESEAL_AFTER_SECONDS

    def ends_at(self, session: Session) -> float:
        return float(min(session.signed_on_at + self._seconds, session.sealed_at + self._idle_seconds))

    def end(self, response: web.StreamResponse, session: Session | None) -> None:
        """Forgets the cookie and remembers that a copy of it is worth nothing."""
        response.del_cookie(self.cookie, path="/", httponly=True, secure=self._secure, samesite="Lax")
        if session is not None:
            self._signed_off.add(session.id, session.signed_on_at + self._seconds)

    def csrf_token(self, session: Session) -> str:
        """Bound to the session, so a token of one session is worth nothing in another, and nothing has to be stored."""
        digest = hmac.new(self._ring.index_key, f"csrf\x1f{session.id}".encode(), sha256).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def csrf_ok(self, session: Session, token: str) -> bool:
        return hmac.compare_digest(self.csrf_token(session).encode(), token.encode("utf-8", "replace"))

    def device_key(self, sub: str, person: str, device: str) -> bytes:
        """Seals what one official keeps in one browser until it can be sent: the same whenever he signs on there, and nobody else's. Nothing is stored."""
        return hmac.digest(self._ring.index_key, f"device\x1f{sub}\x1f{person}\x1f{device}".encode(), "sha256")

    # -- a sign-on on its way --------------------------------------------------------------------------------------------------------

    def new_sign_on(self, next_path: str) -> SignOn:
        return SignOn(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), next_path, int(self._clock()))

    def put_sign_on(self, response: web.StreamResponse, sign_on: SignOn) -> None:
        response.set_cookie(
            self.sign_on_cookie,
            self._seal(_SIGN_ON_PLACE, asdict(sign_on)),
            max_age=SIGN_ON_SECONDS,
            path="/auth",
            httponly=True,
            secure=self._secure,
            samesite="Lax",
        )

    def find_sign_on(self, request: web.Request) -> SignOn | None:
        raw = self._open(_SIGN_ON_PLACE, request.cookies.get(self.sign_on_cookie, ""))
        if raw is None:
            return None
        try:
            sign_on = SignOn(**raw)
        except TypeError:
            return None
        return sign_on if self._clock() - sign_on.at < SIGN_ON_SECONDS else None

    def end_sign_on(self, response: web.StreamResponse) -> None:
        response.del_cookie(self.sign_on_cookie, path="/auth", httponly=True, secure=self._secure, samesite="Lax")

    # -- sealing ---------------------------------------------------------------------------------------------------------------------

    def _seal(self, place: str, value: dict[str, Any]) -> str:
        plain = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._ring.encrypt(plain, place)).rstrip(b"=").decode()

    def _open(self, place: str, text: str) -> dict[str, Any] | None:
        if not text or len(text) > MAX_COOKIE_BYTES:
            return None
        try:
            sealed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            value = json.loads(self._ring.decrypt(sealed, place))
        except (DecryptionError, binascii.Error, ValueError):
            return None
        return value if isinstance(value, dict) else None


def _session(raw: dict[str, Any]) -> Session:
    person = raw["person"]
    prefill = person["prefill"]
    return Session(
        id=raw["id"],
        signed_on_at=raw["signed_on_at"],
        sealed_at=raw["sealed_at"],
        acting=raw["acting"],
        standing_at=raw["standing_at"],
        person=Person(
            sub=person["sub"],
            kind=person["kind"],
            name=person["name"],
            roles=tuple(person["roles"]),
            divisions=tuple(person["divisions"]),
            locale=person["locale"],
            prefill=Prefill(**prefill) if prefill else None,
            index=person["index"],
            acting_for=person["acting_for"],
            acting_for_name=person["acting_for_name"],
        ),
    )
