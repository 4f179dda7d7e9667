"""What every service has whose records have workflows: answers once given, the outbox, words, repairs, what operators did, looks of staff, facts."""

import sqlalchemy as sa
from alembic import op
from casekit import fact_table, operator_steps, read_table, word_table
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "once",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_outbox_due", "outbox", ["next_try_at"], unique=False, postgresql_where=sa.text("done_at IS NULL"))
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
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON repairs FROM CURRENT_USER")
    word_table.create(op)
    word_table.add_acting_for(op)
    word_table.add_assistance(op)
    read_table.create(op)
    read_table.count_misses(op)
    fact_table.create(op)
    operator_steps.create(op)


def downgrade() -> None:
    operator_steps.drop(op)
    fact_table.drop(op)
    read_table.forget_misses(op)
    read_table.drop(op)
    word_table.drop(op)
    for table in ("repairs", "outbox", "once"):
        op.drop_table(table)
