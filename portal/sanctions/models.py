"""Breaches and the cases they draft; each step that somebody took; what took effect; circulars."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Computed,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Index,
    Integer,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from portal.core.db import Base, Keyed, Walled
from portal.rulebook import Who
from portal.sanctions.rules import Measure, MeasureKind, State

Instant = DateTime(timezone=True)
EMPTY = text("''")
NOTHING = text("'{}'")
NEVER = "timestamptz '9999-12-31 00:00:00+00'"
LISTED = (
    f"CASE WHEN state IN ('executed', 'revoked') OR step_due_at IS NULL THEN {NEVER} ELSE step_due_at END"
)
"""Executed and revoked ones wait to be closed by themselves: nobody is late."""
SHORT = """undone_at IS NULL AND (short_minor > 0
           OR kind = 'top_up' AND applied_at IS NOT NULL AND settled_at IS NULL)"""
"""An effect for which money is missing: in the words of its index."""


class Breach(Keyed, Walled, Base):
    """A rule that was broken, once for each `source` ('obligation:17'), but for what was retracted; `facts` are codes
    with times (rules)."""

    __tablename__ = "breach"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        Index(
            "uq_breach_once",
            "network_id",
            "source",
            "rule",
            unique=True,
            postgresql_where=text("retracted_at IS NULL"),
        ),
        ForeignKeyConstraint(["network_id", "about_unit_id"], ["unit.network_id", "unit.id"]),
    )
    rule: Mapped[str] = mapped_column(Text)  # the rulebook's key
    requirement: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    rulebook_version: Mapped[int] = mapped_column(Integer)
    about_unit_id: Mapped[int] = mapped_column(BigInteger)
    about_path: Mapped[str] = mapped_column(Text(collation="C"))
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    reported_at: Mapped[datetime] = mapped_column(Instant)
    facts: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    cured_at: Mapped[datetime | None] = mapped_column(
        Instant
    )  # done late: it stays a breach, with that fact in it
    retracted_at: Mapped[datetime | None] = mapped_column(Instant)
    retraction: Mapped[str | None] = mapped_column(Text)


class Case(Keyed, Walled, Base):
    """One case against one unit or person. It stands at headquarters' path; the party sees it once `told_at` is set.

    `party` is 'u' with the unit's id or 'p' with the person's. `words` are the proposer's. `step` is the ladder's,
    `history` what stood against the party in the twelve months before.
    """

    __tablename__ = "sanction_case"
    __table_args__ = (
        UniqueConstraint("network_id", "id"),
        UniqueConstraint("network_id", "number", name="uq_sanction_case_number"),
        UniqueConstraint("network_id", "breach_id", "who", "party", name="uq_sanction_case_once"),
        ForeignKeyConstraint(["network_id", "breach_id"], ["breach.network_id", "breach.id"]),
        ForeignKeyConstraint(["network_id", "about_unit_id"], ["unit.network_id", "unit.id"]),
    )
    about_unit_id: Mapped[int] = mapped_column(BigInteger)
    about_path: Mapped[str] = mapped_column(Text(collation="C"))
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    party: Mapped[str] = mapped_column(Text)
    who: Mapped[str] = mapped_column(Text)
    number: Mapped[str] = mapped_column(Text)
    breach_id: Mapped[int] = mapped_column(BigInteger)
    rule: Mapped[str] = mapped_column(Text)
    requirement: Mapped[str] = mapped_column(Text)
    ladder: Mapped[str] = mapped_column(Text)
    rulebook_version: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    step: Mapped[int] = mapped_column(Integer)
    measures: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    words: Mapped[str] = mapped_column(Text, server_default=EMPTY, default="")
    documents: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=NOTHING, default=list)
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    drafted_at: Mapped[datetime] = mapped_column(Instant)
    step_due_at: Mapped[datetime | None] = mapped_column(Instant)  # until when the next step is to be taken
    listed_at: Mapped[datetime] = mapped_column(
        Instant, Computed(LISTED, persisted=True)
    )  # the boards' order: the least time left first, what owes no step last
    told_at: Mapped[datetime | None] = mapped_column(Instant)

    proposed_at: Mapped[datetime | None] = mapped_column(Instant)
    proposed_by: Mapped[int | None] = mapped_column(BigInteger)
    statement_due_at: Mapped[datetime | None] = mapped_column(Instant)
    stated_at: Mapped[datetime | None] = mapped_column(Instant)
    statement: Mapped[str] = mapped_column(Text, server_default=EMPTY, default="")
    statement_documents: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=NOTHING, default=list)
    approvers_needed: Mapped[int] = mapped_column(Integer, server_default=text("1"), default=1)
    first_approved_at: Mapped[datetime | None] = mapped_column(Instant)
    first_approved_by: Mapped[int | None] = mapped_column(BigInteger)
    approved_at: Mapped[datetime | None] = mapped_column(Instant)
    approved_by: Mapped[int | None] = mapped_column(BigInteger)
    approval_note: Mapped[str] = mapped_column(Text, server_default=EMPTY, default="")
    served_at: Mapped[datetime | None] = mapped_column(Instant)
    served_by: Mapped[int | None] = mapped_column(BigInteger)
    acknowledge_due_at: Mapped[datetime | None] = mapped_column(Instant)
    acknowledged_at: Mapped[datetime | None] = mapped_column(Instant)
    acknowledged_by: Mapped[int | None] = mapped_column(BigInteger)
    appeal_due_at: Mapped[datetime | None] = mapped_column(Instant)
    appealed_at: Mapped[datetime | None] = mapped_column(Instant)
    appealed_by: Mapped[int | None] = mapped_column(BigInteger)
    grounds: Mapped[str] = mapped_column(Text, server_default=EMPTY, default="")
    decided_at: Mapped[datetime | None] = mapped_column(Instant)
    heard_by: Mapped[int | None] = mapped_column(BigInteger)
    decision: Mapped[str | None] = mapped_column(Text)
    decision_note: Mapped[str] = mapped_column(Text, server_default=EMPTY, default="")
    executed_at: Mapped[datetime | None] = mapped_column(Instant)
    executed_by: Mapped[int | None] = mapped_column(BigInteger)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)
    end_note: Mapped[str] = mapped_column(Text, server_default=EMPTY, default="")
    review_at: Mapped[datetime | None] = mapped_column(Instant)  # a case that it hangs on fell
    review_reason: Mapped[str] = mapped_column(Text, server_default=EMPTY, default="")

    @property
    def at(self) -> State:
        return State(self.state)

    @property
    def against(self) -> Who:
        return Who(self.who)

    @property
    def planned(self) -> list[Measure]:
        return [Measure.model_validate(each) for each in self.measures]


class SanctionNumber(Walled, Base):
    """The last number of a network's year: its row is the lock under which the next one is given."""

    __tablename__ = "sanction_number"
    network_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True)
    last: Mapped[int] = mapped_column(Integer)


