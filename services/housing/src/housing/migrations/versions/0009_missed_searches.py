"""Searches of staff for people whom nobody found, counted by day."""

from alembic import op
from casekit import read_table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    read_table.count_misses(op)


def downgrade() -> None:
    read_table.forget_misses(op)
