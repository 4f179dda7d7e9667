"""Notices to many households at once, and which message is of which."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "broadcast",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("audience", sa.String(), nullable=False),
        sa.Column("division", sa.String(), nullable=False),
        sa.Column("must_arrive", sa.Boolean(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("households", sa.BigInteger(), nullable=False),
        sa.Column("told", sa.BigInteger(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_by", sa.String(), nullable=False),
        sa.Column("written_by_person", sa.String(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(), nullable=False),
        sa.Column("released_by_person", sa.String(), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('written', 'sending', 'paused', 'done', 'stopped')", name="broadcast_state"),
        sa.CheckConstraint("(state IN ('done', 'stopped')) = (ended_at IS NOT NULL)", name="broadcast_ended"),
        sa.CheckConstraint("state IN ('written', 'stopped') OR released_at IS NOT NULL", name="sent_when_released"),
        sa.CheckConstraint("released_by = '' OR released_by <> written_by", name="released_by_another"),
        sa.CheckConstraint("released_by_person = '' OR released_by_person <> written_by_person", name="released_by_another_person"),
    )
    op.create_index("ix_broadcast_sending", "broadcast", ["next_at"], postgresql_where=sa.text("state = 'sending'"))
    op.add_column("inbox_message", sa.Column("broadcast_id", sa.String(), nullable=False, server_default=""))
    # The constraint behind "told once": whoever asks the same page twice adds nothing.
    op.create_index(
        "uq_inbox_message_broadcast",
        "inbox_message",
        ["broadcast_id", "owner"],
        unique=True,
        postgresql_where=sa.text("broadcast_id <> ''"),
    )


def downgrade() -> None:
    op.drop_index("uq_inbox_message_broadcast", "inbox_message")
    op.drop_column("inbox_message", "broadcast_id")
    op.drop_table("broadcast")
