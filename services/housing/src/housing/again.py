"""Households and leases whose workflow is gone: which they are, and with what it is started again (``casekit.blocked``)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime

import anju_calendar as calendar
from anju_contracts import lease, waiting
from anju_contracts.base import Place
from casekit.blocked import Again, Open
from casekit.words import Words
from chassis.errors import NOT_FOUND, Refusal
from sqlalchemy.ext.asyncio import AsyncSession

from housing import store, wire
from housing.tables import Lease, Waiting
from housing.terms import TermsOf

# The list's own word for a household that has accepted a home and is not off the list yet; its workflow is past that.
_STAGES = {"leasing": "leased"}


class Households:
    """Places on the list, behind ``Waiting`` workflows."""

    type = waiting.NAME

    def __init__(self, words: Words, *, separate_queues: bool) -> None:
        self._words = words
        self._separate_queues = separate_queues

    def prefix(self) -> str:
        return waiting.workflow_id("")

    async def open(self, session: AsyncSession) -> Sequence[Open]:
        return [
            Open(
                waiting.workflow_id(entry.application_no),
                _stage(entry),
                waiting.MOVES.stages[_stage(entry)],
                {"waiting": "house_manager", "offered": "citizen"}.get(entry.state, "nobody"),
                answer_by if entry.state == "offered" else entry.expires_at,
                entry.blocked_at,
            )
            for entry, answer_by in await store.served_households(session)
        ]

    async def again(self, session: AsyncSession, workflow_id: str, generation: int) -> Again | None:
        no = workflow_id.removeprefix(self.prefix())
        entry = await store.waiting(session, no, lock=True)
        if entry is None:
            raise Refusal(NOT_FOUND)
        if entry.state in waiting.MOVES.ends:
            return None
        offers = await store.offers_of(session, no)
        known = max([entry.registered_at, *(found.offer.closed_at or found.offer.made_at for found in offers)])
        given = waiting.WaitingInput(
            application_no=no,
            owner=entry.owner,
            place=Place(district=entry.district, street=entry.street),
            separate_queues=self._separate_queues,
            generation=generation,
            not_before=known,
        )
        await self._words.begun_again(session, workflow_id)
        # An offer no workflow has taken is made to the household by the one that is started now.
        unheard = any(found.offer.state == "open" and found.offer.answer_by is None for found in offers)
        return Again(given, f"{waiting.MOVES.title} {no}", {}, "waiting" if unheard else _stage(entry))

    async def mark(self, session: AsyncSession, workflow_ids: Collection[str], at: datetime | None) -> None:
        await store.mark_blocked_households(session, [each.removeprefix(self.prefix()) for each in workflow_ids], at)


class Leases:
    """Leases, behind ``Lease`` workflows."""

    type = lease.NAME

    def __init__(self, words: Words, terms_of: TermsOf, *, separate_queues: bool) -> None:
        self._words = words
        self._terms_of = terms_of
        self._separate_queues = separate_queues

    def prefix(self) -> str:
        return lease.workflow_id("")

    async def open(self, session: AsyncSession) -> Sequence[Open]:
        """A lease is drafted while its household is being taken off the list; its workflow is started by the household's after that."""
        return [
            Open(
                lease.workflow_id(found.no),
                found.state,
                lease.MOVES.stages[found.state],
                "nobody" if found.state == "active" else "citizen",
                {"signing": found.sign_by, "active": calendar.end_of_day(found.ends_on) if found.ends_on else None}.get(found.state),
                found.blocked_at,
            )
            for found in await store.served_leases(session)
        ]

    async def again(self, session: AsyncSession, workflow_id: str, generation: int) -> Again | None:
        no = workflow_id.removeprefix(self.prefix())
        found = await store.lock_lease(session, no)
        leased = await store.lease(session, no)
        if found is None or leased is None:
            raise Refusal(NOT_FOUND)
        if found.state in lease.MOVES.ends:
            return None
        kept = await store.contract(session, found.word_id)
        terms_on = kept.terms_on if kept is not None else None
        given = self._given(found, terms_on, wire.unit_name(leased.home), generation)
        await self._words.begun_again(session, workflow_id)
        return Again(given, f"{lease.MOVES.title} {no}", {}, found.state, found.version)

    async def mark(self, session: AsyncSession, workflow_ids: Collection[str], at: datetime | None) -> None:
        await store.mark_blocked_leases(session, [each.removeprefix(self.prefix()) for each in workflow_ids], at)

    def _given(self, found: Lease, terms_on: date | None, unit: str, generation: int) -> lease.LeaseInput:
        terms = term = None
        if found.signed_at is not None:
            # The terms of the day of signing, as they were fixed then.
            terms = self._terms_of(terms_on or calendar.local_date(found.signed_at)).of_lease(found.monthly_rent_fen, found.deposit_fen)
        if found.starts_on is not None and found.ends_on is not None:
            term = lease.Term(starts_on=found.starts_on, ends_on=found.ends_on)
        known = [found.drafted_at, *([found.signed_at] if found.signed_at else [])]
        if found.starts_on is not None:
            known.append(calendar.start_of_day(found.starts_on))
        return lease.LeaseInput(
            lease_no=found.no,
            application_no=found.application_no,
            owner=found.owner,
            place=Place(district=found.district, street=found.street),
            unit=unit,
            sign_by=found.sign_by,
            separate_queues=self._separate_queues,
            generation=generation,
            again=True,
            not_before=max(known),
            stage=found.state,
            terms=terms,
            term=term,
        )


def _stage(entry: Waiting) -> str:
    return _STAGES.get(entry.state, entry.state)
