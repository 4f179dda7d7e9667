"""The file of a contract: the same bytes for the same contract, readable by people, machines and screen readers."""

from __future__ import annotations

from datetime import UTC, datetime

import pypdfium2
from housing.domain.contract import Tenant
from housing.paper import file_of

from tests.unit.housing.test_contract import drawn

SIGNED_AT = datetime(2026, 11, 26, 4, 5, tzinfo=UTC)
URL = "http://127.0.0.1:8080/contracts/check/L-2026-000123/0123456789abcdef"


def text_of(file: bytes) -> str:
    """Without the breaks of its lines."""
    pages = pypdfium2.PdfDocument(file)
    return "".join(page.get_textpage().get_text_range() for page in pages).replace("\r", "").replace("\n", "").replace(" ", "")


def test_all_of_the_contract_is_on_paper() -> None:
    contract = drawn()
    found = text_of(file_of(contract, SIGNED_AT, URL))
    for clause in contract.clauses:
        for part in (clause.title, *clause.text):
            assert part.zh.replace("　", "").replace(" ", "") in found.replace("　", "")
    for words in ("L-2026-000123", contract.digest, "2026年11月26日12:05", "示例合同文本"):
        assert words in found
    assert "示例" not in text_of(file_of(contract.model_copy(update={"sample": False}), SIGNED_AT, URL))


def test_the_same_contract_gives_the_same_bytes() -> None:
    contract = drawn()
    file = file_of(contract, SIGNED_AT, URL)
    assert file_of(contract, SIGNED_AT, URL) == file
    assert len({file, file_of(contract, SIGNED_AT, URL + "x"), file_of(drawn(term_months=35), SIGNED_AT, URL)}) == 3


def test_it_is_made_for_keeping_and_for_screen_readers() -> None:
    file = file_of(drawn(), SIGNED_AT, URL)
    pages = pypdfium2.PdfDocument(file)
    assert pypdfium2.raw.FPDFCatalog_IsTagged(pages)
    assert b"pdfaid:part>2<" in file
    assert b"pdfaid:conformance>A<" in file
    assert pages.get_metadata_value("Title") == "公共租赁住房租赁合同"


def test_a_name_is_data_and_loses_no_character() -> None:
    name = '#panic("x") *[张]* \ue000"\\\U0002a6d6㛃'
    found = text_of(file_of(drawn(tenant=Tenant(name=name, id_number="*")), SIGNED_AT, URL))
    assert '#panic("x")*[张]*〔U+E000〕"\\' in found
    assert "㛃" in found
