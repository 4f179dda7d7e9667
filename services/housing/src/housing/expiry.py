"""Offers whose time is over and whose household nobody serves: housing ends them itself, so that a home does not stay taken for ever.

While the household's workflow is open it ends the offer, by the household's own calendar. One that is gone (a database restored behind the engine, a
mistake of an operator) never will; the household goes back on the list, and the checker says that nobody works on it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from anju_contracts import waiting
from casekit.engine import Engine, Standing
from casekit.facts import record
from chassis import logs
from chassis.db import Database

from housing import facts, store
from housing.tables import UNSERVED

_log = logs.get(__name__)
ROUND_SECONDS: Final = 60.0
# An offer is over at the end of its last day; until well after it, its own workflow is given the time to say so.
GRACE: Final = timedelta(hours=6)


async def end_expired(database: Database, engine: Engine, now: datetime | None = None) -> int:
    """Ends the offers of one round; gives how many. While the engine is away nothing is known of anybody, and it raises."""
    now = now or datetime.now(UTC)
    async with database.transaction() as session:
        overdue = await store.overdue_offers(session, now - GRACE)
    ended = 0
    for offer_id, application_no in overdue:
        if await engine.standing(waiting.workflow_id(application_no)) is Standing.OPEN:
            continue
        async with database.transaction() as session:
            offer = await store.lock_offer(session, offer_id)
            if offer is None or offer.state != "open":
                continue
            # Nobody could answer it: it does not count among the offers the household let pass.
            await store.close_offer(session, offer_id, "expired", UNSERVED, now)
            await store.set_waiting_state(session, application_no, ("offered",), "waiting", None)
            entry = await store.waiting(session, application_no)
            assert entry is not None
            await record(session, facts.answered(entry, offer_id, "expired", now))
        _log.error("offer_expired_without_a_workflow", offer=offer_id, application_no=application_no)
        ended += 1
    return ended
