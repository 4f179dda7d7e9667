"""The tables of staff's looks in a service's migrations: their columns, and the triggers that keep them evidence (PIPL, article 55)."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_GROWS: Final = """
    CREATE OR REPLACE FUNCTION grow_staff_read_day() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.reader, NEW.day) IS DISTINCT FROM (OLD.reader, OLD.day) OR NEW.households < OLD.households OR NEW.refused < OLD.refused
           OR (OLD.alarmed_at IS NOT NULL AND NEW.alarmed_at IS DISTINCT FROM OLD.alarmed_at) {} THEN
            RAISE EXCEPTION 'a count of looks only grows, and an alarm stays raised' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END $$
"""


def create(op: Any) -> None:
    """``op`` is alembic's. A look stays as it was written, and none is taken out; a day's count only grows, and an alarm stays raised."""
    op.create_table(
        "staff_read",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("households", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_staff_read_households", "staff_read", ["households"], unique=False, postgresql_using="gin")
    op.create_index("ix_staff_read_reader", "staff_read", ["reader", "day"], unique=False)
    op.create_index("ix_staff_read_at", "staff_read", ["at", "id"], unique=False)
    op.create_table(
        "staff_read_household",
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("reader", "day", "application_no"),
    )
    op.create_table(
        "staff_read_day",
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("roles", sa.String(), nullable=False),
        sa.Column("households", sa.Integer(), nullable=False),
        sa.Column("alarm_above", sa.Integer(), nullable=False),
        sa.Column("at_most", sa.Integer(), nullable=False),
        sa.Column("alarmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.CheckConstraint("households <= at_most", name="ck_staff_read_day_at_most"),
        sa.PrimaryKeyConstraint("reader", "day"),
    )
    op.create_index("ix_staff_read_day", "staff_read_day", ["day", "reader"], unique=False)
    op.execute(
        """
        CREATE FUNCTION keep_staff_read() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'who has looked stays on record' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(_GROWS.format(""))
    for table, changes in (("staff_read", "UPDATE OR DELETE"), ("staff_read_household", "UPDATE OR DELETE"), ("staff_read_day", "DELETE")):
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE {changes} ON {table} FOR EACH ROW EXECUTE FUNCTION keep_staff_read()")
        op.execute(f"CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION keep_staff_read()")
    # The triggers refuse as well. An owner can give himself the right back, but not by a mistake in a statement.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON staff_read, staff_read_household FROM CURRENT_USER")
    op.execute("CREATE TRIGGER staff_read_day_grows BEFORE UPDATE ON staff_read_day FOR EACH ROW EXECUTE FUNCTION grow_staff_read_day()")


def count_misses(op: Any) -> None:
    """Searches for people whom nobody found, with their own alarm and limit; they only grow too."""
    for name in ("misses", "misses_alarm_above", "misses_at_most"):
        op.add_column("staff_read_day", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.create_check_constraint("ck_staff_read_day_misses", "staff_read_day", "misses <= misses_at_most")
    op.execute(_GROWS.format("OR NEW.misses < OLD.misses"))


def forget_misses(op: Any) -> None:
    op.execute(_GROWS.format(""))
    op.drop_constraint("ck_staff_read_day_misses", "staff_read_day")
    for name in ("misses_at_most", "misses_alarm_above", "misses"):
        op.drop_column("staff_read_day", name)


def drop(op: Any) -> None:
    for table in ("staff_read_day", "staff_read_household", "staff_read"):
        op.drop_table(table)
    op.execute("DROP FUNCTION keep_staff_read()")
    op.execute("DROP FUNCTION grow_staff_read_day()")
