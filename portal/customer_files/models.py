"""What a dealer files for a month, row by row, and what a region makes of it (R040, R041, R042, R048).

The rows are the purchases: a row counts for search and links once its file is filed; there is no copy of it.
Nothing here is ever deleted: a newer version stands beside the older one.
"""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    Numeric,
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled, one_of, word_of
from portal.customer_files.rules.moves import Kind, RowStatus, State

Instant = DateTime(timezone=True)


class CustomerFile(Keyed, Walled, Base):
    """One version of a unit's file for a month; `month` is the first day of the month of purchase."""

    __tablename__ = "customer_file"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "unit_id", "month", "version"),
        UniqueConstraint("network_id", "receipt_number"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
        ForeignKeyConstraint(["network_id", "revision_of"], ["customer_file.network_id", "customer_file.id"]),
        one_of("state", State),
        one_of("kind", Kind),
        CheckConstraint("total = good + bad + excluded", name="counts"),
        CheckConstraint("(receipt_number IS NULL) = (submitted_at IS NULL)", name="receipt"),
        Index(None, "network_id", "month", "unit_path"),
        Index(None, "network_id", "unit_path", "month"),
    )

    unit_id: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[date] = mapped_column(Date)
    version: Mapped[int] = mapped_column(Integer)
    kind: Mapped[Kind] = mapped_column(word_of(Kind))
    state: Mapped[State] = mapped_column(word_of(State))
    revision_of: Mapped[int | None] = mapped_column(BigInteger)

    file_name: Mapped[str | None] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(Text)
    size: Mapped[int] = mapped_column(BigInteger)
    mapping: Mapped[dict[str, str | None] | None] = mapped_column(JSONB)
    nil_reason: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[datetime] = mapped_column(Instant)
    received_by: Mapped[int | None] = mapped_column(BigInteger)
    submit_when_ready: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))

    checked_at: Mapped[datetime | None] = mapped_column(Instant)
    changed_at: Mapped[datetime | None] = mapped_column(Instant)
    progress_done: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    progress_total: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    total: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    good: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    bad: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    excluded: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    warnings: Mapped[int] = mapped_column(Integer, server_default=text("0"))

    submitted_at: Mapped[datetime | None] = mapped_column(Instant)
    submitted_by: Mapped[int | None] = mapped_column(BigInteger)
    judged_at: Mapped[datetime | None] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    receipt_number: Mapped[str | None] = mapped_column(Text)
    missing_parts: Mapped[list[dict[str, str]] | None] = mapped_column(JSONB)
    # what was submitted, store parts included: frozen at the submission, so that a board adds up files and not rows
    customers: Mapped[int | None] = mapped_column(Integer)
    people: Mapped[int | None] = mapped_column(Integer)
    left_out: Mapped[int | None] = mapped_column(Integer)

    review_note: Mapped[str | None] = mapped_column(Text)
    reviewed_at: Mapped[datetime | None] = mapped_column(Instant)
    reviewed_by: Mapped[int | None] = mapped_column(BigInteger)
    return_reason: Mapped[str | None] = mapped_column(Text)
    returned_at: Mapped[datetime | None] = mapped_column(Instant)
    withdraw_reason: Mapped[str | None] = mapped_column(Text)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
    consolidated_as: Mapped[int | None] = mapped_column(SmallInteger)  # 0 the first one, n the nth amendment

    @property
    def on_time(self) -> bool | None:
        """R041: judged before the exclusive end of the window; None before the submission."""
        if self.judged_at is None or self.due_at is None:
            return None
        return self.judged_at < self.due_at


