"""What a regional manager has to say to a rectification is a clock like all others (R045)."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

BEFORE = (
    "'customer_file', 'part_file', 'consolidation', 'returned_file', 'rectification', 'case_step', "
    "'escalation', 'top_up'"
)


def upgrade() -> None:
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(
        f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind "
        f"CHECK (kind IN ({BEFORE}, 'rectification_comment'))"
    )
    op.create_index(
        "ix_rectification_comment",
        "rectification",
        ["network_id", "due_at", "id"],
        postgresql_where=sa.text("comment_due"),
    )


def downgrade() -> None:
    op.drop_index("ix_rectification_comment", "rectification")
    op.execute("DELETE FROM obligation WHERE kind = 'rectification_comment'")
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({BEFORE}))")
