"""For whom an official has said something."""

import sqlalchemy as sa
from alembic import op
from casekit import word_table

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    word_table.add_acting_for(op)
    # An approval against the assessment takes two, and whoever stands in for the first is not the second.
    op.add_column("proposal", sa.Column("acting_for", sa.String(), nullable=False, server_default=""))
    op.alter_column("proposal", "acting_for", server_default=None)


def downgrade() -> None:
    op.drop_column("proposal", "acting_for")
    word_table.drop_acting_for(op)
