"""The lines of a region's board: each dealer's state in words, filtered, in order, page by page."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _

from portal import accounts, network, return_visits
from portal.access import current_actor
from portal.accounts import Contact
from portal.clocks import Due
from portal.core import clock
from portal.core.texts import gettext, ngettext
from portal.customer_files.pages import shown
from portal.customer_files.queries import DealerLine, RegionBoard
from portal.customer_files.rules.moves import MISSING, URGENCY, DealerState
from portal.network import Unit

LONGEST_PAGE = 50
TABS: Mapping[str, tuple[Any, frozenset[DealerState]]] = {
    "not_filed": (
        _("Not filed"),
        frozenset({DealerState.NOT_BEGUN, DealerState.CHECKING, DealerState.READY}),
    ),
    "errors": (_("With errors"), frozenset({DealerState.NEEDS_CORRECTION})),
    "submitted": (_("To check"), frozenset({DealerState.SUBMITTED})),
    "returned": (_("Returned"), frozenset({DealerState.RETURNED})),
    "checked": (_("Checked"), frozenset({DealerState.CHECKED})),
    "consolidated": (_("Consolidated"), frozenset({DealerState.CONSOLIDATED})),
}
MISSING_TAB = frozenset(TABS["not_filed"][1] | TABS["errors"][1])


@dataclass(frozen=True)
class Line:
    """A dealer on the board, as it is shown."""

    line: DealerLine
    state: DealerState
    tag: shown.Tag
    overdue: bool
    limit: Due | None
    at: str
    sub: Any
    checks: Any
    bad: bool
    contact: Contact | None
    doubtful: int  # people worth a closer look
    act: str  # remind, check or look

    @property
    def unit(self) -> Unit:
        return self.line.unit


def state_of(line: DealerLine) -> DealerState:
    """Where the dealer's file stands; a nil return is checked and consolidated like any other."""
    if line.state is DealerState.NIL and line.file is not None:
        return DealerState(line.file.state)
    return line.state


def board_lines(board: RegionBoard, late: Mapping[int, int]) -> list[Line]:
    now = clock.now()
    dealers = [line.unit for line in board.dealers]
    people = accounts.contacts_of(board.region.network_id, [unit.id for unit in dealers])
    doubtful = return_visits.doubtful_people(current_actor(), board.month, dealers)
    return [
        _line(
            line,
            now,
            late.get(line.unit.id, 0),
            people.get(line.unit.id, []),
            doubtful.get(line.unit.id, 0),
        )
        for line in board.dealers
    ]


def _line(line: DealerLine, now: datetime, late: int, people: Sequence[Contact], doubtful: int) -> Line:
    state, overdue = state_of(line), line.overdue(now)
    tag = shown.BOARD_TAGS[state]
    if overdue and state is DealerState.NOT_BEGUN:
        tag = ("bad", gettext("Not filed"), None)
    limit, at, sub = None, "", _times(late)
    file = line.file
    if state is DealerState.RETURNED and file is not None and file.returned_at:
        at, sub = (
            gettext("Returned %(at)s", at=shown.moment(file.returned_at)),
            gettext("Waiting for the dealer"),
        )
    elif state in MISSING:
        limit = shown.limit(line.due_at)
    elif file is not None and file.submitted_at and file.due_at:
        at = shown.moment(file.submitted_at)
        sub = (
            shown.limit(file.due_at, judged_at=file.judged_at).words
            if not file.on_time
            else gettext("On time")
        )
    return Line(
        line=line,
        state=state,
        tag=tag,
        overdue=overdue,
        limit=limit,
        at=at,
        sub=sub if limit is None or overdue or late else "",
        checks=_checks(line),
        bad=bool(file and file.bad and state in MISSING),
        contact=next(iter(people), None),
        doubtful=doubtful,
        act="look"
        if (not line.owes and state is not DealerState.SUBMITTED) or state is DealerState.RETURNED
        else "check"
        if state is DealerState.SUBMITTED
        else "remind",
    )


def _times(late: int) -> Any:
    return (
        gettext("Late %(num)d times in 6 months", num=late)
        if late > 1
        else gettext("Late for the first time")
        if late
        else ""
    )


def _checks(line: DealerLine) -> Any:
    file = line.file
    if file is None:
        return ""
    if file.bad and line.state in MISSING:
        return ngettext("%(num)d error", "%(num)d errors", file.bad)
    if line.state is DealerState.NIL:
        return gettext("Nil return")
    words = []
    if file.warnings:
        words.append(ngettext("%(num)d warning", "%(num)d warnings", file.warnings))
    if line.excluded:
        words.append(gettext("%(num)d left out", num=line.excluded))
    return shown.listed(words)


@dataclass(frozen=True)
class Asked:
    """What the reader wants of the board. All of it stands in the address, so that any view can be sent on."""

    state: str = ""
    q: str = ""
    city: str = ""
    time: str = ""
    sort: str = ""  # a key of SORTS, "-" before it for the other way round; "" is the order of urgency

    @classmethod
    def read(cls, given: Mapping[str, str]) -> "Asked":
        asked = cls(**{each.name: given.get(each.name, "") for each in fields(cls)})
        return asked if asked.sort.removeprefix("-") in SORTS else replace(asked, sort="")

    @property
    def filtered(self) -> bool:
        return bool(self.q or self.city or self.time)

    def address(self, month: str, code: str | None, **changed: str | None) -> str:
        """The address of this view, some of it changed."""
        kept = {each.name: getattr(self, each.name) or None for each in fields(self)} | changed
        return url_for("customer_files.region", month=month, region=code, **kept)

    def wants(self, line: Line) -> bool:
        text = self.q.strip().casefold()
        if text and text not in line.unit.name.casefold() and text not in line.unit.code.casefold():
            return False
        if self.city and line.unit.city != self.city:
            return False
        if self.time == "late" and not (line.overdue or line.line.on_time is False):
            return False
        if self.time == "on_time" and line.line.on_time is not True:
            return False
        return not self.state or line.state in of_tab(self.state)


