"""Officials who leave a case to others, and who is known to hold a duty: when nobody of a level is left, the next one decides."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "duty_holder",
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("divisions", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("role", "sub"),
    )
    op.create_table(
        "recusal",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("official_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("word_id", sa.String(), nullable=False),
        sa.Column("holders", sa.ARRAY(sa.String()), nullable=False),
        sa.ForeignKeyConstraint(["application_no"], ["application.no"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_recusal_application", "recusal", ["application_no", "at"])
    op.execute(
        "CREATE TRIGGER recusal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON recusal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("recusal")
    op.drop_table("duty_holder")
