"""A second run reads only what changed since the last clean one: what is new and wrong is found, and so is what was rewritten or taken out behind it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from anju_verify.check import Result, Status

from tests.services.verify.records import Records
from tests.services.verify.test_money import Books
from tests.services.verify.test_money import books as books  # a fixture


@pytest.fixture
def marks(tmp_path: Path) -> dict[str, Any]:
    return {"marks_file": tmp_path / "marks.json"}


async def looked(records: Records, check: str, marks: dict[str, Any], **more: Any) -> Result:
    return await records.check(check, **marks, **more)


@pytest.mark.parametrize("check", ["M1", "M4"])
async def test_nothing_new_is_nothing_read(books: Books, check: str, marks: dict[str, Any]) -> None:
    first = await looked(books.records, check, marks)
    assert (first.status, first.looked_at > 0) == (Status.PASSED, True)
    second = await looked(books.records, check, marks)
    assert (second.status, second.looked_at) == (Status.PASSED, 0)
    assert "only what changed since" in second.notes[0]
    assert (await looked(books.records, check, marks, full=True)).looked_at == first.looked_at


async def test_a_new_transfer_is_all_that_is_read(books: Books, marks: dict[str, Any]) -> None:
    await looked(books.records, "M1", marks)
    await books.post("good", "issue", None, {"bank:ccb": 5, "suspense": -5})
    assert (await looked(books.records, "M1", marks)).looked_at == 1


async def test_a_new_broken_transfer_is_found_until_it_is_mended(books: Books, marks: dict[str, Any]) -> None:
    await looked(books.records, "M1", marks)
    await books.records.sabotage(
        "payments",
        "INSERT INTO transfers (id, key, kind, amount_fen, entries, as_of) VALUES (990, 'wrong', 'issue', 5, 2, now())",
        "INSERT INTO postings (id, transfer_id, account, amount_fen) VALUES (9901, 990, 'bank:ccb', 5), (9902, 990, 'suspense', -4)",
    )
    for _ in range(2):
        # What was wrong is no clean look: the next run reads it again.
        found = await looked(books.records, "M1", marks)
        assert found.looked_at == 1
        assert "wrong" in found.violations[0]
    await books.records.sabotage("payments", "UPDATE postings SET amount_fen = -5 WHERE id = 9902")
    assert (await looked(books.records, "M1", marks)).status is Status.PASSED


async def test_a_posting_added_to_an_old_transfer(books: Books, marks: dict[str, Any]) -> None:
    await looked(books.records, "M1", marks)
    await books.records.sabotage(
        "payments", "INSERT INTO postings (id, transfer_id, account, amount_fen) SELECT 9903, min(id), 'suspense', -1 FROM transfers"
    )
    assert (await looked(books.records, "M1", marks)).status is Status.VIOLATED


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE postings SET amount_fen = amount_fen + 1 WHERE id = (SELECT min(id) FROM postings)",
        "DELETE FROM postings WHERE id = (SELECT min(id) FROM postings)",
    ],
)
async def test_an_old_row_that_was_rewritten_or_taken_out(books: Books, marks: dict[str, Any], statement: str) -> None:
    first = await looked(books.records, "M1", marks)
    await books.records.sabotage("payments", statement)
    found = await looked(books.records, "M1", marks)
    assert (found.status, found.looked_at) == (Status.VIOLATED, first.looked_at), "everything is read again"


async def test_an_old_bill_that_was_rewritten(books: Books, marks: dict[str, Any]) -> None:
    await looked(books.records, "M4", marks)
    await books.records.sabotage(
        "payments", "UPDATE bills SET amount_fen = amount_fen + 1 WHERE id = (SELECT min(id) FROM bills WHERE state = 'open')"
    )
    found = await looked(books.records, "M4", marks)
    assert (found.status, found.looked_at) == (Status.VIOLATED, 1)


async def test_marks_of_another_database_count_for_nothing(books: Books, marks: dict[str, Any]) -> None:
    """A restored database counts its transactions anew."""
    first = await looked(books.records, "M1", marks)
    file: Path = marks["marks_file"]
    told = file.read_text()
    for wrong in (told.replace('"identity": "', '"identity": "other'), "{}", "no marks at all"):
        file.write_text(wrong)
        assert (await looked(books.records, "M1", marks)).looked_at == first.looked_at


async def test_a_transaction_that_was_running_at_the_last_look(books: Books, marks: dict[str, Any]) -> None:
    """It has an older number than what was seen, and is committed afterwards."""
    import asyncpg

    connection = await asyncpg.connect(books.records.urls["payments"].replace("+asyncpg", ""))
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(
            "INSERT INTO transfers (id, key, kind, amount_fen, entries, as_of) VALUES (991, 'late', 'issue', 5, 2, now())"
        )
        await books.post("meanwhile", "issue", None, {"bank:ccb": 5, "suspense": -5})
        assert (await looked(books.records, "M1", marks)).status is Status.PASSED
        await connection.execute(
            "INSERT INTO postings (id, transfer_id, account, amount_fen) VALUES (9911, 991, 'bank:ccb', 5), (9912, 991, 'suspense', -5)"
        )
        await transaction.commit()
    finally:
        await connection.close()
    found = await looked(books.records, "M1", marks)
    assert (found.status, found.looked_at) == (Status.PASSED, 2), "the late one, and the one written after it began"
