"""Visits, attempts, rectifications, and the running counts of the coverage (R039, R040, R045).

Visits and attempts are kept by headquarters (its path, `about_path` says whose customer): nobody at dealer or region
sees them. Rectifications and counts stand at the unit they are about.
"""

from datetime import date, datetime
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
    SmallInteger,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled, word_of
from portal.return_visits.rules.outcomes import (
    CALLABLE,
    Outcome,
    Reason,
    RectificationState,
    Result,
    Standing,
    State,
)

Instant = DateTime(timezone=True)
QUEUED = "state IN ('waiting', 'retry', 'revisit') AND next_at IS NOT NULL AND joined_to IS NULL"


class Visit(Walled, Base):
    """One person at a dealer in a month, as consolidated; a lease of the one who calls stands on it for a while.

    `pool` 0 is everybody's queue, else the person it was handed to. `next_at` None: not called by itself.
    `joined_to` is the visit of the same person in another month that is called for both.
    """

    __tablename__ = "visit"
    __table_args__ = (
        UniqueConstraint("network_id", "phone", "name", "unit_id", "month", name="uq_visit_person"),
        CheckConstraint("state IN ('waiting', 'retry', 'with_dealer', 'revisit', 'closed')", name="state"),
        CheckConstraint("(holder_id IS NULL) = (lease_until IS NULL)", name="lease"),
        Index(
            "ix_visit_queue",
            "network_id",
            "pool",
            "rank",
            "next_at",
            "id",
            postgresql_where=text(QUEUED),
        ),
        Index("ix_visit_by_month", "network_id", "month", "about_path", "id"),
        Index("ix_visit_by_state", "network_id", "state", "month", "about_path", "id"),
        Index("ix_visit_joined", "network_id", "joined_to", postgresql_where=text("joined_to IS NOT NULL")),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    about_path: Mapped[str] = mapped_column(Text(collation="C"))  # the dealer's
    unit_id: Mapped[int] = mapped_column(BigInteger)
    region_id: Mapped[int] = mapped_column(BigInteger)  # of the day of the consolidation
    filed_by: Mapped[int] = mapped_column(BigInteger)  # the dealer or its store
    month: Mapped[date] = mapped_column(Date)
    consolidation_id: Mapped[int] = mapped_column(BigInteger)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    name: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text(collation="C"))
    address: Mapped[str] = mapped_column(Text)
    purchase_region: Mapped[str] = mapped_column(Text)
    new_phone: Mapped[str | None] = mapped_column(Text(collation="C"))  # as the dealer corrected it
    new_address: Mapped[str | None] = mapped_column(Text)

    state: Mapped[State] = mapped_column(word_of(State))
    rank: Mapped[int] = mapped_column(SmallInteger)
    pool: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    next_at: Mapped[datetime | None] = mapped_column(Instant)
    round: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    visited: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    standing: Mapped[Standing] = mapped_column(word_of(Standing), server_default=text("'none'"))
    unreachable: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    weight: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    signals: Mapped[list[dict[str, Any]] | None] = mapped_column(JSONB)
    joined_to: Mapped[int | None] = mapped_column(BigInteger)

    holder_id: Mapped[int | None] = mapped_column(BigInteger)
    lease_until: Mapped[datetime | None] = mapped_column(Instant)
    last_agent: Mapped[int | None] = mapped_column(BigInteger)
    for_agent: Mapped[int | None] = mapped_column(BigInteger)  # a call-back belongs to its agent
    for_until: Mapped[datetime | None] = mapped_column(Instant)
    not_agent: Mapped[int | None] = mapped_column(BigInteger)  # a revisit belongs to another
    not_until: Mapped[datetime | None] = mapped_column(Instant)
    skipped_by: Mapped[int | None] = mapped_column(BigInteger)
    skipped_until: Mapped[datetime | None] = mapped_column(Instant)

    waived_at: Mapped[datetime | None] = mapped_column(Instant)
    waived_by: Mapped[int | None] = mapped_column(BigInteger)
    waiver_reason: Mapped[str | None] = mapped_column(Text)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)

    def held_at(self, now: datetime) -> bool:
        return self.lease_until is not None and self.lease_until > now

    def held_by(self, person_id: int | None, now: datetime) -> bool:
        return self.held_at(now) and self.holder_id == person_id

    def state_at(self, now: datetime) -> State:
        """An expired lease reads as the state before it (API.md)."""
        return State.CLAIMED if self.held_at(now) and self.state in CALLABLE else State(self.state)

    @property
    def called_phone(self) -> str:
        return self.new_phone or self.phone

    @property
    def called_address(self) -> str:
        return self.new_address or self.address


