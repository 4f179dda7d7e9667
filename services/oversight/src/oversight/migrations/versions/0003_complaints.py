"""Complaints: what was said, its steps, the texts that belong to words, and wrong codes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

# What somebody has said, and whose it is, stays as it came.
_KEPT = (
    "no, seq, kind, channel, reference_no, about_staff, flags, received_at, owner, owner_person, taken_by, code_index, request_index, fingerprint,"
    " text_index, text_sealed, contact_sealed, reporter_sealed, about_name_sealed, about_name_index"
)


def upgrade() -> None:
    op.execute("CREATE SEQUENCE complaint_number")
    op.create_table(
        "complaint",
        sa.Column("no", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("reference_no", sa.String(), nullable=False),
        sa.Column("district", sa.String(), nullable=False),
        sa.Column("street", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("about_staff", sa.Boolean(), nullable=False),
        sa.Column("flags", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("waiting_on", sa.String(), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("rounds", sa.Integer(), nullable=False),
        sa.Column("before", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("owner_person", sa.String(), nullable=False),
        sa.Column("taken_by", sa.String(), nullable=False),
        sa.Column("code_index", sa.String(), nullable=False),
        sa.Column("request_index", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("text_index", sa.String(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("contact_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("reporter_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("about_name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("about_name_index", sa.String(), nullable=False),
        sa.Column("about_sub", sa.String(), nullable=False),
        sa.Column("brief_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("answer_word", sa.String(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_word", sa.String(), nullable=False),
        sa.Column("written_by", sa.String(), nullable=False),
        sa.Column("written_by_person", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("merged_into", sa.String(), nullable=False),
        sa.Column("blocked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("score BETWEEN 0 AND 5", name="complaint_score"),
        sa.CheckConstraint("rounds BETWEEN 0 AND 2", name="complaint_rounds"),
        sa.CheckConstraint("(owner <> '') = (channel = 'online')", name="complaint_owner"),
        sa.CheckConstraint("(code_index <> '') = (channel = 'anonymous')", name="complaint_code"),
        sa.PrimaryKeyConstraint("no"),
        sa.UniqueConstraint("seq"),
        sa.UniqueConstraint("request_index"),
    )
    op.create_index("ix_complaint_owner", "complaint", ["owner", "seq"])
    op.create_index("ix_complaint_place", "complaint", ["district", "seq"])
    op.create_index("ix_complaint_merged_into", "complaint", ["merged_into"])
    op.create_index("ix_complaint_reference", "complaint", ["reference_no"], unique=True, postgresql_where=sa.text("reference_no <> ''"))
    op.create_index("ix_complaint_text", "complaint", ["text_index"])
    op.create_table(
        "complaint_step",
        sa.Column("no", sa.String(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("step_id", sa.String(), nullable=False),
        sa.Column("word_id", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("waiting_on", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("overdue", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["no"], ["complaint.no"]),
        sa.PrimaryKeyConstraint("no", "seq"),
        sa.UniqueConstraint("step_id"),
    )
    op.create_table(
        "complaint_text",
        sa.Column("word_id", sa.String(), nullable=False),
        sa.Column("no", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("merge_into", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["no"], ["complaint.no"]),
        sa.PrimaryKeyConstraint("word_id"),
    )
    op.create_index("ix_complaint_text_no", "complaint_text", ["no"])
    op.create_table(
        "follow_try",
        sa.Column("number_index", sa.String(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("number_index"),
    )
    old, new = (", ".join(f"{row}.{name.strip()}" for name in _KEPT.split(",")) for row in ("OLD", "NEW"))
    op.execute(
        f"""
        CREATE FUNCTION keep_complaint() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF ({new}) IS DISTINCT FROM ({old}) THEN
                RAISE EXCEPTION 'what somebody has said stays as it came' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute("CREATE TRIGGER complaint_kept BEFORE UPDATE ON complaint FOR EACH ROW EXECUTE FUNCTION keep_complaint()")
    op.execute("CREATE TRIGGER complaint_stays BEFORE DELETE OR TRUNCATE ON complaint FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")
    op.execute(
        "CREATE TRIGGER complaint_step_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON complaint_step"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON complaint_step FROM CURRENT_USER")


def downgrade() -> None:
    for table in ("follow_try", "complaint_text", "complaint_step", "complaint"):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_complaint()")
    op.execute("DROP SEQUENCE complaint_number")
