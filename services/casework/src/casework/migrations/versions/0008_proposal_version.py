"""A proposal is a version of its case: whoever follows the case sees that it waits for a second person."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # 0: proposed before proposals had one.
    op.add_column("proposal", sa.Column("seq", sa.BigInteger(), nullable=False, server_default="0"))
    op.alter_column("proposal", "seq", server_default=None)


def downgrade() -> None:
    op.drop_column("proposal", "seq")
