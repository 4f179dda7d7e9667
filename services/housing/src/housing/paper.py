"""The file of a signed contract: PDF/A-2a, tagged for screen readers, with its fonts inside and a code by which anybody who holds it can have it checked.

The same contract gives the same bytes (with the same releases of typst and of the fonts, which the lock holds): a lost file is made again.
"""

from __future__ import annotations

import io
import json
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final

import pylopdf_fonts_zh_cn as noto
import segno
import typst
from anju_calendar import SHANGHAI
from fontTools.ttLib import TTFont

from housing.domain.contract import Contract

TITLE: Final = "公共租赁住房租赁合同"


def file_of(contract: Contract, signed_at: datetime, check_url: str) -> bytes:
    """Takes a tenth of a second of a processor: not on the loop that serves."""
    signed = signed_at.astimezone(SHANGHAI)
    content = {
        "title": TITLE,
        "lessor": contract.lessor.zh,
        "year": signed.year,
        "month": signed.month,
        "day": signed.day,
        "number_label": "合同编号",
        "number": contract.lease_no,
        "note": "示例合同文本，以当地正式公布的为准" if contract.sample else "",
        "clauses": [{"title": clause.title.zh, "text": [part.zh for part in clause.text]} for clause in contract.clauses],
        "signatures": [
            f"出租人（甲方）：{contract.lessor.zh}",
            f"承租人（乙方）：{contract.tenant}",
            f"承租人于 {signed:%Y} 年 {signed.month} 月 {signed.day} 日 {signed:%H:%M} 登录本市公共租赁住房系统，阅读上述全文后签订。",
        ],
        "checking": ["扫描二维码，可以核对这份合同是否由本系统留存、现在是否有效。上述全文的存证编码（SHA-256）："],
        "digest": contract.digest,
        "code": _code(check_url),
        "code_says": f"核对合同的二维码：{check_url}",
    }
    document: bytes | list[bytes] | None = typst.Compiler(
        input=_template(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"contract": _printable(json.dumps(content, ensure_ascii=False))},
    ).compile(format="pdf", pdf_standards=["a-2a"], timestamp=int(signed_at.timestamp()))
    assert isinstance(document, bytes)
    return document


def _code(url: str) -> str:
    image = io.BytesIO()
    segno.make(url, error="m", micro=False).save(image, kind="svg", xmldecl=False, border=2)
    return image.getvalue().decode()


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
    return (resources.files("housing") / "contract.typ").read_bytes()
