"""What stands against an approval is on record, and an approval against it takes two persons."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Who proposed what stays; only the second person's word is added.
_GUARDS = (
    """
CREATE FUNCTION proposal_only_seconded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'word_id' = to_jsonb(OLD) - 'word_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'proposals do not change' USING ERRCODE = 'restrict_violation';
END $$
""",
    "CREATE TRIGGER proposal_seconded_only BEFORE UPDATE ON proposal FOR EACH ROW EXECUTE FUNCTION proposal_only_seconded()",
    "CREATE TRIGGER proposal_no_delete BEFORE DELETE OR TRUNCATE ON proposal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    op.add_column("application", sa.Column("doubts", sa.ARRAY(sa.String()), nullable=False, server_default="{}"))
    op.create_table(
        "proposal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("official_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("word_id", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["task_id"], ["task.id"]),
        sa.ForeignKeyConstraint(["application_no"], ["application.no"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uq_proposal_task", "proposal", ["task_id"], unique=True)
    op.create_index("ix_proposal_application", "proposal", ["application_no"])
    op.create_table(
        "signature",
        sa.Column("word_id", sa.String(), nullable=False),
        sa.Column("official_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("word_id"),
    )
    for guard in _GUARDS:
        op.execute(guard)


def downgrade() -> None:
    op.drop_table("signature")
    op.drop_table("proposal")
    op.execute("DROP FUNCTION proposal_only_seconded()")
    op.drop_column("application", "doubts")
