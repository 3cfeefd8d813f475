"""What all start pages have in common: who looks, when, the month's rail, the open duties."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from portal import clocks
from portal.access import Actor
from portal.clocks import Kind, Obligation
from portal.core import month as months
from portal.core.texts import gettext, ngettext, pgettext
from portal.home import rules
from portal.home.queries.places import reach
from portal.home.rules import FILERS, Check, ContactLine, Figure, MonthCard, PastMonth, Task, UnitLine


@dataclass(frozen=True)
class Start:
    """A start page; `kind` names its template. What a role has not is empty."""

    kind: str
    heading: Any
    eyebrow: str
    crumb: Any
    zone_words: str
    card: MonthCard | None = None
    tasks: Sequence[Task] = ()
    nothing: Any = ""
    months: Sequence[PastMonth] = ()
    files_href: str = ""
    contacts: Sequence[ContactLine] = ()
    bar: Sequence[tuple[float, str]] = ()
    bar_words: Any = ""
    checks: Sequence[Check] = ()
    units: Sequence[UnitLine] | None = None
    units_title: Any = ""
    units_first: Any = ""
    board_href: str = ""
    figures: Sequence[Figure] = ()
    calls: Sequence[Figure] = ()
    opens: str = ""
    margin: rules.Margin | None = None
    places: Sequence[tuple[str, Any, Any, str]] = ()


@dataclass(frozen=True)
class Moment:
    """Who looks, when, in which language, and the running month by the network's rulebook."""

    actor: Actor
    now: datetime
    lang: str
    zone: ZoneInfo
    month: date
    ruled: clocks.Ruled | None

    def due(
        self, due_at: datetime, owed: Obligation | None = None, *, minutes_too: bool = False
    ) -> clocks.Due:
        return clocks.due_as_shown(
            self.now,
            due_at,
            self.zone,
            self.lang,
            judged_at=owed.judged_at if owed else None,
            waived_at=owed.waived_at if owed else None,
            paused_at=owed.paused_at if owed else None,
            minutes_too=minutes_too,
            thresholds=self._thresholds(owed),
        )

    def _thresholds(self, owed: Obligation | None) -> clocks.Thresholds:
        if self.ruled is None:
            return clocks.Thresholds()
        if owed is None or owed.kind in clocks.MONTHLY:
            return clocks.thresholds_of(self.ruled.book)
        return clocks.thresholds_of(self.ruled.book, since=owed.opened_at, until=owed.due_at)

    @property
    def month_words(self) -> str:
        return rules.month_words(self.month, self.lang)


def frame(moment: Moment, kind: str, heading: Any, **parts: Any) -> Start:
    actor = moment.actor
    today = rules.day_words(moment.now.astimezone(moment.zone).date(), moment.lang)
    return Start(
        kind=kind,
        heading=heading,
        eyebrow=f"{today} · {actor.unit_name} · {actor.unit_code}",
        crumb=gettext("Home") if kind == "dealer" else gettext("Workspace"),
        zone_words=clocks.zone_words(moment.zone, moment.lang),
        **parts,
    )


def stops(moment: Moment, reached: int, late: bool) -> list[rules.Stop]:
    """The month's rail: open, the dealers' limit, the regions' limit, the lock."""
    if moment.ruled is None:
        return []
    zone, lang, calendar = moment.zone, moment.lang, moment.ruled.calendar
    here = gettext("You are here")
    mine = 1 if moment.actor.unit_kind in FILERS else 2
    named = [
        (rules.short_day(calendar.opened_at, zone, lang), gettext("Month opens"), calendar.opened_at),
        (
            rules.short_limit(calendar.dealer_due_at, zone, lang),
            gettext("Dealers file"),
            calendar.dealer_due_at,
        ),
        (
            rules.short_limit(calendar.region_due_at, zone, lang),
            gettext("Regions consolidate"),
            calendar.region_due_at,
        ),
        (rules.short_limit(calendar.locked_at, zone, lang), gettext("Month is locked"), calendar.locked_at),
    ]
    gap = " " if lang == "zh" else " · "
    subs = [gettext("Filing is possible"), "", "", gettext("No late files after this")]
    if reached == mine:
        subs[mine] = here
    return rules.rail(
        [
            (f"{when}{gap}{what}", subs[place], clocks.local_iso(at, zone))
            for place, (when, what, at) in enumerate(named)
        ],
        reached,
        late,
    )


def month_duties(moment: Moment, owed: Sequence[Obligation], last: int | None = None) -> list[Task]:
    """A unit's open duties as tasks."""
    tasks, reached, missed = [], reach(moment.actor), clocks.missed_below(owed)
    for duty in owed:
        month = duty.month or moment.month
        named = rules.month_words(month, moment.lang)
        written = months.text(month)
        if duty.kind == Kind.CONSOLIDATION:
            title, href = gettext("Consolidate %(month)s", month=named), f"/region/{written}"
            sub, state = gettext("Dealers’ files to headquarters"), ("mute", gettext("Open"))
        elif duty.kind == Kind.RETURNED_FILE:
            title, href = gettext("Mend the returned file of %(month)s", month=named), f"/files/{written}"
            sub, state = gettext("Your superior has returned it with a reason"), rules.state_tag("returned")
        elif duty.kind == Kind.RECTIFICATION:
            title, href = (
                gettext("Put a return visit of %(month)s right", month=named),
                "/rectifications?state=open",
            )
            sub, state = gettext("A customer is not satisfied, or in doubt"), ("mute", gettext("Open"))
        elif duty.kind == Kind.RECTIFICATION_COMMENT:
            title = gettext("Say what will be done for a customer of %(month)s", month=named)
            href = f"/rectifications/{duty.subject.partition('-')[0]}"
            sub, state = gettext("Still not satisfied after several rounds"), ("mute", gettext("Open"))
        elif duty.kind == Kind.ESCALATION:
            title = gettext("See to what %(unit)s has missed", unit=missed.get(duty.id, ""))
            href = f"/clock/{duty.origin_id}"
            sub, state = gettext("Else it goes up to the next superior"), ("mute", gettext("Open"))
        elif duty.kind == Kind.TOP_UP:
            title, href = gettext("Top up the brand margin"), f"/sanctions/{duty.subject}"
            sub, state = gettext("Sanction case %(number)s", number=duty.subject), ("mute", gettext("Open"))
        else:
            title, href = gettext("File the customers of %(month)s", month=named), f"/files/{written}"
            sub, state = gettext("xlsx, xls, ods or csv"), ("mute", gettext("Open"))
            if last is not None and month == moment.month:
                sub += pgettext("two times", "; ") + ngettext(
                    "%(num)d customer last month", "%(num)d customers last month", last
                )
        if duty.state_at(moment.now) == clocks.State.BREACHED:
            state = ("bad", gettext("Overdue"))
        tasks.append(Task(title, sub, reached(href) or "", duty.due_at, moment.due(duty.due_at, duty), state))
    return rules.first_due(tasks)
