"""first tables"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# The log and the receipts are evidence: what was written stays. Of a receipt only salt and body may be erased, and only together.
_GUARDS = (
    """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$
""",
    """CREATE TRIGGER access_log_append_only BEFORE UPDATE OR DELETE ON access_log FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER access_log_no_truncate BEFORE TRUNCATE ON access_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
    """
CREATE FUNCTION receipt_only_erased() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.salt IS NULL AND NEW.body IS NULL
        AND to_jsonb(NEW) - 'salt' - 'body' = to_jsonb(OLD) - 'salt' - 'body' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'receipts do not change' USING ERRCODE = 'restrict_violation';
END $$
""",
    """CREATE TRIGGER receipt_erase_only BEFORE UPDATE ON receipt FOR EACH ROW EXECUTE FUNCTION receipt_only_erased()""",
    """CREATE TRIGGER receipt_no_delete BEFORE DELETE ON receipt FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER receipt_no_truncate BEFORE TRUNCATE ON receipt FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
)


def upgrade() -> None:
    op.create_table(
        "access_log",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("attempt_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("request_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("register_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("endpoint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject_index", sa.Integer(), nullable=False),
        sa.Column("purpose", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("legal_basis", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("consent_version", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("operator", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fields", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("request_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("code", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("evidence_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prev_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint(
            "kind <> 'question' OR (purpose <> '' AND legal_basis <> '' AND consent_version <> '')", name="access_log_grounds"
        ),
        sa.CheckConstraint("kind IN ('question', 'answer', 'refusal')", name="access_log_kind"),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_access_log_case", "access_log", ["application_no", "seq"], unique=False)
    op.create_index("uq_access_log_answer", "access_log", ["attempt_id"], unique=True, postgresql_where=sa.text("kind = 'answer'"))
    op.create_index("uq_access_log_question", "access_log", ["request_id"], unique=True, postgresql_where=sa.text("kind = 'question'"))
    op.create_table(
        "lookup",
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("register_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("summary_zh", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("summary_en", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("last_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.CheckConstraint("NOT finished OR outcome IN ('found', 'no_record', 'unknown_person', 'mismatch')", name="lookup_finished"),
        sa.CheckConstraint("outcome IN ('', 'found', 'no_record', 'unknown_person', 'mismatch', 'unavailable')", name="lookup_outcome"),
        sa.CheckConstraint("tries >= 0", name="lookup_tries"),
        sa.PrimaryKeyConstraint("application_no", "round", "register_name"),
    )
    op.create_table(
        "receipt",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("register_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("subject_index", sa.Integer(), nullable=False),
        sa.Column("endpoint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("outcome", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("accepted", sa.Boolean(), nullable=False),
        sa.Column("attempt_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("request_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("evidence_hash", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("accepted = (outcome <> 'mismatch')", name="receipt_accepted"),
        sa.CheckConstraint("outcome IN ('found', 'no_record', 'unknown_person', 'mismatch')", name="receipt_outcome"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_receipt_case", "receipt", ["application_no", "round", "register_name"], unique=False)
    op.create_index(
        "uq_receipt_accepted",
        "receipt",
        ["application_no", "round", "register_name", "subject_index", "endpoint"],
        unique=True,
        postgresql_where=sa.text("accepted"),
    )
    for statement in _GUARDS:
        op.execute(statement)


def downgrade() -> None:
    op.drop_index("uq_receipt_accepted", table_name="receipt", postgresql_where=sa.text("accepted"))
    op.drop_index("ix_receipt_case", table_name="receipt")
    op.drop_table("receipt")
    op.drop_table("lookup")
    op.drop_index("uq_access_log_question", table_name="access_log", postgresql_where=sa.text("kind = 'question'"))
    op.drop_index("uq_access_log_answer", table_name="access_log", postgresql_where=sa.text("kind = 'answer'"))
    op.drop_index("ix_access_log_case", table_name="access_log")
    op.drop_table("access_log")
    op.execute("DROP FUNCTION receipt_only_erased()")
    op.execute("DROP FUNCTION refuse_change()")
