"""What the pages show of times, states and rows: small frozen things for the templates, words by gettext."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g
from flask_babel import lazy_gettext as _

from portal import clocks, network, rulebook
from portal.access import current_actor
from portal.clocks import Due, MonthState, Obligation
from portal.core import clock
from portal.core import month as months
from portal.core.errors import Conflict
from portal.core.texts import gettext, language
from portal.customer_files import queries, service
from portal.customer_files.models import CustomerFile
from portal.customer_files.queries import Part, RowView
from portal.customer_files.queries.pages import Before, month_before
from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.moves import DRAFTS, FILED, DealerState, Kind, State
from portal.customer_files.rules.problems import ERROR, message, suggestion
from portal.customer_files.service import duties
from portal.network import Unit
from portal.rulebook import Consequence

Tag = tuple[str, Any, str | None]
"""kind, words, icon: as the macro `tag` wants them."""

OWN_TAGS: Mapping[str, Tag] = {
    "not_begun": ("mute", _("Not begun"), None),
    "checking": ("info", _("Being checked"), None),
    "needs_correction": ("bad", _("Errors to mend"), None),
    "ready": ("warn", _("Ready to submit"), None),
    "returned": ("bad", _("Returned"), "back"),
    "withdrawn": ("mute", _("Withdrawn"), "back"),
    "superseded": ("mute", _("Replaced"), None),
    "submitted": ("ok", _("Submitted to the region"), None),
    "checked": ("ok", _("Checked"), None),
    "consolidated": ("ok", _("Consolidated"), None),
    "nil": ("ok", _("Nil return"), None),
}
BOARD_TAGS: Mapping[str, Tag] = {
    **OWN_TAGS,
    "needs_correction": ("bad", _("Errors left"), None),
    "ready": ("warn", _("Not submitted"), None),
    "returned": ("info", _("Returned"), "back"),
    "submitted": ("warn", _("To check"), None),
}


def listed(words: Iterable[Any]) -> str:
    """Several names in one line, as the reader's language lists them."""
    return ("、" if language() == "zh" else ", ").join(map(str, words))


def own_tag(state: str) -> Tag:
    return OWN_TAGS[str(state)]


def zone() -> ZoneInfo:
    return ZoneInfo(current_actor().time_zone)


def limit(due_at: datetime, *, judged_at: datetime | None = None, long: bool = False) -> Due:
    """A limit as the macro `limit` wants it."""
    return clocks.due_as_shown(
        clock.now(), due_at, zone(), language(), judged_at=judged_at, minutes_too=long, thresholds=_levels()
    )


def limit_of(duty: Obligation, *, long: bool = False) -> Due:
    return clocks.due_as_shown(
        clock.now(),
        duty.due_at,
        zone(),
        language(),
        judged_at=duty.judged_at,
        waived_at=duty.waived_at,
        paused_at=duty.paused_at,
        thresholds=_levels(),
        minutes_too=long,
    )


def _levels() -> clocks.Thresholds:
    """From the rulebook of the month that is being filed; read once for a page."""
    actor = current_actor()
    known: dict[int, clocks.Thresholds] = g.setdefault("levels", {})
    if actor.network_id not in known:
        running = clocks.running_month(actor.network_id, clock.now())
        known[actor.network_id] = clocks.thresholds_of(rulebook.current(actor.network_id, running))
    return known[actor.network_id]


def deadline(due_at: datetime) -> str:
    return clocks.deadline_words(due_at, zone(), language(), now=clock.now())


def moment(at: datetime) -> str:
    """'11-05 17:58', another year's with its year."""
    local = clock.local(at)
    shape = "%m-%d %H:%M" if local.year == clock.local(clock.now()).year else "%Y-%m-%d %H:%M"
    return local.strftime(shape)


def second(at: datetime) -> str:
    """'2025-11-05 17:58:21（北京时间）'."""
    named = clocks.zone_words(zone(), language())
    written = clock.local(at).strftime("%Y-%m-%d %H:%M:%S")
    return f"{written}（{named}）" if language() == "zh" else f"{written} ({named})"


def size(number: int) -> str:
    return f"{number / 1_048_576:.1f} MB" if number >= 1_048_576 else f"{-(-number // 1024)} KB"


def stamp(file: CustomerFile | None) -> str:
    """What tells whether a file is still as somebody saw it."""
    if file is None:
        return "-"
    changed = file.changed_at.timestamp() if file.changed_at else 0
    return f"{file.id}.{file.state}.{changed}"


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


# --- rows and what is wrong with them ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Labels:
    """The columns of a month by name, with their words in the reader's language."""

    columns: Sequence[Column]

    def of(self, name: str | None) -> str:
        return next((column.label(language()) for column in self.columns if column.name == name), "")

    def column(self, name: str | None) -> Column | None:
        return next((column for column in self.columns if column.name == name), None)


