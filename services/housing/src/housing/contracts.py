"""Contracts of leases: drawn up from the record when they are read, kept sealed with the word by which they are signed.

What a household was shown is what it signs: it gives the digest of what it read, and the contract is drawn up anew and compared. The contract it signed
is kept, and the terms of the lease are taken from it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import NamedTuple

from anju_calendar import local_date
from chassis.crypto import KeyRing
from sqlalchemy.ext.asyncio import AsyncSession

from housing import store
from housing.domain.contract import Agreed, Contract, Tenant, draw_up
from housing.tables import KeptContract
from housing.terms import TermsOf


class Drawn(NamedTuple):
    """A contract, and the day whose profile it follows."""

    contract: Contract
    terms_on: date


class Contracts:
    def __init__(self, ring: KeyRing, terms_of: TermsOf) -> None:
        self._ring = ring
        self._terms_of = terms_of

    async def draw_up(self, session: AsyncSession, leased: store.LeasedHome, tenant: Tenant) -> Drawn:
        """As the lease would be signed now. A household's calendar may be ahead of our clock; no lease is signed before it was drafted."""
        lease, home = leased
        entry = await store.waiting(session, lease.application_no)
        assert entry is not None
        on = local_date(max(datetime.now(UTC), lease.drafted_at))
        terms = self._terms_of(on)
        agreed = Agreed(
            lease_no=lease.no,
            tenant=tenant,
            household_size=entry.household_size,
            district=home.estate.district,
            address=home.estate.address,
            estate=home.estate.name,
            number=home.unit.number,
            bedrooms=home.unit.bedrooms,
            area_centi_sqm=home.unit.area_centi_sqm,
            term_months=terms.term_months,
            monthly_rent_fen=home.unit.monthly_rent_fen,
            deposit_fen=home.unit.deposit_fen,
            rent_due_days=terms.rent.due_days,
            deposit_due_days=terms.deposit.due_days,
        )
        return Drawn(draw_up(terms.contract, agreed, self._ring.blind_index(lease.no, "contract salt")), on)

    def keep(self, session: AsyncSession, word_id: str, drawn: Drawn) -> KeptContract:
        """With the word by which it is signed, in the same transaction."""
        sealed = self._ring.encrypt(drawn.contract.document(), _place(word_id))
        kept = KeptContract(
            word_id=word_id,
            lease_no=drawn.contract.lease_no,
            digest=drawn.contract.digest,
            document_sealed=sealed,
            terms_on=drawn.terms_on,
        )
        session.add(kept)
        return kept

    def opened(self, kept: KeptContract) -> Contract:
        """Raises DecryptionError for a row that was changed or moved."""
        return Contract.model_validate_json(self._ring.decrypt(kept.document_sealed, _place(kept.word_id)))


def _place(word_id: str) -> str:
    return f"contracts|document_sealed|{word_id}"
