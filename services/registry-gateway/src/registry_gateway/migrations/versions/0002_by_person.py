"""The access log is read by person: every entry carries the blind index of whom it is about."""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("access_log", sa.Column("person", sqlmodel.sql.sqltypes.AutoString(), nullable=False))
    op.drop_constraint("access_log_grounds", "access_log")
    op.create_check_constraint(
        "access_log_grounds",
        "access_log",
        "kind <> 'question' OR (purpose <> '' AND legal_basis <> '' AND consent_version <> '' AND person <> '')",
    )
    op.create_index("ix_access_log_person", "access_log", ["person", "seq"], unique=False, postgresql_where=sa.text("kind = 'question'"))


def downgrade() -> None:
    op.drop_index("ix_access_log_person", table_name="access_log", postgresql_where=sa.text("kind = 'question'"))
    op.drop_constraint("access_log_grounds", "access_log")
    op.create_check_constraint(
        "access_log_grounds", "access_log", "kind <> 'question' OR (purpose <> '' AND legal_basis <> '' AND consent_version <> '')"
    )
    op.drop_column("access_log", "person")