def labels_for(network_id: int, month: date) -> Labels:
    return Labels(service.columns_for(network_id, month))


@dataclass(frozen=True)
class Trouble:
    """One line of the check page: a cell (or a whole row) and everything that is said about it."""

    row: int
    column: Column | None
    label: str
    value: str
    words: Sequence[str]
    severity: str
    suggested: str | None = None
    typed: str | None = None
    stale: str | None = None  # what somebody else has written here meanwhile
    choices: Sequence[str] = ()
    near: Sequence[str] = ()
    listed: bool = False  # choices as a datalist: too many for a select

    @property
    def id(self) -> str:
        return f"f-{self.row}-{self.column.name}" if self.column else f"f-{self.row}"

    @property
    def name(self) -> str:
        return f"{self.row}-{self.column.name}" if self.column else ""

    @property
    def shown(self) -> str:
        """What stands in the field when the page opens."""
        if self.typed is not None:
            return self.typed
        return self.suggested if self.suggested is not None else self.value

    @property
    def inputmode(self) -> str:
        kinds = {"phone": "tel", "date": "numeric", "whole": "numeric", "decimal": "decimal"}
        return kinds.get(self.column.kind, "text") if self.column else "text"


@dataclass(frozen=True)
class RowShown:
    """A row of a file with its troubles, one for each cell."""

    view: RowView
    troubles: Sequence[Trouble]

    @property
    def row(self) -> int:
        return self.view.row

    def text(self, column: str) -> str:
        value = self.view.values.get(column)
        return "" if value is None else plain(value)

    @property
    def warnings(self) -> Sequence[Trouble]:
        return [each for each in self.troubles if each.severity != ERROR]


def plain(value: Any) -> str:
    """A cell's value as a person types it: 2, not 2.0."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


MOST_IN_A_SELECT = 300


def row_shown(
    view: RowView,
    labels: Labels,
    *,
    only: str | None = None,
    typed: Mapping[str, str] | None = None,
    stale: Mapping[str, str] | None = None,
) -> RowShown:
    """`only` severity; `typed` and `stale` by field name (v-12-phone) after a form that could not be saved."""
    by_column: dict[str | None, list[Any]] = {}
    for problem in view.problems:
        if only is None or problem.severity == only:
            by_column.setdefault(problem.column, []).append(problem)
    troubles = []
    for name, problems in by_column.items():
        column = labels.column(name)
        worst = next((each for each in problems if each.severity == ERROR), problems[0])
        value = plain(view.values.get(column.name)) if column else ""
        field_name = f"v-{view.row}-{name}"
        near = [str(each) for each in worst.params.get("nearest", ())] if column and column.allowed else []
        offered = suggestion(worst.code, worst.params) if column else None
        troubles.append(
            Trouble(
                row=view.row,
                column=column,
                label=labels.of(name) or gettext("Whole row"),
                value=value,
                words=[_said(each, labels) for each in problems],
                severity=worst.severity,
                suggested=offered if offered != value else None,
                typed=(typed or {}).get(field_name),
                stale=(stale or {}).get(field_name),
                choices=column.allowed if column and len(column.allowed) <= MOST_IN_A_SELECT else (),
                near=near,
                listed=bool(column and len(column.allowed) > MOST_IN_A_SELECT),
            )
        )
    return RowShown(view, troubles)


def _said(problem: Any, labels: Labels) -> str:
    params = {**problem.params, "value": problem.params.get("value", problem.value or "")}
    return str(message(problem.code, params, labels.of(problem.column)))


@dataclass(frozen=True)
class Notice:
    """A line of the warnings' panel; `row` is None for the whole file."""

    row: int | None
    label: str
    words: str


def notices(file: CustomerFile, labels: Labels, *, whole: bool, most: int = 8) -> list[Notice]:
    page = queries.list_problems(file, whole=whole, severity="warning", limit=most)
    return [Notice(each.row, labels.of(each.column), _said(each, labels)) for each in page.items]


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


# --- consequences --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Follows:
    """What a missed limit leads to for one who answers for it, with its source in the rulebook."""

    who: Any
    words: Any
    source: str


def consequences(network_id: int, month: date) -> list[Follows]:
    book = rulebook.current(network_id, month)
    asked = [
        (_("Dealer"), book.consequence(book.window("dealer").breach, "dealer")),
        (_("Region"), book.consequence(book.window("region").breach, "regional_manager")),
        (_("Channel"), book.consequence(book.window("region").breach, "channel_manager")),
    ]
    return [Follows(who, _text(found), found.source) for who, found in asked if found is not None]


def _text(found: Consequence) -> str:
    return found.text.of(language())


def superior_of(unit: Unit) -> Unit | None:
    """Who looks at this unit's file next: a store's dealer, a dealer's region."""
    return network.get_unit(unit.parent_id) if unit.parent_id else None
