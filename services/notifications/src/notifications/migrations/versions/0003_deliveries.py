"""What became of a message by each channel; letters; how people want to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("address_index", sa.String(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'sent', 'delivered', 'refused', 'given_up')", name="delivery_state"),
        sa.CheckConstraint("address IS NULL OR state = 'queued'", name="address_only_while_queued"),
        sa.ForeignKeyConstraint(["message_id"], ["inbox_message.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("message_id", "channel", name="once_by_each_channel"),
    )
    op.create_index("ix_delivery_queued", "delivery", ["message_id"], unique=True, postgresql_where=sa.text("state = 'queued'"))
    op.create_table(
        "letter",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["id"], ["delivery.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "reach",
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("sms", sa.Boolean(), nullable=False),
        sa.Column("quiet", sa.Boolean(), nullable=False),
        sa.Column("refused_index", sa.String(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sub"),
    )
    # What is on its way goes on under its id and its seal; a gateway that has it already answers that it has.
    op.execute(
        """
        INSERT INTO delivery (id, message_id, channel, state, address, address_index, due_at, state_at)
        SELECT id, id, 'sms', CASE sms_state WHEN 'failed' THEN 'given_up' ELSE sms_state END, sms, '', created_at, created_at
        FROM inbox_message WHERE sms_state <> 'none'
        """
    )
    op.execute(
        """
        UPDATE outbox SET kind = 'deliver', payload = jsonb_build_object('delivery_id', payload->>'message_id') WHERE kind = 'sms'
        """
    )
    op.drop_constraint("sms_only_while_queued", "inbox_message", type_="check")
    op.drop_constraint("sms_state", "inbox_message", type_="check")
    op.drop_column("inbox_message", "sms")
    op.drop_column("inbox_message", "sms_state")
    op.add_column("inbox_message", sa.Column("template_version", sa.String(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("inbox_message", "template_version")
    op.add_column("inbox_message", sa.Column("sms_state", sa.String(), nullable=False, server_default="none"))
    op.add_column("inbox_message", sa.Column("sms", sa.LargeBinary(), nullable=True))
    op.execute(
        """
        UPDATE inbox_message SET sms = address,
            sms_state = CASE state WHEN 'queued' THEN 'queued' WHEN 'sent' THEN 'sent' WHEN 'delivered' THEN 'sent' ELSE 'failed' END
        FROM delivery WHERE message_id = inbox_message.id AND channel = 'sms'
        """
    )
    op.execute(
        """
        UPDATE outbox SET kind = 'sms', payload = jsonb_build_object('message_id', (SELECT message_id FROM delivery WHERE id = payload->>'delivery_id'))
        WHERE kind = 'deliver'
        """
    )
    op.alter_column("inbox_message", "sms_state", server_default=None)
    op.create_check_constraint("sms_only_while_queued", "inbox_message", "(sms_state = 'queued') = (sms IS NOT NULL)")
    op.create_check_constraint("sms_state", "inbox_message", "sms_state IN ('none', 'queued', 'sent', 'failed')")
    op.drop_table("reach")
    op.drop_table("letter")
    op.drop_index("ix_delivery_queued", table_name="delivery", postgresql_where=sa.text("state = 'queued'"))
    op.drop_table("delivery")