class CustomerFileRow(Walled, Base):
    """A customer's purchase as filed. No foreign key to the file: 0.5 s for each 100,000 rows, and files stay."""

    __tablename__ = "customer_file_row"
    __table_args__ = (
        one_of("status", RowStatus),
        Index(None, "network_id", "phone"),
        Index(None, "network_id", "order_no", postgresql_where=text("order_no <> ''")),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    file_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    row_no: Mapped[int] = mapped_column(Integer, primary_key=True)
    status: Mapped[RowStatus] = mapped_column(word_of(RowStatus))
    customer_name: Mapped[str] = mapped_column(Text, server_default=text("''"))
    phone: Mapped[str] = mapped_column(Text(collation="C"), server_default=text("''"))
    address: Mapped[str] = mapped_column(Text, server_default=text("''"))
    product_model: Mapped[str] = mapped_column(Text, server_default=text("''"))
    purchase_date: Mapped[date | None] = mapped_column(Date)
    purchase_region: Mapped[str] = mapped_column(Text, server_default=text("''"))
    quantity: Mapped[int | None] = mapped_column(Integer)
    area: Mapped[Decimal | None] = mapped_column(Numeric)
    order_no: Mapped[str] = mapped_column(Text(collation="C"), server_default=text("''"))
    installer: Mapped[str] = mapped_column(Text, server_default=text("''"))
    installed_on: Mapped[date | None] = mapped_column(Date)
    remarks: Mapped[str] = mapped_column(Text, server_default=text("''"))
    extra: Mapped[dict[str, str] | None] = mapped_column(JSONB)  # the network's own columns
    raw: Mapped[dict[str, str] | None] = mapped_column(
        JSONB
    )  # cells that could not be read, as they were sent
    reason: Mapped[str | None] = mapped_column(Text)  # why it is left out
    return_reason: Mapped[str | None] = mapped_column(Text)
    matched: Mapped[bool] = mapped_column(
        Boolean, server_default=text("false")
    )  # consolidated before: counts there


class CustomerFileProblem(Walled, Base):
    """What is wrong or worth a look in a row; the words are made when it is read, in the reader's language.

    `row_no` 0 is the whole file; `column` None is the whole row.
    """

    __tablename__ = "customer_file_problem"
    __table_args__ = (CheckConstraint("severity IN ('error', 'warning')", name="severity"),)

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    file_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    row_no: Mapped[int] = mapped_column(Integer, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    column: Mapped[str | None] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    severity: Mapped[str] = mapped_column(Text)
    params: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    value: Mapped[str | None] = mapped_column(Text)


class FilePart(Walled, Base):
    """A store's file that went into its dealer's file."""

    __tablename__ = "file_part"
    __table_args__ = (
        ForeignKeyConstraint(["network_id", "file_id"], ["customer_file.network_id", "customer_file.id"]),
        ForeignKeyConstraint(["network_id", "part_id"], ["customer_file.network_id", "customer_file.id"]),
        Index(None, "network_id", "part_id"),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    file_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    part_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class ColumnMapping(Walled, Base):
    """Which of a dealer's own headings is which column, remembered from the mapping page."""

    __tablename__ = "column_mapping"
    __table_args__ = (ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),)

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    unit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    heading: Mapped[str] = mapped_column(Text, primary_key=True)
    column: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(Instant)


class ValueCorrection(Walled, Base):
    """One correction for all equal values, remembered: the same wrong value comes again next month."""

    __tablename__ = "value_correction"
    __table_args__ = (ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),)

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    unit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    column: Mapped[str] = mapped_column(Text, primary_key=True)
    wrong: Mapped[str] = mapped_column(Text, primary_key=True)
    right: Mapped[str] = mapped_column(Text)
    set_at: Mapped[datetime] = mapped_column(Instant)


class Consolidation(Keyed, Walled, Base):
    """A region's summary customer file of a month (R042): number 0 is the first one, n the nth amendment."""

    __tablename__ = "consolidation"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "region_id", "month", "number"),
        UniqueConstraint("network_id", "receipt_number"),
        ForeignKeyConstraint(["network_id", "region_id"], ["unit.network_id", "unit.id"]),
        Index(None, "network_id", "month", "unit_path"),
    )

    region_id: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[date] = mapped_column(Date)
    number: Mapped[int] = mapped_column(SmallInteger)
    submitted_at: Mapped[datetime] = mapped_column(Instant)
    submitted_by: Mapped[int | None] = mapped_column(BigInteger)
    judged_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    receipt_number: Mapped[str] = mapped_column(Text)
    dealers: Mapped[int] = mapped_column(Integer)
    customers: Mapped[int] = mapped_column(Integer)
    people: Mapped[int] = mapped_column(Integer)
    matched: Mapped[int] = mapped_column(Integer)
    excluded: Mapped[int] = mapped_column(Integer)
    quantity: Mapped[int] = mapped_column(BigInteger)

    @property
    def on_time(self) -> bool:
        """R042: judged before the exclusive end of the region's window."""
        return self.judged_at < self.due_at


class ConsolidationFile(Walled, Base):
    """A file in a consolidation: a dealer's own or one of its stores' parts. Each file is consolidated once."""

    __tablename__ = "consolidation_file"
    __table_args__ = (
        UniqueConstraint("network_id", "file_id"),
        ForeignKeyConstraint(
            ["network_id", "consolidation_id"], ["consolidation.network_id", "consolidation.id"]
        ),
        ForeignKeyConstraint(["network_id", "file_id"], ["customer_file.network_id", "customer_file.id"]),
        ForeignKeyConstraint(["network_id", "dealer_id"], ["unit.network_id", "unit.id"]),
        Index(None, "network_id", "month", "dealer_id"),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    consolidation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    file_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    month: Mapped[date] = mapped_column(Date)
    dealer_id: Mapped[int] = mapped_column(BigInteger)
    customers: Mapped[int] = mapped_column(Integer)  # good rows that were not in an earlier consolidation
    people: Mapped[int] = mapped_column(Integer)
    matched: Mapped[int] = mapped_column(Integer)
    excluded: Mapped[int] = mapped_column(Integer)
    quantity: Mapped[int] = mapped_column(BigInteger)


class ConsolidationMissing(Walled, Base):
    """A dealer without a file when the region was consolidated, and why."""

    __tablename__ = "consolidation_missing"
    __table_args__ = (
        ForeignKeyConstraint(
            ["network_id", "consolidation_id"], ["consolidation.network_id", "consolidation.id"]
        ),
        ForeignKeyConstraint(["network_id", "dealer_id"], ["unit.network_id", "unit.id"]),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    consolidation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    dealer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)


class Reminder(Keyed, Walled, Base):
    """A superior reminded a dealer that still owed the month."""

    __tablename__ = "reminder"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
        Index(None, "network_id", "month", "unit_id"),
    )

    unit_id: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[date] = mapped_column(Date)
    note: Mapped[str] = mapped_column(Text)
    reminded_at: Mapped[datetime] = mapped_column(Instant)
    reminded_by: Mapped[int | None] = mapped_column(BigInteger)
