"""Looks of staff, as in every service that shows households' affairs; they take the place of the log of looks at cases."""

import sqlalchemy as sa
from alembic import op
from casekit import read_table

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    read_table.create(op)
    # The looks of before stay, and what they add up to; nobody was told of any number then.
    op.execute(
        """
        INSERT INTO staff_read (reader, roles, what, households, day, at)
        SELECT reader, roles, CASE WHEN method = 'GetReview' THEN 'review' WHEN with_dossier THEN 'dossier' ELSE 'progress' END,
               ARRAY[application_no], (at AT TIME ZONE 'Asia/Shanghai')::date, at
        FROM access_log ORDER BY id
        """
    )
    op.execute("INSERT INTO staff_read_household (reader, day, application_no) SELECT DISTINCT reader, day, households[1] FROM staff_read")
    op.execute(
        """
        INSERT INTO staff_read_day (reader, day, roles, households, alarm_above, at_most, refused)
        SELECT reader, day, max(roles), count(DISTINCT households[1]), greatest(300, count(DISTINCT households[1])),
               greatest(5000, count(DISTINCT households[1])), 0
        FROM staff_read GROUP BY reader, day
        """
    )
    op.drop_table("access_log")


def downgrade() -> None:
    read_table.drop(op)
    op.create_table(
        "access_log",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("application_no", sa.String(), sa.ForeignKey("application.no"), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("with_dossier", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_access_log_application", "access_log", ["application_no", "id"], unique=False)
