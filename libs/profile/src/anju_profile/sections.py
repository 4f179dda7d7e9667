"""The sections of a city profile. To add a value: one field here, one entry in profile.yaml. The sections which a workflow is started with carry the
names of its contract (``anju_contracts``), so that ``Clocks(**profile.application.on(day))`` is all there is to it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from anju_terms import Title
from pydantic import BaseModel, ConfigDict, Field

from anju_profile.series import Code, Fen, LeaseMonths, Positive, Row, Section, Series, Whole, Wholes


class ReviewLevel(Row):
    """A review level (审核层级), by its code in the vocabulary ``levels``, and how long it has."""

    code: str
    working_days: int = Field(gt=0)


class ApplicationClocks(Section):
    """What an application waits for. Working days (``_wd``) count on the statutory calendar."""

    lookup_wd: Positive
    lookup_first_retry_seconds: Positive
    lookup_max_retry_seconds: Positive
    review_reminder_wd_before: Whole
    escalation_repeat_wd: Positive
    correction_wd: Positive
    confirmation_wd: Positive
    public_notice_days: Positive
    objection_review_wd: Positive


class Body(Row):
    """What the office of a review level calls itself. ``{city}``, ``{district}`` and ``{street}`` are the places of the case."""

    level: str
    name: Title


class Remedy(Row):
    """What can be done against a refusal (救济途径), by its code in the vocabulary ``remedies``; names as in ``Body``."""

    code: str
    levels: tuple[str, ...] = Field(default=(), description="levels whose refusal it is open against; none: all")
    body: Title = Field(description="who decides on it")
    where: Title = Field(description="the counter at which it is handed in, in writing")
    days: int = Field(default=0, ge=0, description="calendar days from the day the household is told")
    months: int = Field(default=0, ge=0)
    online: bool = Field(default=False, description="the system takes it; otherwise it is handed in in writing")
    basis: str = Field(min_length=1, description="article it stands on")


class Refusal(Section):
    """What a household that is refused is told beside the reason (Order 11, article 9)."""

    basis: Code
    bodies: Series[tuple[Body, ...]]
    remedies: Series[tuple[Remedy, ...]]


class Waiting(Section):
    limit_months: Positive
    alarm_months: Wholes
    offer_open_days: Positive
    max_declines: Positive


class Lease(Section):
    sign_days: Positive
    term_months: LeaseMonths
    rent_fen_per_sqm_month: Fen
    deposit_fen: Fen


class BillClocks(Section):
    """One bill, from its issue to arrears: days until it is due, days after that."""

    due_days: Positive
    reminder_days: Wholes
    arrears_days: Whole
    payment_poll_seconds: Positive


class CalendarYear(BaseModel):
    """Working days of one year: days off on weekdays, and weekend days that are worked (调休)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str = Field(min_length=1)
    sample: bool = False
    holidays: tuple[date, ...]
    workdays: tuple[date, ...]


class Division(BaseModel):
    """A division (行政区划) of the city."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    level: Literal["city", "district", "street", "community"]
    name: str
    parent: str
