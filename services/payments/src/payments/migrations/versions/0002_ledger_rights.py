"""The service's role may add to the ledger and read it, nothing else (M8)."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # The triggers refuse as well, for every role. An owner can give himself the right back, but not by a mistake in a statement.
    op.execute("REVOKE UPDATE, DELETE, TRUNCATE ON transfers, postings FROM CURRENT_USER")
    # A posting locks its transfer (FOR KEY SHARE) when its foreign key is checked, and that needs the right to update some column: the one nobody
    # changes.
    op.execute("GRANT UPDATE (id) ON transfers TO CURRENT_USER")


def downgrade() -> None:
    op.execute("REVOKE UPDATE (id) ON transfers FROM CURRENT_USER")
    op.execute("GRANT UPDATE, DELETE, TRUNCATE ON transfers, postings TO CURRENT_USER")
