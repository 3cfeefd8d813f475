"""The calendar of a month and the customer file: what is due when, and what a file must look like."""

import itertools
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import available_timezones

from pydantic import Field, field_validator, model_validator

from portal.rulebook.rules.headings import heading_key
from portal.rulebook.rules.values import (
    Duration,
    Flag,
    Key,
    Section,
    Share,
    Source,
    Span,
    Text,
    TimeOfDay,
    WithinTerm,
    Words,
    WorkingSpan,
    between,
    refuse,
    repeated,
)


class Window(Section):
    """Until when something of a month is due, in the month after; `breach` is what a missed one counts as."""

    day: Annotated[int, between(1, 28)]
    at: TimeOfDay
    source: Source
    breach: Key | None = None


class Windows(Section):
    dealer: Window
    region: Window
    statistics: Window
    lock: Window


class Reminders(Section):
    """How long before a deadline whoever still owes is reminded, and between which hours."""

    before: tuple[Duration, ...] = Field(min_length=1, max_length=10)
    before_holiday: Flag
    from_time: TimeOfDay
    to_time: TimeOfDay
    source: Source

    @model_validator(mode="after")
    def _in_order(self) -> "Reminders":
        refuse(
            [("to_time", "must be later than from_time")] * (self.to_time <= self.from_time)
            + [("before", "names one time twice")] * (len(set(self.before)) < len(self.before))
        )
        return self


class Escalation(Section):
    """What follows a missed deadline: the superior units, one after the other, each with a clock of its own.

    `levels`: how long the first superior has before the second is told, and so on; `on_days_off`: people are told of
    what is overdue on days off, too. Always within the hours of the reminders.
    """

    levels: tuple[Duration, ...] = Field(min_length=1, max_length=6)
    on_days_off: Flag
    source: Source


Spans = Annotated[tuple[WorkingSpan, ...], Field(max_length=6)]
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Working(Section):
    """The network's working hours by weekday. A make-up workday on a day without hours has the week's first ones."""

    monday: Spans = ()
    tuesday: Spans = ()
    wednesday: Spans = ()
    thursday: Spans = ()
    friday: Spans = ()
    saturday: Spans = ()
    sunday: Spans = ()
    source: Source

    @property
    def week(self) -> tuple[tuple[Span, ...], ...]:
        """The hours of each weekday, Monday first."""
        return tuple(getattr(self, day) for day in WEEK)

    @model_validator(mode="after")
    def _hangs_together(self) -> "Working":
        refuse(
            [("monday", "or another day must have working hours")] * (not any(self.week))
            + [
                (day, "must be in order, without overlap")
                for day, spans in zip(WEEK, self.week, strict=True)
                if any(later[0] < sooner[1] for sooner, later in itertools.pairwise(spans))
            ]
        )
        return self


class Levels(Section):
    """When time left is shown as a warning and as bad: monthly limits by time, promises by the share used up."""

    warn: Duration
    bad: Duration
    promise_warn: Share
    promise_bad: Share
    source: Source

    @model_validator(mode="after")
    def _in_order(self) -> "Levels":
        refuse(
            [("bad", "must be shorter than warn")] * (self.bad >= self.warn)
            + [("promise_bad", "must be more than promise_warn")] * (self.promise_bad <= self.promise_warn)
        )
        return self


