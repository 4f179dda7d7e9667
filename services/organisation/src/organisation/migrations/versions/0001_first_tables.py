"""First tables: who has which duties where and when, who covers whom; every change is append-only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_KEPT = {
    "member": "(NEW.account, NEW.entered_at) IS DISTINCT FROM (OLD.account, OLD.entered_at) OR (OLD.person <> '' AND NEW.person <> OLD.person)",
    "appointment": """(NEW.id, NEW.account, NEW.duty, NEW.unit, NEW.begins, NEW.entered_by, NEW.entered_by_person, NEW.entered_at)
               IS DISTINCT FROM (OLD.id, OLD.account, OLD.duty, OLD.unit, OLD.begins, OLD.entered_by, OLD.entered_by_person, OLD.entered_at)
               OR (OLD.state <> 'proposed' AND NEW.state <> OLD.state) OR (OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at)""",
    "cover": """(NEW.id, NEW.absent, NEW.substitute, NEW.begins, NEW.entered_by, NEW.entered_at)
               IS DISTINCT FROM (OLD.id, OLD.absent, OLD.substitute, OLD.begins, OLD.entered_by, OLD.entered_at)""",
}


def upgrade() -> None:
    op.create_table(
        "member",
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("name_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
    op.create_table(
        "appointment",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("duty", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("entered_by_person", sa.String(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.String(), nullable=False),
        sa.Column("confirmed_by_person", sa.String(), nullable=False),
        sa.Column("work_to", sa.String(), nullable=False),
        sa.CheckConstraint("ends IS NULL OR ends >= begins", name="appointment_days"),
        sa.CheckConstraint("state IN ('proposed', 'in_force', 'rejected')", name="appointment_state"),
        sa.ForeignKeyConstraint(["account"], ["member.account"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_appointment_account", "appointment", ["account"])
    op.create_index("ix_appointment_unit", "appointment", ["unit"])
    op.create_table(
        "cover",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("absent", sa.String(), nullable=False),
        sa.Column("substitute", sa.String(), nullable=False),
        sa.Column("begins", sa.Date(), nullable=False),
        sa.Column("ends", sa.Date(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("entered_by", sa.String(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("absent <> substitute", name="cover_of_another"),
        sa.CheckConstraint("ends >= begins", name="cover_days"),
        sa.ForeignKeyConstraint(["absent"], ["member.account"]),
        sa.ForeignKeyConstraint(["substitute"], ["member.account"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_cover_absent", "cover", ["absent"])
    op.create_index("ix_cover_substitute", "cover", ["substitute"])
    op.create_table(
        "change",
        sa.Column("seq", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("by_account", sa.String(), nullable=False),
        sa.Column("by_person", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )
    op.create_index("ix_change_account", "change", ["account"])
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'table % keeps what it has', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER change_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON change FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
    for table, changed in _KEPT.items():
        op.execute(
            f"""
            CREATE FUNCTION keep_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF {changed} THEN
                    RAISE EXCEPTION 'what was entered stays as it is' USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NEW;
            END $$
            """
        )
        op.execute(f"CREATE TRIGGER {table}_kept BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION keep_{table}()")
        op.execute(f"CREATE TRIGGER {table}_stays BEFORE DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    for table in ("change", "cover", "appointment", "member"):
        op.drop_table(table)
    for function in (*(f"keep_{table}" for table in _KEPT), "refuse_change"):
        op.execute(f"DROP FUNCTION {function}()")
