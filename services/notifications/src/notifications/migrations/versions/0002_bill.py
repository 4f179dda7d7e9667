"""The bill a message speaks of."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Messages of before lead to the list of bills, as they always did.
    op.add_column("inbox_message", sa.Column("bill", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("inbox_message", "bill")
