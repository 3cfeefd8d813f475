"""Ended sessions in a table that survives a crash: an unlogged one is emptied by it, and a signed-out cookie lived again."""

import sqlalchemy as sa
from alembic import op

from migrations import walls

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ended_session",
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ended_session"),
    )
    walls.open_table("ended_session", "SELECT, INSERT, DELETE")
    op.execute(
        "INSERT INTO ended_session SELECT substr(key, 7), max(window_start) FROM throttle "
        "WHERE key LIKE 'ended:%' GROUP BY 1"
    )
    op.execute("DELETE FROM throttle WHERE key LIKE 'ended:%'")


def downgrade() -> None:
    op.execute("INSERT INTO throttle SELECT 'ended:' || id, until, 1 FROM ended_session")
    op.drop_table("ended_session")
