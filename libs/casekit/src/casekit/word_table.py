"""The table ``word`` in a service's migrations: its columns, and the trigger that keeps it evidence."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

_KEPT: Final = ("id", "workflow_id", "update_name", "sub", "person", "kind", "roles", "level", "said", "texts_sealed", "digest", "said_at")


def _keep(*more: str) -> str:
    old, new = (", ".join(f"{row}.{column}" for column in (*_KEPT, *more)) for row in ("OLD", "NEW"))
    return f"""
        CREATE OR REPLACE FUNCTION keep_word() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP <> 'UPDATE' OR (OLD.state <> 'refused' AND ({new}) IS DISTINCT FROM ({old})) THEN
                RAISE EXCEPTION 'what people said stays as it is' USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NEW;
        END $$
        """


def create(op: Any) -> None:
    """``op`` is alembic's. Who said what stays as it is, and no word is taken out; one that was refused may be said anew under its key."""
    op.create_table(
        "word",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=False),
        sa.Column("update_name", sa.String(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("roles", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("said", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("texts_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("step_id", sa.String(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('said', 'taken', 'refused')", name="word_state"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_word_unsettled", "word", ["workflow_id"], unique=False, postgresql_where=sa.text("state = 'said'"))
    op.execute(_keep())
    op.execute("CREATE TRIGGER word_kept BEFORE UPDATE OR DELETE ON word FOR EACH ROW EXECUTE FUNCTION keep_word()")
    op.execute("CREATE TRIGGER word_not_emptied BEFORE TRUNCATE ON word FOR EACH STATEMENT EXECUTE FUNCTION keep_word()")


def add_acting_for(op: Any) -> None:
    """For whom an official said it, kept like the rest."""
    op.add_column("word", sa.Column("acting_for", sa.String(), nullable=False, server_default=""))
    op.alter_column("word", "acting_for", server_default=None)
    op.execute(_keep("acting_for"))


def drop_acting_for(op: Any) -> None:
    op.execute(_keep())
    op.drop_column("word", "acting_for")


def add_assistance(op: Any) -> None:
    """Which clerk at a counter typed it in the name of whom it is from, and in which visit; kept like the rest."""
    for name in ("assisted_by", "assistance"):
        op.add_column("word", sa.Column(name, sa.String(), nullable=False, server_default=""))
        op.alter_column("word", name, server_default=None)
    op.execute(_keep("acting_for", "assisted_by", "assistance"))


def drop_assistance(op: Any) -> None:
    op.execute(_keep("acting_for"))
    op.drop_column("word", "assistance")
    op.drop_column("word", "assisted_by")


def drop(op: Any) -> None:
    op.drop_table("word")
    op.execute("DROP FUNCTION keep_word()")
