"""That nobody works on a case, and that somebody does again, is a version of it: lists and whoever follows it hear of it."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "interruption",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["application_no"], ["application.no"]),
        sa.PrimaryKeyConstraint("application_no", "seq"),
    )
    op.execute(
        "CREATE TRIGGER interruption_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON interruption"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("interruption")
