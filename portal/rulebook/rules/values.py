"""The small values a rulebook is written with: words in two languages, durations, times of day, sources."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

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
DAY = timedelta(days=1)


def duration(text: str) -> timedelta:
    """`"15min"`, `"48h"`, `"3d"`, `"2w"`, also joined (`"1d12h"`), as a timedelta. ValueError for anything else."""
    if not text or DURATION.sub("", text):
        raise ValueError('must be a duration such as "15min", "48h", "3d"')
    return sum((int(n) * UNITS[unit] for n, unit in DURATION.findall(text)), timedelta())


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


def _parsed(parse: Callable[[str], timedelta]) -> BeforeValidator:
    # A value that is parsed already passes, so that a book can be copied with model_copy / model_validate.
    return BeforeValidator(
        lambda found: (
            found if isinstance(found, timedelta) else parse(found if isinstance(found, str) else "")
        )
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
