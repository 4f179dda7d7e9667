"""The files of signed contracts."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contract_files",
        sa.Column("word_id", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("file_sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("word_id"),
        sa.ForeignKeyConstraint(["word_id"], ["contracts.word_id"]),
    )
    op.execute("CREATE TRIGGER contract_files_kept BEFORE UPDATE OR DELETE ON contract_files FOR EACH ROW EXECUTE FUNCTION keep_contract()")


def downgrade() -> None:
    op.drop_table("contract_files")
