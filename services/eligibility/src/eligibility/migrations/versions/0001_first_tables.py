"""first tables"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rule_set",
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("version", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_index("ix_rule_set_version", "rule_set", ["version", "published_at"], unique=False)
    op.create_table(
        "assessment",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("rule_set", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("verdict", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=False),
        sa.Column("judgement", sa.LargeBinary(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("verdict IN ('met', 'not_met', 'needs_review')", name="assessment_verdict"),
        sa.CheckConstraint("round >= 1", name="assessment_round"),
        sa.ForeignKeyConstraint(
            ["fingerprint"],
            ["rule_set.fingerprint"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("uq_assessment_round", "assessment", ["application_no", "round"], unique=True)
    # An assessment of years ago must come out the same: the rules it was made by do not change.
    op.execute(
        """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'published rule sets do not change' USING ERRCODE = 'restrict_violation';
END $$
"""
    )
    op.execute("CREATE TRIGGER rule_set_immutable BEFORE UPDATE OR DELETE ON rule_set FOR EACH ROW EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    op.drop_index("uq_assessment_round", table_name="assessment")
    op.drop_table("assessment")
    op.drop_index("ix_rule_set_version", table_name="rule_set")
    op.drop_table("rule_set")
    op.execute("DROP FUNCTION refuse_change()")
