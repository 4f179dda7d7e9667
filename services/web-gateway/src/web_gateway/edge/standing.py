"""What a signed-on official may do: asked of organisation, and followed. The sign-on says who he is and no more (ADR 18).

A standing is kept here until something on record changes or the day does; whether something has changed is asked once in ``look_seconds``, for everybody
together. While organisation is away, what was known goes on for ``patience_seconds``, and nobody new is let in. Citizens have no standing: nothing of
theirs waits for it.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from anju.organisation.v1 import organisation_pb2 as organisation
from chassis import logs
from chassis.errors import RETRYABLE, Refusal
from chassis.identity import Caller
from chassis.wire import utc

from web_gateway.edge.session import Person
from web_gateway.services import Services

_log = logs.get(__name__)
MAX_KNOWN: Final = 10_000
CALL_SECONDS: Final = 3.0
# A look that gets no answer is not what requests wait for, one after the other.
LOOK_CALL_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 5.0


class StandingUnknownError(Exception):
    """Organisation is away, and has been for longer than what was known is good for."""


@dataclass(frozen=True)
class Capacity:
    """Duties somebody has in the same divisions, his own or those of ``acting_for``; every call is made in one of them."""

    id: str
    duties: tuple[str, ...]
    divisions: tuple[str, ...]
    acting_for: str = ""
    acting_for_name: str = ""


@dataclass(frozen=True)
class _Known:
    capacities: tuple[Capacity, ...]
    version: int
    good_until: float


class Standings:
    def __init__(self, services: Services, *, look_seconds: float, patience_seconds: float, clock: Callable[[], float] = time.time) -> None:
        self._services = services
        self._look_seconds = look_seconds
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()
        self._version = -1
        # When to look for changes next, and when organisation was heard last.
        self._look_at = float("-inf")
        self.heard_at = 0.0
        self._lock = asyncio.Lock()

    async def of(self, person: Person, *, afresh: bool = False) -> tuple[Capacity, ...]:
        """Everything the official may do now, his own first. ``afresh``: whatever is known here already. Raises StandingUnknownError."""
        key = (person.sub, person.index)
        known = self._known.get(key)
        if known is not None and not afresh and await self._is_current(known, person):
            self._known.move_to_end(key)
            return known.capacities
        try:
            answer = await self._services.client("organisation").call(
                self._services.organisation.GetStanding, organisation.GetStandingRequest(), timeout=CALL_SECONDS, caller=_nameless(person)
            )
        except Refusal as refusal:
            if refusal.problem.status not in RETRYABLE:
                raise
            if known is not None and not afresh and self._goes_on(known):
                return known.capacities
            raise StandingUnknownError from None
        found = _Known(tuple(_capacity(each) for each in answer.capacities), answer.version, utc(answer.good_until).timestamp())
        self._heard(max(answer.version, self._version))
        self._known[key] = found
        while len(self._known) > MAX_KNOWN:
            self._known.popitem(last=False)
        return found.capacities

    async def _is_current(self, known: _Known, person: Person) -> bool:
        """Whether nothing has changed since, as far as was heard in the last ``look_seconds``."""
        async with self._lock:
            if self._clock() >= self._look_at:
                await self._look(person)
        return known.version == self._version and self._goes_on(known)

    async def _look(self, person: Person) -> None:
        request = organisation.GetVersionRequest()
        try:
            answer = await self._services.client("organisation").call(
                self._services.organisation.GetVersion, request, timeout=LOOK_CALL_SECONDS, caller=_nameless(person)
            )
        except Refusal as refusal:
            if refusal.problem.status not in RETRYABLE:
                raise
            _log.warning("organisation_away", reason=refusal.problem.reason)
            self._look_at = self._clock() + AWAY_SECONDS
        else:
            self._heard(answer.version)

    def _heard(self, version: int) -> None:
        self._version, self.heard_at, self._look_at = version, self._clock(), self._clock() + self._look_seconds

    def _goes_on(self, known: _Known) -> bool:
        return self._clock() < known.good_until and self.is_good(self.heard_at)

    def is_good(self, heard_at: float) -> bool:
        """Whether what was heard from organisation at ``heard_at`` (seconds since 1970) may still be gone by."""
        return self._clock() - heard_at <= self._patience_seconds


def chosen(person: Person, capacities: Sequence[Capacity], acting: str) -> Person:
    """The person in the capacity he has chosen, in his first when there is no such (any more), with nothing when he has none."""
    found = next((each for each in capacities if each.id == acting), next(iter(capacities), None))
    if found is None:
        return replace(person, roles=(), divisions=(), acting_for="", acting_for_name="")
    return replace(
        person, roles=found.duties, divisions=found.divisions, acting_for=found.acting_for, acting_for_name=found.acting_for_name
    )


def _capacity(each: organisation.Capacity) -> Capacity:
    return Capacity(each.id, tuple(each.duties), tuple(each.divisions), each.acting_for, each.acting_for_name)


def _nameless(person: Person) -> Caller:
    """Who he is, and nothing he may do."""
    return Caller(sub=person.sub, kind=person.kind, person=person.index)
