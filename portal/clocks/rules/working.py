"""Working time: the network's hours of each weekday, its holidays and make-up workdays; and pauses.

An instant counts when the clock on the wall there shows a working hour of a day that is worked. Where the clock is
changed, what really passed counts.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.clocks.rules.calendar import DAY, Holidays, day_of_month, end_of_day, start_of_day
from portal.core import month as months
from portal.rulebook import Span, Term

NOTHING = timedelta()
FURTHEST = 3660
"""Days within which working time must be found; a table of holidays that leaves none is a fault."""


class Counts(StrEnum):
    """What of the time a clock counts."""

    CALENDAR = "calendar"
    WORKING_HOURS = "working_hours"
    WORKING_DAYS = "working_days"


class NoWorkingTime(ValueError):
    """The network has no working time for years on end: its week or its holidays are wrong."""


@dataclass(frozen=True)
class WorkingTime:
    """When a network works. `week`: hours of each weekday, Monday first; `holidays`: days that differ from it.

    A make-up workday on a weekday without hours has those of the week's first day that has some.
    """

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...] = ((),) * 7
    holidays: Holidays = field(default_factory=dict)

    def spans_on(self, day: date) -> tuple[Span, ...]:
        """The hours of a day, by the clock on the wall."""
        own, works = self.week[day.weekday()], self.holidays.get(day)
        if works is None:
            return own
        return (own or next(filter(None, self.week), ())) if works else ()

    def works_on(self, day: date) -> bool:
        return bool(self.spans_on(day))

    def stretches(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """What is worked from `start` on, one stretch after the other. Raises NoWorkingTime after ten empty years."""
        first = start.astimezone(self.zone).date()
        empty = 0
        while empty < FURTHEST:
            day = first
            begins, ends = start_of_day(day, self.zone), start_of_day(day + DAY, self.zone)
            empty += 1
            for low, high in self.spans_on(day):
                # within the day's own bounds: a day that the calendar left out has none
                from_ = max(end_of_day(day, self.zone, low), begins, start)
                to = min(end_of_day(day, self.zone, high), ends)
                if from_ < to:
                    yield from_, to
                    empty = 0
            first += DAY
        raise NoWorkingTime("there is no working time")


def after_working(start: datetime, span: timedelta, of: WorkingTime) -> datetime:
    """The first instant by which `span` has been worked since `start`; `start` itself for no time at all."""
    if span <= NOTHING:
        return start
    for low, high in of.stretches(start):
        if span <= high - low:
            return low + span
        span -= high - low
    raise NoWorkingTime("unreachable")  # pragma: no cover - stretches never ends by itself


def worked_between(start: datetime, end: datetime, of: WorkingTime) -> timedelta:
    """How much is worked from `start` to `end`; none where `end` is the sooner."""
    total = NOTHING
    if end <= start or not any(of.week):
        return total
    for low, high in of.stretches(start):
        if low >= end:
            break
        total += min(high, end) - low
    return total


def after_working_days(day: date, count: int, of: WorkingTime) -> date:
    """The `count`th day that is worked after `day`. Raises NoWorkingTime."""
    for _ in range(FURTHEST):
        if count == 0:
            return day
        day += DAY
        count -= of.works_on(day)
    raise NoWorkingTime("there are not as many working days in ten years")


def working_days_between(first: date, last: date, of: WorkingTime) -> int:
    """How many days after `first`, up to and with `last`, are worked."""
    days = range(1, (last - first).days + 1)
    return sum(of.works_on(first + day * DAY) for day in days)


def term_end(start: datetime, term: Term, of: WorkingTime) -> datetime:
    """Until when (exclusive) something that begins at `start` is due: "48h", "8wh", "3wd".

    Working days end with the last of them, at 24:00. Raises NoWorkingTime.
    """
    if term.working_hours is not None:
        return after_working(start, term.working_hours, of)
    if term.working_days is not None:
        local = start.astimezone(of.zone).date()
        return end_of_day(after_working_days(local, term.working_days, of), of.zone)
    return start + (term.calendar or NOTHING)


def months_end(start: datetime, count: int, zone: ZoneInfo) -> datetime:
    """Until when something is due within so many months: the end of the same day then, or of the month's last day."""
    local = start.astimezone(zone).date()
    first = local.replace(day=1)
    for _ in range(count):
        first = months.after(first)
    return end_of_day(day_of_month(first, local.day), zone)


# --- pauses -----------------------------------------------------------------------------------------------


def time_given_back(paused_at: datetime, resumed_at: datetime) -> timedelta:
    """How long a pause lasted, in calendar time; none when the clock was set back meanwhile."""
    return max(resumed_at - paused_at, NOTHING)


def due_after_pause(
    due_at: datetime,
    paused_at: datetime,
    resumed_at: datetime,
    counts: Counts = Counts.CALENDAR,
    of: WorkingTime | None = None,
) -> datetime:
    """The limit with the paused time given back, so that as much is left as when the clock stopped.

    In working time as much working time is left, or as many working days; a limit that a superior had set outside of
    working time gets the calendar's time back. Never sooner than it was.
    """
    by_calendar = due_at + time_given_back(paused_at, resumed_at)
    if of is None or counts is Counts.CALENDAR or resumed_at <= paused_at:
        return by_calendar
    if counts is Counts.WORKING_HOURS:
        left = worked_between(paused_at, due_at, of)
        return max(after_working(resumed_at, left, of), due_at) if left else by_calendar
    last = (due_at - timedelta(microseconds=1)).astimezone(of.zone).date()
    paused_on, resumed_on = (at.astimezone(of.zone).date() for at in (paused_at, resumed_at))
    left_days = working_days_between(paused_on, last, of)
    if not left_days:
        lost = working_days_between(paused_on, resumed_on, of)
        return max(end_of_day(after_working_days(last, lost, of), of.zone), due_at)
    return max(end_of_day(after_working_days(resumed_on, left_days, of), of.zone), due_at)
