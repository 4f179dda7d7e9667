"""Who does not decide which case: relatives and the community that officials declare, and spouses whom the marriage register names."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("recusal_declaration", "declared_relative", "registered_spouse")


def upgrade() -> None:
    # "" for cases from before it was kept apart from the sealed dossier: nothing is compared with it.
    op.add_column("application", sa.Column("community", sa.String(), nullable=False, server_default=""))
    op.create_table(
        "recusal_declaration",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("sub", sa.String(), nullable=False),
        sa.Column("person", sa.String(), nullable=False),
        sa.Column("community", sa.String(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_recusal_declaration_sub", "recusal_declaration", ["sub", "declared_at"])
    op.create_index("ix_recusal_declaration_person", "recusal_declaration", ["person", "declared_at"])
    op.create_table(
        "declared_relative",
        sa.Column("declaration_id", sa.String(), nullable=False),
        sa.Column("blind", sa.String(), nullable=False),
        sa.Column("kinship", sa.String(), nullable=False),
        sa.CheckConstraint("kinship IN ('affinity', 'collateral', 'lineal', 'spouse')", name="declared_relative_kinship"),
        sa.ForeignKeyConstraint(["declaration_id"], ["recusal_declaration.id"]),
        sa.PrimaryKeyConstraint("declaration_id", "blind"),
    )
    op.create_table(
        "registered_spouse",
        sa.Column("application_no", sa.String(), nullable=False),
        sa.Column("blind", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["application_no"], ["application.no"]),
        sa.PrimaryKeyConstraint("application_no", "blind"),
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    for table in reversed(_APPEND_ONLY):
        op.drop_table(table)
    op.drop_column("application", "community")
