"""Breaches, the cases that they draft, their steps and effects, circulars.

A case stands at headquarters' path; whom it is about sees it from the day it is told (walls.told_wall). Four eyes are
constraints of the table itself: whatever door an entry comes by, the row refuses.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql as pg

from migrations import walls

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
PATH = sa.Text(collation="C")
STATES = (
    "'draft', 'proposed', 'approved', 'rejected', 'served', 'appealed', 'upheld', 'varied', 'revoked', "
    "'executed', 'closed', 'withdrawn'"
)
WHO = "'store', 'dealer', 'regional_manager', 'channel_manager', 'customer_service', 'employee'"


def key() -> list[sa.Column[int]]:
    return [
        sa.Column("id", sa.BigInteger, sa.Identity(always=False), primary_key=True),
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
    ]


def about(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["network_id", "about_unit_id"],
        ["unit.network_id", "unit.id"],
        name=f"fk_{table}_network_id_about_unit_id",
    )


def of_case(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["network_id", "case_id"],
        ["sanction_case.network_id", "sanction_case.id"],
        name=f"fk_{table}_network_id_case_id",
    )


def upgrade() -> None:
    op.create_table(
        "breach",
        *key(),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("requirement", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("rulebook_version", sa.Integer, nullable=False),
        sa.Column("about_unit_id", sa.BigInteger, nullable=False),
        sa.Column("about_path", PATH, nullable=False),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("reported_at", INSTANT, nullable=False),
        sa.Column("facts", pg.JSONB, nullable=False),
        sa.Column("cured_at", INSTANT),
        sa.Column("retracted_at", INSTANT),
        sa.Column("retraction", sa.Text),
        sa.UniqueConstraint("network_id", "id", name="uq_breach_network_id_id"),
        sa.UniqueConstraint("network_id", "rule", "source", name="uq_breach_once"),
        about("breach"),
    )
    op.create_index("ix_breach_source", "breach", ["network_id", "source"])
    walls.wall("breach", "SELECT, INSERT, UPDATE")

    op.create_table(
        "sanction_number",
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("last", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "year", name="pk_sanction_number"),
        sa.ForeignKeyConstraint(["network_id"], ["network.id"], name="fk_sanction_number_network_id"),
    )
    walls.wall("sanction_number", "SELECT, INSERT, UPDATE")

    op.create_table(
        "sanction_case",
        *key(),
        sa.Column("about_unit_id", sa.BigInteger, nullable=False),
        sa.Column("about_path", PATH, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("breach_id", sa.BigInteger, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("requirement", sa.Text, nullable=False),
        sa.Column("ladder", sa.Text, nullable=False),
        sa.Column("rulebook_version", sa.Integer, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("measures", pg.JSONB, nullable=False),
        sa.Column("history", pg.JSONB, nullable=False),
        sa.Column("words", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("documents", pg.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("occurred_at", INSTANT, nullable=False),
        sa.Column("drafted_at", INSTANT, nullable=False),
        sa.Column("step_due_at", INSTANT),
        sa.Column("step_overdue_at", INSTANT),
        sa.Column("told_at", INSTANT),
        sa.Column("proposed_at", INSTANT),
        sa.Column("proposed_by", sa.BigInteger),
        sa.Column("statement_due_at", INSTANT),
        sa.Column("stated_at", INSTANT),
        sa.Column("statement", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("statement_documents", pg.ARRAY(sa.Text), nullable=False, server_default=sa.text("'{}'")),
        sa.Column("approvers_needed", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("first_approved_at", INSTANT),
        sa.Column("first_approved_by", sa.BigInteger),
        sa.Column("approved_at", INSTANT),
        sa.Column("approved_by", sa.BigInteger),
        sa.Column("approval_note", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("served_at", INSTANT),
        sa.Column("served_by", sa.BigInteger),
        sa.Column("acknowledged_at", INSTANT),
        sa.Column("acknowledged_by", sa.BigInteger),
        sa.Column("appeal_due_at", INSTANT),
        sa.Column("appealed_at", INSTANT),
        sa.Column("appealed_by", sa.BigInteger),
        sa.Column("grounds", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("decided_at", INSTANT),
        sa.Column("heard_by", sa.BigInteger),
        sa.Column("decision", sa.Text),
        sa.Column("decision_note", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("executed_at", INSTANT),
        sa.Column("executed_by", sa.BigInteger),
        sa.Column("closed_at", INSTANT),
        sa.Column("end_note", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.Column("review_at", INSTANT),
        sa.Column("review_reason", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.UniqueConstraint("network_id", "id", name="uq_sanction_case_network_id_id"),
        sa.UniqueConstraint("network_id", "number", name="uq_sanction_case_number"),
        sa.UniqueConstraint("network_id", "breach_id", "who", "party", name="uq_sanction_case_once"),
        about("sanction_case"),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name="fk_sanction_case_person_id"),
        sa.ForeignKeyConstraint(
            ["network_id", "breach_id"],
            ["breach.network_id", "breach.id"],
            name="fk_sanction_case_network_id_breach_id",
        ),
        sa.CheckConstraint(f"state IN ({STATES})", name="ck_sanction_case_state"),
        sa.CheckConstraint(f"who IN ({WHO})", name="ck_sanction_case_who"),
        sa.CheckConstraint("decision IN ('upheld', 'varied', 'revoked')", name="ck_sanction_case_decision"),
        sa.CheckConstraint("approvers_needed IN (1, 2)", name="ck_sanction_case_approvers_needed"),
        sa.CheckConstraint(
            "told_at IS NULL OR proposed_at IS NOT NULL OR state = 'draft'", name="ck_sanction_case_told"
        ),
        sa.CheckConstraint(
            "approved_by IS NULL OR (proposed_by IS NOT NULL AND approved_by <> proposed_by)",
            name="ck_sanction_case_four_eyes",
        ),
        sa.CheckConstraint(
            "first_approved_by IS NULL OR (first_approved_by IS DISTINCT FROM proposed_by "
            "AND first_approved_by IS DISTINCT FROM approved_by)",
            name="ck_sanction_case_two_approvers",
        ),
        sa.CheckConstraint(
            "approved_at IS NULL OR approvers_needed = 1 OR first_approved_by IS NOT NULL",
            name="ck_sanction_case_enough_approvers",
        ),
        sa.CheckConstraint(
            "heard_by IS NULL OR (heard_by IS DISTINCT FROM proposed_by AND heard_by IS DISTINCT FROM approved_by "
            "AND heard_by IS DISTINCT FROM first_approved_by)",
            name="ck_sanction_case_heard_by_another",
        ),
        sa.CheckConstraint(
            "person_id IS NULL OR (person_id IS DISTINCT FROM proposed_by AND person_id IS DISTINCT FROM approved_by "
            "AND person_id IS DISTINCT FROM first_approved_by AND person_id IS DISTINCT FROM heard_by)",
            name="ck_sanction_case_own_case",
        ),
    )
    op.create_index("ix_sanction_case_party", "sanction_case", ["network_id", "party", "approved_at"])
    op.create_index("ix_sanction_case_about", "sanction_case", ["network_id", "about_path", "id"])
    op.create_index("ix_sanction_case_state", "sanction_case", ["network_id", "state", "id"])
    op.create_index("ix_sanction_case_breach", "sanction_case", ["network_id", "breach_id"])
    op.create_index(
        "ix_sanction_case_due",
        "sanction_case",
        ["network_id", "step_due_at"],
        postgresql_where=sa.text("step_due_at IS NOT NULL AND step_overdue_at IS NULL"),
    )
    op.create_index(
        "ix_sanction_case_to_close",
        "sanction_case",
        ["network_id", "id"],
        postgresql_where=sa.text("state IN ('executed', 'revoked')"),
    )
    walls.told_wall("sanction_case", "SELECT, INSERT, UPDATE")

    op.create_table(
        "sanction_step",
        *key(),
        sa.Column("case_id", sa.BigInteger, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("move", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("doer", sa.Text, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("measures", pg.JSONB, nullable=False),
        sa.UniqueConstraint("network_id", "id", name="uq_sanction_step_network_id_id"),
        of_case("sanction_step"),
    )
    op.create_index("ix_sanction_step_case", "sanction_step", ["network_id", "case_id", "id"])
    walls.wall("sanction_step", "SELECT, INSERT")
    walls.append_only("sanction_step", but="unit_path")

    op.create_table(
        "sanction_effect",
        *key(),
        sa.Column("case_id", sa.BigInteger, nullable=False),
        sa.Column("round", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("about_unit_id", sa.BigInteger, nullable=False),
        sa.Column("person_id", sa.BigInteger),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("amount_minor", sa.BigInteger),
        sa.Column("share", sa.Integer),
        sa.Column("month", sa.Date),
        sa.Column("until", INSTANT),
        sa.Column("hold_id", sa.BigInteger),
        sa.Column("transaction_id", sa.BigInteger),
        sa.Column("withholding_id", sa.BigInteger),
        sa.Column("short_minor", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("applied_at", INSTANT),
        sa.Column("settled_at", INSTANT),
        sa.Column("overdue_at", INSTANT),
        sa.Column("undone_at", INSTANT),
        sa.UniqueConstraint("network_id", "id", name="uq_sanction_effect_network_id_id"),
        sa.UniqueConstraint("network_id", "case_id", "round", "place", name="uq_sanction_effect_once"),
        of_case("sanction_effect"),
        about("sanction_effect"),
        *(
            sa.ForeignKeyConstraint(
                ["network_id", column],
                [f"{table}.network_id", f"{table}.id"],
                name=f"fk_sanction_effect_network_id_{column}",
            )
            for column, table in (
                ("hold_id", "ledger_transaction"),
                ("transaction_id", "ledger_transaction"),
                ("withholding_id", "ledger_withholding"),
            )
        ),
    )
    op.create_index(
        "ix_sanction_effect_standing",
        "sanction_effect",
        ["network_id", "about_unit_id", "applied_at"],
        postgresql_where=sa.text("applied_at IS NOT NULL AND undone_at IS NULL"),
    )
    op.create_index(
        "ix_sanction_effect_running",
        "sanction_effect",
        ["network_id", "kind", "id"],
        postgresql_where=sa.text("applied_at IS NOT NULL AND settled_at IS NULL AND undone_at IS NULL"),
    )
    walls.wall("sanction_effect", "SELECT, INSERT, UPDATE")

    op.create_table(
        "circular",
        *key(),
        sa.Column("case_id", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=False),
        sa.Column("at", INSTANT, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("requirement", sa.Text, nullable=False),
        sa.Column("rulebook_version", sa.Integer, nullable=False),
        sa.Column("party_name", sa.Text),
        sa.Column("withdrawn_at", INSTANT),
        sa.UniqueConstraint("network_id", "id", name="uq_circular_network_id_id"),
        sa.UniqueConstraint("network_id", "case_id", name="uq_circular_once"),
        of_case("circular"),
    )
    op.create_index("ix_circular_newest", "circular", ["network_id", "id"])
    walls.network_wall("circular", "SELECT, INSERT, UPDATE")

    op.create_foreign_key(
        "fk_ledger_transaction_network_id_case_id",
        "ledger_transaction",
        "sanction_case",
        ["network_id", "case_id"],
        ["network_id", "id"],
    )
    op.create_foreign_key(
        "fk_ledger_withholding_network_id_case_id",
        "ledger_withholding",
        "sanction_case",
        ["network_id", "case_id"],
        ["network_id", "id"],
    )


def downgrade() -> None:
    op.drop_constraint("fk_ledger_withholding_network_id_case_id", "ledger_withholding")
    op.drop_constraint("fk_ledger_transaction_network_id_case_id", "ledger_transaction")
    walls.not_append_only("sanction_step")
    for table in (
        "circular",
        "sanction_effect",
        "sanction_step",
        "sanction_case",
        "sanction_number",
        "breach",
    ):
        op.drop_table(table)
