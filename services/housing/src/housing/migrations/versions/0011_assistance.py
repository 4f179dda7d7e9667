"""Which clerk at a counter has typed what a household says."""

from alembic import op
from casekit import word_table

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    word_table.add_assistance(op)


def downgrade() -> None:
    word_table.drop_assistance(op)
