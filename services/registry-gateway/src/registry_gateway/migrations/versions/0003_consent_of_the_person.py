"""The access log names the consent a question rested on: the person's own, how it was given and when.

Entries made before name none, and it cannot be told afterwards: there is no default.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_GROUNDS_BEFORE = "kind <> 'question' OR (purpose <> '' AND legal_basis <> '' AND consent_version <> '' AND person <> '')"


def upgrade() -> None:
    op.add_column("access_log", sa.Column("consent_id", sa.String(), nullable=False))
    op.add_column("access_log", sa.Column("consent_channel", sa.String(), nullable=False))
    op.add_column("access_log", sa.Column("consent_given_at", sa.DateTime(timezone=True), nullable=True))
    op.drop_constraint("access_log_grounds", "access_log")
    op.create_check_constraint(
        "access_log_grounds",
        "access_log",
        "kind <> 'question' OR (purpose <> '' AND legal_basis <> '' AND person <> ''"
        " AND consent_id <> '' AND consent_channel <> '' AND consent_version <> '' AND consent_given_at IS NOT NULL)",
    )


def downgrade() -> None:
    op.drop_constraint("access_log_grounds", "access_log")
    op.create_check_constraint("access_log_grounds", "access_log", _GROUNDS_BEFORE)
    op.drop_column("access_log", "consent_given_at")
    op.drop_column("access_log", "consent_channel")
    op.drop_column("access_log", "consent_id")
