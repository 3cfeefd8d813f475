"""Promises, what follows from a breach, dossiers, retention. Money is in fen, shares are per cent."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, model_validator

from portal.rulebook.rules.values import (
    Amount,
    Duration,
    Flag,
    Key,
    Section,
    Share,
    Source,
    WithinTerm,
    Words,
    between,
    refuse,
    repeated,
)


class Who(StrEnum):
    """Who owes a promise or answers for a breach."""

    STORE = "store"
    DEALER = "dealer"
    REGIONAL_MANAGER = "regional_manager"
    CHANNEL_MANAGER = "channel_manager"
    CUSTOMER_SERVICE = "customer_service"
    EMPLOYEE = "employee"


class Promise(Section):
    """Something that must be done within a time of an event: `within` ("24h", "8wh", "3wd") or `months`, one."""

    key: Key
    event: Words
    duty: Words
    who: Who
    within: WithinTerm | None = None
    months: Annotated[int, between(1, 24)] | None = None
    breach: Key | None = None
    follows: Words | None = None
    source: Source

    @model_validator(mode="after")
    def _one_time(self) -> "Promise":
        refuse(
            [("within", "or months must be given, not both")]
            * ((self.within is None) is (self.months is None))
        )
        return self


class MeasureKind(StrEnum):
    """The measures of API.md."""

    WARNING = "warning"
    CIRCULAR = "circular"
    FINE = "fine"
    CHARGE = "charge"
    MARGIN_FORFEITED = "margin_forfeited"
    TOP_UP = "top_up"
    COMMISSION_WITHHELD = "commission_withheld"
    MARKETING_SUPPORT_CANCELLED = "marketing_support_cancelled"
    FRANCHISE_SUSPENDED = "franchise_suspended"
    FRANCHISE_CANCELLED = "franchise_cancelled"
    DEALER_DISQUALIFIED = "dealer_disqualified"
    MANAGEMENT_RESPONSIBILITY = "management_responsibility"
    DISMISSAL_RECOMMENDED = "dismissal_recommended"
    COMPENSATION_CLAIMED = "compensation_claimed"
    REFERRED_TO_LEGAL = "referred_to_legal"


_WITH_AMOUNT = {
    MeasureKind.FINE,
    MeasureKind.CHARGE,
    MeasureKind.MARGIN_FORFEITED,
    MeasureKind.TOP_UP,
    MeasureKind.COMPENSATION_CLAIMED,
}


class Measure(Section):
    """An amount in fen (`amount_to` makes it a range), or a share of a month's commission in per cent."""

    kind: MeasureKind
    amount: Amount | None = None
    amount_to: Amount | None = None
    share: Share | None = None
    month: Literal["current"] | None = None
    alternative: Flag = False

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Measure":
        share_fits = self.kind is MeasureKind.COMMISSION_WITHHELD
        refuse(
            [("amount", f"has no place on {self.kind}")]
            * (self.amount is not None and self.kind not in _WITH_AMOUNT)
            + [("amount", "is missing")] * (self.amount is None and self.kind is MeasureKind.FINE)
            + [("amount_to", "must be more than amount")]
            * (self.amount_to is not None and self.amount_to <= (self.amount or 0))
            + [("share", "is missing" if share_fits else f"has no place on {self.kind}")]
            * (share_fits is (self.share is None))
            + [("month", "is missing" if share_fits else f"has no place on {self.kind}")]
            * (share_fits is (self.month is None))
        )
        return self


class Answerable(Section):
    """Who answers for a breach and with what: the same `measures` each time, or a `ladder` of first, second, third.

    `alternative` measures stand "or" beside the others: the officer chooses.
    """

    who: Who
    consequence: Words
    measures: tuple[Measure, ...] = ()
    ladder: tuple[tuple[Measure, ...], ...] = ()
    source: Source

    @model_validator(mode="after")
    def _one_of_them(self) -> "Answerable":
        steps_empty = [
            ("ladder", f"has nothing on step {n}") for n, step in enumerate(self.ladder, 1) if not step
        ]
        refuse(
            [("measures", "or ladder must be given, not both")] * (bool(self.measures) is bool(self.ladder))
            + steps_empty
        )
        return self

    def step(self, nth: int) -> tuple[Measure, ...]:
        """The measures for the nth breach (from 1) within the ladder's time; past the last step the last one."""
        if self.ladder:
            return self.ladder[min(nth, len(self.ladder)) - 1]
        return self.measures


class Breach(Section):
    """A breach of a rule. `by_clock`: reported by a missed deadline, else proposed by hand.

    `group`: breaches of one group climb one ladder together; without it the breach is its own group.
    """

    key: Key
    title: Words
    by_clock: Flag
    group: Key | None = None
    answerable: tuple[Answerable, ...] = Field(min_length=1)
    source: Source

    @model_validator(mode="after")
    def _each_once(self) -> "Breach":
        refuse(
            [
                (f"answerable[{who}]", "stands twice")
                for who in repeated([found.who.value for found in self.answerable])
            ]
        )
        return self


class RefundTerms(Section):
    """How the margin of a dealer that leaves is paid back: a share within working days, the rest months later."""

    first_share: Share
    first_within_workdays: Annotated[int, between(1, 366)]
    rest_after_months: Annotated[int, between(0, 120)]


class Procedure(Section):
    """The times of a case, and the amount in fen above which two approve.

    `acknowledgement`: within what time of its service a decision is acknowledged, else it counts as received;
    `handed_on`: within what time those to whom a measure is handed (management responsibility, dismissal) have acted.
    """

    statement: Duration
    approval: Duration
    appeal: Duration
    acknowledgement: Duration = timedelta(days=3)
    top_up: Duration
    handed_on: Duration = timedelta(days=14)
    ladder_within: Duration
    two_approvers_above: Amount
    circular_names_party: Flag
    margin_required: Amount | None = None
    debt_allowed: Flag
    refund: RefundTerms | None = None
    source: Source


class Sanctions(Section):
    procedure: Procedure
    breaches: tuple[Breach, ...] = ()

    @model_validator(mode="after")
    def _each_once(self) -> "Sanctions":
        refuse(
            [
                (f"breaches[{key}]", "stands twice")
                for key in repeated([breach.key for breach in self.breaches])
            ]
        )
        return self


class DossierDocument(Section):
    kind: Key
    title: Words
    required: Flag


class Dossier(Section):
    """Documents that belong together: what a report must hold, or a cover (R034, R043)."""

    key: Key
    title: Words
    documents: tuple[DossierDocument, ...] = Field(min_length=1)
    source: Source

    @model_validator(mode="after")
    def _each_once(self) -> "Dossier":
        refuse(
            [
                (f"documents[{kind}]", "stands twice")
                for kind in repeated([paper.kind for paper in self.documents])
            ]
        )
        return self


class Retention(Section):
    """A record class: kept at each keeper, for years or for ever, one of them (R049, R050)."""

    key: Key
    title: Words
    keepers: tuple[
        Literal["store", "dealer", "region", "customer_service", "marketing_headquarters", "headquarters"],
        ...,
    ] = Field(min_length=1)
    years: Annotated[int, between(1, 100)] | None = None
    for_ever: Flag = False
    source: Source

    @model_validator(mode="after")
    def _one_time(self) -> "Retention":
        refuse(
            [("years", "or for_ever must be given, not both")] * (self.for_ever is (self.years is not None))
        )
        return self
