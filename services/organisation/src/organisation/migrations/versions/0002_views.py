"""Views of lists somebody keeps for himself."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "list_view",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account", "id"),
    )
    op.create_index("ux_list_view_default", "list_view", ["account", "list"], unique=True, postgresql_where=sa.text("is_default"))


def downgrade() -> None:
    op.drop_table("list_view")
