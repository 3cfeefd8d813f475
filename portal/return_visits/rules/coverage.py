"""Coverage: visited people of all people, exact at every moment. Pure arithmetic (R040)."""

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date, datetime, timedelta

from portal.core import month as months
from portal.return_visits.rules.outcomes import Standing, State

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Figures:
    """So many people, and how they count; also differences of two such."""

    people: int = 0
    visited: int = 0
    satisfied: int = 0
    unsatisfied: int = 0
    suspicious: int = 0
    unreachable: int = 0
    refused: int = 0
    closed: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Figures") -> "Figures":
        return Figures(*(mine - its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __bool__(self) -> bool:
        return any(astuple(self))

    @property
    def open(self) -> int:
        return self.people - self.closed

    @property
    def coverage(self) -> float:
        """Visited people of all, 0 to 1; nobody to visit is nothing left to do."""
        return self.visited / self.people if self.people else 1.0


NAMES = tuple(each.name for each in fields(Figures))


def total(each: Iterable[Figures]) -> Figures:
    return sum(each, Figures())


def counted_as(state: State, visited: bool, standing: Standing) -> Figures:
    """One person, as the coverage counts it."""
    shown = {standing.value: 1} if standing is not Standing.NONE else {}
    return Figures(people=1, visited=int(visited), closed=int(state is State.CLOSED), **shown)


# --- pace -------------------------------------------------------------------------------------------------


def ends_on(month: date) -> date:
    """The last day for a reporting month's calls: the last of the month after (`ends = last_day_of_month`)."""
    return months.after(months.after(month)) - DAY


@dataclass(frozen=True)
class Pace:
    """How many people should have been visited by a day for all to be visited in time, and what is needed daily."""

    due: int
    share: float
    daily: int
    days_left: int


def pace(figures: Figures, opened_on: date, today: date, last: date, spare: int = 4) -> Pace:
    """An even pace from the day the month's visits opened until `spare` days before the end, kept for second calls."""
    goal = max(last - spare * DAY, opened_on)
    whole = (goal - opened_on).days + 1
    gone = min(max((today - opened_on).days + 1, 0), whole)
    left = max((last - today).days + 1, 0)
    missing = figures.people - figures.visited
    return Pace(
        due=figures.people * gone // whole,
        share=gone / whole,
        daily=-(-missing // left) if left else missing,
        days_left=left,
    )


def done_on(figures: Figures, lately: int, days: int, today: date) -> date | None:
    """When everybody is visited at the pace of the last `days` days (`lately` people); None where it stands still."""
    missing = figures.people - figures.visited
    if not missing:
        return today
    if lately <= 0:
        return None
    return today + timedelta(days=-(-missing * days // lately))


def call_until(month: date, closes: datetime, today: date) -> datetime | None:
    """The exclusive end of the month's calls, None once it has passed."""
    return closes if today <= ends_on(month) else None
