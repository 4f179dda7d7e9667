"""What a version of a policy says, and what is wrong with it before it may be kept."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from anju_terms import is_code

from oversight.domain import words

MAX_ARTICLES: Final = 120
# All articles together; the longest national act of the field has about 12,000 characters.
MAX_TEXT_CHARS: Final = 60_000
_ID: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
MAX_ID_CHARS: Final = 60


@dataclass(frozen=True)
class Article:
    number: str
    heading: str
    text: str
    criteria: tuple[str, ...] = ()
    unverified: bool = False


@dataclass(frozen=True)
class Content:
    category: str
    title_zh: str
    title_en: str
    summary_zh: str
    summary_en: str
    issuer: str
    document_no: str
    articles: tuple[Article, ...]
    effective_on: date
    sample: bool

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "effective_on": self.effective_on.isoformat()}

    @property
    def digest(self) -> str:
        """Of everything a reader is shown: what was previewed is what is published."""
        return hashlib.sha256(json.dumps(self.as_json(), ensure_ascii=False, sort_keys=True).encode()).hexdigest()

    @property
    def title(self) -> str:
        return words.normal(f"{self.title_zh} | {self.title_en}")

    @property
    def texts(self) -> list[str]:
        """Everything a search looks through."""
        articles = (text for each in self.articles for text in (each.number, each.heading, each.text))
        return [self.title_zh, self.title_en, self.summary_zh, self.summary_en, self.issuer, self.document_no, *articles]

    @property
    def plain(self) -> str:
        return words.normal(" | ".join(self.texts))


def of_json(said: dict[str, Any]) -> Content:
    articles = tuple(Article(**{**each, "criteria": tuple(each["criteria"])}) for each in said["articles"])
    return Content(**{**said, "articles": articles, "effective_on": date.fromisoformat(said["effective_on"])})


class Wrong(NamedTuple):
    """What has to be put right, as a pointer into the content."""

    pointer: str
    zh: str
    en: str


def is_policy_id(text: str) -> bool:
    return len(text) <= MAX_ID_CHARS and _ID.fullmatch(text) is not None


def check(content: Content) -> list[Wrong]:
    return [*_about(content), *_articles(content)]


def _about(content: Content) -> Iterator[Wrong]:
    if not is_code("policy_categories", content.category):
        yield Wrong("/content/category", "请选择分类。", "Choose a category.")
    yield from _length("/content/title/zh", content.title_zh, 1, 100)
    yield from _length("/content/title/en", content.title_en, 1, 200)
    yield from _length("/content/summary/zh", content.summary_zh, 1, 600)
    yield from _length("/content/summary/en", content.summary_en, 1, 1200)
    yield from _length("/content/issuer", content.issuer, 1, 100)
    yield from _length("/content/document_no", content.document_no, 0, 60)


def _articles(content: Content) -> Iterator[Wrong]:
    if not 1 <= len(content.articles) <= MAX_ARTICLES:
        yield Wrong("/content/articles", f"正文应有 1 至 {MAX_ARTICLES} 条。", f"The text has 1 to {MAX_ARTICLES} articles.")
    if sum(len(each.text) for each in content.articles) > MAX_TEXT_CHARS:
        yield Wrong("/content/articles", f"正文合计不超过 {MAX_TEXT_CHARS} 字。", f"All articles have at most {MAX_TEXT_CHARS} characters.")
    numbers: set[str] = set()
    for at, each in enumerate(content.articles):
        here = f"/content/articles/{at}"
        yield from _length(f"{here}/number", each.number, 1, 20)
        yield from _length(f"{here}/heading", each.heading, 0, 60)
        yield from _length(f"{here}/text", each.text, 1, 4000)
        if each.number in numbers:
            yield Wrong(f"{here}/number", "条目编号重复。", "Two articles have this number.")
        numbers.add(each.number)
        if not all(is_code("criteria", code) for code in each.criteria):
            yield Wrong(f"{here}/criteria", "没有这一项准入条件。", "There is no such criterion.")


def _length(pointer: str, text: str, least: int, most: int) -> Iterator[Wrong]:
    if not least <= len(text.strip()) or len(text) > most:
        zh = f"请填写，不超过 {most} 字。" if least else f"不超过 {most} 字。"
        yield Wrong(pointer, zh, f"Between {least} and {most} characters.")
