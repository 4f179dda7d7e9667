"""What operators are shown of registers: how each office has answered of late, and since when lookups wait."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ANSWER = "kind = 'answer'"


def upgrade() -> None:
    for column in ("begun_at", "tried_at"):
        op.add_column("lookup", sa.Column(column, sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()))
    op.create_index("ix_lookup_waiting", "lookup", ["begun_at"], unique=False, postgresql_where=sa.text("NOT finished"))
    office = ["register_name", "endpoint", "seq"]
    op.create_index("ix_access_log_answered", "access_log", office, postgresql_where=sa.text(f"{_ANSWER} AND outcome <> 'unavailable'"))
    op.create_index("ix_access_log_unanswered", "access_log", office, postgresql_where=sa.text(f"{_ANSWER} AND outcome = 'unavailable'"))
    doubtful = sa.text(f"{_ANSWER} AND (code = 'bad_signature' OR outcome = 'mismatch')")
    op.create_index("ix_access_log_doubtful", "access_log", ["recorded_at"], postgresql_where=doubtful)


def downgrade() -> None:
    for name in ("ix_access_log_doubtful", "ix_access_log_unanswered", "ix_access_log_answered"):
        op.drop_index(name, table_name="access_log")
    op.drop_index("ix_lookup_waiting", table_name="lookup")
    for column in ("begun_at", "tried_at"):
        op.drop_column("lookup", column)
