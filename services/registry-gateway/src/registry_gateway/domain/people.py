"""Who a question is about, and whether an answer is about the same person.

Registers write identity numbers in the 15 character form of before 1999, with a small x or in full-width digits, and names with any of half a dozen
middle dots. Those are the same person; everything else is somebody else, and nothing may be learnt from it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from anju_people import documents
from anju_people.text import same_name

from registry_gateway.domain.faults import WrongPersonError
from registry_gateway.domain.reading import Json, optional_text

_ID18 = re.compile(r"[1-9]\d{16}[\dX]", re.ASCII)
_ID15 = re.compile(r"[1-9]\d{14}", re.ASCII)
_SPACES = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Consent:
    """What a person has agreed to, on which every question about him rests: casework's record, by its id."""

    id: str
    channel: str
    text_version: str
    given_at: datetime


@dataclass(frozen=True, slots=True)
class Person:
    """One member of a household. ``index`` is the position in the household and the only thing about a person which may be shown; ``blind`` the index
    by which he is known as a caller, made by casework: there is no key for it here."""

    index: int
    name: str = field(repr=False)
    id_number: str = field(repr=False)
    blind: str = ""
    consent: Consent | None = None

    @property
    def male(self) -> bool:
        """By the sequence digit of the document's number: odd for men."""
        return documents.male(self.id_number)


def canonical_id(text: str) -> str:
    """The number in half-width characters, upper case, without spaces."""
    return _SPACES.sub("", unicodedata.normalize("NFKC", text)).upper()


def _old_form(number: str) -> str | None:
    """The 15 character form of a citizen's 18 character number; only people born before 2000 have one."""
    return number[:6] + number[8:17] if number[6:8] == "19" and not documents.is_foreigner(number) else None


def same_id(left: str, right: str) -> bool:
    """Whether two written forms name one identity number. Anything which is not an identity number is never the same."""
    a, b = canonical_id(left), canonical_id(right)
    if (_ID18.fullmatch(a) and _ID18.fullmatch(b)) or (documents.is_old_card(a) and documents.is_old_card(b)):
        return a == b
    if _ID18.fullmatch(a) and _ID15.fullmatch(b):
        return _old_form(a) == b
    if _ID15.fullmatch(a) and _ID18.fullmatch(b):
        return a == _old_form(b)
    return False


def must_be(person: Person, id_number: str, name: str | None = None) -> None:
    """Raises WrongPersonError unless an answer's identity number (and its name, where it gives one) are the person's."""
    if not same_id(id_number, person.id_number) or (name and not same_name(name, person.name)):
        raise WrongPersonError


def knows(answer: Json, field: str = "ryhy") -> bool:
    """Whether a register confirms that it knows whom it was asked about: it compared number and name with its own people (人员核验, assumed schema).

    An answer without the confirmation is about nobody it knows: a name it writes otherwise, a number it never had."""
    return optional_text(answer, field) == "1"


def index_of(id_number: str, household: Iterable[Person]) -> int:
    """Position of the member with this number; -1 when nobody in the household has it."""
    return next((member.index for member in household if same_id(id_number, member.id_number)), -1)