class Calendar(Section):
    """Time of a network: zone by default, ends of days, holidays, the windows of each month (R041, R042)."""

    time_zone: Text
    includes_named_day: Flag
    shifts_on_holidays: Flag
    holidays: Literal["CN"] | None = None
    source: Source
    windows: Windows
    reminders: Reminders
    levels: Levels
    escalation: Escalation | None = None
    working: Working | None = None

    @field_validator("time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in available_timezones():
            raise ValueError("must be a time zone such as Asia/Shanghai")
        return name

    @model_validator(mode="after")
    def _in_order(self) -> "Calendar":
        w = self.windows
        order = [("dealer", w.dealer), ("region", w.region), ("lock", w.lock)]
        refuse(
            [
                (f"windows.{later}.day", f"must come after windows.{sooner} (day {a.day}), is {b.day}")
                for (sooner, a), (later, b) in itertools.pairwise(order)
                if (a.day, a.at) >= (b.day, b.at)
            ]
        )
        return self

    def local_end(self, window: Window, month: date) -> datetime:
        """When `window` of `month` is over: the first instant outside it, as local wall time without a zone.

        "By the 5th, 24:00" of October's files is 6 November 00:00. Where the day named is not included, the
        window ends as that day begins, whatever its hour. Holidays are not looked at here.
        """
        year, following = divmod(month.year * 12 + month.month, 12)
        day = datetime(year, following + 1, window.day)  # noqa: DTZ001 - local wall time is meant
        return day + window.at if self.includes_named_day else day


class Kind(StrEnum):
    """What a column holds, which says how a cell is read."""

    TEXT = "text"
    PHONE = "phone"
    DATE = "date"
    WHOLE = "whole"
    DECIMAL = "decimal"
    PRODUCT = "product"
    REGION = "region"
    CHOICE = "choice"


CANONICAL: dict[str, Kind] = {
    "customer_name": Kind.TEXT,
    "phone": Kind.PHONE,
    "address": Kind.TEXT,
    "product_model": Kind.PRODUCT,
    "purchase_date": Kind.DATE,
    "purchase_region": Kind.REGION,
    "quantity": Kind.WHOLE,
    "area": Kind.DECIMAL,
    "order_no": Kind.TEXT,
    "installer": Kind.TEXT,
    "installed_on": Kind.DATE,
    "remarks": Kind.TEXT,
}
ALWAYS_REQUIRED = tuple(CANONICAL)[:7]  # R048, API.md
WITH_LENGTH = {Kind.TEXT, Kind.PRODUCT, Kind.REGION, Kind.CHOICE, Kind.PHONE}


class Headings(Section):
    """What people write above a column; spelling is compared by `heading_key`."""

    zh: tuple[Text, ...] = Field(min_length=1)
    en: tuple[Text, ...] = Field(min_length=1)


class Column(Section):
    """A column of the customer file. `allowed` empty checks nothing; `strict` makes a strange value an error."""

    name: Key
    kind: Kind
    required: Flag
    label: Words
    headings: Headings
    max_length: Annotated[int, between(1, 4000)] | None = None
    least: Annotated[int, between(0, 1_000_000)] | None = None
    most: Annotated[int, between(1, 1_000_000_000)] | None = None
    allowed: tuple[Text, ...] = ()
    strict: Flag = False
    example: Text
    hint: Words | None = None
    source: Source

    @property
    def own(self) -> bool:
        """Whether the network added it to the columns that API.md names."""
        return self.name not in CANONICAL

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of every heading that is recognised: its own name, its labels, the headings; each once."""
        spellings = (self.name, self.label.zh, self.label.en, *self.headings.zh, *self.headings.en)
        return tuple(dict.fromkeys(heading_key(spelling) for spelling in spellings))

    @model_validator(mode="after")
    def _fits_its_kind(self) -> "Column":
        faults: list[tuple[str, str]] = []
        if not self.own and self.kind is not CANONICAL[self.name]:
            faults.append(("kind", f'must be "{CANONICAL[self.name]}" for {self.name}, is "{self.kind}"'))
        if (self.kind in WITH_LENGTH) is (self.max_length is None):
            faults.append(
                ("max_length", "is missing" if self.max_length is None else f"has no place on a {self.kind}")
            )
        if self.kind not in (Kind.WHOLE, Kind.DECIMAL):
            faults += [
                (name, f"has no place on a {self.kind}")
                for name, limit in (("least", self.least), ("most", self.most))
                if limit is not None
            ]
        elif self.least is not None and self.most is not None and self.least > self.most:
            faults.append(("least", f"must be at most {self.most}, is {self.least}"))
        if self.allowed and self.kind not in (Kind.PRODUCT, Kind.REGION, Kind.CHOICE):
            faults.append(("allowed", f"has no place on a {self.kind}"))
        if self.kind is Kind.CHOICE and not self.allowed:
            faults.append(("allowed", "is missing"))
        faults += [("allowed", f'names "{value}" twice') for value in repeated(list(self.allowed))]
        refuse(faults)
        return self


class Limits(Section):
    """The largest file: megabytes (of 1,048,576 bytes) as sent and unpacked, data rows, columns."""

    megabytes: Annotated[int, between(1, 200)]
    unpacked_megabytes: Annotated[int, between(1, 2000)]
    rows: Annotated[int, between(1, 1_000_000)]
    columns: Annotated[int, between(10, 1000)]
    source: Source


class CustomerFile(Section):
    """The form that dealers file (R048) and how it is judged.

    `forgotten`: how long before the month a purchase may lie; `submit_grace`: within which the submit must follow
    the end of the check to count from the upload; `returned_within`: for a returned file; `fall_to_ask`: per cent
    below last month from which the page asks whether something was left out.
    """

    columns: tuple[Column, ...] = Field(min_length=7, max_length=60)
    limits: Limits
    forgotten: Duration
    forgotten_source: Source
    submit_grace: Duration
    returned_within: WithinTerm
    returned_breach: Key | None = None
    fall_to_ask: Share
    source: Source

    @model_validator(mode="after")
    def _columns_differ(self) -> "CustomerFile":
        names = [column.name for column in self.columns]
        faults = [(f"columns[{name}]", "stands twice") for name in repeated(names)]
        for name in ALWAYS_REQUIRED:
            found = next((column for column in self.columns if column.name == name), None)
            if found is None:
                faults.append((f"columns[{name}]", "is missing"))
            elif not found.required:
                faults.append((f"columns[{name}].required", "must be true"))
        taken: dict[str, str] = {}
        for column in self.columns:
            for key in column.keys:
                if not key:
                    faults.append((f"columns[{column.name}].headings", "holds one without a letter or digit"))
                elif taken.setdefault(key, column.name) != column.name:
                    faults.append(
                        (f"columns[{column.name}].headings", f'"{key}" also belongs to {taken[key]}')
                    )
        refuse(faults)
        return self
