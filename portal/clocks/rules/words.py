"""Time in words (DESIGN-UX section 6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_date, get_timezone_location
from flask_babel import lazy_gettext as _
from flask_babel import lazy_ngettext
from flask_babel.speaklater import LazyString

from portal.clocks.rules.calendar import DAY, start_of_day

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


def shared_thresholds(opened_at: datetime, due_at: datetime, warn: float, bad: float) -> Thresholds:
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
    lapsed: bool = False,
    thresholds: Thresholds = MONTHLY_THRESHOLDS,
    minutes_too: bool = False,
) -> Due:
    """What a page says about a limit. `lang`: 'zh' or 'en', for the absolute time; the words are lazy texts.

    `lapsed`: its time was for something that nobody had to do.
    """
    left = due_at - (judged_at or paused_at or now)
    if lapsed:
        level, words = Level.FAR, _("time over")
    elif waived_at is not None:
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
        stopped=bool(judged_at or waived_at or paused_at or lapsed),
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
