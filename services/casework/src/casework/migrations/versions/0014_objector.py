"""Who raised an objection is known as a person too: under another account he neither answers it nor says the same again."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("objection", sa.Column("person", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("objection", "person")
