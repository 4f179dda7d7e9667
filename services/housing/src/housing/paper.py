"""The file of a signed contract: PDF/A-2a, tagged for screen readers, with its fonts inside and a code by which anybody who holds it can have it checked.

The same contract gives the same bytes (with the same releases of typst and of the fonts, which the lock holds): a lost file is made again.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from importlib import resources
from typing import Final

from anju_calendar import SHANGHAI
from casekit.paper import code, drawn

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
        "code": code(check_url),
        "code_says": f"核对合同的二维码：{check_url}",
    }
    return drawn(_template(), "contract", content, signed_at)


@cache
def _template() -> bytes:
    return (resources.files("housing") / "contract.typ").read_bytes()
