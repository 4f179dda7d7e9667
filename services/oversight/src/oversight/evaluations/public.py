"""What everybody may read of evaluations: how many said what in a month that is over."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final

import anju_calendar as calendar
from anju.oversight.v1 import oversight_pb2 as pb
from chassis import wire
from chassis.db import Database
from chassis.errors import invalid

from oversight.domain import figures
from oversight.evaluations import store

MAX_MONTHS: Final = 36


class Public:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def figures(self, request: pb.GetEvaluationFiguresRequest, today: date | None = None) -> pb.GetEvaluationFiguresResponse:
        """Raises Refusal(INVALID_FIELDS) for what is no month, or one that is not over: its figures still change, and a change would show who came last."""
        running = (today or calendar.local_date(datetime.now(UTC))).replace(day=1)
        since = wire.day(f"{request.month}-01", "/month") if request.month else _before(running)
        if since >= running:
            raise invalid([wire.wrong("/month", "当月的评价在下月1日公布。", "A month is published once it is over.")])
        async with self._database.snapshot() as session:
            counted = await store.counted(session, since, _after(since))
            months = await store.months(session, running, MAX_MONTHS)
        found = figures.figures(counted)
        answer = pb.GetEvaluationFiguresResponse(
            month=f"{since:%Y-%m}", total=pb.Figures(counts=found.total), months=[f"{month:%Y-%m}" for month in months]
        )
        for name, into in (("item", answer.items), ("channel", answer.channels), ("division", answer.divisions)):
            breakdown = found.by.get(name, figures.Breakdown())
            into.hidden = breakdown.hidden
            for code, counts in breakdown.shown.items():
                into.groups.add(code=code, counts=counts)
        return answer


def _before(month: date) -> date:
    return month.replace(year=month.year - 1, month=12) if month.month == 1 else month.replace(month=month.month - 1)


def _after(month: date) -> date:
    return month.replace(year=month.year + 1, month=1) if month.month == 12 else month.replace(month=month.month + 1)
