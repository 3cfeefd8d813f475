"""The return visits: how often, when and with which words a customer is called."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from portal.rulebook.rules.values import (
    Duration,
    Flag,
    Key,
    Section,
    Share,
    Source,
    Term,
    TimeOfDay,
    WithinTerm,
    Words,
    between,
    refuse,
    repeated,
)


class Choice(Section):
    id: Key
    label: Words


class Question(Section):
    """One question of the call; a `scale` goes from 1 to 5."""

    id: Key
    kind: Literal["yes_no", "choice", "scale", "text"]
    words: Words
    required: Flag
    choices: tuple[Choice, ...] = ()

    @model_validator(mode="after")
    def _has_choices(self) -> "Question":
        refuse(
            [("choices", "is missing" if self.kind == "choice" else f"has no place on a {self.kind}")]
            * ((self.kind == "choice") is not bool(self.choices))
            + [
                ("choices", f"names {each} twice")
                for each in repeated([choice.id for choice in self.choices])
            ]
        )
        return self


SCRIPT_NAMES = {"agent", "brand", "customer", "dealer", "product", "month"}


class Script(Section):
    """What the agent says. Names in braces are filled in: {agent} {brand} {customer} {dealer} {product} {month}."""

    opening: Words
    privacy: Words
    satisfied: Words
    unsatisfied: Words
    revisit: Words
    closing: Words

    @model_validator(mode="after")
    def _names_known(self) -> "Script":
        faults = []
        for part in type(self).model_fields:
            words: Words = getattr(self, part)
            for language, text in (("zh", words.zh), ("en", words.en)):
                strange = set(_names_in(text)) - SCRIPT_NAMES
                faults += [
                    (f"{part}.{language}", f"names {{{name}}}, which nobody fills in")
                    for name in sorted(strange)
                ]
        refuse(faults)
        return self


def _names_in(text: str) -> list[str]:
    from_brace = text.split("{")[1:]
    return [part.split("}")[0] for part in from_brace]


class Signals(Section):
    """How much each signal weighs in the queue's order (0 switches it off), and from how many on it is one.

    Seen twice as often as that, it weighs double.
    """

    phone_under_several_names: Annotated[int, between(0, 100)]
    phone_at_several_dealers: Annotated[int, between(0, 100)]
    phones_in_sequence: Annotated[int, between(0, 100)]
    address_repeated: Annotated[int, between(0, 100)]
    region_outside_territory: Annotated[int, between(0, 100)]
    jump_in_customers: Annotated[int, between(0, 100)]
    phone_of_own_people: Annotated[int, between(0, 100)]
    sequence_from: Annotated[int, between(2, 100)]
    address_from: Annotated[int, between(2, 100)]
    jump_from: Annotated[int, between(101, 10_000)]
    suspicious_from: Annotated[int, between(1, 700)]
    source: Source


class ReturnVisits(Section):
    """The calls (R040, R045). Shares in per cent; times as durations; the month's calls end on its last day."""

    coverage: Share
    ends: Literal["last_day_of_month"]
    after_installation: Duration
    after_purchase: Duration
    attempts: Annotated[int, between(1, 20)]
    attempt_days: Annotated[int, between(1, 20)]
    attempt_gap: Duration
    next_attempt_within_days: Annotated[int, between(1, 30)]
    calls_from: TimeOfDay
    calls_to: TimeOfDay
    calls_on_holidays: Flag
    lease: Duration
    callback_held: Duration
    daily_goal: Annotated[int, between(1, 1000)]
    rectification: WithinTerm
    rectification_breach: Key | None = None
    comment_from_round: Annotated[int, between(1, 20)]
    comment_within: WithinTerm = Term(calendar=timedelta(days=2))
    comment_breach: Key | None = None
    source: Source
    rectification_source: Source
    questions: tuple[Question, ...] = Field(min_length=1, max_length=30)
    script: Script
    signals: Signals

    @model_validator(mode="after")
    def _fits(self) -> "ReturnVisits":
        refuse(
            [("attempt_days", f"must be at most attempts ({self.attempts}), is {self.attempt_days}")]
            * (self.attempt_days > self.attempts)
            + [("calls_to", "must be later than calls_from")] * (self.calls_to <= self.calls_from)
            + [
                (f"questions[{each}]", "stands twice")
                for each in repeated([question.id for question in self.questions])
            ]
        )
        return self
