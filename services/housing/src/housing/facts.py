"""What housing tells later reports of: the list, offers and leases (``casekit.facts``)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from casekit.facts import Fact

from housing.tables import Lease, Offer, Unit, Waiting


def entered(entry: Waiting) -> Fact:
    no = entry.application_no
    return _fact(entry, f"waiting/{no}", "waiting_entered", no, entry.registered_at, figures={"people": entry.household_size})


def left(entry: Waiting, state: str, at: datetime) -> Fact:
    """Whatever took the household off the list."""
    no = entry.application_no
    return _fact(entry, f"waiting/{no}/ended", "waiting_ended", no, at, {"waiting_states": state})


def offered(entry: Waiting, offer: Offer, unit: Unit) -> Fact:
    return _fact(entry, f"offer/{offer.id}", "offer_made", offer.id, offer.made_at, figures={"rent_fen": unit.monthly_rent_fen})


def answered(entry: Waiting, offer_id: str, state: str, at: datetime) -> Fact:
    """However an offer ended."""
    return _fact(entry, f"offer/{offer_id}/ended", "offer_ended", offer_id, at, {"offer_states": state})


def leased(entry: Waiting, lease: Lease, at: datetime) -> Fact:
    """The state a lease has come to; in each it is once at most."""
    code = "lease_drafted" if lease.state == "signing" else "lease_moved"
    figures = {"rent_fen": lease.monthly_rent_fen, "deposit_fen": lease.deposit_fen, "months": lease.term_months}
    return _fact(entry, f"lease/{lease.no}/{lease.state}", code, lease.no, at, {"lease_states": lease.state}, figures)


def _fact(
    entry: Waiting, id_: str, code: str, subject: str, at: datetime, codes: Mapping[str, str] = {}, figures: Mapping[str, int] = {}
) -> Fact:
    """The division is the household's, as it was when its application was accepted."""
    return Fact(
        id=id_,
        code=code,
        subject=subject,
        at=at,
        application_no=entry.application_no,
        division=entry.street,
        division_on=entry.accepted_on,
        codes=codes,
        figures=figures,
    )
