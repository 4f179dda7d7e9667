"""The table of facts in a service's migrations: its columns, and the triggers that keep a fact as it was written."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


def create(op: Any) -> None:
    """``op`` is alembic's."""
    op.create_table(
        "fact",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("xid", sa.BigInteger(), server_default=sa.text("(pg_current_xact_id()::text)::bigint"), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("division", sa.String(), nullable=False),
        sa.Column("division_on", sa.Date(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("codes", postgresql.JSONB(), nullable=False),
        sa.Column("figures", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id", name="uq_fact_id"),
    )
    op.create_index("ix_fact_order", "fact", ["xid", "seq"], unique=False)
    op.execute(
        """
        CREATE FUNCTION keep_fact() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a fact stays as it was told' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute("CREATE TRIGGER fact_kept BEFORE UPDATE OR DELETE ON fact FOR EACH ROW EXECUTE FUNCTION keep_fact()")
    op.execute("CREATE TRIGGER fact_not_emptied BEFORE TRUNCATE ON fact FOR EACH STATEMENT EXECUTE FUNCTION keep_fact()")
    # The triggers refuse as well. An owner can give himself the right back, but not by a mistake in a statement.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON fact FROM CURRENT_USER")


def drop(op: Any) -> None:
    op.drop_table("fact")
    op.execute("DROP FUNCTION keep_fact()")
