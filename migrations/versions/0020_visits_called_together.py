"""Visits of one person that are called together are found by the one that is called."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_visit_joined",
        "visit",
        ["network_id", "joined_to"],
        postgresql_where=sa.text("joined_to IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_visit_joined", "visit")
