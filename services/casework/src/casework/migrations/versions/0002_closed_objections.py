"""An objection not answered when its case ends is closed with it."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint("objection_state", "objection")
    op.create_check_constraint("objection_state", "objection", "state IN ('closed', 'dismissed', 'open', 'pending', 'upheld')")


def downgrade() -> None:
    op.execute("UPDATE objection SET state = 'open' WHERE state = 'closed'")
    op.drop_constraint("objection_state", "objection")
    op.create_check_constraint("objection_state", "objection", "state IN ('dismissed', 'open', 'pending', 'upheld')")
