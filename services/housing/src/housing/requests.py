"""Are requests complete and in bounds? Answers name every field at once, as a one-shot notice does."""

from __future__ import annotations

import re
from typing import Final

from anju.housing.v1 import housing_pb2 as pb
from anju_terms import is_code
from chassis.errors import FieldViolation, invalid
from chassis.wire import missing, wrong

MAX_UNITS: Final = 500
_DISTRICT = re.compile(r"\d{6}")
_TEXT_LENGTH: Final = 100
# Nothing in public rental housing is larger or dearer; a slip of the keyboard is.
_MAX_AREA_CENTI_SQM: Final = 30_000
_MAX_FEN: Final = 100_000_00


def check_new_units(request: pb.AddUnitsRequest) -> None:
    """Raises Refusal(INVALID_FIELDS)."""
    if not 1 <= len(request.units) <= MAX_UNITS:
        raise invalid([wrong("/units", f"每次请录入 1 至 {MAX_UNITS} 套房源。", f"Add 1 to {MAX_UNITS} homes at a time.")])
    found: list[FieldViolation] = []
    for index, new in enumerate(request.units):
        found += _unit(f"/units/{index}", new)
    if found:
        raise invalid(found)


def _unit(at: str, new: pb.NewUnit) -> list[FieldViolation]:
    found = []
    for name in ("estate_id", "estate_name", "address", "number"):
        value = getattr(new, name)
        if not value.strip():
            found.append(missing(f"{at}/{name}"))
        elif len(value) > _TEXT_LENGTH:
            found.append(wrong(f"{at}/{name}", f"不能超过 {_TEXT_LENGTH} 个字。", f"At most {_TEXT_LENGTH} characters."))
    if not _DISTRICT.fullmatch(new.district):
        found.append(wrong(f"{at}/district", "请填写六位区划代码。", "Give the six-digit code of the district."))
    if new.grade and not is_code("home_grades", new.grade):
        found.append(wrong(f"{at}/grade", "没有这个房屋等级。", "There is no such grade."))
    for name, low, high in (
        ("bedrooms", 1, 9),
        ("area_centi_sqm", 1, _MAX_AREA_CENTI_SQM),
        ("monthly_rent_fen", 0, _MAX_FEN),
        ("deposit_fen", 0, _MAX_FEN),
    ):
        if not low <= getattr(new, name) <= high:
            found.append(wrong(f"{at}/{name}", f"应在 {low} 至 {high} 之间。", f"Must be between {low} and {high}."))
    return found
