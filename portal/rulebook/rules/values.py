"""The small values a rulebook is written with: words in two languages, durations, times of day, sources."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Literal

from flask_babel import get_locale
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, StringConstraints

from portal.rulebook.rules.requirements import REQUIREMENTS

UNITS = {
    "min": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
DURATION = re.compile(r"(\d{1,5})(min|h|d|w)")
TIME_OF_DAY = re.compile(r"([01]\d|2[0-4]):([0-5]\d)")
WORKING = re.compile(r"(\d{1,4})(wh|wd)")
SPAN = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)")
DAY = timedelta(days=1)

Span = tuple[timedelta, timedelta]
"""Working hours of a day, from and to, since midnight by the clock on the wall."""


@dataclass(frozen=True, slots=True)
class Term:
    """Within what time something is due; one of the three is given.

    `calendar`: as the clock runs; `working_hours`: of the network's working time; `working_days`: to the end of the
    nth working day after the day on which it began.
    """

    calendar: timedelta | None = None
    working_hours: timedelta | None = None
    working_days: int | None = None

    @property
    def counts(self) -> Literal["calendar", "working_hours", "working_days"]:
        """By which of the three it runs, as a clock keeps it."""
        if self.calendar is not None:
            return "calendar"
        return "working_days" if self.working_hours is None else "working_hours"


def duration(text: str) -> timedelta:
    """`"15min"`, `"48h"`, `"3d"`, `"2w"`, also joined (`"1d12h"`), as a timedelta. ValueError for anything else."""
    if not text or DURATION.sub("", text):
        raise ValueError('must be a duration such as "15min", "48h", "3d"')
    return sum((int(n) * UNITS[unit] for n, unit in DURATION.findall(text)), timedelta())


def term(text: str) -> Term:
    """A duration as the clock runs (`"48h"`), or in working time: `"8wh"` (hours), `"3wd"` (days). Else ValueError."""
    found = WORKING.fullmatch(text)
    if found is None:
        return Term(calendar=_longer_than_nothing(duration(text)))
    count = int(found[1])
    if not 1 <= count <= 1000:
        raise ValueError("must be 1 to 1000 of working time")
    return Term(working_hours=timedelta(hours=count)) if found[2] == "wh" else Term(working_days=count)


def working_span(text: str) -> Span:
    """`"08:30-12:00"` as two times of day, the second later. Else ValueError."""
    found = SPAN.fullmatch(text)
    if found is None:
        raise ValueError('must be working hours such as "08:30-12:00"')
    start, end = time_of_day(found[1]), time_of_day(found[2])
    if end <= start:
        raise ValueError("must end later than it begins")
    return start, end


def time_of_day(text: str) -> timedelta:
    """`"08:30"` as the time since midnight; `"24:00"` is the end of the day (a whole day)."""
    found = TIME_OF_DAY.fullmatch(text)
    moment = timedelta(hours=int(found[1]), minutes=int(found[2])) if found else None
    if moment is None or moment > DAY:
        raise ValueError('must be a time of day from "00:00" to "24:00"')
    return moment


def hour_and_minute(since_midnight: timedelta) -> str:
    """The other way round: timedelta to `"24:00"`."""
    minutes = int(since_midnight.total_seconds()) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _parsed(parse: Callable[[str], Any], kind: type = timedelta) -> BeforeValidator:
    # A value that is parsed already passes, so that a book can be copied with model_copy / model_validate.
    return BeforeValidator(
        lambda found: found if isinstance(found, kind) else parse(found if isinstance(found, str) else "")
    )


def _longer_than_nothing(found: timedelta) -> timedelta:
    if found <= timedelta():
        raise ValueError("must be longer than 0")
    return found


def _source(text: str) -> str:
    if not re.fullmatch(r"R\d{3}", text):
        raise ValueError("must be a requirement's id such as R041")
    if text not in REQUIREMENTS:
        raise ValueError("must be a requirement from R001 to R072")
    return text


def between(low: int, high: int) -> BeforeValidator:
    """For `Annotated[int, between(1, 28)]`: a whole number from `low` to `high`, both included."""

    def check(found: Any) -> int:
        if not isinstance(found, int) or isinstance(found, bool):
            raise ValueError("must be a whole number")
        if not low <= found <= high:
            raise ValueError(f"must be {low} to {high}")
        return found

    return BeforeValidator(check)


def _yes_or_no(found: Any) -> bool:
    if not isinstance(found, bool):
        raise ValueError("must be true or false")
    return found


Duration = Annotated[timedelta, _parsed(duration), AfterValidator(_longer_than_nothing)]
TimeOfDay = Annotated[timedelta, _parsed(time_of_day)]
WithinTerm = Annotated[Term, _parsed(term, Term)]
WorkingSpan = Annotated[Span, _parsed(working_span, tuple)]
Source = Annotated[str, AfterValidator(_source)]
Flag = Annotated[bool, BeforeValidator(_yes_or_no)]
Amount = Annotated[int, between(1, 100_000_000_000)]
Share = Annotated[int, between(1, 100)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Key = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{1,59}$")]


class Section(BaseModel):
    """A part of a rulebook: nothing unknown in it, nothing changed after it was read."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Words(Section):
    """A text in both languages, written by people. `str(words)` is in the reader's language, Chinese by default."""

    zh: Text
    en: Text

    def of(self, language: str) -> str:
        """The text for a language tag: `zh`, `zh_Hans_CN`, `en`, `en-GB` …; Chinese unless it is English."""
        return self.en if language.lower().startswith("en") else self.zh

    def __str__(self) -> str:
        return self.of(str(get_locale() or "zh"))


def refuse(faults: list[tuple[str, str]]) -> None:
    """Raise all faults of one section at once; each is (where inside the section, what). Nothing without faults."""
    if faults:
        raise ValueError("\n".join(f"{where}\t{what}" for where, what in faults))


def repeated(keys: list[str]) -> list[str]:
    """What stands in the list more than once, each once, in order."""
    return [key for n, key in enumerate(keys) if key in keys[:n] and key not in keys[n + 1 :]]
