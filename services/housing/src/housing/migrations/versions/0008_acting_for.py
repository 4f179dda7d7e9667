"""For whom an official has said something."""

from alembic import op
from casekit import word_table

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    word_table.add_acting_for(op)


def downgrade() -> None:
    word_table.drop_acting_for(op)
