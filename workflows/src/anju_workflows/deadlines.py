"""When a wait ends. Every duration comes from the case's clocks (the city profile it was started under); nothing here knows a number."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from chassis import calendar

from anju_workflows.contracts import Clocks, Level


def review(now: datetime, level: Level, clocks: Clocks) -> datetime:
    """End of the last working day of a level's review (domain: 3 to 7 working days by city; public notice and corrections do not count)."""
    days = {Level.STREET: clocks.street_review_wd, Level.DISTRICT: clocks.district_review_wd, Level.CITY: clocks.city_review_wd}[level]
    return calendar.working_days_after(now, days)


def reminder(deadline: datetime, clocks: Clocks) -> datetime:
    return calendar.working_days_before(deadline, clocks.review_reminder_wd_before)


def next_escalation(now: datetime, clocks: Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.escalation_repeat_wd)


def lookups(now: datetime, clocks: Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.lookup_wd)


def correction(now: datetime, clocks: Clocks) -> datetime:
    return calendar.working_days_after(now, clocks.correction_wd)


def objection_review(now: datetime, clocks: Clocks) -> datetime:
    """15 working days: Order 11, article 9."""
    return calendar.working_days_after(now, clocks.objection_review_wd)


def public_notice(now: datetime, clocks: Clocks) -> datetime:
    """Calendar days, to the end of the last one."""
    return calendar.days_after(now, clocks.public_notice_days)


def waiting_limit(registered_at: datetime, clocks: Clocks) -> datetime:
    """Five years from registration: Order 11, article 10."""
    return months_after(registered_at, clocks.waiting_limit_months)


def waiting_alarms(registered_at: datetime, clocks: Clocks) -> list[datetime]:
    return [months_after(registered_at, months) for months in clocks.waiting_alarm_months]


def months_after(instant: datetime, months: int) -> datetime:
    return calendar.end_of_day(calendar.add_months(calendar.local_date(instant), months))


def offer(now: datetime, clocks: Clocks) -> datetime:
    return calendar.days_after(now, clocks.offer_open_days)


def signing(now: datetime, clocks: Clocks) -> datetime:
    return calendar.days_after(now, clocks.sign_days)


def deposit(now: datetime, clocks: Clocks) -> datetime:
    return calendar.days_after(now, clocks.deposit_days)


def rent_due(issued_at: datetime, clocks: Clocks) -> datetime:
    return calendar.days_after(issued_at, clocks.rent_due_days)


def rent_reminders(due: datetime, clocks: Clocks) -> list[datetime]:
    return [due + timedelta(days=days) for days in clocks.rent_reminder_days]


def rent_arrears(due: datetime, clocks: Clocks) -> datetime:
    return due + timedelta(days=clocks.rent_arrears_days)


def lease_month(starts_on: date, month: int) -> date:
    """First day of a month of a lease, counted from 0."""
    return calendar.add_months(starts_on, month)


def china_day(instant: datetime) -> str:
    """2026年11月23日, as people read it."""
    day = calendar.local_date(instant)
    return f"{day.year}年{day.month}月{day.day}日"


def china_month(bill_id: str) -> str:
    """The month of a rent bill: L-2026-000001/202612 -> 2026年12月."""
    period = bill_id.rsplit("/", 1)[-1]
    return f"{period[:4]}年{int(period[4:])}月"


def yuan(fen: int) -> str:
    """1234567 fen -> 12,345.67 元."""
    return f"{fen // 100:,}.{fen % 100:02d} 元"
