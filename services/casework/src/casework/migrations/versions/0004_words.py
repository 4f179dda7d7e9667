"""What people said, as evidence: who said what stays as it is, except that a word which was refused may be said anew."""

from alembic import op
from casekit import word_table

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    word_table.create(op)


def downgrade() -> None:
    word_table.drop(op)
