"""Finished services, what was said of each, once, and what follows a bad word."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("finished", "evaluation")


def upgrade() -> None:
    op.create_table(
        "followed",
        sa.Column("service", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("service"),
    )
    op.create_table(
        "finished",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("item", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("fact_id", sa.String(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("division", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("handlers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("code_digest", sa.String(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("code_digest", name="uq_finished_code"),
    )
    op.create_index("ix_finished_owner", "finished", ["owner", "at", "id"])
    op.create_index("ix_finished_person", "finished", ["person"], postgresql_where=sa.text("person <> ''"))
    op.create_table(
        "evaluation",
        sa.Column("finished_id", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("reasons", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("said_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["finished_id"], ["finished.id"]),
        sa.PrimaryKeyConstraint("finished_id"),
    )
    op.create_index("ix_evaluation_day", "evaluation", ["day"])
    op.create_table(
        "follow_up",
        sa.Column("finished_id", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("escalated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("answered_by", sa.String(), nullable=False),
        sa.Column("answered_by_person", sa.String(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(state = 'done') = (answered_at IS NOT NULL)", name="follow_up_done"),
        sa.ForeignKeyConstraint(["finished_id"], ["evaluation.finished_id"]),
        sa.PrimaryKeyConstraint("finished_id"),
    )
    op.create_index("ix_follow_up_next", "follow_up", ["next_at"], postgresql_where=sa.text("state = 'open'"))
    for table in _APPEND_ONLY:
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
        op.execute(f"CREATE TRIGGER {table}_stays BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute(
        """
        CREATE FUNCTION keep_follow_up() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.state = 'done' OR (NEW.finished_id, NEW.opened_at, NEW.due_at) IS DISTINCT FROM (OLD.finished_id, OLD.opened_at, OLD.due_at) THEN
                RAISE EXCEPTION 'a follow-up ends once, and its deadline stays' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute("CREATE TRIGGER follow_up_kept BEFORE UPDATE ON follow_up FOR EACH ROW EXECUTE FUNCTION keep_follow_up()")
    op.execute("CREATE TRIGGER follow_up_stays BEFORE DELETE OR TRUNCATE ON follow_up FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    for table in ("follow_up", "evaluation", "finished", "followed"):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_follow_up()")
