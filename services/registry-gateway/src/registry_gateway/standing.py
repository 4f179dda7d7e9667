"""How the registers stand, for the platform's operators: numbers of cases and instants, nothing about a person."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from anju.registry.v1 import registry_pb2 as pb
from anju_calendar import local_date, start_of_day
from chassis.db import Database
from chassis.operations import Count
from chassis.wire import stamp

from registry_gateway import store
from registry_gateway.lookups import Lookups

# So many are named; the number of all is said beside them.
MOST: Final = 1000

# The longest pause between two tries of a lookup begun on that day.
LongestRetry = Callable[[datetime], timedelta]


class Standing:
    def __init__(self, database: Database, lookups: Lookups, longest_retry: LongestRetry) -> None:
        self._database = database
        self._lookups = lookups
        self._longest_retry = longest_retry

    async def now(self) -> pb.ListRegistersResponse:
        now = datetime.now(UTC)
        offices = [(code, office) for code, connector in self._lookups.connectors.items() for office in connector.endpoints]
        async with self._database.statements() as session:
            rows = await store.offices(session, offices)
            # A lookup that waits is tried again within the longest pause; one that is not does not wait any more.
            waiting, total = await store.waiting_lookups(session, now - 2 * self._longest_retry(now), MOST)
        response = pb.ListRegistersResponse(waiting_total=total)
        for row in rows:
            seen = self._lookups.silences.get((row.register_name, row.endpoint))
            own = seen is not None and (row.failed_at is None or seen.at > row.failed_at)
            response.offices.add(
                register=row.register_name,
                endpoint=row.endpoint,
                answered_at=stamp(row.answered_at),
                failed_at=stamp(seen.at if seen is not None and own else row.failed_at),
                fault=seen.fault.value if seen is not None and own else row.fault,
                failures=max(row.failures, seen.count if seen is not None else 0),
                paused_until=stamp(self._lookups.paused_until(row.register_name, row.endpoint, now, time.monotonic())),
            )
        for row in waiting:
            response.waiting.add(
                application_no=row.application_no,
                register=row.register_name,
                since=stamp(row.begun_at),
                tried_at=stamp(row.tried_at),
                tries=row.tries,
            )
        return response

    def alarms(self) -> dict[str, Count]:
        """Since the beginning of the day, in China."""
        return {name: partial(self._doubtful, name) for name in ("bad_signature", "mismatch")}

    async def _doubtful(self, name: str) -> int:
        async with self._database.statements() as session:
            row = await store.doubtful(session, start_of_day(local_date(datetime.now(UTC))))
        return int(row._mapping[name])
