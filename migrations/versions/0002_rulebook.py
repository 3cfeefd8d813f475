"""Rulebook versions by network."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations import walls

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rulebook_version",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("network_id", sa.BigInteger(), nullable=False),
        sa.Column("unit_path", sa.Text(collation="C"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("document", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.BigInteger()),
        sa.Column("created_by_name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rulebook_version"),
        sa.UniqueConstraint("network_id", "id", name="uq_rulebook_version_network_id"),
        sa.UniqueConstraint("network_id", "version", name="uq_rulebook_version_version"),
        sa.ForeignKeyConstraint(["network_id"], ["network.id"], name="fk_rulebook_version_network_id"),
        sa.CheckConstraint("version >= 1", name=op.f("ck_rulebook_version_version")),
        sa.CheckConstraint(
            "extract(day from effective_from) = 1", name=op.f("ck_rulebook_version_effective_from")
        ),
    )
    walls.network_wall("rulebook_version", "SELECT, INSERT")
    walls.append_only("rulebook_version")


def downgrade() -> None:
    walls.not_append_only("rulebook_version")
    op.drop_table("rulebook_version")
