"""Every adult consents for himself, and only who has confirmed is taken by a household.

What applicants had agreed to for everybody is not taken over: it was nobody else's consent.
"""

import sqlalchemy as sa
from alembic import op
from anju_terms import terms
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table("consent")
    channels = ", ".join(repr(each) for each in sorted(terms("consent_channels")))
    op.create_table(
        "consent",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("application_no", sa.String(), sa.ForeignKey("application.no"), nullable=False),
        sa.Column("blind", sa.String(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.Column("registers", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("given_by", sa.String(), nullable=False),
        sa.Column("document_sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(f"channel IN ({channels})", name="consent_channel"),
    )
    op.create_index("uq_consent_given", "consent", ["application_no", "blind"], unique=True, postgresql_where=sa.text("agrees"))
    op.add_column("resident", sa.Column("confirmed", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.alter_column("resident", "confirmed", server_default=None)
    op.drop_index("uq_resident_active", "resident")
    op.create_index("uq_resident_confirmed", "resident", ["blind"], unique=True, postgresql_where=sa.text("active AND confirmed"))
    op.create_index("ix_resident_active", "resident", ["blind"], postgresql_where=sa.text("active"))


def downgrade() -> None:
    op.drop_index("ix_resident_active", "resident")
    op.drop_index("uq_resident_confirmed", "resident")
    op.drop_column("resident", "confirmed")
    op.create_index("uq_resident_active", "resident", ["blind"], unique=True, postgresql_where=sa.text("active"))
    op.drop_table("consent")
    op.create_table(
        "consent",
        sa.Column("application_no", sa.String(), sa.ForeignKey("application.no"), primary_key=True),
        sa.Column("text_version", sa.String(), nullable=False),
        sa.Column("registers", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
    )
