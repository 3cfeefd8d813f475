"""A margin that is to be paid back to a dealer that left is a clock like all others."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

OF_CASES = "'statement', 'appeal', 'acknowledgement', 'handed_on', 'top_up'"
BEFORE = (
    "'customer_file', 'part_file', 'consolidation', 'returned_file', 'rectification', 'case_step', 'escalation', "
    f"'rectification_comment', {OF_CASES}"
)


def upgrade() -> None:
    _allow(BEFORE + ", 'refund'", OF_CASES + ", 'refund'")


def downgrade() -> None:
    op.execute(
        "DELETE FROM clock_step s USING obligation o WHERE o.id = s.obligation_id AND o.kind = 'refund'"
    )
    op.execute("DELETE FROM obligation WHERE kind = 'refund'")
    _allow(BEFORE, OF_CASES)


def _allow(kinds: str, of_cases: str) -> None:
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({kinds}))")
    op.drop_index("ix_obligation_of_case", "obligation")
    op.create_index(
        "ix_obligation_of_case",
        "obligation",
        ["network_id", "kind", "subject"],
        postgresql_where=sa.text(f"closed_at IS NULL AND kind IN ({of_cases})"),
    )
