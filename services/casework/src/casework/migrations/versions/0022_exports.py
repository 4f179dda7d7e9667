"""Files of more rows than one person takes away, asked for and consented to."""

from alembic import op
from casekit import export_table

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    export_table.create(op)


def downgrade() -> None:
    export_table.drop(op)
