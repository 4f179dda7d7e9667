"""Answers of the marriage register. 匹配不成功 and an empty list both mean "no record", and no record does not mean unmarried.

Public: op_type, op_type_desc, op_date. Assumed schema: IA = marriage, IB = divorce (the description decides for other codes), cert_num per answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from anju_people import documents
from anju_people.text import clean_code

from registry_gateway.domain.facts import Fact
from registry_gateway.domain.faults import Fault, RegisterFaultError, schema
from registry_gateway.domain.national import NO_MATCH
from registry_gateway.domain.people import Person, index_of, must_be
from registry_gateway.domain.reading import Json, day, objects, optional_text, text

NONE_FOUND = "none_found"
_STATUS = {"IA": "married", "IB": "divorced"}


@dataclass(frozen=True, slots=True)
class Marriage(Fact):
    """``status``: married, divorced or none_found. ``spouse_index``: position in the household, -1 when outside or unknown."""

    status: str
    spouse_index: int = -1


def _status(row: Json) -> str:
    status = _STATUS.get(text(row, "op_type"))
    if status:
        return status
    description = optional_text(row, "op_type_desc")
    # 撤销 and 无效 are about a marriage too, but end it in another way: a person has to read those.
    married, divorced = "结婚" in description, "离婚" in description
    if married is divorced or "撤销" in description or "无效" in description:
        raise schema("op_type")
    return "married" if married else "divorced"


def facts(data: Json, person: Person, household: Iterable[Person]) -> Marriage | None:
    """The newest entry, or None when the register has none.

    Raises WrongPersonError when the answer is about somebody else, RegisterFaultError when entries contradict each other or cannot be read.
    """
    entry = _newest(data, person)
    if entry is None:
        return None
    status, spouse = entry
    return Marriage(status=status, spouse_index=index_of(spouse, _others(person, household)) if status == "married" else -1)


def spouse_outside(data: Json, person: Person, household: Iterable[Person]) -> str:
    """The number of whom the newest entry names as the spouse, "" for nobody or somebody of the household. Raises as ``facts``."""
    status, spouse = _newest(data, person) or ("", "")
    return documents.in_todays_form(clean_code(spouse)) if status == "married" and index_of(spouse, _others(person, household)) < 0 else ""


def _others(person: Person, household: Iterable[Person]) -> list[Person]:
    return [member for member in household if member.index != person.index]


def _newest(data: Json, person: Person) -> tuple[str, str] | None:
    """Status and spouse."""
    must_be(person, text(data, "cert_num"), optional_text(data, "name"))
    rows = data.get("result")
    if rows is None:
        raise RegisterFaultError(Fault.EMPTY)
    entries = [row for row in objects(rows, "result") if not optional_text(row, "op_type_desc").startswith(NO_MATCH)]
    if not entries:
        return None
    for row in entries:
        must_be(person, text(row, "cert_num"), optional_text(row, "name"))
    dated = [(day(text(row, "op_date"), "op_date"), _status(row), optional_text(row, "spouse_cert_num")) for row in entries]
    newest = max(entry[0] for entry in dated)
    last = {entry[1:] for entry in dated if entry[0] == newest}
    if len(last) > 1:
        raise schema("result")
    return last.pop()
