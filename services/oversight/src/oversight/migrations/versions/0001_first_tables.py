"""First tables: policies with their versions, which stay as they were published; how often they are opened."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEPT = {
    "policy": "(NEW.id, NEW.begun_at) IS DISTINCT FROM (OLD.id, OLD.begun_at) OR (OLD.withdrawn_on IS NOT NULL AND NEW IS DISTINCT FROM OLD)",
    "policy_version": """OLD.state = 'published' OR (NEW.policy_id, NEW.number) IS DISTINCT FROM (OLD.policy_id, OLD.number)
               OR (NEW.state = 'published' AND (NEW.content, NEW.digest, NEW.writers) IS DISTINCT FROM (OLD.content, OLD.digest, OLD.writers))""",
    "policy_view": "(NEW.policy_id, NEW.day, NEW.channel) IS DISTINCT FROM (OLD.policy_id, OLD.day, OLD.channel) OR NEW.views < OLD.views",
}


def upgrade() -> None:
    op.create_table(
        "policy",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_on", sa.Date(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by", sa.String(), nullable=False),
        sa.Column("withdrawn_by_person", sa.String(), nullable=False),
        sa.Column("withdrawal_reason", sa.String(), nullable=False),
        sa.Column("superseded_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "policy_version",
        sa.Column("policy_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("plain", sa.Text(), nullable=False),
        sa.Column("pairs", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("writers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("published_by_person", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('draft', 'published')", name="policy_version_state"),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"]),
        sa.PrimaryKeyConstraint("policy_id", "number"),
    )
    op.create_index(
        "ix_policy_version_one_draft", "policy_version", ["policy_id"], unique=True, postgresql_where=sa.text("state = 'draft'")
    )
    op.create_index("ix_policy_version_pairs", "policy_version", ["pairs"], postgresql_using="gin")
    op.create_table(
        "policy_view",
        sa.Column("policy_id", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("views", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("views > 0", name="policy_view_counts"),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.id"]),
        sa.PrimaryKeyConstraint("policy_id", "day", "channel"),
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'table % keeps what it has', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table, changed in _KEPT.items():
        op.execute(
            f"""
            CREATE FUNCTION keep_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {changed} THEN
                    RAISE EXCEPTION 'what was published stays as it is' USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
            END $$
            """
        )
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION keep_{table}()")
        op.execute(f"CREATE TRIGGER {table}_stays BEFORE DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    for table in ("policy_view", "policy_version", "policy"):
        op.drop_table(table)
    for function in (*(f"keep_{table}" for table in _KEPT), "refuse_change"):
        op.execute(f"DROP FUNCTION {function}()")
