"""Answers of a county's real estate register. Public: the envelope and the meaning of the row fields; assumed schema: the serial number LSH."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Self

from anju_people import homes

from registry_gateway.domain.facts import Fact
from registry_gateway.domain.faults import Fault, RegisterFaultError, schema
from registry_gateway.domain.people import Person, must_be
from registry_gateway.domain.reading import Json, centi_sqm, code, objects, optional_text, share, text

_NOTHING_FOUND = ("未查询到", "查无", "无登记", "未登记")
_QUOTA = ("次数", "配额", "超限")
_YES, _NO = "1", "0"
# Makes a blind index of a text for a purpose; of nothing, nothing.
Index = Callable[[str, str], str]


@dataclass(frozen=True, slots=True)
class Home(Fact):
    """One right to one home, shop or parking place. ``unit`` is the register's own number, used only to tell units apart.

    The share is exact in ``share_numerator`` and ``share_denominator``; ``share_percent`` is for showing. Receipts of earlier versions have it alone.
    """

    unit: str
    area_centi_sqm: int
    share_percent: int
    residential: bool
    pre_notice: bool
    share_numerator: int = 0
    share_denominator: int = 0
    address_index: str = ""
    certificate_index: str = ""
    unit_known: bool = True

    @classmethod
    def of(cls, share: Fraction, **told: Any) -> Self:
        return cls(**told, **_share_columns(share))

    def with_share(self, share: Fraction) -> Self:
        return replace(self, **_share_columns(share))

    @property
    def share(self) -> Fraction:
        return Fraction(self.share_numerator, self.share_denominator) if self.share_denominator else Fraction(self.share_percent, 100)


def _share_columns(share: Fraction) -> dict[str, Any]:
    # What is left of a unit may be a difference of odd fractions; a billionth of a home is nobody's, and the numbers must fit the message.
    share = share.limit_denominator(10**9)
    return {"share_percent": max(1, int(share * 100)), "share_numerator": share.numerator, "share_denominator": share.denominator}


def rows(reply: Json) -> list[Json]:
    """The rows of an answer, [] when the register says that there is nothing. Raises RegisterFaultError."""
    note = optional_text(reply, "Note")
    if code(reply, "Result") != "1":
        quota = any(word in note for word in _QUOTA)
        raise RegisterFaultError(Fault.QUOTA if quota else Fault.INNER_FAILURE)
    data = reply.get("Data")
    if data is None or (isinstance(data, dict) and data.get("BDCDJXX", ...) is None):
        if note.startswith(_NOTHING_FOUND):
            return []
        raise RegisterFaultError(Fault.EMPTY)
    if not isinstance(data, dict):
        raise schema("Data")
    return objects(data.get("BDCDJXX"), "BDCDJXX")


def _share(row: Json) -> Fraction:
    written = optional_text(row, "qlbl")
    if written:
        return share(written, "qlbl")
    # Sole and joint ownership have no share: each holder has the whole home; the household's rights to one unit are capped afterwards.
    if text(row, "gyfs") in ("单独所有", "共同共有"):
        return Fraction(1)
    raise schema("qlbl")


def _residential(use: str) -> bool:
    return not use.startswith("非") and ("住宅" in use or "公寓" in use)


def facts(found: Iterable[Json], person: Person, index: Index) -> tuple[Home, ...]:
    """One fact for each right; address and certificate are kept as blind indexes only. Raises WrongPersonError as soon as one row belongs to somebody else: a register which mixes people up is not believed
    about the other rows either."""
    rights: dict[tuple[str, bool], Home] = {}
    for row in found:
        must_be(person, text(row, "qlrzjh"), optional_text(row, "qlrmc"))
        unit = optional_text(row, "bdcdyh") or optional_text(row, "bdcqzh") or text(row, "hth")
        pre_notice = text(row, "ygzt")
        if pre_notice not in (_YES, _NO):
            raise schema("ygzt")
        home = Home.of(
            _share(row),
            unit=unit,
            area_centi_sqm=centi_sqm(text(row, "jzmj"), "jzmj"),
            residential=_residential(text(row, "fwyt")),
            pre_notice=pre_notice == _YES,
            address_index=index(homes.canonical_address(optional_text(row, "fwzl")), homes.ADDRESS_INDEX),
            certificate_index=index(homes.canonical_certificate(optional_text(row, "bdcqzh")), homes.CERTIFICATE_INDEX),
            unit_known=bool(optional_text(row, "bdcdyh")),
        )
        known = rights.setdefault((unit, home.pre_notice), home)
        if known != home:
            raise schema("bdcdyh")
    return tuple(rights.values())


def cap_shares(rights: Iterable[tuple[Any, Any]]) -> list[tuple[Any, Fact]]:
    """Rights of one household to one unit add up to 100 % at most: spouses in joint ownership are each listed with the whole home."""
    left: dict[tuple[str, int], Fraction] = {}
    kept: list[tuple[Any, Fact]] = []
    for tag, home in rights:
        key = (home.unit, home.area_centi_sqm)
        free = left.get(key, Fraction(1))
        share = min(home.share, free)
        left[key] = free - share
        if share:
            kept.append((tag, home.with_share(share)))
    return kept
