"""What goes in and out of the operations on cases."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from portal.access import Actor
from portal.core.api import ListQuery, Model, Moment, Money
from portal.core.texts import language
from portal.sanctions import queries
from portal.sanctions.models import Case, Step
from portal.sanctions.queries import CaseView, Standing
from portal.sanctions.rules import Decision, Measure, MeasureKind, State, measure_words, why

MOST = 10**11
MonthText = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", examples=["2026-10"])]
UnitCode = Annotated[str, Field(min_length=1, max_length=40)]
PersonName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
RuleName = Annotated[str, Field(min_length=1, max_length=60)]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=10_000)]
Papers = Annotated[list[Annotated[str, Field(min_length=1, max_length=40)]], Field(max_length=50)]


# --- in ---------------------------------------------------------------------------------------------------------


class Fen(Money):
    amount: int = Field(strict=True, ge=1, le=MOST)
    currency: str = Field("CNY", pattern="^CNY$")


class MeasureBody(Model):
    """Each field as far as it applies. `amount` as money, or as fen; without one a forfeited margin is all of it."""

    kind: MeasureKind
    amount: Fen | None = None
    share: Annotated[int, Field(strict=True, ge=1, le=100)] | None = None
    month: MonthText | None = None
    until: Annotated[date, Field(ge=date(2020, 1, 1), le=date(2100, 12, 31))] | None = None
    note: Note | None = None

    @model_validator(mode="before")
    @classmethod
    def _as_money(cls, given: Any) -> Any:
        if isinstance(given, dict) and type(given.get("amount")) is int:
            return given | {"amount": {"amount": given["amount"], "currency": "CNY"}}
        return given

    def measure(self) -> Measure:
        return Measure(
            kind=self.kind,
            amount=self.amount.amount if self.amount else None,
            share=self.share,
            month=self.month,
            until=self.until,
            note=self.note,
        )


Measures = Annotated[list[MeasureBody], Field(min_length=1, max_length=10)]


def measures_of(given: list[MeasureBody] | None) -> list[Measure] | None:
    return None if given is None else [each.measure() for each in given]


class ProposeBody(Model):
    """`rule`: the rulebook's key or the requirement's id (R033); `person`: an id, e-mail or phone.

    `facts`: a text, or a list of texts.
    """

    rule: RuleName
    unit: UnitCode | None = None
    person: PersonName | None = None
    facts: Words | Annotated[list[Words], Field(min_length=1, max_length=50)]
    documents: Papers | None = None
    measures: Measures | None = None

    @property
    def said(self) -> str:
        return self.facts if isinstance(self.facts, str) else "\n".join(self.facts)


class AdoptBody(Model):
    """All optional: a draft is adopted as it stands, or with what the officer adds."""

    facts: Words | None = None
    documents: Papers | None = None
    measures: Measures | None = None
    note: Note = ""


class StatementBody(Model):
    text: Words
    documents: Papers | None = None


class ApproveBody(Model):
    note: Note = ""
    measures: Measures | None = None


class Said(Model):
    """A step's one text, whatever it is called."""

    @property
    def said(self) -> str:
        (text,) = (getattr(self, name) for name in type(self).model_fields)
        return str(text)


class NoteBody(Said):
    note: Note = ""


class ReasonBody(Said):
    reason: Reason


class AppealBody(Said):
    grounds: Words


class DecideBody(Model):
    """`measures` if and only if the decision is varied."""

    decision: Decision
    note: Note = ""
    measures: Measures | None = None


class ReviewBody(Model):
    """`upheld`: the decision stands; `revoked`: it falls with what it hangs on."""

    decision: Literal["upheld", "revoked"]
    note: Reason


class CaseQuery(ListQuery):
    state: State | None = None
    unit: str | None = Field(None, max_length=40)
    rule: str | None = Field(None, max_length=60)


# --- out --------------------------------------------------------------------------------------------------------


class MeasureAnswer(Model):
    kind: MeasureKind
    amount: Money | None
    share: int | None
    month: str | None
    until: date | None
    note: str | None
    words: str


class FactAnswer(Model):
    code: str
    at: Moment | None
    words: str


class EarlierAnswer(Model):
    """A decision against the same party in the twelve months before."""

    id: str
    number: str
    rule: str
    requirement: str
    state: str
    at: Moment


class StepAnswer(Model):
    move: str
    state: str
    at: Moment
    by: str
    note: str


