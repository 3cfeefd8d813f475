"""Dates as people and spreadsheets write them."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from portal.customer_files.rules.problems import ERROR, WARNING, Code

Note = tuple[Code, str, dict[str, Any]]

_ISO = re.compile(r"(\d{4})-(\d{2})-(\d{2})")
_YEAR_FIRST = re.compile(r"(\d{4})\s*[-/.,、_年 ]\s*(\d{1,2})\s*[-/.,、_月 ]\s*(\d{1,2})\s*[日号/.]?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SHORT_YEAR = re.compile(r"(\d{2})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?")
_COMPACT_SHORT = re.compile(r"(\d{2})(\d{2})(\d{2})")
_THREE = re.compile(r"(\d{1,2})\s*[-/. ]\s*(\d{1,2})\s*[-/. ]\s*(\d{1,2}|\d{4})")
_NO_YEAR = re.compile(r"(\d{1,2})\s*(?:月|[-/])\s*(\d{1,2})\s*[日号]?")
_NO_DAY = re.compile(r"\d{4}\s*[-/.年]\s*\d{1,2}\s*月?")
_ENGLISH_DAY_FIRST = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th)?[-\s./,]*([a-z]{3,9})\.?[-\s./,]*(\d{4}|\d{2})", re.I
)
_ENGLISH_MONTH_FIRST = re.compile(
    r"([a-z]{3,9})\.?[-\s./]*(\d{1,2})(?:st|nd|rd|th)?[-\s./,]+(\d{4}|\d{2})", re.I
)
_TIME = re.compile(
    r"[\sT]*(?:[上下]午|凌晨|早上|晚上|中午|am|pm)?\s*\d{1,2}(?::\d{1,2}){1,2}(?:\.\d+)?\s*(?:am|pm)?"
    r"(?P<zone>Z|[+-]\d{2}:?\d{2})?$|\s*\d{1,2}[时点](?:\d{1,2}分?)?(?:\d{1,2}秒?)?$",
    re.I,
)
_WEEKDAY = re.compile(
    r"[\s(]*(?:星期|周|礼拜)[一二三四五六日天]\)?$|^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[,.\s]+", re.I
)
_SERIAL = re.compile(r"\d{5}(?:\.\d+)?")
_MONTHS = {
    name: place for place, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)
}
_CHINESE = str.maketrans("〇零○一二三四五六七八九", "000123456789")
_SERIALS = range(36526, 73051)  # 2000-01-01 to 2100-01-01


@dataclass(frozen=True)
class Span:
    """Which dates are expected: the month (its first day), the day of judging, and how far back is a late customer."""

    month: date
    today: date
    days_back: int = 92
    zone: tzinfo | None = None
    date1904: bool = False

    @property
    def last(self) -> date:
        """The month's last day."""
        return (self.month.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)

    @property
    def earliest(self) -> date:
        """The first day that still counts as a forgotten customer."""
        return self.month - timedelta(days=self.days_back)

    def example(self) -> str:
        """A date of the month, to show how dates are written."""
        return self.month.replace(day=15).isoformat()


def read_date(value: object, span: Span) -> tuple[date | None, list[Note]]:
    """The day in a cell (a date, a number or clean text), or None with the error; and what to say about it."""
    if isinstance(value, datetime):
        return _plausible(value.date(), span, [])
    if isinstance(value, date):
        return _plausible(value, span, [])
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return _read_number(float(value), span)
    if isinstance(value, str):
        return _read_text(value, span)
    return _refused("", span)


def within(day: date, span: Span) -> list[Note]:
    """What to say about a day against the month: nothing, a warning (forgotten), or an error."""
    if span.month <= day <= span.last and day <= span.today:
        return []
    params = {"month": span.month.isoformat()[:7]}
    if day > span.today:
        return [(Code.OUTSIDE_MONTH, ERROR, {**params, "why": "future"})]
    if day > span.last:
        return [(Code.OUTSIDE_MONTH, ERROR, {**params, "why": "after"})]
    if day >= span.earliest:
        return [(Code.OUTSIDE_MONTH, WARNING, {**params, "why": "earlier"})]
    return [(Code.OUTSIDE_MONTH, ERROR, {**params, "why": "too_early"})]


def _refused(why: str, span: Span) -> tuple[None, list[Note]]:
    return None, [(Code.INVALID_DATE, ERROR, {"why": why, "expected": span.example()})]


def _plausible(day: date, span: Span, notes: list[Note]) -> tuple[date | None, list[Note]]:
    if day.year < 1970:  # what Excel shows for 0, 60 or a lost century: no purchase
        return _refused("no_such_day", span)
    return day, notes


def _read_as(day: date) -> list[Note]:
    return [(Code.READ_AS, WARNING, {"expected": day.isoformat()})]


def _read_number(number: float, span: Span) -> tuple[date | None, list[Note]]:
    if not number > 0 or number >= 1e8:  # also NaN
        return _refused("", span)
    if number.is_integer():
        compact = _COMPACT.fullmatch(str(int(number)))
        if compact:
            return _day(int(compact[1]), int(compact[2]), int(compact[3]), span, [])
    serial = int(number) + (1462 if span.date1904 else 0)
    if serial in _SERIALS:
        day = date(1899, 12, 30) + timedelta(days=serial)
        return day, _read_as(day)
    if number.is_integer():
        return _either(_COMPACT_SHORT.fullmatch(str(int(number))), span)
    return _refused("", span)


