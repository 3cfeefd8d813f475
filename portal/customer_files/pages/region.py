"""The region's board: who has filed, who has not, what waits to be checked; many dealers at once."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from portal import accounts, clocks, network
from portal.access import Actor, Permission, current_actor
from portal.accounts import Contact
from portal.clocks import Due
from portal.core import clock
from portal.core import month as months
from portal.core.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.core.texts import gettext, ngettext
from portal.customer_files import queries, service
from portal.customer_files.forms import NoteForm, ReturnForm
from portal.customer_files.pages import shown
from portal.customer_files.pages.door import FILERS, month_of, region_code, region_named, room
from portal.customer_files.pages.filing import spreadsheet
from portal.customer_files.queries import DealerLine, RegionBoard
from portal.customer_files.queries.pages import times_late
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


# --- the board -----------------------------------------------------------------------------------------------------


@room.get("/region", needs=Permission.CONSOLIDATION_READ)
def regional() -> ResponseReturnValue:
    """The running month's board."""
    running = clocks.running_month(current_actor().network_id, clock.now())
    return redirect(
        url_for("customer_files.region", month=months.text(running), region=request.args.get("region"))
    )


@room.get("/region/<month>", needs=Permission.CONSOLIDATION_READ)
def region(month: str) -> ResponseReturnValue:
    """A region's dealers, urgent first, with what can be done about them."""
    actor, of = current_actor(), month_of(month)
    unit = region_named(actor, request.args.get("region"))
    if unit is None:
        return redirect(url_for("customer_files.regions", month=month))
    board = queries.region_board(unit, of)
    lines = board_lines(board, times_late(unit.unit_path, of, clock.now()))
    asked = {name: request.args.get(name, "") for name in ("state", "q", "time")}
    kept = [each for each in lines if _wanted(each, asked)]
    page, following = _page(kept, request.args.get("cursor", ""))
    return render_template(
        "customer_files/region.html",
        board=board,
        region=unit,
        code=region_code(unit),
        month=of,
        written=month,
        lines=page,
        found=len(kept),
        following=following,
        asked=asked,
        results=_tabs(lines, asked, month, region_code(unit)),
        missing_tab="missing",
        counts=_counts(lines),
        left=shown.limit(board.due_at, judged_at=board.latest.judged_at if board.latest else None, long=True),
        deadline=shown.deadline(board.due_at),
        oldest=_oldest(lines),
        follows=shown.consequences(unit.network_id, of),
        in_charge=in_charge(actor, unit),
        may_export=actor.may(Permission.CONSOLIDATION_EXPORT),
        moment=shown.moment,
        earlier=months.text(months.before(of)),
        later=_later(of),
    )


def _later(of: date) -> str | None:
    following = months.after(of)
    return (
        months.text(following)
        if following <= clocks.running_month(current_actor().network_id, clock.now())
        else None
    )


def in_charge(actor: Actor, unit: Unit) -> bool:
    """Whether this actor checks, returns and consolidates here."""
    if not actor.may(Permission.CONSOLIDATION_SUBMIT):
        return False
    try:
        service.must_be_in_charge(actor, unit.unit_path)
    except NotAllowed:
        return False
    return True


def _wanted(line: Line, asked: Mapping[str, str]) -> bool:
    text, time = asked["q"].strip().casefold(), asked["time"]
    if text and text not in line.unit.name.casefold() and text not in line.unit.code.casefold():
        return False
    if time == "late" and not (line.overdue or line.line.on_time is False):
        return False
    if time == "on_time" and line.line.on_time is not True:
        return False
    return not asked["state"] or line.state in _of_tab(asked["state"])


def _of_tab(name: str) -> frozenset[DealerState]:
    if name == "missing":
        return MISSING_TAB
    return TABS[name][1] if name in TABS else frozenset(DealerState)


