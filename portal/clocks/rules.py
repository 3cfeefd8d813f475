"""When something is due, and what that makes of it: pure arithmetic of time.

Every instant is an aware UTC datetime and every end is exclusive: "by the 5th" is stored as the 6th 00:00 in
the network's zone (R041, R042). Nothing in here reads a clock: `now` is an argument.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location
from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext
from flask_babel.speaklater import LazyString

from portal.core import month as months
from portal.rulebook import Rulebook

DAY = timedelta(days=1)
FRIDAY = 4

Holidays = Mapping[date, bool]
"""Day -> is it a workday; only days that differ from the plain week are in it (make-up Saturdays: True)."""


class Kind(StrEnum):
    """What has to be done in time."""

    CUSTOMER_FILE = "customer_file"
    PART_FILE = "part_file"
    CONSOLIDATION = "consolidation"
    RETURNED_FILE = "returned_file"
    RECTIFICATION = "rectification"


MONTHLY = (Kind.CUSTOMER_FILE, Kind.PART_FILE, Kind.CONSOLIDATION)
"""The filing windows: opened for everybody who owes the month, not one by one."""


class State(StrEnum):
    OPEN = "open"
    MET = "met"
    BREACHED = "breached"  # past due and still owed
    LATE = "late"  # met after it was due
    WAIVED = "waived"


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
    moves to the next workday; the lock never moves.
    """

    dealer: Window = Window(5)
    region: Window = Window(8)
    lock: Window = Window(20)
    inclusive: bool = True
    shift: bool = False


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


# --- the calendar -----------------------------------------------------------------------------------------


def end_of_day(day: date, zone: ZoneInfo, ends: timedelta = DAY) -> datetime:
    """The exclusive end of `day`, `ends` into it by the clock on the wall; in UTC.

    Where the clock jumps over that time, the jump; where the time comes twice, the first one: fold=0 means
    both, so a plain conversion is right on the days of a change, too.
    """
    return (datetime.combine(day, time.min) + ends).replace(tzinfo=zone).astimezone(UTC)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of `day` in `zone`, in UTC."""
    return end_of_day(day, zone, timedelta())


def is_workday(day: date, holidays: Holidays) -> bool:
    """By the network's table; days that it does not name follow the plain week."""
    return holidays.get(day, day.weekday() <= FRIDAY)


def day_of_month(month: date, day: int) -> date:
    """`day` of the month that begins at `month`, or its last day where it has fewer."""
    last = months.after(month) - DAY
    return min(month + (day - 1) * DAY, last)


def window_end(month: date, window: Window, windows: Windows, zone: ZoneInfo, holidays: Holidays) -> datetime:
    """The exclusive end of `window`, which lies in the month after the reporting month `month`."""
    last = day_of_month(months.after(month), window.day) - (timedelta() if windows.inclusive else DAY)
    if windows.shift:
        while not is_workday(last, holidays):
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


def breach_of(book: Rulebook, kind: Kind) -> str | None:
    """Which breach of the rulebook a missed duty of this kind is; None where it names none (a store's part)."""
    if kind is Kind.CUSTOMER_FILE:
        return book.window("dealer").breach
    if kind is Kind.CONSOLIDATION:
        return book.window("region").breach
    if kind is Kind.RETURNED_FILE:
        return book.customer_file.returned_breach
    if kind is Kind.RECTIFICATION and book.return_visits is not None:
        return book.return_visits.rectification_breach
    return None


# --- the verdict ------------------------------------------------------------------------------------------

SUBMIT_GRACE = timedelta(minutes=30)
"""API.md "Judged": how long after the end of the check a submission still counts from when the bytes were in."""


