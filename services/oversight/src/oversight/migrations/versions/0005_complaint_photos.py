"""Photographs beside what was written."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "complaint_photo",
        sa.Column("no", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("number BETWEEN 1 AND 6", name="complaint_photo_number"),
        sa.ForeignKeyConstraint(["no"], ["complaint.no"]),
        sa.PrimaryKeyConstraint("no", "number"),
    )
    op.execute(
        "CREATE TRIGGER complaint_photo_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON complaint_photo"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON complaint_photo FROM CURRENT_USER")


def downgrade() -> None:
    op.drop_table("complaint_photo")
