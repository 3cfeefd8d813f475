"""Measures: what fits whom, what is milder than what, what is at stake; the ladder's arithmetic. Pure.

Amounts are in fen, shares in per cent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _
from pydantic import BaseModel, ConfigDict

from portal.rulebook import Measure as RuledMeasure
from portal.rulebook import MeasureKind as MeasureKind
from portal.rulebook import Who


class Measure(BaseModel):
    """One measure of a case. `month`: whose commission ('2026-11'); `until`: by when to top up, or suspended until."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: MeasureKind
    amount: int | None = None
    share: int | None = None
    month: str | None = None
    until: date | None = None
    note: str | None = None


MONEY = frozenset(
    {MeasureKind.FINE, MeasureKind.CHARGE, MeasureKind.MARGIN_FORFEITED, MeasureKind.COMMISSION_WITHHELD}
)
"""What moves money when it is executed: finance does that, and nobody else."""
FROM_MARGIN = frozenset({MeasureKind.FINE, MeasureKind.CHARGE, MeasureKind.MARGIN_FORFEITED})
NEEDS_AMOUNT = frozenset({MeasureKind.FINE, MeasureKind.CHARGE, MeasureKind.TOP_UP})
TAKES_AMOUNT = NEEDS_AMOUNT | {MeasureKind.MARGIN_FORFEITED, MeasureKind.COMPENSATION_CLAIMED}
OF_DEALERS = frozenset(
    {
        MeasureKind.MARGIN_FORFEITED,
        MeasureKind.TOP_UP,
        MeasureKind.MARKETING_SUPPORT_CANCELLED,
        MeasureKind.FRANCHISE_SUSPENDED,
        MeasureKind.FRANCHISE_CANCELLED,
        MeasureKind.DEALER_DISQUALIFIED,
    }
)
WITH_END = frozenset({MeasureKind.TOP_UP, MeasureKind.FRANCHISE_SUSPENDED})
OF_PEOPLE = frozenset({MeasureKind.COMMISSION_WITHHELD, MeasureKind.DISMISSAL_RECOMMENDED})
FRANCHISE = {
    MeasureKind.DEALER_DISQUALIFIED: "disqualified",
    MeasureKind.FRANCHISE_CANCELLED: "cancelled",
    MeasureKind.FRANCHISE_SUSPENDED: "suspended",
}
"""The gravest first."""
GENTLER = {
    MeasureKind.FRANCHISE_SUSPENDED: {MeasureKind.FRANCHISE_CANCELLED, MeasureKind.DEALER_DISQUALIFIED},
    MeasureKind.FRANCHISE_CANCELLED: {MeasureKind.DEALER_DISQUALIFIED},
}
"""A kind that is milder than these others; a warning is milder than everything."""
MOST = 10


@dataclass(frozen=True)
class Fault:
    """What is wrong with the measure at `place` (from 0)."""

    place: int
    field: str
    code: str
    detail: Any


def planned(ruled: Iterable[RuledMeasure], month: str) -> list[Measure]:
    """The rulebook's measures for a draft: without those that stand "or" beside others, amounts at their lower end."""
    chosen = [
        Measure(kind=each.kind, amount=each.amount, share=each.share)
        for each in ruled
        if not each.alternative
    ]
    return in_month(chosen, month)


def in_month(measures: Iterable[Measure], month: str) -> list[Measure]:
    """Commission is withheld of the month that is named, else of `month`: no decision leaves it open."""
    return [
        each.model_copy(update={"month": month})
        if each.kind is MeasureKind.COMMISSION_WITHHELD and each.month is None
        else each
        for each in measures
    ]


def faults(measures: Sequence[Measure], who: Who, today: date) -> list[Fault]:
    """What does not fit: its kind, whom it is against, its month, at most a year ahead, or its end, which is the end
    of a day, from `today` on."""
    latest = f"{today.year + 1}-{today.month:02}"
    found: list[Fault] = []
    for place, each in enumerate(measures):
        found += [Fault(place, *fault) for fault in _one(each, who)]
        if each.kind in WITH_END and each.until is not None and each.until < today:
            found.append(Fault(place, "until", "in_the_past", _("This day is over already.")))
        if any(each.kind is other.kind for other in measures[:place]):
            found.append(Fault(place, "kind", "duplicate", _("This measure stands there twice.")))
        if each.month is not None and each.month > latest:
            found.append(Fault(place, "month", "month_ahead", _("This month is more than a year ahead.")))
    return found


