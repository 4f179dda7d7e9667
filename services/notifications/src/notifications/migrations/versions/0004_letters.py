"""What became of each letter."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_CHECKS = {
    "letter_state": "state IN ('waiting', 'printed', 'posted', 'delivered', 'returned')",
    "posted_on_a_day": "(state IN ('posted', 'delivered', 'returned')) = (posted_on IS NOT NULL)",
    "ended_on_a_day": "(state IN ('delivered', 'returned')) = (ended_on IS NOT NULL)",
}


def upgrade() -> None:
    op.add_column("letter", sa.Column("state", sa.String(), server_default="waiting", nullable=False))
    op.add_column("letter", sa.Column("printed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("letter", sa.Column("posted_on", sa.Date(), nullable=True))
    op.add_column("letter", sa.Column("ended_on", sa.Date(), nullable=True))
    op.add_column("letter", sa.Column("tracking_no", sa.String(), server_default="", nullable=False))
    op.add_column("letter", sa.Column("by", sa.String(), server_default="", nullable=False))
    for name, rule in _CHECKS.items():
        op.create_check_constraint(name, "letter", rule)
    op.create_index("ix_letter_state", "letter", ["state", "at", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_letter_state", table_name="letter")
    for name in _CHECKS:
        op.drop_constraint(name, "letter", type_="check")
    for column in ("by", "tracking_no", "ended_on", "posted_on", "printed_at", "state"):
        op.drop_column("letter", column)
