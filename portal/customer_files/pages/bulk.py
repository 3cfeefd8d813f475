"""Many dealers at once: what would be done, who is skipped and why, then it is done."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.access import Permission, current_actor
from portal.core import month as months
from portal.core.errors import Conflict, Invalid, NotFound
from portal.core.texts import gettext, ngettext
from portal.customer_files import queries, service
from portal.customer_files.forms import NoteForm, ReturnForm
from portal.customer_files.pages import shown
from portal.customer_files.pages.board import Asked, board_lines, state_of
from portal.customer_files.pages.door import month_of, region_code, region_named, room
from portal.customer_files.queries import DealerLine, RegionBoard
from portal.customer_files.rules.moves import MISSING, DealerState
from portal.network import Unit

DEEDS = ("check", "return", "remind")


@room.get("/region/<month>/bulk", needs=Permission.CUSTOMER_FILE_CHECK)
def bulk(month: str) -> ResponseReturnValue:
    """What would be done to the ticked dealers, and who would be skipped and why; nothing is done yet."""
    unit, of, what = _asked(month, request.args.get("what", ""))
    codes = request.args.getlist("dealer")
    if request.args.get("all"):
        board = queries.region_board(unit, of)
        lines = filter(Asked.read(request.args).wants, board_lines(board, {}))
        codes = [line.unit.code for line in lines]
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