def _one(each: Measure, who: Who) -> list[tuple[str, str, Any]]:
    of_person = who in (Who.REGIONAL_MANAGER, Who.CHANNEL_MANAGER, Who.EMPLOYEE, Who.CUSTOMER_SERVICE)
    withheld = each.kind is MeasureKind.COMMISSION_WITHHELD
    wrong: list[tuple[str, str, Any]] = []
    if each.kind in OF_DEALERS and of_person:
        wrong.append(
            ("kind", "not_for_people", _("This measure is against a dealer or store, not a person."))
        )
    if each.kind in OF_PEOPLE and not of_person:
        wrong.append(("kind", "only_for_people", _("This measure is against a person.")))
    if each.amount is not None and each.kind not in TAKES_AMOUNT:
        wrong.append(("amount", "not_allowed", _("This measure has no amount.")))
    if each.amount is None and each.kind in NEEDS_AMOUNT:
        wrong.append(("amount", "required", _("Say the amount.")))
    if (each.share is not None) is not withheld:
        code, words = (
            ("required", _("Say the share in per cent."))
            if withheld
            else ("not_allowed", _("No share here."))
        )
        wrong.append(("share", code, words))
    elif each.share is not None and not 1 <= each.share <= 100:
        wrong.append(("share", "out_of_range", _("Write the share in per cent, 1 to 100.")))
    if each.month is not None and not withheld:
        wrong.append(("month", "not_allowed", _("This measure has no month.")))
    return wrong


def is_milder(new: Sequence[Measure], old: Sequence[Measure], margin: int) -> bool:
    """Whether an approver may put `new` in the place of `old`: nothing in it is graver, or stands there anew.

    Where no amount was named, `margin` (what is in it now) is the most that may be named.
    """
    return bool(new) and all(any(_at_most(each, other, margin) for other in old) for each in new)


def _at_most(new: Measure, old: Measure, margin: int) -> bool:
    if new.kind is MeasureKind.WARNING or old.kind in GENTLER.get(new.kind, ()):
        return True
    if new.kind is not old.kind or new.month != old.month:
        return False
    if not _amount_at_most(new.amount, old.amount, margin):
        return False
    if (new.share or 0) > (old.share or 0):
        return False
    return _until_at_most(new, old)


def _amount_at_most(new: int | None, old: int | None, margin: int) -> bool:
    """No amount is all of it: nobody names more than there is in its place."""
    if old is None:
        return new is None or new <= margin
    return new is not None and new <= old


def _until_at_most(new: Measure, old: Measure) -> bool:
    """More time to pay is milder; a shorter suspension is. Without an end it lasts for ever."""
    if new.until == old.until:
        return True
    if new.kind is MeasureKind.FRANCHISE_SUSPENDED:
        return new.until is not None and (old.until is None or new.until <= old.until)
    return new.until is not None and (old.until is None or new.until >= old.until)


def at_stake(measures: Iterable[Measure], margin: int) -> int:
    """The money that a case is about; the whole margin counts as what is in it."""
    return sum(
        margin if each.amount is None and each.kind is MeasureKind.MARGIN_FORFEITED else each.amount or 0
        for each in measures
    )


def nth(earlier: Iterable[datetime], now: datetime, within: timedelta) -> int:
    """Which step of the ladder this is, from 1: earlier decisions that stand, not older than `within` (R015)."""
    return 1 + sum(1 for at in earlier if now - within <= at <= now)


def franchise_of(kinds: Iterable[MeasureKind]) -> str:
    """What is left of a franchise under these measures."""
    applied = set(kinds)
    return next((name for kind, name in FRANCHISE.items() if kind in applied), "active")


WORDS: dict[MeasureKind, Any] = {
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


def measure_words(measure: Measure) -> Any:
    """A measure with its amount or share, lazily in the reader's language."""
    name = WORDS[measure.kind]
    if measure.share is not None and measure.month is None:  # cases of old, in which it was left open
        return _("%(measure)s: %(share)s %%", measure=name, share=measure.share)
    if measure.share is not None:
        return _(
            "%(measure)s: %(share)s %% of %(month)s", measure=name, share=measure.share, month=measure.month
        )
    if measure.amount is not None:
        return _("%(measure)s: %(amount)s", measure=name, amount=f"¥{measure.amount / 100:,.2f}")
    return name
