"""Letters to print: PDF/A-2a, one sheet each, the address where a window envelope shows it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final

import pylopdf_fonts_zh_cn as noto
import typst
from anju_calendar import SHANGHAI
from fontTools.ttLib import TTFont

OFFICE: Final = "公共租赁住房服务"


@dataclass(frozen=True)
class Sheet:
    no: str
    name: str
    address: str
    day: str
    title: str
    body: str


def file_of(sheets: Sequence[Sheet], printed_at: datetime) -> bytes:
    """Takes a tenth of a second of a processor: not on the loop that serves."""
    printed = printed_at.astimezone(SHANGHAI)
    content = {
        "year": printed.year,
        "month": printed.month,
        "day": printed.day,
        "title": "待寄出的信函",
        "office": OFFICE,
        "to": "收",
        "case_label": "受理编号",
        "why": "这封信寄给您，是因为短信没有送到，或者您选择不收短信。请核对登记的手机号码；登录“我的消息”也能看到同样的内容。",
        "letters": [asdict(sheet) for sheet in sheets],
    }
    document: bytes | list[bytes] | None = typst.Compiler(
        input=_template(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"letters": _printable(json.dumps(content, ensure_ascii=False))},
    ).compile(format="pdf", pdf_standards=["a-2a"], timestamp=int(printed_at.timestamp()))
    assert isinstance(document, bytes)
    return document


def _printable(text: str) -> str:
    """A rare character of a name which the fonts do not have is written as its number: a name must not lose a character, nor a file fail for it."""
    return "".join(char if char.isspace() or ord(char) in _characters() else f"〔U+{ord(char):04X}〕" for char in text)


@cache
def _characters() -> frozenset[int]:
    with TTFont(noto.serif_path()) as serif, TTFont(noto.sans_path()) as sans:
        return frozenset(serif.getBestCmap()) | frozenset(sans.getBestCmap())


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(noto.serif_path().parent)])


@cache
def _template() -> bytes:
    return (resources.files("notifications") / "letter.typ").read_bytes()
