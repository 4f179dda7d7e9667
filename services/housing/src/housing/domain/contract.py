"""The lease contract (租赁合同): the clauses of the city's text, filled with what is agreed in one lease (Order 11, articles 16 to 18).

It is a document of clauses, not a page: pages and the file for keeping are made of it. What is shown, what is signed and what is kept is told to be the
same by its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from anju_profile import Clause as ClauseText
from anju_profile import Lessor
from anju_terms import Title
from pydantic import BaseModel, ConfigDict

_DIGITS: Final = "零一二三四五六七八九"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tenant(_Part):
    """``id_number`` is masked: the contract names a person, it gives nobody his number."""

    name: str
    id_number: str


class ContractText(_Part):
    """What the city's profile says on one day, with the names of city and districts (by code); ``sample`` when any of it is not the city's own."""

    city: str
    districts: Mapping[str, str]
    lessor: Lessor
    clauses: tuple[ClauseText, ...]
    sample: bool


class Agreed(_Part):
    """The terms of one lease; money in fen, area in hundredths of a square metre, bills due in days."""

    lease_no: str
    tenant: Tenant
    household_size: int
    district: str
    address: str
    estate: str
    number: str
    bedrooms: int
    area_centi_sqm: int
    term_months: int
    monthly_rent_fen: int
    deposit_fen: int
    rent_due_days: int
    deposit_due_days: int


class Clause(_Part):
    code: str
    title: Title
    text: tuple[Title, ...]


class Contract(_Part):
    """A contract as it is signed. ``salt`` is known to housing only: without it a name could be guessed from the digest."""

    lease_no: str
    salt: str
    sample: bool
    lessor: Title
    tenant: str
    term_months: int
    monthly_rent_fen: int
    deposit_fen: int
    clauses: tuple[Clause, ...]

    def document(self) -> bytes:
        """What is sealed and kept; the same bytes for the same contract."""
        return self.model_dump_json().encode()

    @property
    def digest(self) -> str:
        return digest_of(self.document())


def mark_of(digest: str) -> str:
    """What a paper carries of the digest: 64 bits, which nobody finds who does not have the paper."""
    return digest[:16]


def digest_of(document: bytes) -> str:
    return hashlib.sha256(document).hexdigest()


def draw_up(text: ContractText, agreed: Agreed, salt: str) -> Contract:
    """The contract of a lease. Without a deposit it has no clause on one."""
    clauses = [clause for clause in text.clauses if clause.code != "deposit" or agreed.deposit_fen]
    places = {"city": text.city, "district": text.districts.get(agreed.district, agreed.district)}
    lessor = _filled(text.lessor.name, {"zh": places, "en": places})
    blanks = _blanks(agreed, lessor, _filled(text.lessor.address, {"zh": places, "en": places}), [clause.code for clause in clauses])
    return Contract(
        lease_no=agreed.lease_no,
        salt=salt,
        sample=text.sample,
        lessor=lessor,
        tenant=agreed.tenant.name,
        term_months=agreed.term_months,
        monthly_rent_fen=agreed.monthly_rent_fen,
        deposit_fen=agreed.deposit_fen,
        clauses=tuple(
            Clause(
                code=clause.code,
                title=Title(zh=f"{_article(number)}　{clause.title.zh}", en=f"{number}. {clause.title.en}"),
                text=tuple(_filled(part, blanks) for part in clause.text),
            )
            for number, clause in enumerate(clauses, start=1)
        ),
    )


def _blanks(agreed: Agreed, lessor: Title, address: Title, codes: Iterable[str]) -> Mapping[str, Mapping[str, str]]:
    both = {
        "tenant": agreed.tenant.name,
        "id_number": agreed.tenant.id_number,
        "household_size": str(agreed.household_size),
        "address": agreed.address,
        "estate": agreed.estate,
        "number": agreed.number,
        "bedrooms": str(agreed.bedrooms),
        "area": _hundredths(agreed.area_centi_sqm),
        "term_months": str(agreed.term_months),
        "rent": _hundredths(agreed.monthly_rent_fen),
        "deposit": _hundredths(agreed.deposit_fen),
        "rent_due_days": str(agreed.rent_due_days),
        "deposit_due_days": str(agreed.deposit_due_days),
    }
    numbers = {f"article_{code}": number for number, code in enumerate(codes, start=1)}
    return {
        "zh": {**both, "lessor": lessor.zh, "lessor_address": address.zh, **{name: _article(number) for name, number in numbers.items()}},
        "en": {**both, "lessor": lessor.en, "lessor_address": address.en, **{name: f"clause {number}" for name, number in numbers.items()}},
    }


def _filled(text: Title, blanks: Mapping[str, Mapping[str, str]]) -> Title:
    """What is filled in is not read again: a name with braces stays a name."""
    return Title(zh=text.zh.format_map(blanks["zh"]), en=text.en.format_map(blanks["en"]))


def _article(number: int) -> str:
    """第九条, 第十二条; below 100."""
    tens, ones = divmod(number, 10)
    chinese = ("" if tens < 2 else _DIGITS[tens]) + ("十" if tens else "") + (_DIGITS[ones] if ones or not tens else "")
    return f"第{chinese}条"


def _hundredths(amount: int) -> str:
    """35000 fen are 350.00 yuan; 5000 centi-sqm are 50.00 square metres."""
    return f"{amount // 100}.{amount % 100:02d}"
