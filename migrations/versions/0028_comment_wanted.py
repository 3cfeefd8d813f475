"""Whether a comment is wanted is what its clock says, and nothing beside it."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_rectification_comment", "rectification")
    op.drop_column("rectification", "comment_due")


def downgrade() -> None:
    op.add_column(
        "rectification", sa.Column("comment_due", sa.Boolean, server_default=sa.text("false"), nullable=False)
    )
    op.create_index(
        "ix_rectification_comment",
        "rectification",
        ["network_id", "due_at", "id"],
        postgresql_where=sa.text("comment_due"),
    )
