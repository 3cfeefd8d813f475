"""The month of a dealer or store as its pages show it: where it stands, its rail, its figures."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask import url_for

from portal import clocks, rulebook
from portal.access import current_actor
from portal.clocks import Due, MonthState, Obligation
from portal.core import clock
from portal.core import month as months
from portal.core.errors import Conflict
from portal.core.texts import gettext, language
from portal.customer_files import queries
from portal.customer_files.models import CustomerFile
from portal.customer_files.pages.shown import deadline, limit, limit_of, stamp, zone
from portal.customer_files.queries import Part
from portal.customer_files.queries.pages import Before, month_before
from portal.customer_files.rules.moves import DRAFTS, FILED, DealerState, Kind, State
from portal.customer_files.service import duties
from portal.network import Unit

# --- the month of a dealer or store --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stop:
    """A stop of the month's rail."""

    title: Any
    sub: Any
    state: str = ""
    iso: str = ""


@dataclass(frozen=True)
class MonthShown:
    """A unit's month, with everything that its pages want to know."""

    unit: Unit
    code: str | None
    month: date
    month_state: MonthState
    closed: Any  # why nothing can be filed now, in words; "" where it can
    versions: Sequence[CustomerFile]
    state: DealerState
    standing: CustomerFile | None
    draft: CustomerFile | None
    duty: Obligation | None
    limit: Due
    due_at: datetime
    stops: list[Stop]
    parts: Sequence[Part] = field(default=())
    returned_due: Due | None = None  # of a file that came back, which is owed apart from the month

    @property
    def written(self) -> str:
        return months.text(self.month)

    @property
    def filed(self) -> CustomerFile | None:
        """The version that stands filed."""
        return (
            self.standing
            if self.standing is not None
            and self.standing.submitted_at
            and self.standing.state != State.RETURNED
            else None
        )

    @property
    def latest(self) -> CustomerFile | None:
        return self.versions[0] if self.versions else None

    @property
    def returned(self) -> CustomerFile | None:
        return next((file for file in self.versions if file.state == State.RETURNED), None)

    @property
    def withdrawable(self) -> bool:
        return any(file.state in FILED for file in self.versions)

    @property
    def stamp(self) -> str:
        return stamp(self.draft)


def month_shown(unit: Unit, month: date) -> MonthShown:
    now = clock.now()
    versions = queries.list_versions(unit.id, month)
    state, standing = queries.stand(versions)
    draft = next((file for file in versions if file.state in DRAFTS), None)
    duty = clocks.filing_duty(unit.id, month)
    calendar = clocks.calendar(unit.network_id, month)
    due_at = duty.due_at if duty else calendar.dealer_due_at
    closed: Any = ""
    try:
        duties.must_take(unit.network_id, unit, month, now)
    except Conflict as refused:
        closed = refused.detail
    filed = standing is not None and standing.submitted_at is not None and standing.state != State.RETURNED
    owed = [each for each in clocks.duties_of(unit.id, month) if each.kind == clocks.Kind.RETURNED_FILE]
    returned_due = limit_of(owed[0], long=True) if owed else None
    judged = standing.judged_at if filed and standing is not None else None
    return MonthShown(
        unit=unit,
        code=None if unit.id == current_actor().unit_id else unit.code,
        month=month,
        month_state=clocks.month_state(unit.network_id, month, now, duty),
        closed=closed,
        versions=versions,
        state=state,
        standing=standing,
        draft=draft,
        duty=duty,
        limit=returned_due or limit(due_at, judged_at=judged, long=True),
        returned_due=returned_due,
        due_at=due_at,
        stops=_stops(calendar, due_at, filed, standing, now),
        parts=queries.list_stores(unit, month) if unit.kind == "dealer" else (),
    )


def _stops(
    calendar: clocks.MonthCalendar,
    due_at: datetime,
    filed: bool,
    standing: CustomerFile | None,
    now: datetime,
) -> list[Stop]:
    consolidated = filed and standing is not None and standing.state == State.CONSOLIDATED
    reached = 3 if consolidated else 2 if filed else 1 if now >= calendar.opened_at else 0
    late = now >= (due_at if reached == 1 else calendar.region_due_at) and reached in (1, 2)
    titles = [
        (gettext("Opened"), calendar.opened_at, gettext("Customers of the month")),
        (gettext("You file"), due_at, gettext("Checked and submitted")),
        (gettext("Region consolidates"), calendar.region_due_at, gettext("Your regional manager checks")),
        (gettext("Lock"), calendar.locked_at, gettext("No more files after it")),
    ]
    stops = []
    for place, (title, at, sub) in enumerate(titles):
        state = "done" if place < reached else ("late" if late else "now") if place == reached else ""
        when = moment_day(at) if place == 0 else deadline(at)
        stops.append(Stop(title, f"{when} · {sub}", state, clocks.local_iso(at, zone())))
    return stops


def moment_day(at: datetime) -> str:
    local = clock.local(at)
    return f"{local.month}月{local.day}日" if language() == "zh" else f"{local.day} {local:%b}"


# --- figures -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Figures:
    """A file, its parts included, beside the month before."""

    totals: queries.Totals
    before: Before
    ask: bool  # fell by more than the rulebook lets pass without a question
    fall: int  # per cent

    @property
    def per_cent(self) -> str:
        if not self.before.filed or not self.before.customers:
            return ""
        change = round(100 * (self.totals.customers - self.before.customers) / self.before.customers)
        return f"{change:+d}%"


def figures(file: CustomerFile, parts: Sequence[Part]) -> Figures:
    ids = [file.id, *(part.file.id for part in parts if part.file and part.file.state in service_takes())]
    totals = queries.totals_of(ids)
    before = month_before(file.unit_id, file.month)
    fall = rulebook.current(file.network_id, file.month).customer_file.fall_to_ask
    ask = before.customers > 0 and 100 * (before.customers - totals.customers) > fall * before.customers
    return Figures(totals, before, ask, fall)


def service_takes() -> frozenset[State]:
    """In which states a store's part goes into its dealer's file."""
    return frozenset({State.SUBMITTED, State.CHECKED, State.CONSOLIDATED})


def is_empty(file: CustomerFile) -> bool:
    return file.kind in (Kind.NIL, Kind.PARTS)


def address(name: str, of: MonthShown, **more: Any) -> str:
    """The address of one of this month's pages, for the same unit."""
    return url_for(f"customer_files.{name}", month=of.written, unit=of.code, **more)