def _day(year: int, month: int, day: int, span: Span, notes: list[Note]) -> tuple[date | None, list[Note]]:
    try:
        found = date(year, month, day)
    except ValueError:
        return _refused("no_such_day", span)
    return _plausible(found, span, notes)


def _read_text(text: str, span: Span) -> tuple[date | None, list[Note]]:
    iso = _ISO.fullmatch(text)
    if iso:
        return _day(int(iso[1]), int(iso[2]), int(iso[3]), span, [])
    folded = unicodedata.normalize("NFKC", text).strip().strip("'’\"")
    if re.search("[〇零○一二三四五六七八九十]", folded) and "年" in folded:
        folded = _from_chinese(folded)
    whole = _with_zone(folded, span)
    if whole is not None:
        return _plausible(whole, span, [])
    if _SERIAL.fullmatch(folded):
        return _read_number(float(folded), span)
    compact = re.fullmatch(r"(\d{8}|\d{6})(?:\.0*)?", folded)
    if compact:
        return _read_number(float(compact[1]), span)
    return _read_words(_TIME.sub("", _WEEKDAY.sub("", folded)).strip(), span)


def _read_words(bare: str, span: Span) -> tuple[date | None, list[Note]]:
    full = _YEAR_FIRST.fullmatch(bare)
    if full:
        return _day(int(full[1]), int(full[2]), int(full[3]), span, [])
    for pattern, order in ((_ENGLISH_DAY_FIRST, (3, 2, 1)), (_ENGLISH_MONTH_FIRST, (3, 1, 2))):
        english = pattern.fullmatch(bare)
        if english:
            month = _MONTHS.get(english[order[1]][:3].lower(), 0)
            year = english[order[0]]
            full_year = int(year) + (2000 if len(year) == 2 else 0)
            found, notes = _day(full_year, month, int(english[order[2]]), span, [])
            return found, notes if found is None or len(year) == 4 else _read_as(found)
    short = _SHORT_YEAR.fullmatch(bare)
    if short:
        found, notes = _day(2000 + int(short[1]), int(short[2]), int(short[3]), span, [])
        return found, notes if found is None else _read_as(found)
    three = _THREE.fullmatch(bare)
    if three:
        return _either(three, span)
    yearless = _NO_YEAR.fullmatch(bare)
    if yearless:
        return _without_year(int(yearless[1]), int(yearless[2]), span)
    if _NO_DAY.fullmatch(bare):
        return _refused("no_day", span)
    return _refused("words" if re.search(r"[^\W\d_]", bare) else "", span)


def _either(parts: re.Match[str] | None, span: Span) -> tuple[date | None, list[Note]]:
    """Two readings or more: the one that falls into the month, if only one does; else the only one there is."""
    if parts is None:
        return _refused("", span)
    first, second, third = parts.groups()
    orders = [(third, second, first), (third, first, second)] if len(third) != 1 else []
    if len(third) != 4 and len(first) == 2:
        orders.append((first, second, third))
    readings = set()
    for year, month, day in orders:
        try:
            readings.add(date(int(year) + (2000 if len(year) == 2 else 0), int(month), int(day)))
        except ValueError:
            continue
    inside = [day for day in readings if span.month <= day <= span.last]
    likely = inside or [day for day in readings if span.earliest <= day < span.month]
    chosen = likely or sorted(readings)
    if not chosen:
        return _refused("no_such_day", span)
    if len(chosen) > 1:
        return _refused("ambiguous", span)
    return _plausible(chosen[0], span, [] if len(readings) == 1 and len(third) == 4 else _read_as(chosen[0]))


def _without_year(month: int, day: int, span: Span) -> tuple[date | None, list[Note]]:
    for year in (span.month.year, span.month.year - 1):
        try:
            found = date(year, month, day)
        except ValueError:
            return _refused("no_such_day", span)
        if span.earliest <= found <= span.last:
            return found, _read_as(found)
    return _refused("no_year", span)


def _with_zone(text: str, span: Span) -> date | None:
    """An instant with its offset (2026-10-14T16:00:00Z) on the network's calendar."""
    if len(text) < 17 or not re.search(r"(?:Z|[+-]\d{2}:?\d{2})$", text, re.I):
        return None
    try:
        instant = datetime.fromisoformat(text.replace("/", "-"))
    except ValueError:
        return None
    return (instant.astimezone(span.zone) if span.zone and instant.tzinfo else instant).date()


def _from_chinese(text: str) -> str:
    """“二〇二六年十月五日” as “2026年10月5日”."""

    def tens(found: re.Match[str]) -> str:
        return str(
            int((found[1] or "1").translate(_CHINESE)) * 10 + int((found[2] or "0").translate(_CHINESE))
        )

    return re.sub("([二三])?十([一二三四五六七八九])?", tens, text).translate(_CHINESE)
