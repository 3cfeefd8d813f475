"""How durations, money, measures and names are said; every phrase becomes the reader's language when it is shown."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from flask_babel import get_locale, lazy_ngettext
from flask_babel import lazy_gettext as _

from portal.rulebook.rules.duties import Measure, MeasureKind, Who
from portal.rulebook.rules.filing import WEEK, Column, Kind, Working
from portal.rulebook.rules.values import Term, hour_and_minute

Phrase = Any  # str, Words, a lazy text or a Series: whatever str() turns into the reader's language
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One rule: its anchor's key, what it is about, what it says in a few lines, its requirements."""

    key: str
    title: Phrase
    lines: tuple[Phrase, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """Several phrases in a row, with a comma in English and `mark` in Chinese."""

    parts: tuple[Phrase, ...]
    mark: str = "、"

    def __str__(self) -> str:
        comma = ", " if str(get_locale() or "zh").startswith("en") else self.mark
        return comma.join(str(part) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Headline:
    """The headings that a column is recognised by, in the reader's language."""

    column: Column

    def __str__(self) -> str:
        english = str(get_locale() or "zh").startswith("en")
        return str(Series(self.column.headings.en if english else self.column.headings.zh))


def duration_words(length: timedelta) -> Phrase:
    """A duration as people say it: 15 minutes, 48 hours, 3 days. Up to 48 hours are said in hours."""
    if length % DAY == timedelta() and length > 2 * DAY:
        return lazy_ngettext("%(num)s day", "%(num)s days", length // DAY)
    if length % HOUR == timedelta():
        return lazy_ngettext("%(num)s hour", "%(num)s hours", length // HOUR)
    return lazy_ngettext("%(num)s minute", "%(num)s minutes", length // timedelta(minutes=1))


def term_words(term: Term) -> Phrase:
    """A time within which something is due: 48 hours, 8 working hours, 3 working days."""
    if term.working_hours is not None:
        return lazy_ngettext("%(num)s working hour", "%(num)s working hours", term.working_hours // HOUR)
    if term.working_days is not None:
        return lazy_ngettext("%(num)s working day", "%(num)s working days", term.working_days)
    return duration_words(term.calendar or timedelta())


WEEKDAYS: tuple[Phrase, ...] = (
    _("Monday"),
    _("Tuesday"),
    _("Wednesday"),
    _("Thursday"),
    _("Friday"),
    _("Saturday"),
    _("Sunday"),
)


def working_words(working: Working) -> list[Phrase]:
    """The working hours, a line for each run of days that have the same ones: Monday to Friday: 08:30-12:00."""
    lines: list[Phrase] = []
    runs = [(day, list(run)) for day, run in groupby(range(len(WEEK)), key=lambda day: working.week[day])]
    for spans, days in runs:
        if not spans:
            continue
        hours = Series(tuple(f"{hour_and_minute(start)}–{hour_and_minute(end)}" for start, end in spans))
        lines.append(
            _(
                "%(first)s to %(last)s: %(hours)s",
                first=WEEKDAYS[days[0]],
                last=WEEKDAYS[days[-1]],
                hours=hours,
            )
            if len(days) > 1
            else _("%(day)s: %(hours)s", day=WEEKDAYS[days[0]], hours=hours)
        )
    return lines


def money(fen: int) -> str:
    """Fen as ¥ with two decimals."""
    return f"¥{fen / 100:,.2f}"


KINDS: dict[Kind, Phrase] = {
    Kind.TEXT: _("Text"),
    Kind.PHONE: _("Phone number"),
    Kind.DATE: _("Date"),
    Kind.WHOLE: _("Whole number"),
    Kind.DECIMAL: _("Number with decimals"),
    Kind.PRODUCT: _("Product model"),
    Kind.REGION: _("Purchase area"),
    Kind.CHOICE: _("One of a list"),
}
PEOPLE: dict[Who, Phrase] = {
    Who.STORE: _("Store"),
    Who.DEALER: _("Dealer"),
    Who.REGIONAL_MANAGER: _("Regional manager"),
    Who.CHANNEL_MANAGER: _("Channel manager"),
    Who.CUSTOMER_SERVICE: _("Customer service"),
    Who.EMPLOYEE: _("Employee"),
}
MEASURES: dict[MeasureKind, Phrase] = {
    MeasureKind.WARNING: _("warning"),
    MeasureKind.CIRCULAR: _("public criticism"),
    MeasureKind.FINE: _("fine"),
    MeasureKind.CHARGE: _("charge of cost"),
    MeasureKind.MARGIN_FORFEITED: _("brand margin forfeited"),
    MeasureKind.TOP_UP: _("brand margin topped up"),
    MeasureKind.COMMISSION_WITHHELD: _("commission withheld"),
    MeasureKind.MARKETING_SUPPORT_CANCELLED: _("marketing support cancelled"),
    MeasureKind.FRANCHISE_SUSPENDED: _("franchise suspended"),
    MeasureKind.FRANCHISE_CANCELLED: _("franchise cancelled"),
    MeasureKind.DEALER_DISQUALIFIED: _("dealer disqualified"),
    MeasureKind.MANAGEMENT_RESPONSIBILITY: _("management responsibility"),
    MeasureKind.DISMISSAL_RECOMMENDED: _("dismissal recommended"),
    MeasureKind.COMPENSATION_CLAIMED: _("compensation claimed"),
    MeasureKind.REFERRED_TO_LEGAL: _("referred to legal"),
}
KEEPERS: dict[str, Phrase] = {
    "store": _("Store"),
    "dealer": _("Dealer"),
    "region": _("Region"),
    "customer_service": _("Customer service"),
    "marketing_headquarters": _("Marketing headquarters"),
    "headquarters": _("Headquarters"),
}
WINDOWS: dict[str, tuple[Phrase, Phrase]] = {
    "dealer": (_("Dealers file"), _("The customers of the month before, to the regional manager")),
    "region": (_("Regions consolidate"), _("The region's files of the month before, to headquarters")),
    "statistics": (_("Statistics"), _("The figures of the month before")),
    "lock": (_("Lock"), _("Until then a late file is still taken in, and marked late")),
}


def measure_words(measure: Measure) -> Phrase:
    """A measure with its amount or share."""
    name = MEASURES[measure.kind]
    if measure.share is not None:
        said: Phrase = _("%(measure)s: %(share)s %% of the current month", measure=name, share=measure.share)
    elif measure.amount is not None and measure.amount_to is not None:
        said = _(
            "%(measure)s: %(low)s to %(high)s",
            measure=name,
            low=money(measure.amount),
            high=money(measure.amount_to),
        )
    elif measure.amount is not None:
        said = _("%(measure)s: %(amount)s", measure=name, amount=money(measure.amount))
    else:
        said = name
    return _("or %(measure)s", measure=said) if measure.alternative else said


def once(*sources: str) -> tuple[str, ...]:
    """Each source once, in order."""
    return tuple(dict.fromkeys(sources))
