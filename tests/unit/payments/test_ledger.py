from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payments.domain import bills, ledger, money

fens = st.integers(1, 10**10)
LEASE = "L-2026-000001"


def by_account(entry: ledger.Entry) -> dict[str, int]:
    return {posting.account: posting.amount_fen for posting in entry.postings}


def test_rent_is_owed_to_the_treasury_and_a_deposit_is_not_income() -> None:
    assert by_account(ledger.issued("rent", LEASE, 35_000)) == {f"receivable:{LEASE}": 35_000, "income:rent": -35_000}
    assert by_account(ledger.issued("deposit", LEASE, 200_000)) == {f"receivable:{LEASE}": 200_000, f"deposit:{LEASE}": -200_000}


def test_money_settles_the_debt_and_the_rest_is_credit() -> None:
    assert by_account(ledger.paid("ccb", LEASE, 100, 100)) == {"bank:ccb": 100, f"receivable:{LEASE}": -100}
    assert by_account(ledger.paid("ccb", LEASE, 100, 60)) == {"bank:ccb": 100, f"receivable:{LEASE}": -60, f"credit:{LEASE}": -40}
    assert by_account(ledger.paid("ccb", LEASE, 100, 0)) == {"bank:ccb": 100, f"credit:{LEASE}": -100}
    assert by_account(ledger.unexplained("ccb", 100)) == {"bank:ccb": 100, "suspense": -100}
    assert by_account(ledger.claim_withdrawn(LEASE, 200)) == {f"deposit:{LEASE}": 200, f"receivable:{LEASE}": -200}


@given(fens, st.integers(0, 10**10))
def test_every_entry_balances_and_moves_what_came(amount: int, owed: int) -> None:
    for entry in (
        ledger.paid("ccb", LEASE, amount, owed),
        ledger.issued("rent", LEASE, amount),
        ledger.issued("deposit", LEASE, amount),
        ledger.unexplained("ccb", amount),
    ):
        assert sum(by_account(entry).values()) == 0
        assert entry.amount_fen == amount
    # M4: never more is settled than is owed.
    assert -by_account(ledger.paid("ccb", LEASE, amount, owed)).get(f"receivable:{LEASE}", 0) <= owed


@pytest.mark.parametrize(
    "postings",
    [
        (),
        (ledger.Posting("a", 0), ledger.Posting("b", 0)),
        (ledger.Posting("a", 1),),
        (ledger.Posting("a", 1), ledger.Posting("b", -2)),
        (ledger.Posting("a", 1), ledger.Posting("a", -1)),
    ],
)
def test_what_does_not_balance_is_no_entry(postings: tuple[ledger.Posting, ...]) -> None:
    with pytest.raises(ValueError, match="entry"):
        ledger.Entry("payment", postings)


@pytest.mark.parametrize("amount", [0, -1])
def test_nonsense_amounts_are_refused(amount: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        ledger.issued("rent", LEASE, amount)
    with pytest.raises(ValueError, match="positive"):
        ledger.paid("ccb", LEASE, amount, 5)
    with pytest.raises(ValueError, match="positive"):
        ledger.unexplained("ccb", amount)
    with pytest.raises(ValueError, match="negative"):
        ledger.paid("ccb", LEASE, 1, -1)


def test_trial_balance_names_every_head_and_both_columns_agree() -> None:
    found = ledger.trial_balance([("receivable", 65), ("income:rent", -100), ("bank:ccb", 40), ("credit", -5)])
    assert [balance.head.code for balance in found] == [head.code for head in ledger.CHART]
    assert sum(b.debit_fen for b in found) == sum(b.credit_fen for b in found) == 105
    with pytest.raises(KeyError):
        ledger.trial_balance([("petty cash", 1)])


@pytest.mark.parametrize(("fen", "text"), [(1, "0.01"), (10, "0.10"), (1230, "12.30"), (100, "1.00"), (10**10, "100000000.00")])
def test_yuan(fen: int, text: str) -> None:
    assert (money.yuan(fen), money.fen(text)) == (text, fen)


@given(fens)
def test_yuan_and_back(amount: int) -> None:
    assert money.fen(money.yuan(amount)) == amount


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.00", "-1.00", "+1", "1.", ".5", "1.234", "01.00", "1e3", "1,000.00", "１.00", " 1.00", "1.00\n", "99999999999", "nan"],
)
def test_what_is_not_an_amount(text: str) -> None:
    with pytest.raises(ValueError, match="money"):
        money.fen(text)


def test_short_forms_of_amounts() -> None:
    assert (money.fen("12"), money.fen("12.3")) == (1200, 1230)
    with pytest.raises(ValueError, match="negative"):
        money.yuan(-1)


def test_bill_ids() -> None:
    assert bills.bill_id(LEASE, "rent", "202612") == f"{LEASE}/202612"
    assert bills.bill_id(LEASE, "deposit", "") == f"{LEASE}/deposit"
    for lease, kind, period in (
        (LEASE, "rent", ""),
        (LEASE, "rent", "202613"),
        (LEASE, "deposit", "202612"),
        (LEASE, "fine", ""),
        ("", "deposit", ""),
        ("a/b", "deposit", ""),
    ):
        with pytest.raises(ValueError):
            bills.bill_id(lease, kind, period)


def test_marks_follow_the_table_of_legal_moves() -> None:
    assert {(s, m): bills.marked(s, m) for s in bills.STATES for m in ("overdue", "arrears", "paid") if bills.marked(s, m)} == {
        ("open", "overdue"): "overdue",
        ("overdue", "arrears"): "arrears",
    }


def test_arrears_of_rent_stay_payable_and_a_lapsed_deposit_does_not() -> None:
    payable = {(kind, state) for kind in ("rent", "deposit") for state in bills.STATES if bills.takes_money(kind, state)}
    assert payable == {("rent", "open"), ("rent", "overdue"), ("rent", "arrears"), ("deposit", "open"), ("deposit", "overdue")}
    assert all(a.code != b.code for a, b in pairwise(ledger.CHART))


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (1, "壹分"),
        (50, "伍角整"),
        (105, "壹元零伍分"),
        (35_000, "叁佰伍拾元整"),
        (1_000, "壹拾元整"),
        (100_405, "壹仟零肆元零伍分"),
        (123_005, "壹仟贰佰叁拾元零伍分"),
        (10_000_00, "壹万元整"),
        (10_010_00, "壹万零壹拾元整"),
        (10_500_00, "壹万零伍佰元整"),
        (12_345_67, "壹万贰仟叁佰肆拾伍元陆角柒分"),
        (100_000_000_00, "壹亿元整"),
        (100_000_001_00, "壹亿零壹元整"),
        (100_010_000_00, "壹亿零壹万元整"),
        (20_003_000_00, "贰仟万叁仟元整"),
    ],
)
def test_amounts_as_receipts_write_them(fen: int, text: str) -> None:
    assert money.capital(fen) == text


@pytest.mark.parametrize("fen", [0, -1, 10**14])
def test_amounts_no_receipt_is_for(fen: int) -> None:
    with pytest.raises(ValueError):
        money.capital(fen)