class Attempt(Keyed, Walled, Base):
    """One call, never changed; a wrong save is put right by another that names it in `corrects`."""

    __tablename__ = "visit_attempt"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "corrects", name="uq_visit_attempt_corrected_once"),
        ForeignKeyConstraint(["network_id", "visit_id"], ["visit.network_id", "visit.id"]),
        Index("ix_visit_attempt_visit", "network_id", "visit_id", "id"),
        Index("ix_visit_attempt_agent", "network_id", "agent_id", "at"),
        CheckConstraint("(outcome IS NOT NULL) = (result = 'reached')", name="outcome"),
    )

    visit_id: Mapped[int] = mapped_column(BigInteger)
    about_path: Mapped[str] = mapped_column(Text(collation="C"))
    round: Mapped[int] = mapped_column(SmallInteger)
    at: Mapped[datetime] = mapped_column(Instant)
    agent_id: Mapped[int | None] = mapped_column(BigInteger)
    agent: Mapped[str] = mapped_column(Text)
    result: Mapped[Result] = mapped_column(word_of(Result))
    outcome: Mapped[Outcome | None] = mapped_column(word_of(Outcome))
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    rulebook_version: Mapped[int] = mapped_column(Integer)
    score: Mapped[int | None] = mapped_column(SmallInteger)
    note: Mapped[str] = mapped_column(Text, server_default=text("''"))
    reason: Mapped[str] = mapped_column(Text, server_default=text("''"))
    wish: Mapped[str] = mapped_column(Text, server_default=text("''"))
    callback_at: Mapped[datetime | None] = mapped_column(Instant)
    not_before: Mapped[datetime | None] = mapped_column(Instant)
    seconds: Mapped[int | None] = mapped_column(Integer)  # by the agent's own timer
    recording: Mapped[str | None] = mapped_column(Text)  # a pasted link
    corrects: Mapped[int | None] = mapped_column(BigInteger)
    joined: Mapped[bool] = mapped_column(
        Boolean, server_default=text("false")
    )  # said on another month's call


class Desk(Walled, Base):
    """What an agent has in hand; its row is locked while the agent claims, so that nobody gets two at once."""

    __tablename__ = "visit_desk"
    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    visit_id: Mapped[int | None] = mapped_column(BigInteger)
    claimed_at: Mapped[datetime | None] = mapped_column(Instant)
    seen_at: Mapped[datetime] = mapped_column(Instant)
    paused_at: Mapped[datetime | None] = mapped_column(Instant)
    pause_reason: Mapped[str | None] = mapped_column(Text)


class Draft(Walled, Base):
    """What an agent has typed and not saved: kept when the lease or the browser is lost."""

    __tablename__ = "visit_draft"
    __table_args__ = (ForeignKeyConstraint(["network_id", "visit_id"], ["visit.network_id", "visit.id"]),)
    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    visit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    typed: Mapped[dict[str, Any]] = mapped_column(JSONB)
    saved_at: Mapped[datetime] = mapped_column(Instant)


