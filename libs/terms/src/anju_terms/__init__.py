"""The words every part of Anju shares: codes with their titles in both languages, one YAML file a vocabulary.

Codes are plain strings. Nobody lists them again: services check a code with ``is_code``, pages and deployments use the copies written by
``python -m anju_terms``. A review level brings the stage, the events and the actor which carry its code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict

Locale = Literal["zh-CN", "en"]
LEVEL_DECISIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "approved": ("通过", "approved"),
        "returned": ("退回补正", "returned for correction"),
        "refused": ("未通过", "refused"),
        "handed_on": ("的审核人员均已回避", "every reviewer has left it to others"),
    }
)


class Title(BaseModel):
    """One thing in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    zh: str
    en: str

    def by_locale(self, locale: str) -> str:
        return self.en if locale.lower().startswith("en") else self.zh


class Term(Title):
    """A code's title; ``in_sentence`` where a sentence needs another form, ``hint`` where people choose and need more than the title.
    The fields below belong to review levels only."""

    in_sentence: Title | None = None
    hint: Title | None = None
    role: str = ""
    scope: Literal["", "street", "district", "city"] = ""
    review: Title | None = None
    office: Title | None = None

    @property
    def phrase(self) -> Title:
        """The form used inside a sentence."""
        return self.in_sentence or Title(zh=self.zh, en=self.en)


Vocabulary = Mapping[str, Term]


def _read() -> dict[str, dict[str, Term]]:
    found = {}
    for file in sorted((resources.files(__name__) / "vocabularies").iterdir(), key=lambda file: file.name):
        raw: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
        found[file.name.removesuffix(".yaml")] = {str(code): Term.model_validate(term) for code, term in raw.items()}
    return found


def _with_levels(found: dict[str, dict[str, Term]]) -> dict[str, dict[str, Term]]:
    reviews = {}
    for code, level in found["levels"].items():
        if level.review is None or level.office is None:
            raise ValueError(f"levels.yaml: {code} needs review and office")
        in_sentence = Title(zh=level.review.zh, en=level.review.en.lower())
        reviews[review_stage(code)] = Term(zh=level.review.zh, en=level.review.en, in_sentence=in_sentence)
        found["tasks"][code] = Term(zh=level.review.zh, en=level.review.en)
        found["waiting_on"][code] = Term(zh=level.office.zh, en=level.office.en)
        found["actors"][code] = Term(zh=level.zh, en=level.en)
        for decision, (zh, en) in LEVEL_DECISIONS.items():
            found["events"][f"{code}_{decision}"] = Term(zh=level.review.zh + zh, en=f"{level.review.en}: {en}")
    found["stages"] = _after(found["stages"], "verifying", reviews)
    return found


def _after(terms: dict[str, Term], code: str, more: dict[str, Term]) -> dict[str, Term]:
    """A vocabulary in the order of the way: with ``more`` after one of its codes."""
    at = list(terms).index(code) + 1
    return {**dict(list(terms.items())[:at]), **more, **dict(list(terms.items())[at:])}


@cache
def vocabularies() -> Mapping[str, Vocabulary]:
    """Every vocabulary by name, in the order of the files."""
    return MappingProxyType({name: MappingProxyType(terms) for name, terms in _with_levels(_read()).items()})


def terms(vocabulary: str) -> Vocabulary:
    """The terms of one vocabulary by code, in the order of its file. Raises KeyError for a vocabulary nobody has."""
    return vocabularies()[vocabulary]


def is_code(vocabulary: str, code: str) -> bool:
    return code in terms(vocabulary)


def title(vocabulary: str, code: str, locale: str = "zh-CN") -> str:
    """The title, or the code itself for one newer than this program."""
    term = terms(vocabulary).get(code)
    return term.by_locale(locale) if term else code


def review_stage(level: str) -> str:
    """The stage a case is in while a review level has it."""
    return f"{level}_review"
