"""Contracts of leases: drawn up from the record when they are read, kept sealed with the word by which they are signed.

What a household was shown is what it signs: it gives the digest of what it read, and the contract is drawn up anew and compared. The contract it signed
is kept, and the terms of the lease are taken from it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from typing import Any, Final, NamedTuple

from anju_calendar import local_date
from chassis.crypto import KeyRing
from chassis.db import Database
from chassis.errors import NOT_FOUND, Refusal
from sqlalchemy.ext.asyncio import AsyncSession

from housing import store
from housing.domain.contract import Agreed, Contract, Tenant, digest_of, draw_up, mark_of
from housing.paper import file_of
from housing.tables import ContractFile, KeptContract
from housing.terms import TermsOf

# The kind of these entries in housing's outbox; its handler is ``ContractFiles.make``.
CONTRACT_FILE: Final = "contract_file"


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


class ContractFiles:
    """``public_url`` is the address people see; the code on each paper leads there."""

    def __init__(self, database: Database, ring: KeyRing, contracts: Contracts, public_url: str) -> None:
        self._database = database
        self._ring = ring
        self._contracts = contracts
        self._public_url = public_url.rstrip("/")

    async def make(self, payload: dict[str, Any]) -> None:
        """The outbox's handler of ``CONTRACT_FILE`` entries, written with the signature."""
        await self.of_lease(str(payload["lease_no"]))

    async def of_lease(self, lease_no: str) -> bytes:
        """Made when it is not there yet; a lost one is made again. Raises Refusal(NOT_FOUND) for a lease that is not signed."""
        async with self._database.statements() as session:
            leased = await store.lease(session, lease_no)
            word_id = leased.lease.contract_id if leased is not None else None
            kept = await store.contract(session, word_id) if word_id else None
            file = await store.contract_file(session, word_id) if word_id else None
        if leased is None or kept is None or leased.lease.signed_at is None:
            raise Refusal(NOT_FOUND)
        if file is None:
            url = f"{self._public_url}/contracts/check/{lease_no}/{mark_of(kept.digest)}"
            made = await asyncio.to_thread(file_of, self._contracts.opened(kept), leased.lease.signed_at, url)
            sealed = self._ring.encrypt(made, _file_place(kept.word_id))
            async with self._database.transaction() as session:
                await store.keep_contract_file(session, ContractFile(word_id=kept.word_id, sha256=digest_of(made), file_sealed=sealed))
            return made
        return self._ring.decrypt(file.file_sealed, _file_place(file.word_id))


def _place(word_id: str) -> str:
    return f"contracts|document_sealed|{word_id}"


def _file_place(word_id: str) -> str:
    return f"contract_files|file_sealed|{word_id}"
