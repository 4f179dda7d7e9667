"""Bills whose workflow is gone: which they are, and with what it is started again (``casekit.blocked``)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta

from anju_contracts import rent_cycle
from anju_contracts.base import Place
from anju_contracts.rent import Line
from casekit.blocked import Again, Open
from chassis.errors import NOT_FOUND, Refusal
from sqlalchemy.ext.asyncio import AsyncSession

from payments import store
from payments.tables import Bill


class Bills:
    """Records of payments behind ``RentCycle`` workflows. ``now`` is the wall clock."""

    type = rent_cycle.NAME

    def __init__(self, now: Callable[[], datetime], *, separate_queues: bool) -> None:
        self._now = now
        self._separate_queues = separate_queues

    def prefix(self) -> str:
        return rent_cycle.workflow_id("")

    async def open(self, session: AsyncSession) -> Sequence[Open]:
        """Those that may still be paid, and those which ended while nobody worked on them: their lease has not heard of it."""
        return [
            Open(
                rent_cycle.workflow_id(bill.id),
                bill.state,
                rent_cycle.MOVES.stages[bill.state],
                "nobody" if bill.state in rent_cycle.MOVES.ends else "citizen",
                bill.due_at,
                bill.blocked_at,
            )
            for bill in await store.served_bills(session)
        ]

    async def again(self, session: AsyncSession, workflow_id: str, generation: int) -> Again | None:
        bill = await store.lock_bill(session, workflow_id.removeprefix(self.prefix()))
        if bill is None:
            raise Refusal(NOT_FOUND)
        if bill.state in rent_cycle.MOVES.ends and bill.blocked_at is None:
            return None
        return Again(self._given(bill, generation), f"{rent_cycle.MOVES.title} {bill.id}", {}, bill.state)

    async def mark(self, session: AsyncSession, workflow_ids: Collection[str], at: datetime | None) -> None:
        await store.mark_blocked(session, [each.removeprefix(self.prefix()) for each in workflow_ids], at)

    def _given(self, bill: Bill, generation: int) -> rent_cycle.RentCycleInput:
        days = timedelta(days=1)
        return rent_cycle.RentCycleInput(
            bill_id=bill.id,
            lease_no=bill.lease_no,
            application_no=bill.application_no,
            owner=bill.owner,
            place=Place(district=bill.district, street=bill.street),
            kind=bill.kind,
            period=bill.period,
            amount_fen=bill.amount_fen,
            lines=tuple(Line.model_validate(line) for line in bill.lines),
            # Its clock is not set back, where clocks are simulated.
            not_before=max(bill.issued_at, self._now() + bill.ahead),
            clocks=rent_cycle.Clocks(
                due_days=max(1, (bill.due_at - bill.issued_at) // days),
                reminder_days=tuple(bill.reminder_days),
                arrears_days=max(0, (bill.arrears_at - bill.due_at) // days) if bill.arrears_at is not None else 0,
                payment_poll_seconds=bill.payment_poll_seconds,
            ),
            separate_queues=self._separate_queues,
            generation=generation,
        )
