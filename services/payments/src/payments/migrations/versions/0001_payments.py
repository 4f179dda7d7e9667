"""Bills, payment orders and the ledger."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("order_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("first_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "bills",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("lease_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("district", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("period", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("paid_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("arrears_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ahead", sa.Interval(), server_default=sa.text("'0'"), nullable=False),
        sa.CheckConstraint("(state = 'paid') = (paid_at IS NOT NULL)", name="ck_bills_paid_at"),
        sa.CheckConstraint("(state = 'paid') = (paid_fen = amount_fen)", name="ck_bills_settled"),
        sa.CheckConstraint("kind IN ('rent', 'deposit')", name="ck_bills_kind"),
        sa.CheckConstraint("state IN ('open', 'overdue', 'paid', 'arrears')", name="ck_bills_state"),
        sa.CheckConstraint("amount_fen > 0", name="ck_bills_amount"),
        sa.CheckConstraint("paid_fen BETWEEN 0 AND amount_fen", name="ck_bills_paid"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_bills_district", "bills", ["district", "period", "id"], unique=False)
    op.create_index("ix_bills_lease", "bills", ["lease_no", "period", "id"], unique=False)
    op.create_index("ix_bills_owner", "bills", ["owner", "period", "id"], unique=False)
    op.create_table(
        "once",
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("fingerprint", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_outbox_due", "outbox", ["next_try_at"], unique=False, postgresql_where=sa.text("done_at IS NULL"))
    op.create_table(
        "intents",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("bill_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("pay_url", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ahead", sa.Interval(), server_default=sa.text("'0'"), nullable=False),
        sa.CheckConstraint("state IN ('opened', 'paid', 'failed', 'expired')", name="ck_intents_state"),
        sa.CheckConstraint("amount_fen > 0", name="ck_intents_amount"),
        sa.CheckConstraint("char_length(id) <= 30", name="ck_intents_id"),
        sa.ForeignKeyConstraint(
            ["bill_id"],
            ["bills.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_intents_bill", "intents", ["bill_id"], unique=False)
    op.create_index("uq_intents_open_bill", "intents", ["bill_id"], unique=True, postgresql_where=sa.text("state = 'opened'"))
    op.create_table(
        "transfers",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("key", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("kind", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("provider", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("provider_txn", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("bill_id", sqlmodel.sql.sqltypes.AutoString(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.SmallInteger(), nullable=False),
        sa.Column("as_of", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("kind IN ('issue', 'withdraw', 'payment', 'suspense')", name="ck_transfers_kind"),
        sa.CheckConstraint("(provider IS NULL) = (provider_txn IS NULL)", name="ck_transfers_provider"),
        sa.CheckConstraint("amount_fen > 0 AND entries >= 2", name="ck_transfers_amount"),
        sa.ForeignKeyConstraint(
            ["bill_id"],
            ["bills.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key", name="uq_transfers_key"),
        sa.UniqueConstraint("provider", "provider_txn", name="uq_transfers_provider"),
    )
    op.create_index(op.f("ix_transfers_bill_id"), "transfers", ["bill_id"], unique=False)
    op.create_table(
        "postings",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("transfer_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "account IN ('bank:ccb', 'income:rent', 'suspense') OR account ~ '^(receivable|deposit|credit):[^:]+$'",
            name="ck_postings_account",
        ),
        sa.CheckConstraint("amount_fen <> 0", name="ck_postings_amount"),
        sa.ForeignKeyConstraint(
            ["transfer_id"],
            ["transfers.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("transfer_id", "account", name="uq_postings_account"),
    )
    op.create_index("ix_postings_account", "postings", ["account"], unique=False, postgresql_include=["amount_fen"])
    # M1: a transfer has all its postings, and they sum to nought, when its transaction commits. A posting added later, even one of a balanced pair,
    # makes the count wrong and is refused too.
    op.execute("""
        CREATE FUNCTION check_transfer(checked bigint) RETURNS void LANGUAGE plpgsql AS $$
        BEGIN
            IF NOT EXISTS (
                SELECT FROM transfers t
                WHERE t.id = checked
                  AND (t.entries, 0::numeric, t.amount_fen::numeric) = (
                      SELECT count(*), sum(amount_fen), sum(amount_fen) FILTER (WHERE amount_fen > 0) FROM postings WHERE transfer_id = checked
                  )
            ) THEN
                RAISE EXCEPTION 'transfer % does not balance', checked USING ERRCODE = 'check_violation';
            END IF;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION transfer_written() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM check_transfer(NEW.id); RETURN NULL; END $$
    """)
    op.execute("""
        CREATE FUNCTION posting_written() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN PERFORM check_transfer(NEW.transfer_id); RETURN NULL; END $$
    """)
    # M8: what is written in the books stays. A mistake is corrected by another entry.
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the ledger is append-only' USING ERRCODE = 'restrict_violation'; END $$
    """)
    for table, written in (("transfers", "transfer_written"), ("postings", "posting_written")):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER {written} AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {written}()"
        )
        op.execute(f"CREATE TRIGGER {table}_rows_stay BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION refuse_change()")
        op.execute(f"CREATE TRIGGER {table}_stay BEFORE TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()")


def downgrade() -> None:
    op.drop_index("ix_postings_account", table_name="postings", postgresql_include=["amount_fen"])
    op.drop_table("postings")
    op.drop_index(op.f("ix_transfers_bill_id"), table_name="transfers")
    op.drop_table("transfers")
    op.drop_index("uq_intents_open_bill", table_name="intents", postgresql_where=sa.text("state = 'opened'"))
    op.drop_index("ix_intents_bill", table_name="intents")
    op.drop_table("intents")
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("done_at IS NULL"))
    op.drop_table("outbox")
    op.drop_table("once")
    op.drop_index("ix_bills_owner", table_name="bills")
    op.drop_index("ix_bills_lease", table_name="bills")
    op.drop_index("ix_bills_district", table_name="bills")
    op.drop_table("bills")
    op.drop_table("alarms")
    for function in ("refuse_change()", "posting_written()", "transfer_written()", "check_transfer(bigint)"):
        op.execute(f"DROP FUNCTION {function}")
