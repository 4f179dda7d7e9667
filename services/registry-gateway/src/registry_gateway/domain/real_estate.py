"""Answers of a county's real estate register. Public: the envelope and the meaning of the row fields; assumed schema: the serial number LSH."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from registry_gateway.domain.facts import Home
from registry_gateway.domain.faults import Fault, RegisterFaultError, schema
from registry_gateway.domain.people import Person, must_be
from registry_gateway.domain.reading import Json, centi_sqm, code, objects, optional_text, share, text

_NOTHING_FOUND = ("未查询到", "查无", "无登记", "未登记")
_QUOTA = ("次数", "配额", "超限")
_YES, _NO = "1", "0"


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


def facts(found: Iterable[Json], person: Person) -> tuple[Home, ...]:
    """One fact for each right. Raises WrongPersonError as soon as one row belongs to somebody else: a register which mixes people up is not believed
    about the other rows either."""
    homes: dict[tuple[str, bool], Home] = {}
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
        )
        known = homes.setdefault((unit, home.pre_notice), home)
        if known != home:
            raise schema("bdcdyh")
    return tuple(homes.values())
