"""The calendar of a month: windows, holidays, what a month takes.

Every instant is an aware UTC datetime and every end is exclusive: "by the 5th" is stored as the 6th 00:00 in
the network's zone (R041, R042).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from portal.clocks.rules.kinds import Kind
from portal.core import month as months

DAY = timedelta(days=1)
PLAIN_WEEK = frozenset(range(5))

Holidays = Mapping[date, bool]
"""Day -> is it a workday; only days that differ from the plain week are in it (make-up Saturdays: True)."""


class MonthState(StrEnum):
    NOT_OPEN = "not_open"
    OPEN = "open"
    LOCKED = "locked"
    SEALED = "sealed"


@dataclass(frozen=True)
class Window:
    """Until when in the month after: a day (the last one, where there are fewer), and how far into it."""

    day: int
    ends: timedelta = DAY


@dataclass(frozen=True)
class Windows:
    """A rulebook's filing windows.

    `inclusive`: the day named still counts, else the day before is the last. `shift`: a deadline on a day off
    moves to the next workday; the lock never moves. `workdays`: those of a plain week, Monday is 0.
    """

    dealer: Window = Window(5)
    region: Window = Window(8)
    lock: Window = Window(20)
    inclusive: bool = True
    shift: bool = False
    workdays: frozenset[int] = PLAIN_WEEK


@dataclass(frozen=True)
class MonthCalendar:
    """One reporting month: when filing opens, is due, and is locked (late files are taken until then)."""

    month: date
    opened_at: datetime
    dealer_due_at: datetime
    region_due_at: datetime
    locked_at: datetime

    def due_at(self, kind: Kind) -> datetime:
        """The limit of a monthly duty; stores are due with their dealer."""
        return self.region_due_at if kind is Kind.CONSOLIDATION else self.dealer_due_at


def end_of_day(day: date, zone: ZoneInfo, ends: timedelta = DAY) -> datetime:
    """The exclusive end of `day`, `ends` into it by the clock on the wall; in UTC.

    Where the clock jumps over that time, the jump; where the time comes twice, the first one: fold=0 means
    both, so a plain conversion is right on the days of a change, too.
    """
    return (datetime.combine(day, time.min) + ends).replace(tzinfo=zone).astimezone(UTC)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of `day` in `zone`, in UTC."""
    return end_of_day(day, zone, timedelta())


def is_workday(day: date, holidays: Holidays, workdays: frozenset[int] = PLAIN_WEEK) -> bool:
    """By the network's table; days that it does not name follow the plain week."""
    return holidays.get(day, day.weekday() in workdays)


def day_of_month(month: date, day: int) -> date:
    """`day` of the month that begins at `month`, or its last day where it has fewer."""
    last = months.after(month) - DAY
    return min(month + (day - 1) * DAY, last)


def window_end(month: date, window: Window, windows: Windows, zone: ZoneInfo, holidays: Holidays) -> datetime:
    """The exclusive end of `window`, which lies in the month after the reporting month `month`."""
    last = day_of_month(months.after(month), window.day) - (timedelta() if windows.inclusive else DAY)
    if windows.shift:
        while not is_workday(last, holidays, windows.workdays):
            last += DAY
    return end_of_day(last, zone, window.ends)


def month_calendar(month: date, windows: Windows, zone: ZoneInfo, holidays: Holidays) -> MonthCalendar:
    """The windows of a reporting month (`month`: its first day) in the network's zone (R041, R042).

    The lock is apart from the deadlines; where holidays push these past it, it gives way.
    """
    dealer_due_at = window_end(month, windows.dealer, windows, zone, holidays)
    region_due_at = window_end(month, windows.region, windows, zone, holidays)
    lock = window_end(month, windows.lock, replace(windows, shift=False), zone, holidays)
    return MonthCalendar(
        month=month,
        opened_at=start_of_day(months.after(month), zone),
        dealer_due_at=dealer_due_at,
        region_due_at=region_due_at,
        locked_at=max(lock, dealer_due_at, region_due_at),
    )


def local_month(now: datetime, zone: ZoneInfo) -> date:
    """The calendar month that runs at `now` in the zone; the reporting month is the one before."""
    return now.astimezone(zone).date().replace(day=1)


def month_state(
    now: datetime, calendar: MonthCalendar, sealed: bool = False, unlocked_until: datetime | None = None
) -> MonthState:
    """What a month takes now. `unlocked_until`: one unit's way past the lock; past a seal there is none."""
    if sealed:
        return MonthState.SEALED
    if now < calendar.opened_at:
        return MonthState.NOT_OPEN
    if now < calendar.locked_at or (unlocked_until is not None and now < unlocked_until):
        return MonthState.OPEN
    return MonthState.LOCKED


def owes(joined_at: datetime, dealer_due_at: datetime) -> bool:
    """A unit that joins before the dealers' deadline of a month owes that month, else the next one."""
    return joined_at < dealer_due_at