def of_tab(name: str) -> frozenset[DealerState]:
    if name == "missing":
        return MISSING_TAB
    return TABS[name][1] if name in TABS else frozenset(DealerState)


def tabs_of(
    lines: Sequence[Line], asked: Asked, month: str, code: str | None
) -> list[tuple[str, Any, int, bool]]:
    made: list[tuple[str, Any, int, bool]] = [
        (asked.address(month, code, state=None), gettext("All"), len(lines), not asked.state)
    ]
    for name, (words, states) in TABS.items():
        count = sum(1 for line in lines if line.state in states)
        on = asked.state == name
        if count or on or name != "consolidated":
            made.append((asked.address(month, code, state=name), words, count, on))
    return made


def cities_of(lines: Iterable[Line]) -> list[tuple[str, str]]:
    """The cities to choose from, as Chinese readers sort them; none where the dealers are all in one."""
    found = sorted({line.unit.city for line in lines if line.unit.city}, key=network.pinyin)
    return [(city, city) for city in found] if len(found) > 1 else []


def _urgency(line: Line) -> str:
    return f"{0 if line.overdue else 1}{URGENCY[line.state]}{line.unit.code}"


def _by_name(line: Line) -> str:
    return f"{line.unit.sort_key} {line.unit.code}"


def _by_customers(line: Line) -> str:
    return f"{line.line.customers:09d}{line.unit.code}"


def _by_time(line: Line) -> str:
    at = line.line.submitted_at
    return f"{at.timestamp() if at else 0:014.3f}{line.unit.code}"


SORTS: Mapping[str, Callable[[Line], str]] = {
    "name": _by_name,
    "customers": _by_customers,
    "submitted": _by_time,
}
"""A line's place in an order, as text that compares as it sorts: it is the cursor of the board's pages too."""


ORDERS = [
    ("name", _("By name")),
    ("-customers", _("Most customers first")),
    ("-submitted", _("Last filed first")),
]
"""What a phone offers, where the table has no heads to tap."""


def heads_of(asked: Asked, month: str, code: str | None) -> dict[str, tuple[str, str]]:
    """By column: where its head leads, and how the column is sorted now (aria-sort)."""
    heads = {}
    for name in SORTS:
        first, second = (name, f"-{name}") if name == "name" else (f"-{name}", name)
        following = second if asked.sort == first else first
        now = {name: "ascending", f"-{name}": "descending"}.get(asked.sort, "")
        heads[name] = asked.address(month, code, sort=following), now
    return heads


@dataclass(frozen=True)
class Shown:
    """A page of the board: lines `first` to `last` of `of`, and where the neighbours begin."""

    lines: Sequence[Line]
    first: int
    of: int
    previous: str | None
    following: str | None

    @property
    def last(self) -> int:
        return self.first + len(self.lines) - 1


def page_of(lines: Iterable[Line], sort: str, after: str = "", before: str = "") -> Shown:
    """The lines after the place `after`, or those just before the place `before`, of one order."""
    down, key = sort.startswith("-"), SORTS.get(sort.removeprefix("-"), _urgency)
    ordered = sorted(lines, key=key, reverse=down)
    places = [key(line) for line in ordered]
    start = 0
    if before:
        ahead = sum(1 for place in places if (place > before if down else place < before))
        start = max(0, ahead - LONGEST_PAGE)
    elif after:
        start = sum(1 for place in places if (place >= after if down else place <= after))
    end = start + LONGEST_PAGE
    return Shown(
        ordered[start:end],
        start + 1,
        len(ordered),
        places[start] if 0 < start < len(places) else None,
        places[end - 1] if end < len(places) else None,
    )


@dataclass(frozen=True)
class Counts:
    """Dealers of the whole board by what they mean for the consolidation."""

    of: int
    done: int
    submitted: int
    returned: int
    missing: int

    @property
    def bar(self) -> list[tuple[float, str]]:
        parts = [("ok", self.done), ("warn", self.submitted), ("info", self.returned), ("bad", self.missing)]
        return (
            [(round(100 * count / self.of, 2), f"f-{kind}") for kind, count in parts if count]
            if self.of
            else []
        )


def counts_of(lines: Iterable[Line]) -> Counts:
    states = Counter(line.state for line in lines)

    def tally(wanted: frozenset[DealerState]) -> int:
        return sum(states[state] for state in wanted)

    done = frozenset({DealerState.CHECKED, DealerState.CONSOLIDATED})
    return Counts(
        states.total(),
        tally(done),
        tally(TABS["submitted"][1]),
        tally(TABS["returned"][1]),
        tally(MISSING_TAB),
    )


def oldest(lines: Iterable[Line]) -> Any:
    """How long the first file has been waiting to be checked."""
    waiting = [
        each.line.submitted_at
        for each in lines
        if each.state is DealerState.SUBMITTED and each.line.submitted_at
    ]
    if not waiting:
        return ""
    hours = int((clock.now() - min(waiting)).total_seconds() // 3600)
    days, rest = divmod(hours, 24)
    if not hours:
        return ""
    if days:
        return gettext("The first one has been waiting %(days)d d %(hours)d h", days=days, hours=rest)
    return gettext("The first one has been waiting %(hours)d h", hours=hours)
