"""Cases whose workflow is gone are marked, and every start of a workflow after its first is on record."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("application", sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_application_blocked", "application", ["seq"], postgresql_where=sa.text("blocked_at IS NOT NULL"))
    op.create_table(
        "repairs",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workflow_id", "generation", name="uq_repairs_generation"),
    )
    op.create_index("ix_repairs_workflow_id", "repairs", ["workflow_id"])
    op.execute(
        "CREATE TRIGGER repairs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON repairs FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("repairs")
    op.drop_index("ix_application_blocked", table_name="application")
    op.drop_column("application", "blocked_at")
