"""Indexes that nothing reads go: every event, notice, breach and case that the sweep writes paid for them."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

WHOM = ["network_id", "person_id", "id"]
MONTH = ["network_id", "month", "kind", "unit_path"]


def upgrade() -> None:
    op.drop_index("ix_event_newest", "event")  # read by time since 0006
    op.drop_index("ix_event_person", "event")  # most of what jobs do is done by nobody
    op.create_index("ix_event_person", "event", WHOM, postgresql_where=sa.text("person_id IS NOT NULL"))
    op.drop_index("ix_obligation_by_month", "obligation")
    op.create_index(
        "ix_obligation_by_month", "obligation", MONTH, postgresql_where=sa.text("month IS NOT NULL")
    )
    for table in ("notice", "sanction_step"):  # nothing refers to them
        op.drop_constraint(f"uq_{table}_network_id_id", table)
    op.drop_index("ix_sanction_case_breach", "sanction_case")  # uq_sanction_case_once begins with the same
    op.drop_index("ix_breach_source", "breach")
    op.drop_constraint("uq_breach_once", "breach")
    op.create_index(  # what was retracted and happened after all is taken anew
        "uq_breach_once",
        "breach",
        ["network_id", "source", "rule"],
        unique=True,
        postgresql_where=sa.text("retracted_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("uq_breach_once", "breach")
    op.create_unique_constraint("uq_breach_once", "breach", ["network_id", "rule", "source"])
    op.create_index("ix_breach_source", "breach", ["network_id", "source"])
    op.create_index("ix_sanction_case_breach", "sanction_case", ["network_id", "breach_id"])
    for table in ("notice", "sanction_step"):
        op.create_unique_constraint(f"uq_{table}_network_id_id", table, ["network_id", "id"])
    op.drop_index("ix_obligation_by_month", "obligation")
    op.create_index("ix_obligation_by_month", "obligation", MONTH)
    op.drop_index("ix_event_person", "event")
    op.create_index("ix_event_person", "event", WHOM)
    op.create_index("ix_event_newest", "event", ["network_id", sa.text("id DESC")])