class Step(Keyed, Walled, Base):
    """Who took which step of a case when, and why, with the measures as they stood then. Append-only."""

    __tablename__ = "sanction_step"
    __table_args__ = (
        ForeignKeyConstraint(["network_id", "case_id"], ["sanction_case.network_id", "sanction_case.id"]),
    )
    case_id: Mapped[int] = mapped_column(BigInteger)
    at: Mapped[datetime] = mapped_column(Instant)
    move: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)  # after it
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    doer: Mapped[str] = mapped_column(Text)
    note: Mapped[str] = mapped_column(Text)
    measures: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)


class Effect(Keyed, Walled, Base):
    """One measure of an approved case: held at once where it is money, applied when executed, undone when it falls.

    `round` counts the approvals and variations; `settled_at`: nothing is left to wait for. What people carry out has
    `act_due_at` from the day it was handed to them, and who said what when it was done.
    """

    __tablename__ = "sanction_effect"
    __table_args__ = (
        UniqueConstraint("network_id", "case_id", "round", "place", name="uq_sanction_effect_once"),
        ForeignKeyConstraint(["network_id", "case_id"], ["sanction_case.network_id", "sanction_case.id"]),
    )
    case_id: Mapped[int] = mapped_column(BigInteger)
    round: Mapped[int] = mapped_column(Integer)
    place: Mapped[int] = mapped_column(Integer)
    about_unit_id: Mapped[int] = mapped_column(BigInteger)
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int | None] = mapped_column(BigInteger)
    share: Mapped[int | None] = mapped_column(Integer)
    month: Mapped[date | None] = mapped_column(Date)
    until: Mapped[datetime | None] = mapped_column(Instant)
    hold_id: Mapped[int | None] = mapped_column(BigInteger)
    transaction_id: Mapped[int | None] = mapped_column(BigInteger)
    withholding_id: Mapped[int | None] = mapped_column(BigInteger)
    short_minor: Mapped[int] = mapped_column(BigInteger, server_default=text("0"), default=0)
    applied_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    overdue_at: Mapped[datetime | None] = mapped_column(Instant)
    act_due_at: Mapped[datetime | None] = mapped_column(Instant)
    acted_at: Mapped[datetime | None] = mapped_column(Instant)
    acted_by: Mapped[int | None] = mapped_column(BigInteger)
    act_note: Mapped[str] = mapped_column(Text, server_default=EMPTY, default="")
    undone_at: Mapped[datetime | None] = mapped_column(Instant)

    @property
    def found_nobody(self) -> bool:
        """A share was to be withheld, and the case names no person: nothing was taken."""
        withheld = self.kind == MeasureKind.COMMISSION_WITHHELD.value
        return withheld and self.applied_at is not None and self.person_id is None


class Circular(Keyed, Walled, Base):
    """Public criticism, read by the whole network; `party_name` where the rulebook names the party."""

    __tablename__ = "circular"
    __table_args__ = (
        UniqueConstraint("network_id", "case_id", name="uq_circular_once"),
        ForeignKeyConstraint(["network_id", "case_id"], ["sanction_case.network_id", "sanction_case.id"]),
    )
    case_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    rule: Mapped[str] = mapped_column(Text)
    requirement: Mapped[str] = mapped_column(Text)
    rulebook_version: Mapped[int] = mapped_column(Integer)
    party_name: Mapped[str | None] = mapped_column(Text)
    withdrawn_at: Mapped[datetime | None] = mapped_column(Instant)
