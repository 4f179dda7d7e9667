"""Rent bills: every figure follows from the others, and from the lease the household signed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from typing import Any, Final

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()


@check("M9", "every rent bill recomputes from its lines, for days of its lease that no other bill is for, at the rent that was signed")
async def m9(sources: Sources, found: Findings) -> None:
    bills = await sources.rows(
        "payments",
        "SELECT id, lease_no, amount_fen, first_day, last_day, lines FROM bills WHERE kind = 'rent' AND first_day IS NOT NULL ORDER BY lease_no, first_day",
    )
    found.looked(len(bills))
    leases = {row["no"]: row for row in await sources.rows("housing", "SELECT no, monthly_rent_fen, starts_on, ends_on FROM leases")}
    billed: dict[str, date] = {}
    for bill in bills:
        named, lines = f"bill {bill['id']}", json.loads(bill["lines"])
        for wrong in _wrong(lines, bill["amount_fen"]):
            found.violation(f"{named}: {wrong}")
        days = (lines[0]["first_day"], lines[-1]["last_day"]) if lines else ("", "")
        found.unless(days == (bill["first_day"].isoformat(), bill["last_day"].isoformat()), f"{named}: its lines are not of its days")
        before = billed.get(bill["lease_no"])
        found.unless(before is None or bill["first_day"] > before, f"{named}: days of it are on an earlier bill")
        billed[bill["lease_no"]] = bill["last_day"]
        lease = leases.get(bill["lease_no"])
        if lease is None:
            continue
        signed = {line["month_fen"] for line in lines} <= {lease["monthly_rent_fen"]}
        found.unless(signed, f"{named} is not at the {lease['monthly_rent_fen']} fen a month of its lease", named)
        within = lease["starts_on"] is not None and lease["starts_on"] <= bill["first_day"] and bill["last_day"] <= lease["ends_on"]
        found.unless(within, f"{named} is for days outside of its lease", named)


def _wrong(lines: list[Mapping[str, Any]], amount_fen: int) -> Iterable[str]:
    """Worked out anew in fractions, without the code that made the bill."""
    day: date | None = None
    for line in lines:
        first, last = date.fromisoformat(line["first_day"]), date.fromisoformat(line["last_day"])
        if day is not None and first != day + timedelta(days=1):
            yield "its lines leave out days, or have them twice"
        day = last
        if line["days"] != last.toordinal() - first.toordinal() + 1 or not 28 <= line["month_days"] <= 31:
            yield f"the line of {first} counts its days wrongly"
            continue
        if line["fen_per_sqm_month"]:
            month = Fraction(line["area_centi_sqm"], 100) * line["fen_per_sqm_month"]
            if not _rounded(month, line["month_fen"]):
                yield f"the line of {first} is not at area × standard"
        due = Fraction(line["month_fen"] * line["days"], line["month_days"]) * (1 - Fraction(line["reduced_permille"], 1000))
        if not _rounded(due, line["amount_fen"]):
            yield f"the line of {first} comes to {float(due):.2f} fen, not to {line['amount_fen']}"
    total = sum(line["amount_fen"] for line in lines)
    if total != amount_fen:
        yield f"its lines sum to {total} fen, it is of {amount_fen}"


def _rounded(exact: Fraction, fen: int) -> bool:
    """Whether it is rounded to the fen, half up."""
    return -Fraction(1, 2) <= exact - fen < Fraction(1, 2)
