"""The counter acts for a household: authorisations with the photograph of the paper, visits, and what was typed in which."""

import sqlalchemy as sa
from alembic import op
from casekit import word_table
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("authorisation", "authorisation_photo", "assistance", "assistance_end")
_PURPOSES = "'answer_offer', 'ask', 'correct', 'file', 'object', 'sign', 'withdraw'"


def _at(name: str) -> "sa.Column[sa.DateTime]":
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _texts(*names: str) -> "list[sa.Column[sa.String]]":
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "authorisation",
        *_texts("id", "person", "masked_name"),
        sa.Column("document_sealed", sa.LargeBinary(), nullable=False),
        *_texts("photo_sha256", "text_version", "sub", "clerk_person", "acting_for"),
        sa.Column("divisions", postgresql.ARRAY(sa.String()), nullable=False),
        _at("recorded_at"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_authorisation_person", "authorisation", ["person", "recorded_at"])
    op.create_table(
        "authorisation_photo",
        *_texts("authorisation_id"),
        sa.Column("photo_sealed", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["authorisation_id"], ["authorisation.id"]),
        sa.PrimaryKeyConstraint("authorisation_id"),
    )
    op.create_table(
        "assistance",
        *_texts("id", "authorisation_id", "purpose", "owner", "sub", "clerk_person", "acting_for"),
        sa.Column("divisions", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("official_sealed", sa.LargeBinary(), nullable=False),
        _at("opened_at"),
        _at("ends_at"),
        sa.CheckConstraint(f"purpose IN ({_PURPOSES})", name="assistance_purpose"),
        sa.CheckConstraint("ends_at > opened_at", name="assistance_ends"),
        sa.ForeignKeyConstraint(["authorisation_id"], ["authorisation.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_assistance_sub", "assistance", ["sub", "opened_at"])
    op.create_index("ix_assistance_authorisation_id", "assistance", ["authorisation_id"])
    op.create_table(
        "assistance_end",
        *_texts("assistance_id"),
        _at("at"),
        sa.ForeignKeyConstraint(["assistance_id"], ["assistance.id"]),
        sa.PrimaryKeyConstraint("assistance_id"),
    )
    for table in _APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.add_column("dossier", sa.Column("assistance_id", sa.String(), sa.ForeignKey("assistance.id"), nullable=True))
    op.create_index("ix_dossier_assistance_id", "dossier", ["assistance_id"])
    op.create_index("ix_consent_blind", "consent", ["blind"])
    word_table.add_assistance(op)


def downgrade() -> None:
    word_table.drop_assistance(op)
    op.drop_index("ix_consent_blind", "consent")
    op.drop_index("ix_dossier_assistance_id", "dossier")
    op.drop_column("dossier", "assistance_id")
    for table in reversed(_APPEND_ONLY):
        op.drop_table(table)
