"""What was taken out of a declaration goes on counting for its time; a proposed approval ends with the right of whoever proposed it."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Who proposed what stays; the second person's word is added, and once, that it counts no longer.
_PROPOSALS = """
CREATE OR REPLACE FUNCTION proposal_only_seconded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.void = '' AND to_jsonb(NEW) - '{word_id,void}'::text[] = to_jsonb(OLD) - '{word_id,void}'::text[] THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'proposals do not change' USING ERRCODE = 'restrict_violation';
END $$
"""
_ONLY_SECONDED = """
CREATE OR REPLACE FUNCTION proposal_only_seconded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF to_jsonb(NEW) - 'word_id' = to_jsonb(OLD) - 'word_id' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'proposals do not change' USING ERRCODE = 'restrict_violation';
END $$
"""


def upgrade() -> None:
    # Declarations of before were good for a year.
    op.add_column("recusal_declaration", sa.Column("renew_by", sa.DateTime(timezone=True), nullable=True))
    op.execute("ALTER TABLE recusal_declaration DISABLE TRIGGER recusal_declaration_append_only")
    op.execute("UPDATE recusal_declaration SET renew_by = declared_at + interval '365 days'")
    op.execute("ALTER TABLE recusal_declaration ENABLE TRIGGER recusal_declaration_append_only")
    op.alter_column("recusal_declaration", "renew_by", nullable=False)
    op.add_column("proposal", sa.Column("void", sa.String(), nullable=False, server_default=""))
    op.execute(_PROPOSALS)
    op.drop_index("uq_proposal_task", "proposal")
    op.create_index("uq_proposal_task", "proposal", ["task_id"], unique=True, postgresql_where=sa.text("void = ''"))


def downgrade() -> None:
    op.drop_index("uq_proposal_task", "proposal")
    op.create_index("uq_proposal_task", "proposal", ["task_id"], unique=True)
    op.execute(_ONLY_SECONDED)
    op.drop_column("proposal", "void")
    op.drop_column("recusal_declaration", "renew_by")
