"""Return visits: the queue, attempts, rectifications, running counts; and the clock of a rectification.

`visit` has no foreign key: 200,000 of them open in one statement, which takes unit and consolidation from their tables.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations import walls

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
PATH = sa.Text(collation="C")
KINDS = "'customer_file', 'part_file', 'consolidation', 'returned_file'"
QUEUED = "state IN ('waiting', 'retry', 'revisit') AND next_at IS NOT NULL AND joined_to IS NULL"
FIGURES = ("people", "visited", "satisfied", "unsatisfied", "suspicious", "unreachable", "refused", "closed")
TABLES = (
    "visit_sealed_month",
    "visit_day",
    "visit_count",
    "rectification_document",
    "rectification_round",
    "rectification",
    "visit_draft",
    "visit_desk",
    "visit_attempt",
    "visit",
)


def place() -> list[sa.Column[Any]]:
    return [
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", PATH, nullable=False),
    ]


def identity() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False)


def need(name: str, kind: Any, default: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=None if default is None else sa.text(default))


def of(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["network_id", column],
        [f"{target}.network_id", f"{target}.id"],
        name=f"fk_{table}_network_id_{column}",
    )


def upgrade() -> None:
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(
        f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({KINDS}, 'rectification'))"
    )
    _visits()
    _attempts()
    _rectifications()
    _counts()


def _visits() -> None:
    op.create_table(
        "visit",
        *place(),
        identity(),
        need("about_path", PATH),
        *(need(name, sa.BigInteger) for name in ("unit_id", "region_id", "filed_by")),
        need("month", sa.Date),
        need("consolidation_id", sa.BigInteger),
        need("opened_at", INSTANT),
        need("name", sa.Text),
        need("phone", PATH),
        need("address", sa.Text),
        need("purchase_region", sa.Text),
        sa.Column("new_phone", PATH),
        sa.Column("new_address", sa.Text),
        need("state", sa.Text),
        need("rank", sa.SmallInteger),
        need("pool", sa.BigInteger, "0"),
        sa.Column("next_at", INSTANT),
        need("round", sa.SmallInteger, "0"),
        need("attempts", sa.SmallInteger, "0"),
        need("visited", sa.Boolean, "false"),
        need("standing", sa.Text, "'none'"),
        need("unreachable", sa.Boolean, "false"),
        need("weight", sa.SmallInteger, "0"),
        sa.Column("signals", JSONB),
        sa.Column("joined_to", sa.BigInteger),
        sa.Column("holder_id", sa.BigInteger),
        sa.Column("lease_until", INSTANT),
        sa.Column("last_agent", sa.BigInteger),
        sa.Column("for_agent", sa.BigInteger),
        sa.Column("for_until", INSTANT),
        sa.Column("not_agent", sa.BigInteger),
        sa.Column("not_until", INSTANT),
        sa.Column("skipped_by", sa.BigInteger),
        sa.Column("skipped_until", INSTANT),
        sa.Column("waived_at", INSTANT),
        sa.Column("waived_by", sa.BigInteger),
        sa.Column("waiver_reason", sa.Text),
        sa.Column("closed_at", INSTANT),
        sa.PrimaryKeyConstraint("network_id", "id", name="pk_visit"),
        sa.UniqueConstraint("network_id", "phone", "name", "unit_id", "month", name="uq_visit_person"),
        sa.CheckConstraint(
            "state IN ('waiting', 'retry', 'with_dealer', 'revisit', 'closed')", name="ck_visit_state"
        ),
        sa.CheckConstraint("(holder_id IS NULL) = (lease_until IS NULL)", name="ck_visit_lease"),
        # a claim writes no indexed column: with room on the page it touches no index
        postgresql_with={"fillfactor": "80"},
    )
    op.create_index(
        "ix_visit_queue",
        "visit",
        ["network_id", "pool", "rank", "next_at", "id"],
        postgresql_where=sa.text(QUEUED),
    )
    op.create_index("ix_visit_by_month", "visit", ["network_id", "month", "about_path", "id"])
    op.create_index("ix_visit_by_state", "visit", ["network_id", "state", "month", "about_path", "id"])
    walls.wall("visit", verbs="SELECT, INSERT, UPDATE")


def _attempts() -> None:
    op.create_table(
        "visit_attempt",
        identity(),
        *place(),
        need("visit_id", sa.BigInteger),
        need("about_path", PATH),
        need("round", sa.SmallInteger),
        need("at", INSTANT),
        sa.Column("agent_id", sa.BigInteger),
        need("agent", sa.Text),
        need("result", sa.Text),
        sa.Column("outcome", sa.Text),
        need("answers", JSONB),
        need("rulebook_version", sa.Integer),
        sa.Column("score", sa.SmallInteger),
        *(need(name, sa.Text, "''") for name in ("note", "reason", "wish")),
        sa.Column("callback_at", INSTANT),
        sa.Column("not_before", INSTANT),
        sa.Column("seconds", sa.Integer),
        sa.Column("recording", sa.Text),
        sa.Column("corrects", sa.BigInteger),
        need("joined", sa.Boolean, "false"),
        sa.PrimaryKeyConstraint("id", name="pk_visit_attempt"),
        sa.UniqueConstraint("network_id", "id", name="uq_visit_attempt_network_id_id"),
        sa.UniqueConstraint("network_id", "corrects", name="uq_visit_attempt_corrected_once"),
        of("visit_attempt", "visit_id", "visit"),
        sa.CheckConstraint("(outcome IS NOT NULL) = (result = 'reached')", name="ck_visit_attempt_outcome"),
    )
    op.create_index("ix_visit_attempt_visit", "visit_attempt", ["network_id", "visit_id", "id"])
    op.create_index("ix_visit_attempt_agent", "visit_attempt", ["network_id", "agent_id", "at"])
    walls.wall("visit_attempt", verbs="SELECT, INSERT")
    walls.append_only("visit_attempt", but="unit_path")

    op.create_table(
        "visit_desk",
        *place(),
        need("person_id", sa.BigInteger),
        sa.Column("visit_id", sa.BigInteger),
        sa.Column("claimed_at", INSTANT),
        need("seen_at", INSTANT),
        sa.Column("paused_at", INSTANT),
        sa.Column("pause_reason", sa.Text),
        sa.PrimaryKeyConstraint("network_id", "person_id", name="pk_visit_desk"),
    )
    walls.wall("visit_desk", verbs="SELECT, INSERT, UPDATE")

    op.create_table(
        "visit_draft",
        *place(),
        need("visit_id", sa.BigInteger),
        need("person_id", sa.BigInteger),
        need("typed", JSONB),
        need("saved_at", INSTANT),
        sa.PrimaryKeyConstraint("network_id", "visit_id", "person_id", name="pk_visit_draft"),
        of("visit_draft", "visit_id", "visit"),
    )
    walls.wall("visit_draft")


def _rectifications() -> None:
    op.create_table(
        "rectification",
        identity(),
        *place(),
        need("visit_id", sa.BigInteger),
        need("unit_id", sa.BigInteger),
        need("month", sa.Date),
        *(need(name, sa.Text) for name in ("name", "phone", "address", "state")),
        need("rounds", sa.SmallInteger),
        need("first_opened_at", INSTANT),
        *(need(name, sa.Text) for name in ("reason", "words", "wish")),
        need("opened_at", INSTANT),
        need("due_at", INSTANT),
        need("comment_due", sa.Boolean, "false"),
        sa.Column("closed_at", INSTANT),
        sa.Column("closed_as", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_rectification"),
        sa.UniqueConstraint("network_id", "id", name="uq_rectification_network_id_id"),
        sa.UniqueConstraint("network_id", "visit_id", name="uq_rectification_visit"),
        of("rectification", "unit_id", "unit"),
        of("rectification", "visit_id", "visit"),
        sa.CheckConstraint("state IN ('open', 'reported', 'closed')", name="ck_rectification_state"),
    )
    op.create_index("ix_rectification_due", "rectification", ["network_id", "state", "due_at", "id"])
    op.create_index("ix_rectification_by_unit", "rectification", ["network_id", "unit_path", "due_at", "id"])
    walls.wall("rectification", verbs="SELECT, INSERT, UPDATE")

    op.create_table(
        "rectification_round",
        *place(),
        need("rectification_id", sa.BigInteger),
        need("number", sa.SmallInteger),
        *(need(name, sa.Text) for name in ("reason", "words", "wish")),
        need("opened_at", INSTANT),
        need("due_at", INSTANT),
        sa.Column("reported_at", INSTANT),
        *(sa.Column(name, sa.Text) for name in ("reported_by", "action", "result", "phone", "address")),
        sa.Column("withdrawn_at", INSTANT),
        sa.Column("comment", sa.Text),
        sa.Column("commented_at", INSTANT),
        sa.Column("commented_by", sa.Text),
        sa.PrimaryKeyConstraint("network_id", "rectification_id", "number", name="pk_rectification_round"),
        of("rectification_round", "rectification_id", "rectification"),
    )
    walls.wall("rectification_round", verbs="SELECT, INSERT, UPDATE")

    op.create_table(
        "rectification_document",
        *place(),
        need("rectification_id", sa.BigInteger),
        need("number", sa.SmallInteger),
        need("document_id", sa.BigInteger),
        sa.PrimaryKeyConstraint(
            "network_id", "rectification_id", "number", "document_id", name="pk_rectification_document"
        ),
        of("rectification_document", "rectification_id", "rectification"),
        of("rectification_document", "document_id", "document"),
    )
    walls.wall("rectification_document", verbs="SELECT, INSERT")


def _counts() -> None:
    op.create_table(
        "visit_count",
        *place(),
        need("month", sa.Date),
        need("unit_id", sa.BigInteger),
        need("slot", sa.SmallInteger),
        need("region_id", sa.BigInteger),
        *(need(name, sa.Integer, "0") for name in FIGURES),
        sa.PrimaryKeyConstraint("network_id", "month", "unit_id", "slot", name="pk_visit_count"),
        postgresql_with={"fillfactor": "50"},
    )
    walls.wall("visit_count", verbs="SELECT, INSERT, UPDATE")

    op.create_table(
        "visit_day",
        *place(),
        need("month", sa.Date),
        need("kind", sa.Text),
        need("unit_id", sa.BigInteger),
        need("day", sa.Date),
        need("slot", sa.SmallInteger),
        *(need(name, sa.Integer, "0") for name in FIGURES),
        sa.PrimaryKeyConstraint("network_id", "month", "kind", "unit_id", "day", "slot", name="pk_visit_day"),
        sa.CheckConstraint("kind IN ('dealer', 'region')", name="ck_visit_day_kind"),
        postgresql_with={"fillfactor": "50"},
    )
    walls.wall("visit_day", verbs="SELECT, INSERT, UPDATE")

    op.create_table(
        "visit_sealed_month",
        *place(),
        need("month", sa.Date),
        need("sealed_at", INSTANT),
        need("sealed_by", sa.Text),
        need("figures", JSONB),
        sa.PrimaryKeyConstraint("network_id", "month", name="pk_visit_sealed_month"),
    )
    walls.wall("visit_sealed_month", verbs="SELECT, INSERT")


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)
    walls.not_append_only("visit_attempt")
    op.execute(
        "ALTER TABLE obligation NO FORCE ROW LEVEL SECURITY"
    )  # it binds the owner, and would hide all rows
    op.execute("DELETE FROM obligation WHERE kind = 'rectification'")
    op.execute("ALTER TABLE obligation FORCE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE obligation DROP CONSTRAINT ck_obligation_kind")
    op.execute(f"ALTER TABLE obligation ADD CONSTRAINT ck_obligation_kind CHECK (kind IN ({KINDS}))")
