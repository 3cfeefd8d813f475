"""What goes in and out of the operations on return visits."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field, StringConstraints

from portal.core.api import ListQuery, Model, Moment
from portal.return_visits.rules.outcomes import (
    Outcome,
    Reason,
    RectificationState,
    Result,
    State,
)
from portal.return_visits.rules.signals import Signal

MonthText = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", examples=["2026-10"])]
UnitCode = Annotated[str, Field(min_length=1, max_length=40)]
ReasonText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Told = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Phone = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^\+?[0-9][0-9 -]{4,28}[0-9]$", max_length=30)
]
Address = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Link = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^https?://\S+$")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=254)]
Key = Annotated[str, Field(min_length=1, max_length=30)]
Answer = bool | Annotated[int, Field(ge=-1000, le=1000)] | Annotated[str, Field(max_length=2000)] | None


# --- in ---------------------------------------------------------------------------------------------------


class VisitQuery(ListQuery):
    month: MonthText | None = None
    state: State | None = None
    unit: Annotated[str, Field(max_length=40)] | None = None
    q: Annotated[str, Field(max_length=100)] = ""


class CoverageQuery(Model):
    month: MonthText | None = None
    by: Literal["dealer", "region", "day"] = "dealer"


class RectificationQuery(ListQuery):
    state: RectificationState | None = None
    unit: Annotated[str, Field(max_length=40)] | None = None


class EmptyBody(Model):
    """Nothing is needed."""


class ReasonBody(Model):
    reason: ReasonText


class AssignBody(Model):
    """The e-mail or phone of a caller; null gives the visit back to everybody's queue."""

    person: Name | None


class AttemptBody(Model):
    """`outcome` if and only if reached, `callback_at` if and only if callback, `not_before` if and only if
    not_installed: a day, or an instant with its offset."""

    result: Result
    outcome: Outcome | None = None
    answers: dict[Annotated[str, Field(max_length=60)], Answer] = Field(default_factory=dict, max_length=50)
    score: Annotated[int, Field(ge=1, le=5)] | None = None
    note: Note = ""
    reason: Note = ""
    wish: Note = ""
    callback_at: AwareDatetime | None = None
    not_before: date | AwareDatetime | None = Field(None, union_mode="left_to_right")
    seconds: Annotated[int, Field(ge=0, le=86_400)] | None = None
    recording: Link | None = None


class ReportBody(Model):
    """What the dealer did, with what result; a right phone number or address where the old one was wrong."""

    action: Told
    result: Note = ""
    phone: Phone | None = None
    address: Address | None = None
    documents: list[Key] = Field(default_factory=list, max_length=30)


class CommentBody(Model):
    comment: Told


# --- out --------------------------------------------------------------------------------------------------


class CustomerAnswer(Model):
    """Whole for the agent who holds the visit and for the dealer's own people, else masked."""

    name: str
    phone: str
    address: str


class PurchaseAnswer(Model):
    product_model: str
    purchase_date: date | None
    purchase_region: str
    quantity: int | None
    area: Decimal | None
    order_no: str
    installed_on: date | None
    installer: str
    file: str
    row: int


class RecordAnswer(Model):
    file: str
    row: int


class SignalAnswer(Model):
    """What was seen, and some of the other records that it was seen in."""

    code: Signal
    detail: str
    params: dict[str, Any]
    records: list[RecordAnswer]


class AttemptAnswer(Model):
    id: str
    visit: str
    month: str
    at: Moment
    agent: str
    round: int
    result: Result
    outcome: Outcome | None
    answers: dict[str, Any]
    score: int | None
    note: str
    reason: str
    wish: str
    callback_at: Moment | None
    not_before: Moment | None
    corrects: str | None


class VisitAnswer(Model):
    id: str
    month: str
    unit: str
    state: State
    customer: CustomerAnswer
    purchases: list[PurchaseAnswer]
    attempts: int
    round: int
    next_at: Moment | None
    lease_until: Moment | None
    holder: str | None
    assigned_to: str | None
    outcome: str | None
    signals: list[SignalAnswer]
    weight: int
    waiver_reason: str | None


class ChoiceAnswer(Model):
    id: str
    label: str


class QuestionAnswer(Model):
    id: str
    kind: str
    words: str
    required: bool
    choices: list[ChoiceAnswer]


class ScriptAnswer(Model):
    """What to say, in the reader's language, with the names filled in; and what to ask."""

    opening: str
    privacy: str
    satisfied: str
    unsatisfied: str
    revisit: str
    closing: str
    questions: list[QuestionAnswer]
    rulebook_version: int


class HeldAnswer(VisitAnswer):
    """The visit with all that a call needs; `together` are the months that this one call answers too."""

    history: list[AttemptAnswer]
    script: ScriptAnswer
    rectification: str | None
    together: list[str]


class VisitList(Model):
    items: list[VisitAnswer]
    next_cursor: str | None


class LoggedAnswer(Model):
    id: str
    state: State
    next_at: Moment | None
    rectification: str | None


class CoverageItem(Model):
    unit: str
    day: date | None
    people: int
    visited: int
    satisfied: int
    unsatisfied: int
    suspicious: int
    unreachable: int
    refused: int
    open: int
    coverage: float


class CoverageAnswer(Model):
    items: list[CoverageItem]


class SealAnswer(Model):
    month: str
    state: Literal["sealed"]
    sealed_at: Moment
    people: int
    visited: int
    coverage: float


class RoundAnswer(Model):
    number: int
    reason: Reason
    words: str
    wish: str
    opened_at: Moment
    due_at: Moment
    reported_at: Moment | None
    reported_by: str | None
    action: str | None
    result: str | None
    phone: str | None
    address: str | None
    documents: list[str]
    comment: str | None
    withdrawn: bool


class RectificationAnswer(Model):
    id: str
    visit: str
    unit: str
    month: str
    customer: CustomerAnswer
    reason: Reason
    words: str
    wish: str
    opened_at: Moment
    due_at: Moment
    state: RectificationState
    rounds: int
    comment_due: bool
    comment_due_at: Moment | None  # for whoever sees the region's clock
    closed_at: Moment | None
    history: list[RoundAnswer]


class RectificationList(Model):
    items: list[RectificationAnswer]
    next_cursor: str | None


def instant(given: date | datetime | None, opens: Any) -> datetime | None:
    """A day is from its first calling minute on."""
    if given is None or isinstance(given, datetime):
        return given
    moment: datetime = opens(given)
    return moment
