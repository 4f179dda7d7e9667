"""Papers: PDF/A-2a by typst, tagged for screen readers, with their fonts inside. What people wrote comes to a template as data, never as markup.

The same content gives the same bytes (with the same releases of typst and of the fonts, which the lock holds): a lost file is made again.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any

import pylopdf_fonts_zh_cn as noto
import segno
import typst
from fontTools.ttLib import TTFont


def drawn(template: bytes, name: str, content: Mapping[str, Any], made_at: datetime) -> bytes:
    """The template's file, with ``content`` as its ``sys.inputs`` of that name. Takes a tenth of a second of a processor: not on the loop that serves."""
    document: bytes | list[bytes] | None = typst.Compiler(
        input=template,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={name: printable(json.dumps(content, ensure_ascii=False))},
    ).compile(format="pdf", pdf_standards=["a-2a"], timestamp=int(made_at.timestamp()))
    assert isinstance(document, bytes)
    return document


def code(url: str) -> str:
    """The QR code of an address, as SVG."""
    image = io.BytesIO()
    segno.make(url, error="m", micro=False).save(image, kind="svg", xmldecl=False, border=2)
    return image.getvalue().decode()


def printable(text: str) -> str:
    """A rare character of a name which the fonts do not have is written as its number: a name must not lose a character, nor a file fail for it."""
    return "".join(char if char.isspace() or ord(char) in _characters() else f"〔U+{ord(char):04X}〕" for char in text)


@cache
def _characters() -> frozenset[int]:
    with TTFont(noto.serif_path()) as serif, TTFont(noto.sans_path()) as sans:
        return frozenset(serif.getBestCmap()) | frozenset(sans.getBestCmap())


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(noto.serif_path().parent)])
