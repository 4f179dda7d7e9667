"""Facts for later reports, written with the changes they tell of."""

from alembic import op
from casekit import fact_table

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    fact_table.create(op)


def downgrade() -> None:
    fact_table.drop(op)
