"""The table of what officials have asked to take away beyond what one person may, in a service's migrations; and the trigger that keeps it evidence."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


def create(op: Any) -> None:
    """``op`` is alembic's. What was asked stays as it was asked, and is answered once."""
    op.create_table(
        "staff_export",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False),
        sa.Column("columns", sa.String(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("official_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("divisions", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("answered_sub", sa.String(), nullable=False),
        sa.Column("answered_person", sa.String(), nullable=False),
        sa.Column("answerer_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('waiting', 'approved', 'refused')", name="ck_staff_export_state"),
        sa.CheckConstraint("(state = 'waiting') = (answered_at IS NULL)", name="ck_staff_export_answered"),
        sa.CheckConstraint("state = 'waiting' OR (person <> '' AND answered_person <> '')", name="ck_staff_export_known"),
        sa.CheckConstraint("person <> answered_person AND sub <> answered_sub", name="ck_staff_export_two_persons"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_staff_export_asked_at", "staff_export", ["asked_at", "id"], unique=False)
    op.execute(
        """
        CREATE FUNCTION keep_staff_export() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'UPDATE' OR OLD.state <> 'waiting'
               OR (NEW.id, NEW.list, NEW.request, NEW.columns, NEW.rows, NEW.purpose, NEW.reason_sealed, NEW.sub, NEW.person, NEW.roles, NEW.divisions, NEW.asked_at)
                  IS DISTINCT FROM
                  (OLD.id, OLD.list, OLD.request, OLD.columns, OLD.rows, OLD.purpose, OLD.reason_sealed, OLD.sub, OLD.person, OLD.roles, OLD.divisions, OLD.asked_at) THEN
                RAISE EXCEPTION 'what was asked stays, and is answered once' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute("CREATE TRIGGER staff_export_kept BEFORE UPDATE OR DELETE ON staff_export FOR EACH ROW EXECUTE FUNCTION keep_staff_export()")
    op.execute(
        "CREATE TRIGGER staff_export_not_emptied BEFORE TRUNCATE ON staff_export FOR EACH STATEMENT EXECUTE FUNCTION keep_staff_export()"
    )
    op.execute("REVOKE DELETE, TRUNCATE ON staff_export FROM CURRENT_USER")


def drop(op: Any) -> None:
    op.drop_table("staff_export")
    op.execute("DROP FUNCTION keep_staff_export()")