class CaseAnswer(Model):
    """`facts` in words; `facts_listed` the same with code and time, without the officer's own."""

    id: str
    number: str
    rule: str
    requirement: str
    title: str
    consequence: str
    article: str
    wording: str
    who: str
    unit: str
    person: str | None
    person_name: str | None
    state: State
    step: int
    measures: list[MeasureAnswer]
    facts: str
    facts_listed: list[FactAnswer]
    documents: list[str]
    breach: str
    obligation: str | None
    linked: list[str]
    history: list[EarlierAnswer]
    occurred_at: Moment
    drafted_at: Moment
    step_due_at: Moment | None
    told_at: Moment | None
    statement_due_at: Moment | None
    stated_at: Moment | None
    statement: str
    statement_documents: list[str]
    approvers_needed: int
    approvals: int
    approval_note: str
    approved_at: Moment | None
    served_at: Moment | None
    acknowledge_due_at: Moment | None
    acknowledged_at: Moment | None
    appeal_due_at: Moment | None
    appealed_at: Moment | None
    grounds: str
    decision: Decision | None
    decision_note: str
    decided_at: Moment | None
    executed_at: Moment | None
    closed_at: Moment | None
    review_at: Moment | None
    review_reason: str


class CaseList(Model):
    items: list[CaseAnswer]
    next_cursor: str | None


class StepList(Model):
    items: list[StepAnswer]


class StandingAnswer(Model):
    """`franchise`: active, suspended, cancelled, disqualified; `until`: when a suspension ends by itself;
    `marketing_support`: active, cancelled."""

    unit: str
    franchise: str
    marketing_support: str
    since: Moment | None
    until: Moment | None
    cases: list[str]


def measure_shown(measure: Measure) -> MeasureAnswer:
    return MeasureAnswer(
        kind=measure.kind,
        amount=None if measure.amount is None else Money(amount=measure.amount, currency="CNY"),
        share=measure.share,
        month=measure.month,
        until=measure.until,
        note=measure.note,
        words=str(measure_words(measure)),
    )


def case_shown(shown: CaseView) -> CaseAnswer:
    case = shown.case
    listed = [FactAnswer(code=code, at=at, words=str(words)) for code, at, words in shown.facts]
    said = [case.words] if case.words else []
    return CaseAnswer(
        id=str(case.id),
        number=case.number,
        rule=case.rule,
        requirement=case.requirement,
        title=shown.title.of(language()) if shown.title else case.rule,
        consequence=shown.consequence.of(language()) if shown.consequence else "",
        article=shown.wording.article_in(language()) if shown.wording else "",
        wording=shown.wording.of(language()) if shown.wording else "",
        who=case.who,
        unit=shown.unit_code,
        person=str(case.person_id) if case.person_id is not None else None,
        person_name=shown.person_name,
        state=case.at,
        step=case.step,
        measures=[measure_shown(each) for each in shown.measures],
        facts="\n".join([*said, *(each.words for each in listed)]),
        facts_listed=listed,
        documents=case.documents,
        breach=str(case.breach_id),
        obligation=str(shown.clock_id) if shown.clock_id is not None else None,
        linked=[str(each) for each in shown.linked],
        history=[_earlier(each) for each in case.history],
        occurred_at=case.occurred_at,
        drafted_at=case.drafted_at,
        step_due_at=case.step_due_at,
        told_at=case.told_at,
        statement_due_at=case.statement_due_at,
        stated_at=case.stated_at,
        statement=case.statement,
        statement_documents=case.statement_documents,
        approvers_needed=case.approvers_needed,
        approvals=int(case.first_approved_at is not None) + int(case.approved_at is not None),
        approval_note=case.approval_note,
        approved_at=case.approved_at,
        served_at=case.served_at,
        acknowledge_due_at=case.acknowledge_due_at,
        acknowledged_at=case.acknowledged_at,
        appeal_due_at=case.appeal_due_at,
        appealed_at=case.appealed_at,
        grounds=case.grounds,
        decision=Decision(case.decision) if case.decision else None,
        decision_note=case.decision_note,
        decided_at=case.decided_at,
        executed_at=case.executed_at,
        closed_at=case.closed_at,
        review_at=case.review_at,
        review_reason=str(why(case.review_reason)),
    )


def _earlier(kept: dict[str, Any]) -> EarlierAnswer:
    return EarlierAnswer(
        id=str(kept["id"]),
        number=kept["number"],
        rule=kept["rule"],
        requirement=kept["requirement"],
        state=kept["state"],
        at=datetime.fromisoformat(kept["at"]),
    )


def case_of(actor: Actor, case: Case) -> CaseAnswer:
    return case_shown(queries.view(actor, case))


def step_shown(step: Step) -> StepAnswer:
    return StepAnswer(move=step.move, state=step.state, at=step.at, by=step.doer, note=str(why(step.note)))


def standing_shown(unit: str, found: Standing) -> StandingAnswer:
    return StandingAnswer(
        unit=unit,
        franchise=found.franchise,
        marketing_support=found.marketing_support,
        since=found.since,
        until=found.until,
        cases=[str(each) for each in found.case_ids],
    )
