"""Accounts, transactions and postings. A posting's trigger moves the balance; nothing here is ever edited."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled
from portal.ledger.rules import Repayment

Instant = DateTime(timezone=True)


class Account(Keyed, Walled, Base):
    """One kind of money of one unit or person. `balance_minor` grows on its `normal` side; `bounded`: never below 0.

    The row is what a transaction locks; the trigger of postings alone changes its balance and version.
    """

    __tablename__ = "ledger_account"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
    )
    kind: Mapped[str] = mapped_column(Text)
    unit_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    normal: Mapped[str] = mapped_column(Text)
    bounded: Mapped[bool] = mapped_column(Boolean)
    balance_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    moved_at: Mapped[datetime | None] = mapped_column(Instant)


class Transaction(Keyed, Walled, Base):
    """What was posted and why, by whom, for which case. `original_id`: what it reverses, or the hold that it ends."""

    __tablename__ = "ledger_transaction"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "idempotency_key", name="uq_ledger_transaction_once"),
        UniqueConstraint("network_id", "original_id", name="uq_ledger_transaction_original"),
    )
    at: Mapped[datetime] = mapped_column(Instant)
    purpose: Mapped[str] = mapped_column(Text)
    currency: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    postings: Mapped[int] = mapped_column(Integer)
    idempotency_key: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    reference: Mapped[str | None] = mapped_column(Text)  # the bank's
    month: Mapped[date | None] = mapped_column(Date)
    case_id: Mapped[int | None] = mapped_column(BigInteger)
    case_number: Mapped[str | None] = mapped_column(Text)
    clause: Mapped[str | None] = mapped_column(Text)  # the requirement behind it: R033
    original_id: Mapped[int | None] = mapped_column(BigInteger)
    posted_by: Mapped[int | None] = mapped_column(BigInteger)
    approved_by: Mapped[int | None] = mapped_column(BigInteger)


class Posting(Keyed, Walled, Base):
    """One side of a transaction in one account, with the account's balance and version after it."""

    __tablename__ = "ledger_posting"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "account_id", "version", name="uq_ledger_posting_version"),
    )
    transaction_id: Mapped[int] = mapped_column(BigInteger)
    account_id: Mapped[int] = mapped_column(BigInteger)
    unit_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    side: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    balance_minor: Mapped[int] = mapped_column(BigInteger)
    version: Mapped[int] = mapped_column(BigInteger)


class Withholding(Keyed, Walled, Base):
    """A share (per cent) of one person's commission of a month, waiting for that month's statement or posted."""

    __tablename__ = "ledger_withholding"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "idempotency_key", name="uq_ledger_withholding_once"),
    )
    person_id: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[date] = mapped_column(Date)
    share: Mapped[int] = mapped_column(Integer)
    idempotency_key: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    case_id: Mapped[int | None] = mapped_column(BigInteger)
    case_number: Mapped[str | None] = mapped_column(Text)
    clause: Mapped[str | None] = mapped_column(Text)
    ordered_at: Mapped[datetime] = mapped_column(Instant)
    ordered_by: Mapped[int | None] = mapped_column(BigInteger)
    approved_by: Mapped[int | None] = mapped_column(BigInteger)
    posted_at: Mapped[datetime | None] = mapped_column(Instant)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)
    short_minor: Mapped[int] = mapped_column(
        BigInteger, server_default=text("0"), default=0
    )  # was paid out before


class Leaving(Keyed, Walled, Base):
    """A dealer leaves: when its margin is paid back. Worked out when it is noted, by the rulebook of that day."""

    __tablename__ = "ledger_leaving"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
    )
    unit_id: Mapped[int] = mapped_column(BigInteger)
    left_at: Mapped[datetime] = mapped_column(Instant)
    first_share: Mapped[int] = mapped_column(Integer)  # per cent of the margin, paid back by `first_due_at`
    first_due_at: Mapped[datetime] = mapped_column(Instant)
    rest_at: Mapped[datetime] = mapped_column(Instant)
    rulebook_version: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str] = mapped_column(Text)
    case_id: Mapped[int | None] = mapped_column(BigInteger)
    noted_at: Mapped[datetime] = mapped_column(Instant)
    noted_by: Mapped[int | None] = mapped_column(BigInteger)
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)  # it stays after all

    @property
    def plan(self) -> Repayment:
        return Repayment(self.first_share, self.first_due_at, self.rest_at)
