"""Documents: photos and papers, kept by the hash of their content."""

import sqlalchemy as sa
from alembic import op

from migrations import walls

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "document",
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", sa.Text(collation="C"), nullable=False),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("shown_sha256", sa.Text),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("width", sa.Integer),
        sa.Column("height", sa.Integer),
        sa.Column("file_name", sa.Text, nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_by", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_document"),
        sa.UniqueConstraint("network_id", "id", name="uq_document_network_id_id"),
        sa.UniqueConstraint("network_id", "unit_id", "sha256", name="uq_document_content"),
        sa.ForeignKeyConstraint(
            ["network_id", "unit_id"], ["unit.network_id", "unit.id"], name="fk_document_network_id_unit_id"
        ),
        sa.CheckConstraint(
            "kind IN ('image/jpeg', 'image/png', 'image/webp', 'application/pdf')", name="ck_document_kind"
        ),
    )
    op.create_index("ix_document_by_unit", "document", ["network_id", "unit_path", "id"])
    walls.wall("document", verbs="SELECT, INSERT")


def downgrade() -> None:
    op.drop_table("document")
