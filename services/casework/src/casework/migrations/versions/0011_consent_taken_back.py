"""A consent may be taken back. It stays on record, since what was asked before rested on it, and a new one may be given."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("consent", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint("consent_withdrawn", "consent", "withdrawn_at IS NULL OR (agrees AND withdrawn_at >= given_at)")
    op.drop_index("uq_consent_given", "consent")
    op.create_index(
        "uq_consent_given", "consent", ["application_no", "blind"], unique=True, postgresql_where=sa.text("agrees AND withdrawn_at IS NULL")
    )


def downgrade() -> None:
    op.drop_index("uq_consent_given", "consent")
    op.create_index("uq_consent_given", "consent", ["application_no", "blind"], unique=True, postgresql_where=sa.text("agrees"))
    op.drop_constraint("consent_withdrawn", "consent")
    op.drop_column("consent", "withdrawn_at")