def judged_at(
    *,
    submitted_at: datetime,
    received_at: datetime,
    changed_at: datetime | None,
    checked_at: datetime | None,
    due_at: datetime,
    grace: timedelta = SUBMIT_GRACE,
) -> datetime:
    """The instant that decides on time or late (API.md "Judged").

    `submitted_at`: when the submit request reached the server; `received_at`: when the file's bytes were in;
    `changed_at`: the last change by a person, None for none; `checked_at`: when the check ended, None while it
    runs (a file that submits itself); `grace`: the rulebook's customer_file.submit_grace. A wall clock that was
    set back between two requests wins nobody time: a submission never counts as older than what it holds.
    """
    newest = max(received_at, changed_at or received_at)
    submitted_at = max(submitted_at, newest)
    in_time = newest < due_at
    prompt = checked_at is None or submitted_at <= checked_at + grace
    return received_at if in_time and prompt else submitted_at


def on_time(judged: datetime, due_at: datetime) -> bool:
    """The end is exclusive: 24:00 itself is late."""
    return judged < due_at


def state_of(
    now: datetime,
    *,
    due_at: datetime,
    judged_at: datetime | None = None,
    waived_at: datetime | None = None,
    paused_at: datetime | None = None,
) -> State:
    """An obligation's state, worked out when read: nothing depends on when the sweep ran."""
    if waived_at is not None:
        return State.WAIVED
    if judged_at is not None:
        return State.MET if on_time(judged_at, due_at) else State.LATE
    if paused_at is not None or now < due_at:
        return State.OPEN
    return State.BREACHED


# --- pauses -----------------------------------------------------------------------------------------------


def time_given_back(paused_at: datetime, resumed_at: datetime) -> timedelta:
    """How long a pause lasted, in calendar time; none when the clock was set back meanwhile."""
    return max(resumed_at - paused_at, timedelta())


def due_after_pause(due_at: datetime, paused_at: datetime, resumed_at: datetime) -> datetime:
    """The limit with the paused time given back, so that as much is left as when the clock stopped."""
    return due_at + time_given_back(paused_at, resumed_at)


# --- words (DESIGN-UX section 6) --------------------------------------------------------------------------

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
LOCALES = {"zh": "zh_Hans_CN", "en": "en"}
BEIJING = ("Asia/Shanghai", "Asia/Chongqing", "Asia/Harbin", "PRC")


class Level(StrEnum):
    """How much a limit presses; the names are the style sheet's (`due--far`)."""

    FAR = "far"
    WARN = "warn"
    BAD = "bad"
    OK = "ok"


@dataclass(frozen=True)
class Thresholds:
    """With this much left, or less, a limit is a warning, then bad. The defaults are the monthly limits'."""

    warn: timedelta = 48 * HOUR
    bad: timedelta = 6 * HOUR


MONTHLY_THRESHOLDS = Thresholds()


def shared_thresholds(
    opened_at: datetime, due_at: datetime, warn: float = 0.5, bad: float = 0.85
) -> Thresholds:
    """For promises: levels by the share of the time that is used up, not by hours."""
    whole = due_at - opened_at
    return Thresholds(warn=whole * (1 - warn), bad=whole * (1 - bad))


@dataclass(frozen=True)
class Due:
    """A limit for the macro: `due(d.level, d.words, d.iso, d.absolute, levels=d.levels, stop=d.stopped)`."""

    level: Level
    words: Any  # lazy text: "1 day 7 h left", "9 h 30 min overdue", "on time, 6 h early"
    iso: str  # of the limit, for <time datetime>
    absolute: str  # "Wed 5 Nov, 24:00"
    levels: str  # seconds left from which it is a warning and bad, for the script: "172800 21600"
    stopped: bool  # done, waived or paused: the words run no further


def _joined(parts: list[Any]) -> Any:
    return LazyString(lambda: " ".join(map(str, parts)))


