"""On what terms a household waits, and on what terms a lease is signed: the city profile of the day on which they are fixed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

import anju_calendar as calendar
from anju_contracts.lease import LeaseTerms
from anju_contracts.rent import Billing, Price, month_fen
from anju_contracts.rent_cycle import Clocks
from anju_contracts.waiting import WaitingTerms
from anju_profile import Profile

from housing.domain.contract import ContractText


class Terms(NamedTuple):
    """What the profile of one day says; days, months and counts."""

    waiting_limit_months: int
    waiting_alarm_months: tuple[int, ...]
    offer_open_days: int
    max_declines: int
    sign_days: int
    term_months: int
    rent: Clocks
    deposit: Clocks
    contract: ContractText
    billing: Billing
    standard: Callable[[str, str], int]

    def of_waiting(self, registered_at: datetime) -> WaitingTerms:
        return WaitingTerms(
            expires_at=_months_after(registered_at, self.waiting_limit_months),
            alarms_at=tuple(_months_after(registered_at, months) for months in self.waiting_alarm_months),
            offer_open_days=self.offer_open_days,
            max_declines=self.max_declines,
        )

    def of_lease(self, monthly_rent_fen: int, deposit_fen: int) -> LeaseTerms:
        return LeaseTerms(
            monthly_rent_fen=monthly_rent_fen, deposit_fen=deposit_fen, rent=self.rent, deposit=self.deposit, billing=self.billing
        )

    def price(self, district: str, grade: str, area_centi_sqm: int) -> Price:
        """The rent of a home by the standard of its place and grade. Raises LookupError for a grade without one."""
        standard = self.standard(district, grade)
        return Price(month_fen=month_fen(area_centi_sqm, standard), area_centi_sqm=area_centi_sqm, fen_per_sqm_month=standard)

    def sign_by(self, accepted_at: datetime) -> datetime:
        return calendar.days_after(accepted_at, self.sign_days)


TermsOf = Callable[[date], Terms]


def of_profile(profile: Profile) -> TermsOf:
    """The terms of any day."""

    districts = {division.code: division.name for division in profile.districts}

    @lru_cache(maxsize=64)
    def terms_of(day: date) -> Terms:
        waiting, lease = profile.waiting, profile.lease
        lessor, clauses = profile.contract.lessor.entry_on(day), profile.contract.clauses.entry_on(day)
        return Terms(
            waiting_limit_months=waiting.limit_months.on(day),
            waiting_alarm_months=waiting.alarm_months.on(day),
            offer_open_days=waiting.offer_open_days.on(day),
            max_declines=waiting.max_declines.on(day),
            sign_days=lease.sign_days.on(day),
            term_months=lease.term_months.on(day),
            rent=Clocks.model_validate(profile.rent_bills.on(day)),
            deposit=Clocks.model_validate(profile.deposit_bills.on(day)),
            contract=ContractText(
                city=profile.name_of(profile.city_code),
                districts=districts,
                lessor=lessor.value,
                clauses=clauses.value,
                sample=lessor.sample or clauses.sample,
            ),
            billing=Billing(months_per_bill=profile.rent.months_per_bill.on(day), calendar_months=profile.rent.calendar_months.on(day)),
            standard=lambda district, grade: profile.rent.standard(district, grade, day),
        )

    return terms_of


def _months_after(instant: datetime, months: int) -> datetime:
    return calendar.end_of_day(calendar.add_months(calendar.local_date(instant), months))
