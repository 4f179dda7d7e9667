"""What households said, as evidence, and beside each of their steps the word that it carries out."""

import sqlalchemy as sa
from alembic import op
from casekit import word_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None
TABLES = ("waiting", "offers", "leases")


def upgrade() -> None:
    word_table.create(op)
    for table in TABLES:
        op.add_column(table, sa.Column("word_id", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    for table in TABLES:
        op.drop_column(table, "word_id")
    word_table.drop(op)