def span_words(span: timedelta, *, minutes_too: bool = False) -> Any:
    """A minute or more, rounded down, in two units at most; page heads want `minutes_too`.

    More than 10 days: days; more than 2 hours: days and hours, or hours and minutes; else minutes.
    """
    if span <= 2 * HOUR:
        return _("%(minutes)d min", minutes=span // MINUTE)
    days, hours, minutes = span // DAY, span % DAY // HOUR, span % HOUR // MINUTE
    parts: list[Any] = []
    if days:
        parts.append(lazy_ngettext("%(num)d day", "%(num)d days", days))
    if hours and span <= 10 * DAY:
        parts.append(_("%(hours)d h", hours=hours))
    if minutes and (not days or (minutes_too and span <= 10 * DAY)):
        parts.append(_("%(minutes)d min", minutes=minutes))
    return _joined(parts)


def level_of(left: timedelta, thresholds: Thresholds = MONTHLY_THRESHOLDS) -> Level:
    if left <= thresholds.bad:
        return Level.BAD
    return Level.WARN if left <= thresholds.warn else Level.FAR


def left_words(left: timedelta, *, minutes_too: bool = False) -> Any:
    """For something still owed; from nothing left on it is overdue."""
    if left <= timedelta():
        if -left < MINUTE:
            return _("less than 1 min overdue")
        return _("%(span)s overdue", span=span_words(-left, minutes_too=minutes_too))
    if left < MINUTE:
        return _("less than 1 min left")
    return _("%(span)s left", span=span_words(left, minutes_too=minutes_too))


def done_words(early: timedelta) -> Any:
    """For something done: how early it was, or how late."""
    if early <= timedelta():
        return left_words(early)
    if early < MINUTE:
        return _("on time, less than 1 min early")
    return _("on time, %(span)s early", span=span_words(early))


def due_as_shown(
    now: datetime,
    due_at: datetime,
    zone: ZoneInfo,
    lang: str,
    *,
    judged_at: datetime | None = None,
    waived_at: datetime | None = None,
    paused_at: datetime | None = None,
    thresholds: Thresholds = MONTHLY_THRESHOLDS,
    minutes_too: bool = False,
) -> Due:
    """What a page says about a limit. `lang`: 'zh' or 'en', for the absolute time; the words are lazy texts."""
    left = due_at - (judged_at or paused_at or now)
    if waived_at is not None:
        level, words = Level.OK, _("waived")
    elif judged_at is not None:
        level, words = (Level.OK if left > timedelta() else Level.BAD), done_words(left)
    elif paused_at is not None:
        stopped = left_words(left, minutes_too=minutes_too)
        level, words = Level.FAR, _("paused, %(left)s", left=stopped)
    else:
        level, words = level_of(left, thresholds), left_words(left, minutes_too=minutes_too)
    return Due(
        level=level,
        words=words,
        iso=local_iso(due_at, zone),
        absolute=deadline_words(due_at, zone, lang, now=now),
        levels=f"{thresholds.warn.total_seconds():.0f} {thresholds.bad.total_seconds():.0f}",
        stopped=bool(judged_at or waived_at or paused_at),
    )


def local_iso(at: datetime, zone: ZoneInfo) -> str:
    """RFC 3339 with the offset of the network's zone: '2025-11-06T00:00:00+08:00'."""
    return at.astimezone(zone).isoformat(timespec="seconds")


def deadline_words(due_at: datetime, zone: ZoneInfo, lang: str, *, now: datetime | None = None) -> str:
    """A limit as people write it: '11月5日（周三）24:00', 'Wed 5 Nov, 24:00'.

    The end of a day is 24:00 of that day, never 0:00 of the next. With `now`, another year than now's is written.
    """
    local = due_at.astimezone(zone)
    day, clock = local.date(), f"{local:%H:%M}"
    if start_of_day(day, zone) == due_at:  # not "is it 00:00": the clock may have jumped over midnight
        day, clock = day - DAY, "24:00"
    year = now is not None and now.astimezone(zone).year != day.year
    if lang == "zh":
        pattern = "y年M月d日（EEE）" if year else "M月d日（EEE）"
        return format_date(day, pattern, locale=LOCALES["zh"]) + clock
    pattern = "EEE d MMM y" if year else "EEE d MMM"
    return f"{format_date(day, pattern, locale=LOCALES['en'])}, {clock}"


def zone_words(zone: ZoneInfo, lang: str) -> str:
    """What the network's time is called: '北京时间', 'Beijing time'; elsewhere by its place."""
    if zone.key in BEIJING:
        return "北京时间" if lang == "zh" else "Beijing time"
    return get_timezone_location(zone, locale=LOCALES[lang])
