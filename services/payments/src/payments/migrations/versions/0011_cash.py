"""Cash at a counter: taken by one person, counted by another, brought to the bank."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_KINDS = ("issue", "withdraw", "payment", "suspense", "credit")
_CASH = ("cash", "cash_difference", "cash_deposit")


def _rules(kinds: tuple[str, ...], banks: str, heads: str) -> None:
    op.drop_constraint("ck_transfers_kind", "transfers")
    op.create_check_constraint("ck_transfers_kind", "transfers", f"kind IN ({', '.join(repr(kind) for kind in kinds)})")
    op.drop_constraint("ck_postings_account", "postings")
    op.create_check_constraint(
        "ck_postings_account", "postings", f"account IN ({banks}, 'income:rent', 'suspense') OR account ~ '^({heads}):[^:]+$'"
    )


def upgrade() -> None:
    _rules((*_KINDS, *_CASH), "'bank:ccb', 'bank:cash'", "receivable|deposit|credit|cash")
    op.create_table(
        "cash_counts",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("expected_fen", sa.BigInteger(), nullable=False),
        sa.Column("counted_fen", sa.BigInteger(), nullable=False),
        sa.Column("receipts", sa.Integer(), nullable=False),
        sa.Column("counted_by", sa.String(), nullable=False),
        sa.Column("counted_by_person", sa.String(), server_default="", nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("slip_no", sa.String(), nullable=True),
        sa.Column("slip_fen", sa.BigInteger(), nullable=True),
        sa.Column("deposited_by", sa.String(), nullable=True),
        sa.Column("deposited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("owner", sa.String(), server_default="", nullable=False),
        sa.CheckConstraint("expected_fen > 0 AND counted_fen >= 0", name="ck_cash_counts_amount"),
        sa.CheckConstraint(
            "(slip_no IS NULL) = (deposited_by IS NULL) AND (slip_no IS NULL) = (deposited_at IS NULL)", name="ck_cash_counts_slip"
        ),
        sa.CheckConstraint("(slip_no IS NULL) = (slip_fen IS NULL) AND slip_fen >= 0", name="ck_cash_counts_slip_amount"),
        sa.CheckConstraint(
            "(owner <> '') = (counted_fen <> expected_fen OR coalesce(slip_fen <> counted_fen, false))", name="ck_cash_counts_owner"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("slip_no", name="uq_cash_counts_slip"),
    )
    op.create_table(
        "cash_taken",
        sa.Column("transfer_id", sa.BigInteger(), nullable=False),
        sa.Column("bill_id", sa.String(), nullable=False),
        sa.Column("point", sa.String(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("taken_by", sa.String(), nullable=False),
        sa.Column("taken_by_person", sa.String(), server_default="", nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count_id", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["transfer_id"], ["transfers.id"]),
        sa.ForeignKeyConstraint(["bill_id"], ["bills.id"]),
        sa.ForeignKeyConstraint(["count_id"], ["cash_counts.id"]),
        sa.PrimaryKeyConstraint("transfer_id"),
    )
    op.create_index("ix_cash_taken_uncounted", "cash_taken", ["point"], postgresql_where=sa.text("count_id IS NULL"))


def downgrade() -> None:
    op.drop_table("cash_taken")
    op.drop_table("cash_counts")
    _rules(_KINDS, "'bank:ccb'", "receivable|deposit|credit")
