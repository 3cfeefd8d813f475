"""The lines of a region's board: each dealer's state in words, filtered, in order, page by page."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import url_for
from flask_babel import lazy_gettext as _

from portal import accounts
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
    people = accounts.contacts_of(board.region.network_id, [line.unit.id for line in board.dealers])
    return [
        _line(line, now, late.get(line.unit.id, 0), people.get(line.unit.id, [])) for line in board.dealers
    ]


def _line(line: DealerLine, now: datetime, late: int, people: Sequence[Contact]) -> Line:
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


def wanted(line: Line, asked: Mapping[str, str]) -> bool:
    text, time = asked["q"].strip().casefold(), asked["time"]
    if text and text not in line.unit.name.casefold() and text not in line.unit.code.casefold():
        return False
    if time == "late" and not (line.overdue or line.line.on_time is False):
        return False
    if time == "on_time" and line.line.on_time is not True:
        return False
    return not asked["state"] or line.state in of_tab(asked["state"])


def of_tab(name: str) -> frozenset[DealerState]:
    if name == "missing":
        return MISSING_TAB
    return TABS[name][1] if name in TABS else frozenset(DealerState)


def tabs_of(
    lines: Sequence[Line], asked: Mapping[str, str], month: str, code: str | None
) -> list[tuple[str, Any, int, bool]]:
    others: dict[str, Any] = {name: asked[name] or None for name in ("q", "time")}
    made: list[tuple[str, Any, int, bool]] = [
        (
            url_for("customer_files.region", month=month, region=code, **others),
            gettext("All"),
            len(lines),
            not asked["state"],
        )
    ]
    for name, (words, states) in TABS.items():
        count = sum(1 for line in lines if line.state in states)
        on = asked["state"] == name
        if count or on or name != "consolidated":
            where = url_for("customer_files.region", month=month, region=code, state=name, **others)
            made.append((where, words, count, on))
    return made


def _urgency(line: Line) -> str:
    """A place in the order of urgency, as text that compares as it sorts; the cursor of the board."""
    return f"{0 if line.overdue else 1}{URGENCY[line.state]}{line.unit.code}"


def page_of(lines: Sequence[Line], cursor: str) -> tuple[list[Line], str | None]:
    """The lines after the cursor's place, urgent first; the place where the next page begins after."""
    ordered = sorted((line for line in lines if not cursor or _urgency(line) > cursor), key=_urgency)
    page = ordered[:LONGEST_PAGE]
    return page, _urgency(page[-1]) if len(ordered) > LONGEST_PAGE else None


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
