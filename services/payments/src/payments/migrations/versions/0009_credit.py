"""A tenant's credit settles the next rent: its own kind of entry, and how much of a bill was paid by it."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def _kinds(*kinds: str) -> None:
    op.drop_constraint("ck_transfers_kind", "transfers")
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint("ck_transfers_kind", "transfers", f"kind IN ({listed})")


def upgrade() -> None:
    op.add_column("bills", sa.Column("credit_fen", sa.BigInteger(), server_default="0", nullable=False))
    op.create_check_constraint("ck_bills_credit", "bills", "credit_fen BETWEEN 0 AND greatest(paid_fen, 0)")
    _kinds("issue", "withdraw", "payment", "suspense", "credit")


def downgrade() -> None:
    _kinds("issue", "withdraw", "payment", "suspense")
    op.drop_constraint("ck_bills_credit", "bills")
    op.drop_column("bills", "credit_fen")
