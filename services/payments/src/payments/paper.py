"""The two papers about money: a household's account (对账单), and the receipt of a payment in the manner of a non-tax receipt (非税收入票据), marked as a sample.

Neither names anybody: the numbers of the lease and of the case say whose it is to those who may know.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any, Final

from anju_calendar import SHANGHAI
from anju_terms import title
from casekit.paper import code, drawn

from payments.domain import money, statement
from payments.tables import Bill, Transfer

ACCOUNT: Final = "公共租赁住房缴费对账单"
RECEIPT: Final = "公共租赁住房缴款收据"
_SAMPLE: Final = "样张：式样参照非税收入票据，正式票据以财政部门监制的为准"


def account(found: statement.Statement, lease_no: str, application_no: str, on: date, made_at: datetime) -> bytes:
    """Takes a tenth of a second of a processor: not on the loop that serves."""
    rows = [
        [
            _day(line.entry.at),
            f"{title('statement_lines', line.entry.kind)}：{_about(line.entry.bill_kind, line.entry.period)}",
            _signed(line.charged_fen),
            _signed(line.received_fen),
            _yuan(line.owed_fen),
            _yuan(line.credit_fen),
            line.receipt_no,
        ]
        for line in found.lines
    ]
    facts = [
        ("合同编号", lease_no),
        ("受理编号", application_no),
        ("截至", f"{on.year} 年 {on.month} 月 {on.day} 日"),
        ("应缴合计", f"{_yuan(found.charged_fen)} 元"),
        ("到账合计", f"{_yuan(found.received_fen)} 元"),
        ("现在欠缴", f"{_yuan(found.owed_fen)} 元"),
        ("多缴的钱", f"{_yuan(found.credit_fen)} 元"),
        ("已缴押金", f"{_yuan(found.deposit_fen)} 元"),
    ]
    heads = ["日期", "事项", "应缴（元）", "到账（元）", "欠缴余额", "多缴余额", "收据"]
    notes = ["本表按总账逐笔列出。有疑问的，可以凭合同编号向房管所或财务人员核对。"]
    return _paper(ACCOUNT, facts, made_at, heads=heads, rows=rows, notes=notes)


def receipt(number: str, transfer: Transfer, bill: Bill, made_at: datetime, url: str) -> bytes:
    facts = [
        ("收据编号", number),
        ("合同编号", bill.lease_no),
        ("受理编号", bill.application_no),
        ("收款项目", _about(bill.kind, bill.period)),
        ("金额（大写）", f"人民币{money.capital(transfer.amount_fen)}"),
        ("金额（小写）", f"¥{_yuan(transfer.amount_fen)}"),
        ("到账记账", f"{_day(transfer.as_of)} {transfer.as_of.astimezone(SHANGHAI):%H:%M}"),
        *(
            [("缴款方式", "中国建设银行聚合支付"), ("银行订单号", transfer.provider_txn)]
            if transfer.provider_txn
            else [("缴款方式", "窗口现金")]
        ),
    ]
    told = ["扫描二维码，可以核对这张收据是否由本系统开出。"]
    return _paper(RECEIPT, facts, made_at, sample=_SAMPLE, url=url, notes=told)


def _about(kind: str, period: str) -> str:
    return f"{period[:4]} 年 {int(period[4:])} 月{title('bill_kinds', kind)}" if period else title("bill_kinds", kind)


def _day(instant: datetime) -> str:
    return f"{instant.astimezone(SHANGHAI):%Y-%m-%d}"


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02d}"


def _signed(fen: int) -> str:
    """Nothing for nought: a column with noughts hides what stands in it."""
    return "" if fen == 0 else (f"−{_yuan(-fen)}" if fen < 0 else _yuan(fen))


def _paper(
    name: str,
    facts: list[tuple[str, str]],
    made_at: datetime,
    *,
    heads: list[str] | None = None,
    rows: list[list[str]] | None = None,
    notes: list[str],
    sample: str = "",
    url: str = "",
) -> bytes:
    day = made_at.astimezone(SHANGHAI)
    content: dict[str, Any] = {
        "title": name,
        "year": day.year,
        "month": day.month,
        "day": day.day,
        "sample": sample,
        "facts": facts,
        "heads": heads or [],
        "rows": rows or [],
        "notes": notes,
        "code": code(url) if url else "",
        "code_says": f"核对收据的二维码：{url}",
    }
    return drawn(_template(), "account", content, made_at)


@cache
def _template() -> bytes:
    return (resources.files("payments") / "account.typ").read_bytes()
