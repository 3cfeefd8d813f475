"""Customer files, their rows and problems, store parts, consolidations.

The rows have few indexes and no foreign key: 100,000 of them come in at once (docs/decisions).
"""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from migrations import walls

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
STATES = (
    "'checking', 'needs_correction', 'ready', 'submitted', 'checked', 'consolidated', 'returned', 'withdrawn', "
    "'superseded'"
)
WALLED = [
    "customer_file",
    "customer_file_row",
    "customer_file_problem",
    "file_part",
    "column_mapping",
    "value_correction",
    "consolidation",
    "consolidation_file",
    "consolidation_missing",
    "reminder",
]


def place() -> list[sa.Column[Any]]:
    return [
        sa.Column("network_id", sa.BigInteger, nullable=False),
        sa.Column("unit_path", sa.Text(collation="C"), nullable=False),
    ]


def identity() -> sa.Column[Any]:
    return sa.Column("id", sa.BigInteger, sa.Identity(always=False), nullable=False)


def number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False, server_default=sa.text("0"))


def words(name: str, collation: str | None = None) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(collation=collation), nullable=False, server_default=sa.text("''"))


def of_unit(table: str, column: str = "unit_id") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["network_id", column], ["unit.network_id", "unit.id"], name=f"fk_{table}_network_id_{column}"
    )


def of(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["network_id", column],
        [f"{target}.network_id", f"{target}.id"],
        name=f"fk_{table}_network_id_{column}",
    )


def upgrade() -> None:
    _files()
    _rows()
    _beside()
    _consolidations()
    for table in WALLED:
        walls.wall(table, verbs="SELECT, INSERT, UPDATE, DELETE")


