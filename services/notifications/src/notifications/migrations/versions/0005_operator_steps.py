"""What operators do by hand, with who and why; append-only."""

from alembic import op
from casekit import operator_steps

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    operator_steps.create(op)


def downgrade() -> None:
    operator_steps.drop(op)
