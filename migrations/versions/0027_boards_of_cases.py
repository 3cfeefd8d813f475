"""The boards of cases read what they show: an index in their order, and one for each tab that is thinly filled."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

LISTED = """CASE WHEN state IN ('executed', 'revoked') OR step_due_at IS NULL
                 THEN timestamptz '9999-12-31 00:00:00+00' ELSE step_due_at END"""
SHORT = """undone_at IS NULL AND (short_minor > 0
           OR kind = 'top_up' AND applied_at IS NOT NULL AND settled_at IS NULL)"""


def upgrade() -> None:
    op.add_column(
        "sanction_case",
        sa.Column(
            "listed_at", sa.DateTime(timezone=True), sa.Computed(LISTED, persisted=True), nullable=False
        ),
    )
    op.create_index("ix_sanction_case_listed", "sanction_case", ["network_id", "listed_at", "id"])
    op.create_index(
        "ix_sanction_case_review",
        "sanction_case",
        ["network_id", "id"],
        postgresql_where=sa.text("review_at IS NOT NULL"),
    )
    op.create_index(
        "ix_sanction_case_person",
        "sanction_case",
        ["network_id", "person_id", "id"],
        postgresql_where=sa.text("person_id IS NOT NULL"),
    )
    op.create_index(
        "ix_sanction_effect_short",
        "sanction_effect",
        ["network_id", "case_id"],
        postgresql_where=sa.text(SHORT),
    )

    op.create_index(
        "ix_sanction_effect_barred",
        "sanction_effect",
        ["network_id", "id"],
        postgresql_where=sa.text("kind = 'dealer_disqualified'"),
    )


def downgrade() -> None:
    op.drop_index("ix_sanction_effect_barred", "sanction_effect")
    op.drop_index("ix_sanction_effect_short", "sanction_effect")
    for index in ("person", "review", "listed"):
        op.drop_index(f"ix_sanction_case_{index}", "sanction_case")
    op.drop_column("sanction_case", "listed_at")
