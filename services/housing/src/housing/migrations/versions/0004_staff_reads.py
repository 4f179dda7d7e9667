"""Looks of staff, on record before anything is shown."""

from alembic import op
from casekit import read_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    read_table.create(op)


def downgrade() -> None:
    read_table.drop(op)
