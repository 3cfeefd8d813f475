"""Signals of whoever was filed, kept by headquarters; and the territory of a unit, which one of them needs."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from migrations import walls

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

PATH = sa.Text(collation="C")


def upgrade() -> None:
    op.add_column(
        "unit", sa.Column("territory", ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'"))
    )
    # no foreign keys: 200,000 of them are written in one statement, which takes dealer and file from their tables
    op.create_table(
        "filed_signal",
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("dealer_id", sa.BigInteger, nullable=False),
        sa.Column("phone", PATH, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("file_id", sa.BigInteger, nullable=False),
        sa.Column("row_no", sa.Integer, nullable=False),
        sa.Column("seen", JSONB, nullable=False),
        sa.Column("weight", sa.SmallInteger, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "month", "dealer_id", "phone", "name", name="pk_filed_signal"),
    )
    op.create_index("ix_filed_signal_weight", "filed_signal", ["network_id", "month", "dealer_id", "weight"])
    walls.wall("filed_signal")


def downgrade() -> None:
    op.drop_table("filed_signal")
    op.drop_column("unit", "territory")
