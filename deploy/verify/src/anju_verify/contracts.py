"""Lease contracts: what a household was shown, what it signed, what is kept of it and what its lease says are one thing."""

from __future__ import annotations

import hashlib
import json
from typing import Final

import asyncpg
from anju_contracts import lease
from chassis.crypto import FIELD_KEYS, DecryptionError, KeyRing

from anju_verify.check import Findings, Register
from anju_verify.sources import Sources

check: Final = Register()

_TERMS: Final = ("term_months", "monthly_rent_fen", "deposit_fen")


@check("L1", "every signed lease has the contract its household read, kept as it was, with its terms and its file")
async def l1(sources: Sources, found: Findings) -> None:
    ring = sources.keys(FIELD_KEYS)
    if ring is None:
        found.note("no keys: contracts and their files were not opened")
    rows = await sources.rows(
        "housing",
        """
        SELECT leases.no, leases.term_months, leases.monthly_rent_fen, leases.deposit_fen, leases.contract_id,
               contracts.lease_no, contracts.digest, contracts.document_sealed,
               word.workflow_id, word.update_name, word.said ->> 'digest' AS said,
               contract_files.sha256, contract_files.file_sealed,
               EXISTS (SELECT FROM outbox WHERE kind = 'contract_file' AND done_at IS NULL AND payload ->> 'lease_no' = leases.no) AS file_under_way
        FROM leases LEFT JOIN contracts ON contracts.word_id = leases.contract_id
             LEFT JOIN word ON word.id = leases.word_id
             LEFT JOIN contract_files ON contract_files.word_id = leases.contract_id
        WHERE leases.signed_at IS NOT NULL
        """,
    )
    found.looked(len(rows))
    for row in rows:
        named = f"lease {row['no']}"
        if row["digest"] is None:
            found.violation(f"{named} was signed, and its contract is nowhere")
            continue
        said = (row["workflow_id"], row["update_name"], row["said"])
        found.unless(
            said == (lease.workflow_id(row["no"]), lease.SIGN, row["digest"]), f"{named}: its household signed another text than is kept"
        )
        found.unless(row["lease_no"] == row["no"], f"{named} has the contract of another lease")
        found.unless(row["sha256"] is not None or row["file_under_way"], f"{named} has no file of its contract, and none is on its way")
        if ring is not None:
            _opened(found, ring, row, named)


def _opened(found: Findings, ring: KeyRing, row: asyncpg.Record, named: str) -> None:
    document = _unsealed(ring, row["document_sealed"], f"contracts|document_sealed|{row['contract_id']}")
    if document is None or _sha256(document) != row["digest"]:
        found.violation(f"{named}: its contract is not what was signed")
    else:
        says = json.loads(document)
        wrong = [name for name in _TERMS if says[name] != row[name]]
        found.unless(not wrong and says["lease_no"] == row["no"], f"{named} does not have the terms of its contract: {', '.join(wrong)}")
    if row["sha256"] is not None:
        file = _unsealed(ring, row["file_sealed"], f"contract_files|file_sealed|{row['contract_id']}")
        found.unless(file is not None and _sha256(file) == row["sha256"], f"{named}: the file of its contract is not the one that was made")


def _unsealed(ring: KeyRing, sealed: bytes, place: str) -> bytes | None:
    try:
        return ring.decrypt(sealed, place)
    except DecryptionError:
        return None


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
