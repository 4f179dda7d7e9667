"""Who has let a counter act for him takes it back: which authorisation, by whom, when."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authorisation_end",
        sa.Column("authorisation_id", sa.String(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("assisted_by", sa.String(), nullable=False),
        sa.Column("assistance", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["authorisation_id"], ["authorisation.id"]),
        sa.PrimaryKeyConstraint("authorisation_id"),
    )
    op.execute(
        "CREATE TRIGGER authorisation_end_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON authorisation_end"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    op.drop_table("authorisation_end")
