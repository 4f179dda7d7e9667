"""Which paper a clerk has seen of whom has taken his consent back at a counter."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent", sa.Column("withdrawal_sealed", sa.LargeBinary(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("consent", "withdrawal_sealed")