def _tabs(
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


def _page(lines: Sequence[Line], cursor: str) -> tuple[list[Line], str | None]:
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


def _counts(lines: Iterable[Line]) -> Counts:
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


def _oldest(lines: Iterable[Line]) -> Any:
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


# --- several at once -----------------------------------------------------------------------------------------------

DEEDS = ("check", "return", "remind")


@room.get("/region/<month>/bulk", needs=Permission.CUSTOMER_FILE_CHECK)
def bulk(month: str) -> ResponseReturnValue:
    """What would be done to the ticked dealers, and who would be skipped and why; nothing is done yet."""
    unit, of, what = _asked(month, request.args.get("what", ""))
    codes = request.args.getlist("dealer")
    if not codes and what != "remind":
        flash(gettext("Tick the dealers first."), "warn")
        return redirect(url_for("customer_files.region", month=month, region=region_code(unit)))
    return _bulk_page(
        unit, of, what, codes, ReturnForm(formdata=None) if what == "return" else NoteForm(formdata=None)
    )


def _asked(month: str, what: str) -> tuple[Unit, date, str]:
    unit = region_named(current_actor(), request.args.get("region"))
    if unit is None or what not in DEEDS:
        raise NotFound()
    service.must_be_in_charge(current_actor(), unit.unit_path)
    return unit, month_of(month), what


def _bulk_page(
    unit: Unit, of: date, what: str, codes: list[str], form: Any, status: int = 200
) -> ResponseReturnValue:
    board = queries.region_board(unit, of)
    if not codes:
        codes = [line.unit.code for line in board.dealers if line.owes]
    todo, skipped = _sorted_out(board, what, codes)
    page = render_template(
        "customer_files/bulk.html",
        region=unit,
        code=region_code(unit),
        month=of,
        written=months.text(of),
        what=what,
        todo=todo,
        skipped=skipped,
        form=form,
        owing=service.who_still_owes(unit, of) if what == "remind" else "",
        moment=shown.moment,
    )
    return page, status


def _sorted_out(
    board: RegionBoard, what: str, codes: Iterable[str]
) -> tuple[list[DealerLine], list[tuple[DealerLine, Any]]]:
    """Who is in the state for this deed, and who is skipped with the reason."""
    by_code = {line.unit.code: line for line in board.dealers}
    todo, skipped = [], []
    for code in dict.fromkeys(codes):
        line = by_code.get(code)
        if line is None:
            continue
        why = _why_not(line, what)
        if why:
            skipped.append((line, why))
        else:
            todo.append(line)
    return todo, skipped


def _why_not(line: DealerLine, what: str) -> Any:
    state = state_of(line)
    if what == "remind":
        return "" if line.owes else gettext("owes nothing any more")
    if state in MISSING:
        return (
            gettext("has not submitted a file")
            if state is not DealerState.RETURNED
            else gettext("is returned already")
        )
    if state is DealerState.CONSOLIDATED:
        return gettext("is consolidated already and stays as it is")
    if what == "check" and state is DealerState.CHECKED:
        return gettext("is checked already")
    return ""


@room.post("/region/<month>/bulk", needs=Permission.CUSTOMER_FILE_CHECK)
def bulk_now(month: str) -> ResponseReturnValue:
    """Do it; whoever has moved on meanwhile is skipped and named."""
    unit, of, what = _asked(month, request.form.get("what", ""))
    codes = request.form.getlist("dealer")
    form = ReturnForm() if what == "return" else NoteForm()
    if not form.validate_on_submit():
        return _bulk_page(unit, of, what, codes, form, 422)
    board = queries.region_board(unit, of)
    todo, skipped = _sorted_out(board, what, codes)
    names = [line.unit.name for line, _why in skipped]
    done = 0
    if what == "remind":
        done = (
            len(
                service.remind(
                    current_actor(), of, unit, [line.unit.code for line in todo], form.note.data or ""
                ).reminded
            )
            if todo
            else 0
        )
    else:
        for line in todo:
            if _review(what, line, form):
                done += 1
            else:
                names.append(line.unit.name)
    _tell(what, done, names)
    return redirect(url_for("customer_files.region", month=month, region=region_code(unit)))


def _review(what: str, line: DealerLine, form: Any) -> bool:
    assert line.file is not None
    try:
        if what == "check":
            service.check_in_order(current_actor(), line.file.id, form.note.data or "")
        else:
            service.return_file(current_actor(), line.file.id, form.reason.data)
    except (Conflict, Invalid):
        return False
    return True


def _tell(what: str, done: int, skipped: Sequence[str]) -> None:
    said = {
        "check": ngettext("%(num)d file checked.", "%(num)d files checked.", done),
        "return": ngettext("%(num)d file returned.", "%(num)d files returned.", done),
        "remind": ngettext("%(num)d dealer reminded.", "%(num)d dealers reminded.", done),
    }
    words = said[what]
    if skipped:
        words += " " + gettext("Skipped: %(names)s.", names=shown.listed(skipped[:20]))
    flash(words, "ok" if done else "warn")


# --- the summary file ----------------------------------------------------------------------------------------------


@room.get("/region/<month>/summary.xlsx", needs=Permission.CONSOLIDATION_EXPORT)
def summary(month: str) -> Response:
    """The region's summary customer file; above a region, of every region below me."""
    actor, of = current_actor(), month_of(month)
    if actor.unit_kind in FILERS:
        raise NotFound()
    unit = region_named(actor, request.args.get("region"))
    regions = [unit] if unit else list(network.units_below(actor.unit_path, kind="region"))
    name = f"{gettext('Summary customer file')}_{month}_{unit.name if unit else actor.network_name}.xlsx"
    return spreadsheet(service.summary(actor, of, regions), name)
