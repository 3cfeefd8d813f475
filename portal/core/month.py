"""Reporting months: the first day of the month of purchase, written 2026-10."""

import re
from datetime import date

from babel.dates import format_date

from portal.core.errors import FieldError, Invalid
from portal.core.texts import lazy

_SHAPE = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")


def parse(written: str, pointer: str = "/month") -> date:
    """'2026-10' as date(2026, 10, 1). Raises Invalid naming `pointer`."""
    found = _SHAPE.fullmatch(written)
    if found is None:
        detail = lazy("Write the month as year and month, for example 2026-10.")
        raise Invalid("invalid_month", detail, [FieldError(pointer, "invalid_month", detail)])
    return date(int(found[1]), int(found[2]), 1)


def text(month: date) -> str:
    return month.isoformat()[:7]


def words(month: date, lang: str) -> str:
    """A month of this year or the last: '10 月', 'October'."""
    return f"{month.month} 月" if lang == "zh" else str(format_date(month, "LLLL", locale="en_GB"))


def after(month: date) -> date:
    """The next month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def before(month: date) -> date:
    """The month before."""
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)


def earlier(month: date, many: int) -> date:
    """So many months before."""
    place = month.year * 12 + month.month - 1 - many
    return date(place // 12, place % 12 + 1, 1)
