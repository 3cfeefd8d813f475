"""What a party may do in its case, and what is handed to those who act, are clocks like all others.

A decision has a limit until which it is acknowledged; a measure that people carry out says who did what when.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
BEFORE = (
    "'customer_file', 'part_file', 'consolidation', 'returned_file', 'rectification', 'case_step', 'top_up', "
    "'escalation', 'rectification_comment'"
)
NEW = "'statement', 'appeal', 'acknowledgement', 'handed_on'"


def upgrade() -> None:
    _kinds(f"{BEFORE}, {NEW}")
    op.create_index(
        "ix_obligation_of_case",
        "obligation",
        ["network_id", "kind", "subject"],
        postgresql_where=sa.text(f"closed_at IS NULL AND kind IN ({NEW}, 'top_up')"),
    )
    op.add_column("sanction_case", sa.Column("acknowledge_due_at", INSTANT))
    op.add_column("sanction_effect", sa.Column("act_due_at", INSTANT))
    op.add_column("sanction_effect", sa.Column("acted_at", INSTANT))
    op.add_column("sanction_effect", sa.Column("acted_by", sa.BigInteger))
    op.add_column(
        "sanction_effect", sa.Column("act_note", sa.Text, nullable=False, server_default=sa.text("''"))
    )
    op.create_foreign_key("fk_sanction_effect_acted_by", "sanction_effect", "person", ["acted_by"], ["id"])
    op.create_check_constraint(
        "ck_sanction_effect_acted",
        "sanction_effect",
        "(acted_at IS NULL) = (acted_by IS NULL) AND (acted_at IS NULL OR act_due_at IS NOT NULL)",
    )
    op.create_check_constraint(
        "ck_sanction_effect_own_act",
        "sanction_effect",
        "acted_by IS NULL OR acted_by IS DISTINCT FROM person_id",
    )
    op.create_index(
        "ix_sanction_effect_handed_on",
        "sanction_effect",
        ["network_id", "act_due_at", "id"],
        postgresql_where=sa.text("act_due_at IS NOT NULL AND undone_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_sanction_effect_handed_on", "sanction_effect")
    for name, kind in (("own_act", "check"), ("acted", "check")):
        op.drop_constraint(f"ck_sanction_effect_{name}", "sanction_effect", type_=kind)
    op.drop_constraint("fk_sanction_effect_acted_by", "sanction_effect", type_="foreignkey")
    for column in ("act_note", "acted_by", "acted_at", "act_due_at"):
        op.drop_column("sanction_effect", column)
    op.drop_column("sanction_case", "acknowledge_due_at")
    op.drop_index("ix_obligation_of_case", "obligation")
    op.execute(
        f"DELETE FROM clock_step s USING obligation o WHERE o.id = s.obligation_id AND o.kind IN ({NEW})"
    )
    op.execute(f"DELETE FROM obligation WHERE kind IN ({NEW})")
    _kinds(BEFORE)


def _kinds(kinds: str) -> None:
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({kinds}))")
