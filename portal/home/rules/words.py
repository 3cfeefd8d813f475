"""Months, days, moments and numbers as people of the trade write them, in both languages. Pure."""

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_skeleton

from portal.core import month as months

LOCALES = {"zh": "zh_Hans_CN", "en": "en_GB"}


def month_words(month: date, lang: str) -> str:
    return months.words(month, lang)


@lru_cache(maxsize=256)
def month_and_year(month: date, lang: str) -> str:
    """'2026 年 10 月', 'October 2026'."""
    if lang == "zh":
        return f"{month.year} 年 {month.month} 月"
    return str(format_date(month, "LLLL y", locale=LOCALES["en"]))


def day_words(day: date, lang: str) -> str:
    """Today in a page's head: '11月4日 周二', 'Tuesday 4 November'."""
    return str(format_date(day, "M月d日 EEE" if lang == "zh" else "EEEE d MMMM", locale=LOCALES[lang]))


def clock_words(moment: datetime, zone: ZoneInfo, lang: str) -> str:
    """The network's wall clock in the top bar: '11月4日 16:20', '4 Nov, 16:20'."""
    local = moment.astimezone(zone)
    day = format_date(local.date(), "M月d日" if lang == "zh" else "d MMM", locale=LOCALES[lang])
    return f"{day} {local:%H:%M}" if lang == "zh" else f"{day}, {local:%H:%M}"


def short_limit(due_at: datetime, zone: ZoneInfo, lang: str) -> str:
    """A limit in a rail or a list: '11月5日 24:00', '5 Nov, 24:00'. Midnight is the day before's 24:00."""
    local, last = due_at.astimezone(zone), (due_at - timedelta(seconds=1)).astimezone(zone)
    clock = "24:00" if last.date() != local.date() else f"{local:%H:%M}"
    day = format_date(last.date(), "M月d日" if lang == "zh" else "d MMM", locale=LOCALES[lang])
    return f"{day} {clock}" if lang == "zh" else f"{day}, {clock}"


def short_day(moment: datetime, zone: ZoneInfo, lang: str) -> str:
    """'11月1日', '1 Nov'."""
    return str(format_skeleton("MMMd", moment.astimezone(zone), locale=LOCALES[lang]))


def phone_words(phone: str) -> str:
    """A mobile number as people read it, '139 0000 4127'; others as they are."""
    return f"{phone[:3]} {phone[3:7]} {phone[7:]}" if len(phone) == 11 and phone[0] == "1" else phone
