"""The texts people are told, as data: one entry per event, zh-CN first, en second.

A text is refused at load when its two languages have different blanks, or when an SMS would carry free text: an SMS is read on a locked screen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from string import Formatter
from typing import Any, Final, Literal

import yaml

from notifications.domain.values import BLANKS, Fact

Audience = Literal["citizen", "staff"]
# Where what the message speaks of can be done: the reader's bills, his leases, the case, the looks of officials, or
# complaints.
Place = Literal["case", "bills", "leases", "readers", "complaints"]
PLACES: Final = frozenset({"case", "bills", "leases", "readers", "complaints"})

# Blanks a person typed into, or that name somebody's home: shown in the inbox after sign-on, never sent by SMS.
PRIVATE_BLANKS: Final = frozenset({"reason", "unit", "headline", "message"})
MAX_VALUE_CHARS: Final = 2000
# Two concatenated Chinese messages hold 134 characters; gateways charge and split beyond.
MAX_SMS_CHARS: Final = 134
_SIGNATURE_ZH: Final = "【安居】"
_SIGNATURE_EN: Final = "[Anju] "


class TemplateError(ValueError):
    """A template file says something that must not be sent."""


@dataclass(frozen=True)
class Text:
    title: str
    body: str
    sms: str


@dataclass(frozen=True)
class Rendered:
    """What one person is told, in both languages; kept as it was sent even when the template changes later."""

    zh: Text
    en: Text

    def by_locale(self, locale: str) -> Text:
        return self.en if locale.lower().startswith("en") else self.zh


@dataclass(frozen=True)
class Template:
    id: str
    audience: Audience
    sms: bool
    zh: Text
    en: Text
    leads_to: Place = "case"
    # Its day begins a time the law gives the household: nothing holds it up.
    starts_clock: bool = False

    @cached_property
    def version(self) -> str:
        """Which text it is: another text is another version, whoever forgets to say so."""
        words = "\x1f".join(part for text in (self.zh, self.en) for part in (text.title, text.body, text.sms))
        return hashlib.sha256(words.encode()).hexdigest()[:12]

    @property
    def blanks(self) -> frozenset[str]:
        return frozenset().union(*(_blanks(text) for part in (self.zh, self.en) for text in (part.title, part.body)))

    def bill(self, facts: Mapping[str, Fact]) -> str:
        """The bill it speaks of: the month of a rent, YYYYMM, or ``deposit``; empty for what speaks of none."""
        if self.leads_to != "bills":
            return ""
        month = facts.get("month")
        return month.value if month is not None and isinstance(month.value, str) else "deposit"

    def unfilled(self, facts: Mapping[str, Fact]) -> list[str]:
        """Blanks without a fact, or with one of another kind."""
        return sorted(name for name in self.blanks if name not in facts or facts[name].kind != BLANKS[name])

    def render(self, facts: Mapping[str, Fact]) -> Rendered:
        """Fills the blanks. Raises KeyError when a fact is missing; facts nobody asked for are ignored."""
        zh = {name: facts[name].zh()[:MAX_VALUE_CHARS] for name in self.blanks}
        en = {name: facts[name].en()[:MAX_VALUE_CHARS] for name in self.blanks}
        return Rendered(_fill(self.zh, zh, _SIGNATURE_ZH), _fill(self.en, en, _SIGNATURE_EN))


def _blanks(text: str) -> frozenset[str]:
    return frozenset(name for _, name, _, _ in Formatter().parse(text) if name)


def _fill(text: Text, values: Mapping[str, str], signature: str) -> Text:
    # format_map with plain strings only: a value with braces in it is text, not a format.
    return Text(
        title=text.title.format_map(values),
        body=text.body.format_map(values),
        sms=signature + text.sms.format_map(values),
    )


def parse(id: str, audience: Audience, raw: Mapping[str, Any]) -> Template:
    """One template from its YAML entry. Raises TemplateError."""
    known = {"sms", "leads_to", "starts_clock", "title_zh", "body_zh", "sms_zh", "title_en", "body_en", "sms_en"}
    if set(raw) - known or not {"sms", "title_zh", "body_zh", "title_en", "body_en"} <= set(raw):
        raise TemplateError(f"{id}: wrong keys {sorted(raw)}")
    zh = Text(raw["title_zh"], raw["body_zh"], raw.get("sms_zh", raw["body_zh"]))
    en = Text(raw["title_en"], raw["body_en"], raw.get("sms_en", raw["body_en"]))
    leads_to = raw.get("leads_to", "case")
    if leads_to not in PLACES:
        raise TemplateError(f"{id}: leads to {leads_to!r}, which is none of {sorted(PLACES)}")
    template = Template(id, audience, bool(raw["sms"]), zh, en, leads_to, bool(raw.get("starts_clock", False)))
    for text_zh, text_en in ((zh.title + zh.body, en.title + en.body), (zh.sms, en.sms)):
        if _blanks(text_zh) != _blanks(text_en):
            raise TemplateError(f"{id}: the two languages have different blanks")
    if unknown := template.blanks - BLANKS.keys():
        raise TemplateError(f"{id}: nobody knows what fills {sorted(unknown)}")
    if template.sms and (_blanks(zh.sms) | _blanks(en.sms)) & PRIVATE_BLANKS:
        raise TemplateError(f"{id}: an SMS must not carry {sorted(_blanks(zh.sms) & PRIVATE_BLANKS)}")
    if template.sms and audience == "staff":
        raise TemplateError(f"{id}: officials have no phone number here")
    if template.starts_clock and not template.sms:
        raise TemplateError(f"{id}: what starts a legal time is told by more than the inbox")
    return template


@lru_cache(maxsize=1)
def catalogue() -> Mapping[str, Template]:
    """Every template of the package by id. Raises TemplateError for a text that must not be sent."""
    found: dict[str, Template] = {}
    audiences: tuple[Audience, ...] = ("citizen", "staff")
    for audience in audiences:
        file = resources.files("notifications") / "templates" / f"{audience}.yaml"
        for id, raw in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            if id in found:
                raise TemplateError(f"{id}: declared twice")
            found[id] = parse(id, audience, raw)
    return found
