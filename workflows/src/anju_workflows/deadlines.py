"""When a wait ends. Every duration comes with the case (the city profile of the day its terms were fixed); nothing here knows a number."""

from __future__ import annotations

from datetime import datetime, timedelta

import anju_calendar as calendar
from anju_contracts import application, complaint, rent_cycle


def review(now: datetime, level: application.Level) -> datetime:
    """End of the last working day of a level's review (domain: 3 to 7 working days by city; public notice and corrections do not count)."""
    return calendar.working_days_after(now, level.working_days)


def reminder(deadline: datetime, clocks: application.Clocks) -> datetime:
    return calendar.working_days_before(deadline, clocks.review_reminder_wd_before)


def next_escalation(now: datetime, clocks: application.Clocks | complaint.Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.escalation_repeat_wd)


def lookups(now: datetime, clocks: application.Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.lookup_wd)


def correction(now: datetime, clocks: application.Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.correction_wd)


def confirmation(now: datetime, clocks: application.Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.confirmation_wd)


def objection_review(now: datetime, clocks: application.Clocks) -> datetime:
    """15 working days: Order 11, article 9."""
    return calendar.working_days_after(now, clocks.objection_review_wd)


def public_notice(now: datetime, clocks: application.Clocks) -> datetime:
    """Calendar days, to the end of the last one."""
    return calendar.days_after(now, clocks.public_notice_days)


def complaint_accepted(now: datetime, clocks: complaint.Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.accept_wd)


def complaint_answered(now: datetime, stage: str, clocks: complaint.Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.misuse_wd if stage == "investigating" else clocks.answer_wd)


def complaint_rated(now: datetime, clocks: complaint.Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.rating_wd)


def complaint_reminder(deadline: datetime, clocks: complaint.Clocks) -> datetime:
    return calendar.working_days_before(deadline, clocks.reminder_wd_before)


def bill_due(issued_at: datetime, clocks: rent_cycle.Clocks) -> datetime:
    return calendar.days_after(issued_at, clocks.due_days)


def bill_reminders(due: datetime, clocks: rent_cycle.Clocks) -> list[datetime]:
    return [due + timedelta(days=days) for days in clocks.reminder_days]


def bill_arrears(due: datetime, clocks: rent_cycle.Clocks) -> datetime:
    return due + timedelta(days=clocks.arrears_days)


def china_day(instant: datetime) -> str:
    """2026年11月23日, as operators read it."""
    day = calendar.local_date(instant)
    return f"{day.year}年{day.month}月{day.day}日"


def china_month(period: str) -> str:
    """202612 -> 2026年12月."""
    return f"{period[:4]}年{int(period[4:])}月"


def yuan(fen: int) -> str:
    """1234567 fen -> 12,345.67 元."""
    return f"{fen // 100:,}.{fen % 100:02d} 元"
