"""Objections to queries, by the person they were about, with the auditors' answers."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "query_objection",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('open', 'founded', 'unfounded')", name="query_objection_state"),
        sa.CheckConstraint("(state = 'open') = (answered_at IS NULL)", name="query_objection_answered"),
        sa.CheckConstraint("(state = 'open') = (answered_by = '' AND answer_sealed = ''::bytea)", name="query_objection_answer"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uq_query_objection_open", "query_objection", ["request_id"], unique=True, postgresql_where=sa.text("state = 'open'"))
    op.create_index("ix_query_objection_request", "query_objection", ["request_id", "raised_at"], unique=False)
    op.create_index("ix_query_objection_due", "query_objection", ["due_at", "id"], unique=False)
    op.execute(
        """
        CREATE FUNCTION query_objection_only_answered() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.state <> 'open' OR NEW.state = 'open'
               OR (NEW.id, NEW.fingerprint, NEW.request_id, NEW.person, NEW.text_sealed, NEW.raised_at, NEW.due_at)
                  IS DISTINCT FROM (OLD.id, OLD.fingerprint, OLD.request_id, OLD.person, OLD.text_sealed, OLD.raised_at, OLD.due_at) THEN
                RAISE EXCEPTION 'an objection is answered once, and stays as it was said' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER query_objection_answered BEFORE UPDATE ON query_objection FOR EACH ROW EXECUTE FUNCTION query_objection_only_answered()"
    )
    op.execute("CREATE TRIGGER query_objection_kept BEFORE DELETE ON query_objection FOR EACH ROW EXECUTE FUNCTION refuse_change()")
    op.execute(
        "CREATE TRIGGER query_objection_not_emptied BEFORE TRUNCATE ON query_objection FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("query_objection")
    op.execute("DROP FUNCTION query_objection_only_answered()")
