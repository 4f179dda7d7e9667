"""Households and leases whose workflow is gone are marked, and every start of a workflow after its first is on record."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("waiting", "leases"):
        op.add_column(table, sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("offers", sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True))
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
    op.drop_column("offers", "answer_by")
    for table in ("leases", "waiting"):
        op.drop_column(table, "blocked_at")