def _files() -> None:
    op.create_table(
        "customer_file",
        identity(),
        *place(),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("revision_of", sa.BigInteger),
        sa.Column("file_name", sa.Text),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("mapping", JSONB),
        sa.Column("nil_reason", sa.Text),
        sa.Column("received_at", INSTANT, nullable=False),
        sa.Column("received_by", sa.BigInteger),
        sa.Column("submit_when_ready", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("checked_at", INSTANT),
        sa.Column("changed_at", INSTANT),
        *(
            number(name)
            for name in ("progress_done", "progress_total", "total", "good", "bad", "excluded", "warnings")
        ),
        sa.Column("submitted_at", INSTANT),
        sa.Column("submitted_by", sa.BigInteger),
        sa.Column("judged_at", INSTANT),
        sa.Column("due_at", INSTANT),
        sa.Column("receipt_number", sa.Text),
        sa.Column("missing_parts", JSONB),
        sa.Column("customers", sa.Integer),
        sa.Column("people", sa.Integer),
        sa.Column("left_out", sa.Integer),
        sa.Column("review_note", sa.Text),
        sa.Column("reviewed_at", INSTANT),
        sa.Column("reviewed_by", sa.BigInteger),
        sa.Column("return_reason", sa.Text),
        sa.Column("returned_at", INSTANT),
        sa.Column("withdraw_reason", sa.Text),
        sa.Column("withdrawn_at", INSTANT),
        sa.Column("consolidated_as", sa.SmallInteger),
        sa.PrimaryKeyConstraint("id", name="pk_customer_file"),
        sa.UniqueConstraint("network_id", "id", name="uq_customer_file_network_id_id"),
        sa.UniqueConstraint(
            "network_id",
            "unit_id",
            "month",
            "version",
            name="uq_customer_file_network_id_unit_id_month_version",
        ),
        sa.UniqueConstraint(
            "network_id", "receipt_number", name="uq_customer_file_network_id_receipt_number"
        ),
        of_unit("customer_file"),
        of("customer_file", "revision_of", "customer_file"),
        sa.CheckConstraint(f"state IN ({STATES})", name="ck_customer_file_state"),
        sa.CheckConstraint("kind IN ('sheet', 'rows', 'nil', 'parts')", name="ck_customer_file_kind"),
        sa.CheckConstraint("total = good + bad + excluded", name="ck_customer_file_counts"),
        sa.CheckConstraint(
            "(receipt_number IS NULL) = (submitted_at IS NULL)", name="ck_customer_file_receipt"
        ),
    )
    op.create_index(
        "ix_customer_file_network_id_month_unit_path", "customer_file", ["network_id", "month", "unit_path"]
    )
    op.create_index(
        "ix_customer_file_network_id_unit_path_month", "customer_file", ["network_id", "unit_path", "month"]
    )


def _rows() -> None:
    op.create_table(
        "customer_file_row",
        *place(),
        sa.Column("file_id", sa.BigInteger, nullable=False),
        sa.Column("row_no", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        words("customer_name"),
        words("phone", "C"),
        words("address"),
        words("product_model"),
        sa.Column("purchase_date", sa.Date),
        words("purchase_region"),
        sa.Column("quantity", sa.Integer),
        sa.Column("area", sa.Numeric),
        words("order_no", "C"),
        words("installer"),
        sa.Column("installed_on", sa.Date),
        words("remarks"),
        sa.Column("extra", JSONB),
        sa.Column("raw", JSONB),
        sa.Column("reason", sa.Text),
        sa.Column("return_reason", sa.Text),
        sa.Column("matched", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("network_id", "file_id", "row_no", name="pk_customer_file_row"),
        sa.CheckConstraint("status IN ('good', 'bad', 'excluded')", name="ck_customer_file_row_status"),
    )
    op.create_index("ix_customer_file_row_network_id_phone", "customer_file_row", ["network_id", "phone"])
    op.create_index(
        "ix_customer_file_row_network_id_order_no",
        "customer_file_row",
        ["network_id", "order_no"],
        postgresql_where=sa.text("order_no <> ''"),
    )
    op.create_table(
        "customer_file_problem",
        *place(),
        sa.Column("file_id", sa.BigInteger, nullable=False),
        sa.Column("row_no", sa.Integer, nullable=False),
        identity(),
        sa.Column("column", sa.Text),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("params", JSONB),
        sa.Column("value", sa.Text),
        sa.PrimaryKeyConstraint("network_id", "file_id", "row_no", "id", name="pk_customer_file_problem"),
        sa.CheckConstraint("severity IN ('error', 'warning')", name="ck_customer_file_problem_severity"),
    )


def _beside() -> None:
    op.create_table(
        "file_part",
        *place(),
        sa.Column("file_id", sa.BigInteger, nullable=False),
        sa.Column("part_id", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "file_id", "part_id", name="pk_file_part"),
        of("file_part", "file_id", "customer_file"),
        of("file_part", "part_id", "customer_file"),
    )
    op.create_index("ix_file_part_network_id_part_id", "file_part", ["network_id", "part_id"])
    op.create_table(
        "column_mapping",
        *place(),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("heading", sa.Text, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "unit_id", "heading", name="pk_column_mapping"),
        of_unit("column_mapping"),
    )
    op.create_table(
        "value_correction",
        *place(),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("column", sa.Text, nullable=False),
        sa.Column("wrong", sa.Text, nullable=False),
        sa.Column("right", sa.Text, nullable=False),
        sa.Column("set_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "unit_id", "column", "wrong", name="pk_value_correction"),
        of_unit("value_correction"),
    )
    op.create_table(
        "reminder",
        identity(),
        *place(),
        sa.Column("unit_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("reminded_at", INSTANT, nullable=False),
        sa.Column("reminded_by", sa.BigInteger),
        sa.PrimaryKeyConstraint("id", name="pk_reminder"),
        sa.UniqueConstraint("network_id", "id", name="uq_reminder_network_id_id"),
        of_unit("reminder"),
    )
    op.create_index("ix_reminder_network_id_month_unit_id", "reminder", ["network_id", "month", "unit_id"])


def _consolidations() -> None:
    op.create_table(
        "consolidation",
        identity(),
        *place(),
        sa.Column("region_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("number", sa.SmallInteger, nullable=False),
        sa.Column("submitted_at", INSTANT, nullable=False),
        sa.Column("submitted_by", sa.BigInteger),
        sa.Column("judged_at", INSTANT, nullable=False),
        sa.Column("due_at", INSTANT, nullable=False),
        sa.Column("receipt_number", sa.Text, nullable=False),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("dealers", "customers", "people", "matched", "excluded")
        ),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consolidation"),
        sa.UniqueConstraint("network_id", "id", name="uq_consolidation_network_id_id"),
        sa.UniqueConstraint(
            "network_id",
            "region_id",
            "month",
            "number",
            name="uq_consolidation_network_id_region_id_month_number",
        ),
        sa.UniqueConstraint(
            "network_id", "receipt_number", name="uq_consolidation_network_id_receipt_number"
        ),
        of_unit("consolidation", "region_id"),
    )
    op.create_index(
        "ix_consolidation_network_id_month_unit_path", "consolidation", ["network_id", "month", "unit_path"]
    )
    op.create_table(
        "consolidation_file",
        *place(),
        sa.Column("consolidation_id", sa.BigInteger, nullable=False),
        sa.Column("file_id", sa.BigInteger, nullable=False),
        sa.Column("month", sa.Date, nullable=False),
        sa.Column("dealer_id", sa.BigInteger, nullable=False),
        *(
            sa.Column(name, sa.Integer, nullable=False)
            for name in ("customers", "people", "matched", "excluded")
        ),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("network_id", "consolidation_id", "file_id", name="pk_consolidation_file"),
        sa.UniqueConstraint("network_id", "file_id", name="uq_consolidation_file_network_id_file_id"),
        of("consolidation_file", "consolidation_id", "consolidation"),
        of("consolidation_file", "file_id", "customer_file"),
        of_unit("consolidation_file", "dealer_id"),
    )
    op.create_index(
        "ix_consolidation_file_network_id_month_dealer_id",
        "consolidation_file",
        ["network_id", "month", "dealer_id"],
    )
    op.create_table(
        "consolidation_missing",
        *place(),
        sa.Column("consolidation_id", sa.BigInteger, nullable=False),
        sa.Column("dealer_id", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint(
            "network_id", "consolidation_id", "dealer_id", name="pk_consolidation_missing"
        ),
        of("consolidation_missing", "consolidation_id", "consolidation"),
        of_unit("consolidation_missing", "dealer_id"),
    )


def downgrade() -> None:
    for table in (
        "consolidation_missing",
        "consolidation_file",
        "consolidation",
        "reminder",
        "value_correction",
        "column_mapping",
        "file_part",
        "customer_file_problem",
        "customer_file_row",
        "customer_file",
    ):
        op.drop_table(table)
