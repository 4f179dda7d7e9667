"""Reviewers find a household by the whole name of one of it. Dossiers from before are found by number only: their names are sealed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("dossier", sa.Column("name_blinds", postgresql.ARRAY(sa.String()), nullable=False, server_default="{}"))
    op.create_index("ix_dossier_blinds", "dossier", ["blinds"], postgresql_using="gin")
    op.create_index("ix_dossier_name_blinds", "dossier", ["name_blinds"], postgresql_using="gin")


def downgrade() -> None:
    op.drop_index("ix_dossier_name_blinds", "dossier")
    op.drop_index("ix_dossier_blinds", "dossier")
    op.drop_column("dossier", "name_blinds")
