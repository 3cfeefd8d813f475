"""Messages in the portal, one for each membership that is told; and the audit trail by time."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations import walls

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "notice",
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", sa.Text(collation="C"), nullable=False),
        sa.Column("membership_id", sa.BigInteger, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("sender", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("params", JSONB, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("link", sa.Text, nullable=False),
        sa.Column("read_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_notice"),
        sa.UniqueConstraint("network_id", "id", name="uq_notice_network_id_id"),
        sa.ForeignKeyConstraint(
            ["network_id", "membership_id"],
            ["membership.network_id", "membership.id"],
            name="fk_notice_network_id_membership_id",
        ),
    )
    op.create_index("ix_notice_newest", "notice", ["network_id", "membership_id", "id"])
    op.create_index(
        "ix_notice_unread",
        "notice",
        ["network_id", "membership_id", "id"],
        postgresql_where=sa.text("read_at IS NULL"),
    )
    walls.letterbox("notice", "SELECT, INSERT, UPDATE")
    op.create_index("ix_event_at", "event", ["network_id", "at", "id"])


def downgrade() -> None:
    op.drop_index("ix_event_at", table_name="event")
    op.drop_table("notice")
