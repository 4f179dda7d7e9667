"""Bills whose workflow is gone are marked, keep what their workflow runs on, and every start of a workflow after its first is on record."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("bills", sa.Column("street", sa.String(), server_default="", nullable=False))
    op.add_column("bills", sa.Column("reminder_days", sa.ARRAY(sa.Integer()), server_default="{}", nullable=False))
    op.add_column("bills", sa.Column("payment_poll_seconds", sa.Integer(), server_default="600", nullable=False))
    op.add_column("bills", sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_bills_served", "bills", ["id"], postgresql_where=sa.text("state IN ('open', 'overdue') OR blocked_at IS NOT NULL"))
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
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON repairs FROM CURRENT_USER")


def downgrade() -> None:
    op.drop_table("repairs")
    op.drop_index("ix_bills_served", table_name="bills")
    for column in ("blocked_at", "payment_poll_seconds", "reminder_days", "street"):
        op.drop_column("bills", column)
