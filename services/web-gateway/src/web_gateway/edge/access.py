"""Who is asking: a session cookie or a bearer token, the CSRF check for the cookie, and the limits per person and address."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import Final

from aiohttp import web
from chassis.identity import Caller

from web_gateway.api.problems import problem
from web_gateway.edge import limits
from web_gateway.edge.language import Locale, negotiate
from web_gateway.edge.oidc import Bearer, Issuer, SignOnRefusedError, SignOnUnavailableError
from web_gateway.edge.session import Person, Session, Sessions
from web_gateway.edge.standing import Capacity, Standings, StandingUnknownError, chosen

# The services want an identity on every call. This one owns nothing and has no division, so it sees what everybody may see.
EVERYBODY: Final = Person(sub="everybody", kind="citizen", name="")
UNSAFE: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CSRF_HEADER: Final = "X-CSRF-Token"


@dataclass
class Visit:
    """What the edge knows of one request; kept on the request for the layers above and below."""

    trace_id: str
    locale: Locale
    address: str
    taken: list[limits.Taken] = field(default_factory=list)
    person: Person | None = None
    session: Session | None = None
    bearer: Bearer | None = None
    # Of an official: everything he may do now; he is let in in one of them.
    capacities: tuple[Capacity, ...] = ()
    reseal: bool = False


VISIT: Final = web.RequestKey("anju_visit", Visit)


class Gate:
    """Opens for whom the token or the cookie names."""

    def __init__(self, sessions: Sessions, issuer: Issuer, standings: Standings, people: limits.Buckets) -> None:
        self._sessions = sessions
        self._issuer = issuer
        self._standings = standings
        self._people = people

    async def identify(self, request: web.Request, *, slides: bool = True) -> Person | None:
        """The person behind a request, or None. Raises a problem for a bad bearer token, a missing CSRF token, or too many requests.

        A request with both a bearer token and a cookie is the token's: browsers add cookies by themselves, scripts add tokens on purpose.
        """
        visit = request[VISIT]
        authorization = request.headers.getall("Authorization", [])
        if authorization:
            visit.bearer = await self._by_token(authorization)
            visit.person = visit.bearer.person
        else:
            visit.session = self._sessions.find(request)
            if visit.session is None:
                return None
            visit.person = visit.session.person
            if request.method in UNSAFE and not self._sessions.csrf_ok(visit.session, request.headers.get(CSRF_HEADER, "")):
                raise problem("CSRF_TOKEN_REQUIRED")
            visit.reseal = slides and self._sessions.is_stale(visit.session)
        visit.locale = negotiate(request.headers.get("Accept-Language", ""), visit.person.locale)
        self.limit(visit, self._people, visit.person.sub)
        if visit.person.kind == "staff":
            visit.person = await self._with_duties(visit, visit.person)
        return visit.person

    async def _with_duties(self, visit: Visit, person: Person) -> Person:
        """The official in the capacity he has chosen. Raises the problem 503 when nobody can say what he may do."""
        session = visit.session
        try:
            visit.capacities = await self._standings.of(person)
        except StandingUnknownError:
            # Another replica, or this one before it was started again, knew it: what it knew is sealed in the cookie.
            if session is None or not self._standings.is_good(session.standing_at):
                raise problem("STANDING_UNKNOWN", headers={"Retry-After": "5"}) from None
            return person
        person = chosen(person, visit.capacities, session.acting if session is not None else "")
        if session is not None:
            visit.session = replace(session, person=person, standing_at=int(self._standings.heard_at))
        return person

    async def is_still_in(self, visit: Visit) -> bool:
        """Whether who was let in would be let in again now, with the same duties: for what goes on after it was opened."""
        bearer, person = visit.bearer, visit.person
        if visit.session is not None and self._sessions.is_signed_off(visit.session):
            return False
        if bearer is not None and (time.time() >= bearer.expires_at or self._sessions.is_over_for(bearer.person.sub, bearer.issued_at)):
            return False
        if person is None or person.kind == "citizen":
            return True
        try:
            capacities = await self._standings.of(person)
        except StandingUnknownError:
            return False
        mine = person.roles, person.divisions, person.acting_for
        return any((each.duties, each.divisions, each.acting_for) == mine for each in capacities)

    async def _by_token(self, authorization: list[str]) -> Bearer:
        scheme, _, token = authorization[0].partition(" ")
        if len(authorization) > 1 or scheme.lower() != "bearer" or not token:
            raise _bad_token()
        try:
            bearer = await self._issuer.bearer(token.strip())
        except SignOnRefusedError:
            raise _bad_token() from None
        except SignOnUnavailableError:
            raise problem("UNAVAILABLE", headers={"Retry-After": "2"}) from None
        if self._sessions.is_over_for(bearer.person.sub, bearer.issued_at):
            raise _bad_token()
        return bearer

    @staticmethod
    def limit(visit: Visit, buckets: limits.Buckets, key: str) -> None:
        """Takes one request from a bucket. Raises the problem 429 when it is empty."""
        taken = buckets.take(key)
        visit.taken.append(taken)
        if not taken.allowed:
            raise problem("TOO_MANY_REQUESTS")


def _bad_token() -> Exception:
    return problem("UNAUTHENTICATED", headers={"WWW-Authenticate": 'Bearer error="invalid_token"'})


def caller(person: Person, locale: Locale) -> Caller:
    """The person as the services see him: who, what he may do and where and for whom, and his language; no name, and of his number the blind index."""
    return Caller(
        sub=person.sub,
        kind=person.kind,
        roles=person.roles,
        divisions=person.divisions,
        locale=locale,
        person=person.index,
        acting_for=person.acting_for,
        assisted_by=person.assisted_by,
        assistance=person.assistance,
    )
