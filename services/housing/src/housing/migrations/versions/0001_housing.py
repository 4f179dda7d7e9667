"""Estates, units, the waiting list, offers and leases."""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Equality of text inside an exclusion constraint (A3) needs it; a trusted extension, so the owner of the database may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    op.create_table(
        "estates",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("district", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("address", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_estates_district"), "estates", ["district"], unique=False)
    op.create_table(
        "lease_numbers",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("year"),
    )
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
        "waiting",
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("masked_name", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("district", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("street", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("household_size", sa.Integer(), nullable=False),
        sa.Column("accepted_on", sa.Date(), nullable=False),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offer_open_days", sa.Integer(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(closed_at IS NULL) = (state IN ('waiting', 'offered', 'leasing'))", name="ck_waiting_closed"),
        sa.CheckConstraint(
            "state IN ('waiting', 'offered', 'leasing', 'leased', 'left', 'struck_off', 'expired')", name="ck_waiting_state"
        ),
        sa.CheckConstraint("household_size > 0", name="ck_waiting_size"),
        sa.CheckConstraint("offer_open_days > 0", name="ck_waiting_offer_open"),
        sa.PrimaryKeyConstraint("application_no"),
    )
    op.create_index(
        "ix_waiting_list",
        "waiting",
        ["district", "accepted_on", "application_no"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'offered')"),
    )
    op.create_table(
        "units",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("estate_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("number", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("bedrooms", sa.Integer(), nullable=False),
        sa.Column("area_centi_sqm", sa.BigInteger(), nullable=False),
        sa.Column("monthly_rent_fen", sa.BigInteger(), nullable=False),
        sa.Column("deposit_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("area_centi_sqm > 0", name="ck_units_area"),
        sa.CheckConstraint("bedrooms BETWEEN 1 AND 9", name="ck_units_bedrooms"),
        sa.CheckConstraint("deposit_fen >= 0", name="ck_units_deposit"),
        sa.CheckConstraint("monthly_rent_fen > 0", name="ck_units_rent"),
        sa.ForeignKeyConstraint(
            ["estate_id"],
            ["estates.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("estate_id", "number", name="uq_units_estate_number"),
    )
    op.create_table(
        "offers",
        sa.Column("id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("unit_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="ck_offers_closed"),
        sa.CheckConstraint(
            "CASE state WHEN 'open' THEN NOT released WHEN 'accepted' THEN true ELSE released END", name="ck_offers_released"
        ),
        sa.CheckConstraint("state IN ('open', 'accepted', 'declined', 'expired')", name="ck_offers_state"),
        sa.CheckConstraint("expires_at > made_at", name="ck_offers_expiry"),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["waiting.application_no"],
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"],
            ["units.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("id", "unit_id", "owner", "released", name="uq_offers_lease_key"),
    )
    op.create_index("ix_offers_application", "offers", ["application_no", "made_at"], unique=False)
    op.create_index("uq_offers_live_owner", "offers", ["owner"], unique=True, postgresql_where=sa.text("NOT released"))
    op.create_index("uq_offers_live_unit", "offers", ["unit_id"], unique=True, postgresql_where=sa.text("NOT released"))
    op.create_table(
        "leases",
        sa.Column("no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("offer_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("unit_id", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("application_no", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("owner", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("district", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("street", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("state", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.Column("released", sa.Boolean(), nullable=False),
        sa.Column("term_months", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("vacated_on", sa.Date(), nullable=True),
        sa.Column("monthly_rent_fen", sa.BigInteger(), nullable=False),
        sa.Column("deposit_fen", sa.BigInteger(), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sign_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.BigInteger(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.column("unit_id"), "="),
            (sa.text("daterange(starts_on, COALESCE(vacated_on, ends_on), '[]')"), "&&"),
            where=sa.text("starts_on IS NOT NULL"),
            using="gist",
            name="ex_leases_unit_period",
        ),
        sa.CheckConstraint("ends_on >= starts_on AND ends_on < starts_on + interval '60 months'", name="ck_leases_term"),
        sa.CheckConstraint(
            "(starts_on IS NOT NULL AND ends_on IS NOT NULL) = (state IN ('active', 'ended')) AND (starts_on IS NULL) = (ends_on IS NULL)",
            name="ck_leases_in_effect",
        ),
        sa.CheckConstraint("term_months BETWEEN 1 AND 60", name="ck_leases_term_months"),
        sa.CheckConstraint("released = (state IN ('ended', 'lapsed'))", name="ck_leases_released"),
        sa.CheckConstraint("state IN ('signing', 'deposit', 'active', 'ended', 'lapsed')", name="ck_leases_state"),
        sa.CheckConstraint("monthly_rent_fen > 0 AND deposit_fen >= 0", name="ck_leases_money"),
        sa.CheckConstraint("vacated_on BETWEEN starts_on AND ends_on", name="ck_leases_vacated"),
        sa.ForeignKeyConstraint(
            ["application_no"],
            ["waiting.application_no"],
        ),
        sa.ForeignKeyConstraint(
            ["offer_id", "unit_id", "owner", "released"],
            ["offers.id", "offers.unit_id", "offers.owner", "offers.released"],
            name="fk_leases_offer",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["unit_id"],
            ["units.id"],
        ),
        sa.PrimaryKeyConstraint("no"),
        sa.UniqueConstraint("offer_id", name="uq_leases_offer"),
    )
    op.create_index("ix_leases_application", "leases", ["application_no"], unique=False)
    op.create_index("ix_leases_owner", "leases", ["owner", "no"], unique=False)
    op.create_index("ix_leases_street", "leases", ["street", "no"], unique=False)
    op.create_index("uq_leases_live_owner", "leases", ["owner"], unique=True, postgresql_where=sa.text("NOT released"))
    op.create_index("uq_leases_live_unit", "leases", ["unit_id"], unique=True, postgresql_where=sa.text("NOT released"))


def downgrade() -> None:
    op.drop_index("uq_leases_live_unit", table_name="leases", postgresql_where=sa.text("NOT released"))
    op.drop_index("uq_leases_live_owner", table_name="leases", postgresql_where=sa.text("NOT released"))
    op.drop_index("ix_leases_street", table_name="leases")
    op.drop_index("ix_leases_owner", table_name="leases")
    op.drop_index("ix_leases_application", table_name="leases")
    op.drop_table("leases")
    op.drop_index("uq_offers_live_unit", table_name="offers", postgresql_where=sa.text("NOT released"))
    op.drop_index("uq_offers_live_owner", table_name="offers", postgresql_where=sa.text("NOT released"))
    op.drop_index("ix_offers_application", table_name="offers")
    op.drop_table("offers")
    op.drop_table("units")
    op.drop_index("ix_waiting_list", table_name="waiting", postgresql_where=sa.text("state IN ('waiting', 'offered')"))
    op.drop_table("waiting")
    op.drop_index("ix_outbox_due", table_name="outbox", postgresql_where=sa.text("done_at IS NULL"))
    op.drop_table("outbox")
    op.drop_table("once")
    op.drop_table("lease_numbers")
    op.drop_index(op.f("ix_estates_district"), table_name="estates")
    op.drop_table("estates")
