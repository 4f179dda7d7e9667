"""First tables: cases, dossiers, tasks, notices and objections; timeline and access log are append-only."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# Records of who did and who saw what are evidence: not even this service may rewrite them.
APPEND_ONLY = ("timeline", "access_log")


def upgrade() -> None:
    op.execute(sa.schema.CreateSequence(sa.Sequence("application_number")))
    op.create_table(
        "application",
        sa.Column("no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("stage", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("waiting_on", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("district", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("street", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("category", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("household_size", sa.Integer(), nullable=False),
        sa.Column("masked_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("locale", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("profile_version", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("registers", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("levels", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("objection_level", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("(outcome = '') = (NOT stage IN ('lapsed', 'registered', 'rejected', 'withdrawn'))", name="application_outcome"),
        sa.CheckConstraint("version >= 1 AND round >= 1 AND household_size >= 1", name="application_counts"),
        sa.PrimaryKeyConstraint("no"),
        sa.UniqueConstraint("seq"),
    )
    op.create_index("ix_application_counters", "application", ["district", "street", "stage"], unique=False)
    op.create_index("ix_application_owner", "application", ["owner", "seq"], unique=False)
    op.create_index("ix_application_street", "application", ["street", "seq"], unique=False, postgresql_ops={"street": "text_pattern_ops"})
    op.create_table(
        "once",
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_outbox_due", "outbox", ["next_try_at"], unique=False, postgresql_where=sa.text("done_at IS NULL"))
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("reader", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("roles", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("method", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("with_dossier", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["application.no"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_access_log_application", "access_log", ["application_no", "id"], unique=False)
    op.create_table(
        "consent",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("text_version", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("registers", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["application.no"],
        ),
        sa.PrimaryKeyConstraint("application_no"),
    )
    op.create_table(
        "dossier",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("blinds", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("category", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("household_size", sa.Integer(), nullable=False),
        sa.Column("masked_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("request_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cardinality(blinds) >= 1", name="dossier_blinds"),
        sa.CheckConstraint("round >= 1", name="dossier_round"),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["application.no"],
        ),
        sa.PrimaryKeyConstraint("application_no", "round"),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["application.no"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_notice_shown", "notice", ["id"], unique=False, postgresql_where=sa.text("closed_at IS NULL AND NOT suspended"))
    op.create_index("uq_notice_open", "notice", ["application_no"], unique=True, postgresql_where=sa.text("closed_at IS NULL"))
    op.create_table(
        "objection",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("raised_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("state IN ('dismissed', 'open', 'pending', 'upheld')", name="objection_state"),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["application.no"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_objection_application", "objection", ["application_no", "raised_at"], unique=False)
    op.create_table(
        "resident",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("blind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("since_round", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["application.no"],
        ),
        sa.PrimaryKeyConstraint("application_no", "blind"),
    )
    op.create_index("uq_resident_active", "resident", ["blind"], unique=True, postgresql_where=sa.text("active"))
    op.create_table(
        "task",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("level", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["application.no"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_task_due", "task", ["deadline_at", "application_no"], unique=False, postgresql_where=sa.text("closed_at IS NULL"))
    op.create_index("uq_task_open", "task", ["application_no"], unique=True, postgresql_where=sa.text("closed_at IS NULL"))
    op.create_table(
        "timeline",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("step_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("word_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("event", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("source", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("stage", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("waiting_on", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("actor", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("actor_kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("objection_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("seq >= 2", name="timeline_seq"),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["application.no"],
        ),
        sa.PrimaryKeyConstraint("application_no", "seq"),
        sa.UniqueConstraint("step_id"),
    )

    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'table % is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_table("timeline")
    op.drop_index("uq_task_open", table_name="task", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_index("ix_task_due", table_name="task", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_table("task")
    op.drop_index("uq_resident_active", table_name="resident", postgresql_where=sa.text("active"))
    op.drop_table("resident")
    op.drop_index("ix_objection_application", table_name="objection")
    op.drop_table("objection")
    op.drop_index("uq_notice_open", table_name="notice", postgresql_where=sa.text("closed_at IS NULL"))
    op.drop_index("ix_notice_shown", table_name="notice", postgresql_where=sa.text("closed_at IS NULL AND NOT suspended"))
    op.drop_table("notice")
    op.drop_table("dossier")
    op.drop_table("consent")
    op.drop_index("ix_access_log_application", table_name="access_log")
    op.drop_table("access_log")
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("done_at IS NULL"))
    op.drop_table("outbox")
    op.drop_table("once")
    op.drop_index("ix_application_street", table_name="application", postgresql_ops={"street": "text_pattern_ops"})
    op.drop_index("ix_application_owner", table_name="application")
    op.drop_index("ix_application_counters", table_name="application")
    op.drop_table("application")
    op.execute("DROP FUNCTION refuse_change()")
    op.execute(sa.schema.DropSequence(sa.Sequence("application_number")))
