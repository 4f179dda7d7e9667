"""The grade of a home, by which its rent standard is chosen."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("units", sa.Column("grade", sa.String(), server_default="ordinary", nullable=False))


def downgrade() -> None:
    op.drop_column("units", "grade")
