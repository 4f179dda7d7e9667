"""A rent bill keeps its days and every figure of its amount; no day of a lease is billed twice."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Equality of text inside an exclusion constraint needs it; a trusted extension, so the owner of the database may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.add_column("bills", sa.Column("first_day", sa.Date(), nullable=True))
    op.add_column("bills", sa.Column("last_day", sa.Date(), nullable=True))
    op.add_column("bills", sa.Column("lines", postgresql.JSONB(), server_default="[]", nullable=False))
    op.create_check_constraint("ck_bills_days", "bills", "(first_day IS NULL) = (last_day IS NULL) AND first_day <= last_day")
    op.execute(
        "ALTER TABLE bills ADD CONSTRAINT ex_bills_days EXCLUDE USING gist (lease_no WITH =, daterange(first_day, last_day, '[]') WITH &&) "
        "WHERE (first_day IS NOT NULL)"
    )


def downgrade() -> None:
    op.drop_constraint("ex_bills_days", "bills")
    op.drop_constraint("ck_bills_days", "bills")
    for column in ("lines", "last_day", "first_day"):
        op.drop_column("bills", column)