class Rectification(Keyed, Walled, Base):
    """What a dealer (or store) has to put right for one visit; the present round's figures stand on it."""

    __tablename__ = "rectification"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "visit_id", name="uq_rectification_visit"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
        ForeignKeyConstraint(["network_id", "visit_id"], ["visit.network_id", "visit.id"]),
        CheckConstraint("state IN ('open', 'reported', 'closed')", name="state"),
        Index("ix_rectification_due", "network_id", "state", "due_at", "id"),
        Index("ix_rectification_by_unit", "network_id", "unit_path", "due_at", "id"),
    )

    visit_id: Mapped[int] = mapped_column(BigInteger)
    unit_id: Mapped[int] = mapped_column(BigInteger)
    month: Mapped[date] = mapped_column(Date)
    name: Mapped[str] = mapped_column(Text)
    phone: Mapped[str] = mapped_column(Text)
    address: Mapped[str] = mapped_column(Text)
    state: Mapped[RectificationState] = mapped_column(word_of(RectificationState))
    rounds: Mapped[int] = mapped_column(SmallInteger)
    first_opened_at: Mapped[datetime] = mapped_column(Instant)
    reason: Mapped[Reason] = mapped_column(word_of(Reason))
    words: Mapped[str] = mapped_column(Text)
    wish: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_as: Mapped[str | None] = mapped_column(Text)  # satisfied, waived, corrected

    @property
    def subject(self) -> str:
        """What its clock is about: each round has one of its own."""
        return self.subjects[-1]

    @property
    def subjects(self) -> list[str]:
        """The same of each round until now."""
        return [str(self.id), *(f"{self.id}-{number}" for number in range(2, self.rounds + 1))]


class RectificationRound(Walled, Base):
    """One round: what the customer said, what the dealer did about it, what its superior says to that."""

    __tablename__ = "rectification_round"
    __table_args__ = (
        ForeignKeyConstraint(
            ["network_id", "rectification_id"], ["rectification.network_id", "rectification.id"]
        ),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    rectification_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    reason: Mapped[Reason] = mapped_column(word_of(Reason))
    words: Mapped[str] = mapped_column(Text)
    wish: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    reported_at: Mapped[datetime | None] = mapped_column(Instant)
    reported_by: Mapped[str | None] = mapped_column(Text)
    action: Mapped[str | None] = mapped_column(Text)
    result: Mapped[str | None] = mapped_column(Text)
    phone: Mapped[str | None] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)  # the call was put right
    comment: Mapped[str | None] = mapped_column(Text)
    commented_at: Mapped[datetime | None] = mapped_column(Instant)
    commented_by: Mapped[str | None] = mapped_column(Text)


class RectificationDocument(Walled, Base):
    """A photo or paper that the dealer reported with."""

    __tablename__ = "rectification_document"
    __table_args__ = (
        ForeignKeyConstraint(
            ["network_id", "rectification_id"], ["rectification.network_id", "rectification.id"]
        ),
        ForeignKeyConstraint(["network_id", "document_id"], ["document.network_id", "document.id"]),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    rectification_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    document_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class _Counted:
    people: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    visited: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    satisfied: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    unsatisfied: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    suspicious: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    unreachable: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    refused: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    closed: Mapped[int] = mapped_column(Integer, server_default=text("0"))


class VisitCount(_Counted, Walled, Base):
    """A dealer's figures of a month in a few slots: what stands is their sum, and agents don't wait for one row."""

    __tablename__ = "visit_count"
    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    unit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    region_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)  # that consolidated them
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)


class VisitDay(_Counted, Walled, Base):
    """What a day added, for a dealer and for its region."""

    __tablename__ = "visit_day"
    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    unit_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True)


class SealedMonth(Walled, Base):
    """A sealed month's figures, as they were."""

    __tablename__ = "visit_sealed_month"
    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    sealed_at: Mapped[datetime] = mapped_column(Instant)
    sealed_by: Mapped[str] = mapped_column(Text)
    figures: Mapped[dict[str, Any]] = mapped_column(JSONB)


class FiledSignal(Walled, Base):
    """What was seen of a person whom a dealer filed for a month; kept by headquarters, no row where nothing was.

    `file_id` and `row_no` say where the person stands; `seen` are the signals with their numbers and other records.
    """

    __tablename__ = "filed_signal"
    __table_args__ = (Index("ix_filed_signal_weight", "network_id", "month", "dealer_id", "weight"),)
    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    dealer_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    phone: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    file_id: Mapped[int] = mapped_column(BigInteger)
    row_no: Mapped[int] = mapped_column(Integer)
    seen: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    weight: Mapped[int] = mapped_column(SmallInteger)
