"""Obligations (every deadline of every room) and the seals of months."""

import sqlalchemy as sa
from alembic import op

from migrations import walls

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
KINDS = "'customer_file', 'part_file', 'consolidation', 'returned_file'"


def upgrade() -> None:
    op.create_table(
        "obligation",
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", sa.Text(collation="C"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("rulebook_version", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("month", sa.Date),
        sa.Column("opened_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("first_due_at", INSTANT, nullable=False),
        sa.Column("closed_at", INSTANT),
        sa.Column("judged_at", INSTANT),
        sa.Column("breached_at", INSTANT),
        sa.Column("awaited_until", INSTANT),
        sa.Column("extended_at", INSTANT),
        sa.Column("extended_by", sa.BigInteger),
        sa.Column("extension_reason", sa.Text),
        sa.Column("paused_at", INSTANT),
        sa.Column("paused_by", sa.BigInteger),
        sa.Column("pause_reason", sa.Text),
        sa.Column("paused_seconds", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("waived_at", INSTANT),
        sa.Column("waived_by", sa.BigInteger),
        sa.Column("waiver_reason", sa.Text),
        sa.Column("unlocked_until", INSTANT),
        sa.Column("unlocked_by", sa.BigInteger),
        sa.Column("unlock_reason", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_obligation"),
        sa.UniqueConstraint("network_id", "id", name="uq_obligation_network_id_id"),
        sa.UniqueConstraint("network_id", "kind", "unit_id", "subject", name="uq_obligation_once"),
        sa.ForeignKeyConstraint(
            ["network_id", "unit_id"], ["unit.network_id", "unit.id"], name="fk_obligation_network_id_unit_id"
        ),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_obligation_kind")),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (judged_at IS NULL AND waived_at IS NULL)",
            name=op.f("ck_obligation_closed"),
        ),
        sa.CheckConstraint("judged_at IS NULL OR waived_at IS NULL", name=op.f("ck_obligation_one_end")),
        sa.CheckConstraint("paused_at IS NULL OR closed_at IS NULL", name=op.f("ck_obligation_paused")),
        sa.CheckConstraint(
            "opened_at <= due_at AND first_due_at <= due_at", name=op.f("ck_obligation_order")
        ),
        postgresql_with={"fillfactor": "90"},
    )
    op.create_index(
        "ix_obligation_owed",
        "obligation",
        ["network_id", "due_at", "id"],
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index("ix_obligation_by_due", "obligation", ["network_id", "due_at", "id"])
    op.create_index("ix_obligation_by_unit", "obligation", ["network_id", "unit_path", "due_at", "id"])
    op.create_index("ix_obligation_by_month", "obligation", ["network_id", "month", "kind", "unit_path"])
    walls.wall("obligation", verbs="SELECT, INSERT, UPDATE")

    op.create_table(
        "month_seal",
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", sa.Text(collation="C"), nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("sealed_at", INSTANT, nullable=False),
        sa.Column("sealed_by", sa.BigInteger),
        sa.PrimaryKeyConstraint("network_id", "month", name="pk_month_seal"),
        sa.ForeignKeyConstraint(["network_id"], ["network.id"], name="fk_month_seal_network_id"),
    )
    walls.network_wall("month_seal", verbs="SELECT, INSERT")


def downgrade() -> None:
    op.drop_table("month_seal")
    op.drop_table("obligation")
