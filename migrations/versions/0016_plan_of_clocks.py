"""The plan of each clock: when to look at it next, what was sent, the superiors' clocks, the steps of cases."""

import sqlalchemy as sa
from alembic import op

from migrations import walls

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
BEFORE = "'customer_file', 'part_file', 'consolidation', 'returned_file', 'rectification'"
KINDS = f"{BEFORE}, 'case_step', 'escalation'"


def upgrade() -> None:
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({KINDS}))")
    op.add_column(
        "obligation", sa.Column("counts", sa.Text, nullable=False, server_default=sa.text("'calendar'"))
    )
    op.add_column("obligation", sa.Column("planned_at", INSTANT))
    op.add_column("obligation", sa.Column("next_at", INSTANT))
    op.add_column("obligation", sa.Column("origin_id", sa.BigInteger))
    op.add_column("obligation", sa.Column("level", sa.Integer, nullable=False, server_default=sa.text("0")))
    op.execute("ALTER TABLE obligation NO FORCE ROW LEVEL SECURITY")
    op.execute(
        """UPDATE obligation SET planned_at = greatest(opened_at, extended_at),
           next_at = CASE WHEN closed_at IS NULL AND paused_at IS NULL AND breached_at IS NULL THEN opened_at END"""
    )
    op.execute("ALTER TABLE obligation FORCE ROW LEVEL SECURITY")
    op.alter_column("obligation", "planned_at", nullable=False)
    op.create_check_constraint(
        op.f("ck_obligation_counts"), "obligation", "counts IN ('calendar', 'working_hours', 'working_days')"
    )
    op.create_check_constraint(
        op.f("ck_obligation_looked_at"),
        "obligation",
        "next_at IS NULL OR (closed_at IS NULL AND paused_at IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_obligation_level"),
        "obligation",
        "(level > 0) = (kind = 'escalation' AND origin_id IS NOT NULL)",
    )
    op.create_foreign_key(
        "fk_obligation_network_id_origin_id",
        "obligation",
        "obligation",
        ["network_id", "origin_id"],
        ["network_id", "id"],
    )
    op.create_index(
        "ix_obligation_next",
        "obligation",
        ["network_id", "next_at", "id"],
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    op.create_index(
        "ix_obligation_owed_by_unit",
        "obligation",
        ["network_id", "unit_id", "due_at", "id"],
        postgresql_where=sa.text("closed_at IS NULL"),
    )
    op.create_index(
        "ix_obligation_origin",
        "obligation",
        ["network_id", "origin_id", "level"],
        postgresql_where=sa.text("origin_id IS NOT NULL"),
    )

    op.drop_column("sanction_case", "step_overdue_at")
    op.create_table(
        "clock_step",
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", sa.Text(collation="C"), nullable=False),
        sa.Column("obligation_id", sa.BigInteger, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "obligation_id", "due_at", "step", name="pk_clock_step"),
        sa.ForeignKeyConstraint(
            ["network_id", "obligation_id"],
            ["obligation.network_id", "obligation.id"],
            name="fk_clock_step_network_id_obligation_id",
        ),
    )
    walls.wall("clock_step", verbs="SELECT, INSERT")


def downgrade() -> None:
    op.drop_table("clock_step")
    op.add_column("sanction_case", sa.Column("step_overdue_at", INSTANT))
    op.execute("ALTER TABLE obligation NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM obligation WHERE kind = 'escalation'")
    op.execute("DELETE FROM obligation WHERE kind = 'case_step'")
    op.execute("ALTER TABLE obligation FORCE ROW LEVEL SECURITY")
    for index in ("ix_obligation_origin", "ix_obligation_owed_by_unit", "ix_obligation_next"):
        op.drop_index(index, table_name="obligation")
    op.drop_constraint("fk_obligation_network_id_origin_id", "obligation")
    for check in ("level", "looked_at", "counts"):
        op.drop_constraint(op.f(f"ck_obligation_{check}"), "obligation")
    for column in ("level", "origin_id", "next_at", "planned_at", "counts"):
        op.drop_column("obligation", column)
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({BEFORE}))")
