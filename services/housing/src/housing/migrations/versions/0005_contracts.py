"""The contracts households sign: kept sealed with the word by which each was signed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "contracts",
        sa.Column("word_id", sa.String(), nullable=False),
        sa.Column("lease_no", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("document_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("terms_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("word_id"),
    )
    op.create_index("ix_contracts_lease_no", "contracts", ["lease_no"])
    # None can be changed, and one that was signed cannot be taken out: the foreign key holds it.
    op.execute(
        """
        CREATE FUNCTION keep_contract() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a contract stays as it was read' USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute("CREATE TRIGGER contracts_kept BEFORE UPDATE ON contracts FOR EACH ROW EXECUTE FUNCTION keep_contract()")
    op.add_column("leases", sa.Column("contract_id", sa.String(), nullable=True))
    op.create_foreign_key("leases_contract_id_fkey", "leases", "contracts", ["contract_id"], ["word_id"])


def downgrade() -> None:
    op.drop_column("leases", "contract_id")
    op.drop_table("contracts")
    op.execute("DROP FUNCTION keep_contract()")
