"""Inbox, readings, once, outbox."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "inbox_message",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("role", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("division", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("template", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sms_state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("sms", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(owner = '') <> (role = '')", name="one_audience"),
        sa.CheckConstraint("(sms_state = 'queued') = (sms IS NOT NULL)", name="sms_only_while_queued"),
        sa.CheckConstraint("sms_state IN ('none', 'queued', 'sent', 'failed')", name="sms_state"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_inbox_message_owner", "inbox_message", ["owner", "at", "id"], unique=False, postgresql_where=sa.text("owner <> ''"))
    op.create_index(
        "ix_inbox_message_staff", "inbox_message", ["role", "division", "at", "id"], unique=False, postgresql_where=sa.text("role <> ''")
    )
    op.create_table(
        "once",
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_outbox_due", "outbox", ["next_try_at"], unique=False, postgresql_where=sa.text("done_at IS NULL"))
    op.create_table(
        "inbox_reading",
        sa.Column("message_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("sub", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["message_id"], ["inbox_message.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("message_id", "sub"),
    )


def downgrade() -> None:
    op.drop_table("inbox_reading")
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("done_at IS NULL"))
    op.drop_table("outbox")
    op.drop_table("once")
    op.drop_index("ix_inbox_message_staff", table_name="inbox_message", postgresql_where=sa.text("role <> ''"))
    op.drop_index("ix_inbox_message_owner", table_name="inbox_message", postgresql_where=sa.text("owner <> ''"))
    op.drop_table("inbox_message")
