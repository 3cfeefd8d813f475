"""Obligations: every "within" of every rule is one row. And the seal of a month."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from portal.clocks.rules import RIGHTS, Counts, Kind, State, state_of
from portal.core.db import Base, Keyed, Walled, one_of, word_of

Instant = DateTime(timezone=True)
RUNNING = "closed_at IS NULL AND paused_at IS NULL AND breached_at IS NULL"
"""Still owed, its clock not stopped, not yet marked as missed."""
OF_CASES = "'statement', 'acknowledgement', 'appeal', 'handed_on', 'top_up', 'refund'"
"""The clocks that stand for what the rooms below say is owed in cases and of margins; headquarters' steps apart."""


class Obligation(Keyed, Walled, Base):
    """What a unit owes until when; `due_at` is exclusive, stored when the clock starts, with rule and version.

    `subject` is what it is about, by kind: a month ("2026-10") or an id. `first_due_at` is the limit before
    every extension and pause. `judged_at` decides on time or late; `closed_at` is when that was written down.
    `breached_at` is only what the sweep recorded: the state is worked out from the times (`state_at`).

    The sweep looks at a row from `next_at` on, and at no other: the next reminder, the limit, the next hour in which
    people may be told; None where nothing is left to do. Whoever changes a clock sets it to now. `planned_at`: since
    when the present limit runs; reminders that would have come before it are not owed. `counts`: what of the time
    it counts. A superior's clock (kind escalation) has the missed duty as `origin_id` and its height as `level`.
    """

    __tablename__ = "obligation"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "kind", "unit_id", "subject", name="uq_obligation_once"),
        ForeignKeyConstraint(["network_id", "unit_id"], ["unit.network_id", "unit.id"]),
        ForeignKeyConstraint(["network_id", "origin_id"], ["obligation.network_id", "obligation.id"]),
        one_of("kind", Kind),
        one_of("counts", Counts),
        CheckConstraint("next_at IS NULL OR (closed_at IS NULL AND paused_at IS NULL)", name="looked_at"),
        CheckConstraint("(level > 0) = (kind = 'escalation' AND origin_id IS NOT NULL)", name="level"),
        CheckConstraint("(closed_at IS NULL) = (judged_at IS NULL AND waived_at IS NULL)", name="closed"),
        CheckConstraint("judged_at IS NULL OR waived_at IS NULL", name="one_end"),
        CheckConstraint("paused_at IS NULL OR closed_at IS NULL", name="paused"),
        CheckConstraint("opened_at <= due_at AND first_due_at <= due_at", name="order"),
        Index("ix_obligation_owed", "network_id", "due_at", "id", postgresql_where=text("closed_at IS NULL")),
        Index(
            "ix_obligation_next", "network_id", "next_at", "id", postgresql_where=text("next_at IS NOT NULL")
        ),
        Index(
            "ix_obligation_owed_by_unit",
            "network_id",
            "unit_id",
            "due_at",
            "id",
            postgresql_where=text("closed_at IS NULL"),
        ),
        Index(
            "ix_obligation_origin",
            "network_id",
            "origin_id",
            "level",
            postgresql_where=text("origin_id IS NOT NULL"),
        ),
        Index(
            "ix_obligation_of_case",
            "network_id",
            "kind",
            "subject",
            postgresql_where=text(f"closed_at IS NULL AND kind IN ({OF_CASES})"),
        ),
        Index("ix_obligation_by_due", "network_id", "due_at", "id"),
        Index("ix_obligation_by_unit", "network_id", "unit_path", "due_at", "id"),
        Index(
            "ix_obligation_by_month",
            "network_id",
            "month",
            "kind",
            "unit_path",
            postgresql_where=text("month IS NOT NULL"),
        ),
    )

    kind: Mapped[Kind] = mapped_column(word_of(Kind))
    rule: Mapped[str] = mapped_column(Text)  # the rulebook's key: "windows.dealer"
    rulebook_version: Mapped[int] = mapped_column(Integer)
    source: Mapped[str] = mapped_column(Text)  # the requirement: "R041"
    unit_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    subject: Mapped[str] = mapped_column(Text)
    month: Mapped[date | None] = mapped_column(Date)
    origin_id: Mapped[int | None] = mapped_column(BigInteger)
    level: Mapped[int] = mapped_column(Integer, server_default=text("0"), default=0)
    counts: Mapped[str] = mapped_column(Text, server_default=text("'calendar'"), default="calendar")

    opened_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime] = mapped_column(Instant)
    first_due_at: Mapped[datetime] = mapped_column(Instant)
    planned_at: Mapped[datetime] = mapped_column(Instant)
    next_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    judged_at: Mapped[datetime | None] = mapped_column(Instant)
    breached_at: Mapped[datetime | None] = mapped_column(Instant)
    awaited_until: Mapped[datetime | None] = mapped_column(Instant)  # bytes are in: no breach before then

    extended_at: Mapped[datetime | None] = mapped_column(Instant)
    extended_by: Mapped[int | None] = mapped_column(BigInteger)
    extension_reason: Mapped[str | None] = mapped_column(Text)
    paused_at: Mapped[datetime | None] = mapped_column(Instant)
    paused_by: Mapped[int | None] = mapped_column(BigInteger)
    pause_reason: Mapped[str | None] = mapped_column(Text)
    paused_seconds: Mapped[int] = mapped_column(Integer, server_default=text("0"), default=0)
    waived_at: Mapped[datetime | None] = mapped_column(Instant)
    waived_by: Mapped[int | None] = mapped_column(BigInteger)
    waiver_reason: Mapped[str | None] = mapped_column(Text)
    unlocked_until: Mapped[datetime | None] = mapped_column(Instant)  # this unit's way past the lock
    unlocked_by: Mapped[int | None] = mapped_column(BigInteger)
    unlock_reason: Mapped[str | None] = mapped_column(Text)

    def state_at(self, now: datetime) -> State:
        return state_of(
            now,
            due_at=self.due_at,
            judged_at=self.judged_at,
            waived_at=self.waived_at,
            paused_at=self.paused_at,
            right=self.kind in RIGHTS,
        )

    @property
    def takes_until(self) -> datetime | None:
        """Until when this unit may file past the month's lock: by an exception, or by a limit beyond it."""
        granted = self.due_at if self.extended_at else None
        return max(filter(None, (granted, self.unlocked_until)), default=None)


class ClockStep(Walled, Base):
    """What was sent of a clock, each once for each limit: a reminder ("before:2880"), "overdue", "unheld"."""

    __tablename__ = "clock_step"
    __table_args__ = (
        ForeignKeyConstraint(["network_id", "obligation_id"], ["obligation.network_id", "obligation.id"]),
    )

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    obligation_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    step: Mapped[str] = mapped_column(Text, primary_key=True)
    at: Mapped[datetime] = mapped_column(Instant)


class MonthSeal(Walled, Base):
    """A month that headquarters closed for good (API.md, POST /months/{month}/seal)."""

    __tablename__ = "month_seal"
    __table_args__ = (ForeignKeyConstraint(["network_id"], ["network.id"]),)

    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    month: Mapped[date] = mapped_column(Date, primary_key=True)
    sealed_at: Mapped[datetime] = mapped_column(Instant)
    sealed_by: Mapped[int | None] = mapped_column(BigInteger)
