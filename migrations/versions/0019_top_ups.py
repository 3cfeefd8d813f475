"""A margin that is to be topped up is a clock like all others."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

BEFORE = "'customer_file', 'part_file', 'consolidation', 'returned_file', 'rectification', 'case_step', 'escalation'"


def upgrade() -> None:
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(
        f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({BEFORE}, 'top_up'))"
    )


def downgrade() -> None:
    op.execute("DELETE FROM obligation WHERE kind = 'top_up'")
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({BEFORE}))")
