"""L1: the contract of a lease against the word that signed it, the lease and the file, each broken by itself."""

from __future__ import annotations

import json

import housing.tables
import housing.words
import pytest_asyncio
from anju_contracts import lease
from anju_terms import Title
from casekit.words import Heard, Words
from housing.domain.contract import Contract, digest_of

from tests.services.verify.records import NOW, Records
from tests.support.keys import citizen

HOUSE, NO, LEASE_NO, WORD = "housing", "KF-2026-000001", "L-2026-000001", "w-sign"
CONTRACT = Contract(
    lease_no=LEASE_NO,
    salt="salt",
    sample=True,
    lessor=Title(zh="出租人", en="lessor"),
    tenant="张晓明",
    term_months=12,
    monthly_rent_fen=35_000,
    deposit_fen=200_000,
    clauses=(),
)
FILE = b"%PDF-1.7 of this contract"
UNDER_WAY = "INSERT INTO outbox (kind, payload, attempts, created_at, next_try_at, last_error) VALUES ('contract_file', '{payload}', 0, now(), now(), '')"


@pytest_asyncio.fixture(loop_scope="session")
async def signed(records: Records) -> Records:
    """A lease whose household has read and signed its contract, and the file of it."""
    await records.need(HOUSE)
    household, ring = citizen(f"c-{NO}"), records.ring
    words = Words(None, housing.tables.Word, None, None, ring, housing.words.KINDS)  # type: ignore[arg-type]  # only to write down
    said = lease.SignLease(acknowledged=True, digest=CONTRACT.digest, actor=household.sub, request_id=WORD)
    columns = words.columns(WORD, household, lease.SIGN, Heard(lease.workflow_id(LEASE_NO), said))
    rest = {"fingerprint": "f", "state": "taken", "asked": 1, "stage": "", "step_id": "s"}
    await records.put(HOUSE, "word", **{**columns, "roles": [], **rest})
    sealed = ring.encrypt(CONTRACT.document(), f"contracts|document_sealed|{WORD}")
    await records.put(
        HOUSE, "contracts", word_id=WORD, lease_no=LEASE_NO, digest=CONTRACT.digest, document_sealed=sealed, terms_on=NOW.date()
    )
    file = ring.encrypt(FILE, f"contract_files|file_sealed|{WORD}")
    await records.put(HOUSE, "contract_files", word_id=WORD, sha256=digest_of(FILE), file_sealed=file)
    await records.estate()
    await records.waiting(NO, "leased")
    await records.offer("O1", "U1", NO, "accepted")
    await records.lease(LEASE_NO, "O1", "U1", NO, signed_at=NOW, word_id=WORD, contract_id=WORD)
    return records


ANOTHER = "'" + "0" * 64 + "'"
BROKEN: list[tuple[str, str]] = [
    ("UPDATE leases SET contract_id = NULL", "its contract is nowhere"),
    (f"UPDATE contracts SET digest = {ANOTHER}", "signed another text than is kept"),
    (f"UPDATE word SET said = jsonb_set(said, '{{digest}}', to_jsonb({ANOTHER}::text))", "signed another text than is kept"),
    ("UPDATE word SET workflow_id = 'lease/L-2026-000002'", "signed another text than is kept"),
    ("DELETE FROM word", "signed another text than is kept"),
    ("UPDATE contracts SET lease_no = 'L-2026-000002'", "has the contract of another lease"),
    ("UPDATE contracts SET document_sealed = '\\x00'", "its contract is not what was signed"),
    ("UPDATE leases SET monthly_rent_fen = 99900", "does not have the terms of its contract: monthly_rent_fen"),
    ("UPDATE leases SET term_months = 60, deposit_fen = 0", "does not have the terms of its contract: term_months, deposit_fen"),
    ("DELETE FROM contract_files", "has no file of its contract"),
    (f"UPDATE contract_files SET sha256 = {ANOTHER}", "the file of its contract is not the one that was made"),
    ("UPDATE contract_files SET file_sealed = '\\x00'", "the file of its contract is not the one that was made"),
]


async def test_l1_holds_for_what_was_signed_and_finds_whatever_is_not_it(signed: Records) -> None:
    await signed.passes("L1")
    whole = await signed.snapshot()
    for statement, words in BROKEN:
        await signed.sabotage(HOUSE, statement)
        result = await signed.check("L1")
        assert any(words in text for text in result.violations), (statement, result.violations)
        assert not any("张晓明" in text for text in result.violations)
        await signed.restore(whole)
    await signed.passes("L1")


async def test_l1_finds_another_document_under_the_same_seal(signed: Records) -> None:
    """Whoever has the keys and the database, and changes what was agreed to."""
    other = CONTRACT.model_copy(update={"monthly_rent_fen": 99_900}).document()
    sealed = signed.ring.encrypt(other, f"contracts|document_sealed|{WORD}").hex()
    await signed.sabotage(HOUSE, f"UPDATE contracts SET document_sealed = '\\x{sealed}'", "UPDATE leases SET monthly_rent_fen = 99900")
    await signed.violates("L1", "its contract is not what was signed")


async def test_l1_waits_for_a_file_that_is_on_its_way(signed: Records) -> None:
    await signed.sabotage(HOUSE, "DELETE FROM contract_files", UNDER_WAY.format(payload=json.dumps({"lease_no": LEASE_NO})))
    await signed.passes("L1")
    await signed.sabotage(HOUSE, "UPDATE outbox SET done_at = now()")
    await signed.violates("L1", "has no file of its contract")
