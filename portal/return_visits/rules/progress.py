"""A month's progress day by day and week by week, and who needs attention. Pure arithmetic (R040)."""

import csv
import io
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from portal.return_visits.rules import coverage
from portal.return_visits.rules.charts import Point
from portal.return_visits.rules.coverage import Figures

DAY = timedelta(days=1)
LATELY = 5
"""Days from which the forecast is drawn."""
SPARE = 4
"""Days before the end that are kept for second calls (DESIGN-UX, page 8)."""


@dataclass(frozen=True)
class Day:
    """A day of the month's calls: how many were visited at its end (None: still to come) and how many were due."""

    day: date
    done: int | None
    due: int


@dataclass(frozen=True)
class Course:
    """A month's calls from the day they opened to the last one."""

    days: Sequence[Day]
    today: date
    people: int
    done_on: date | None
    daily: int  # lately, on an average day

    @property
    def last(self) -> date:
        return self.days[-1].day

    def place(self, day: date) -> float:
        """Where a day stands from the left, 0 to 1."""
        whole = max((self.last - self.days[0].day).days, 1)
        return (day - self.days[0].day).days / whole

    def share(self, people: float) -> float:
        return people / self.people if self.people else 0.0

    @property
    def done_points(self) -> list[Point]:
        return [(self.place(each.day), self.share(each.done)) for each in self.days if each.done is not None]

    @property
    def pace_points(self) -> list[Point]:
        return [(self.place(each.day), self.share(each.due)) for each in self.days]

    @property
    def forecast_points(self) -> list[Point]:
        """From today to the day on which all are visited, or as far as the month goes."""
        now = next((each.done for each in reversed(self.days) if each.done is not None), 0)
        if self.done_on is None or self.done_on <= self.today or self.today >= self.last:
            return []
        start = (self.place(self.today), self.share(now))
        if self.done_on <= self.last:
            return [start, (self.place(self.done_on), 1.0)]
        reached = now + (self.people - now) * (self.last - self.today).days / (self.done_on - self.today).days
        return [start, (1.0, self.share(reached))]


def course(standing: Mapping[date, Figures], figures: Figures, month: date, today: date) -> Course | None:
    """`standing`: how the figures stood at the end of each day on which they changed. None before anything opened."""
    if not standing:
        return None
    changed = sorted(standing)
    opened, last = changed[0], max(coverage.ends_on(month), changed[0])
    many = (last - opened).days + 1

    def visited(day: date) -> int:
        place = bisect_right(changed, day)
        return standing[changed[place - 1]].visited if place else 0

    days = []
    for each in (opened + number * DAY for number in range(many)):
        due = coverage.pace(figures, opened, each, last, SPARE).due
        days.append(Day(each, visited(each) if each <= today else None, due))
    gone = min(max((today - opened).days + 1, 1), LATELY)
    lately = figures.visited - visited(today - gone * DAY)
    done_on = coverage.done_on(figures, lately, gone, today)
    return Course(days, today, figures.people, done_on, round(lately / gone))


# --- week by week -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Week:
    """Of those visited by a week's end: who is not satisfied, who is in doubt, in per cent."""

    begins: date
    visited: int
    unsatisfied: float
    suspicious: float


def weeks(standing: Mapping[date, Figures], today: date, most: int = 8) -> list[Week]:
    """As it stood at the end of each week (Monday to Sunday), the last one until today."""
    changed = sorted(standing)
    if not changed:
        return []
    found = []
    monday = changed[0] - timedelta(days=changed[0].weekday())
    while monday <= today:
        place = bisect_right(changed, min(monday + 6 * DAY, today))
        figures = standing[changed[place - 1]] if place else Figures()
        if figures.visited:
            found.append(
                Week(
                    monday,
                    figures.visited,
                    round(100 * figures.unsatisfied / figures.visited, 1),
                    round(100 * figures.suspicious / figures.visited, 1),
                )
            )
        monday += 7 * DAY
    return found[-most:]


# --- who needs attention ----------------------------------------------------------------------------------


class Why(StrEnum):
    UNSATISFIED = "unsatisfied"  # many of those visited
    NUMBERS = "numbers"  # many that nobody could reach
    NOT_BEGUN = "not_begun"
    BEHIND = "behind"


@dataclass(frozen=True)
class Lag:
    """How a unit stands against today's pace. `behind`: people missing to it who can still be visited."""

    behind: int
    why: Why | None

    @property
    def late(self) -> bool:
        return self.behind > 0


def lag(figures: Figures, share: float, whole: Figures) -> Lag:
    """`share`: what part should be visited today; `whole`: the figures of all units, to see who stands out."""
    behind = max(min(int(figures.people * share) - figures.visited, figures.open), 0)
    if _stands_out(figures.unsatisfied, figures.visited, whole.unsatisfied, whole.visited):
        return Lag(behind, Why.UNSATISFIED)
    if figures.unreachable >= 3 and figures.unreachable * 10 >= figures.people:
        return Lag(behind, Why.NUMBERS)
    if not behind:
        return Lag(0, None)
    return Lag(behind, Why.BEHIND if figures.visited else Why.NOT_BEGUN)


def _stands_out(some: int, of: int, every: int, of_all: int) -> bool:
    """At least three, and twice the share of all."""
    return some >= 3 and of > 0 and of_all > 0 and some * of_all >= 2 * every * of and of < of_all


# --- csv --------------------------------------------------------------------------------------------------

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as csv with a byte order mark, so that WPS and Excel read Chinese; no cell can become a formula."""
    written = io.StringIO()
    written.write("\ufeff")
    writer = csv.writer(written, lineterminator="\r\n")
    for row in rows:
        writer.writerow([_cell(each) for each in row])
    return written.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_RISKY):
        return f"'{value}"
    return "" if value is None else value
