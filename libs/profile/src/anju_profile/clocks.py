"""Every duration of a case, filled from the city profile by whoever starts it: a case keeps the numbers it was started with."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Clocks(BaseModel):
    """Every duration a case waits for. Working days (``_wd``) count on the statutory calendar, seconds are plain time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lookup_wd: int = Field(gt=0, description="how long a silent register is waited for before people check by hand")
    lookup_first_retry_seconds: int = Field(gt=0)
    lookup_max_retry_seconds: int = Field(gt=0)
    street_review_wd: int = Field(gt=0)
    district_review_wd: int = Field(gt=0)
    city_review_wd: int = Field(gt=0)
    objection_review_wd: int = Field(gt=0, description="15 working days: Order 11, article 9")
    review_reminder_wd_before: int = Field(ge=0)
    escalation_repeat_wd: int = Field(gt=0)
    correction_wd: int = Field(gt=0)
    public_notice_days: int = Field(gt=0)
    waiting_limit_months: int = Field(gt=0, description="60: Order 11, article 10")
    waiting_alarm_months: tuple[int, ...] = (48, 54)
    offer_open_days: int = Field(gt=0)
    max_declines: int = Field(gt=0)
    sign_days: int = Field(gt=0)
    deposit_days: int = Field(gt=0)
    lease_term_months: int = Field(gt=0, le=60, description="at most five years: Order 11, article 18")
    rent_due_days: int = Field(gt=0)
    rent_reminder_days: tuple[int, ...] = Field(description="days after the due date at which the tenant is reminded")
    rent_arrears_days: int = Field(gt=0, description="days after the due date at which the bill is written to arrears")
    payment_poll_seconds: int = Field(gt=0)
