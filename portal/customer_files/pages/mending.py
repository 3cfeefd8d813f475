"""Checking a draft: what is wrong, mended in place, one correction for all equal values, rows left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal import rulebook
from portal.access import Permission, current_actor
from portal.core.db import finish
from portal.core.errors import Conflict, Invalid, NotFound
from portal.core.numbers import whole
from portal.core.texts import gettext, ngettext
from portal.customer_files import queries, service
from portal.customer_files.forms import LONGEST_CELL, LONGEST_REASON, Fix, fixes, tidy
from portal.customer_files.models import CustomerFile
from portal.customer_files.pages import shown
from portal.customer_files.pages.door import filer, month_of, room
from portal.customer_files.pages.month_shown import MonthShown, address, month_shown
from portal.customer_files.pages.row_shown import Labels, RowShown, labels_for, notices, plain, row_shown
from portal.customer_files.pages.uploading import ACCEPTED
from portal.customer_files.queries.pages import count_returned, list_tab
from portal.customer_files.rules.moves import EDITABLE, RowStatus, State
from portal.customer_files.rules.problems import ERROR

TABS = ("bad", "warnings", "returned", "good", "excluded", "all")
MANY = 200
"""From so many errors on the page shows the first ones and the annotated file has all."""
IN_SUMMARY = 8
LEAST = 50


@dataclass(frozen=True)
class Typed:
    """A form that could not be saved: what was typed, and what somebody else has written meanwhile."""

    values: Mapping[str, str]
    stale: Mapping[str, str]
    notes: Mapping[str, Any]  # field id → what is wrong with it


NOTHING = Typed({}, {}, {})


@room.get("/files/<month>/check", needs=Permission.CUSTOMER_FILE_READ)
def check(month: str) -> ResponseReturnValue:
    """The draft's rows by tab; a file that is being checked shows its progress."""
    here = month_shown(filer(), month_of(month))
    if here.draft is None:
        return redirect(address("month", here))
    return _check_page(here, here.draft)


def _check_page(
    here: MonthShown,
    file: CustomerFile,
    typed: Typed = NOTHING,
    *,
    lost: list[Fix] | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    labels = labels_for(here.unit.network_id, here.month)
    returned = count_returned(file) if file.revision_of else 0
    tab = _tab(file, returned)
    shown_rows, more = _rows(file, tab, labels, typed)
    wrong = [each for row in shown_rows for each in row.troubles] if tab == "bad" else []
    page = render_template(
        "customer_files/check.html",
        its=here,
        address=address,
        file=file,
        tab=tab,
        results=_tabs(here, file, tab, returned),
        rows=shown_rows,
        more=more,
        many=file.bad > MANY,
        wrong=wrong,
        in_summary=IN_SUMMARY,
        equal=queries.list_wrong_values(file, most=6)
        if file.state in EDITABLE and (file.bad or file.warnings)
        else [],
        labels=labels,
        notices=notices(file, labels, whole=True),
        typed=typed,
        lost=lost or [],
        editable=file.state in EDITABLE,
        limits=rulebook.current(here.unit.network_id, here.month).limits,
        accepted=ACCEPTED,
        stamp=shown.stamp(file),
        size=shown.size,
        moment=shown.moment,
        states=RowStatus,
    )
    return page, status


def _tab(file: CustomerFile, returned: int) -> str:
    asked = request.args.get("tab", "")
    if asked in TABS:
        return asked
    if returned:
        return "returned"
    return "bad" if file.bad else "warnings" if file.warnings else "all"


def _tabs(here: MonthShown, file: CustomerFile, tab: str, returned: int) -> list[tuple[str, str, str, bool]]:
    named = {
        "bad": (gettext("Errors"), file.bad),
        "warnings": (gettext("Warnings"), file.warnings),
        "returned": (gettext("Sent back"), returned),
        "good": (gettext("Passed"), file.good),
        "excluded": (gettext("Left out"), file.excluded),
        "all": (gettext("All"), file.total),
    }
    return [
        (address("check", here, tab=name), words, f"{count:,}", name == tab)
        for name, (words, count) in named.items()
        if count or name in ("bad", "warnings", "good", "all") or name == tab
    ]


def _rows(file: CustomerFile, tab: str, labels: Labels, typed: Typed) -> tuple[list[RowShown], str | None]:
    if file.state == State.CHECKING:
        return [], None
    cursor = request.args.get("cursor") or None
    page = list_tab(file, tab, whole=True, cursor=cursor, limit=LEAST)
    only = ERROR if tab == "bad" else None
    rows = [row_shown(view, labels, only=only, typed=typed.values, stale=typed.stale) for view in page.items]
    return rows, page.next_cursor


# --- many rows in one form -----------------------------------------------------------------------------------------


@room.post("/files/<month>/check", needs=Permission.CUSTOMER_FILE_SUBMIT)
def mend(month: str) -> ResponseReturnValue:
    """Save every changed cell of the form, then leave out the row whose button was pressed, if one was."""
    here = month_shown(filer(), month_of(month))
    file, given = here.draft, fixes(request.form)
    left_out = request.form.get("leave_out", "")
    if file is None or str(file.id) != request.form.get("file") or file.state not in EDITABLE:
        return _overtaken(here, given)
    known = queries.get_rows(file, {fix.row for fix in given})
    stale = _stale(given, known)
    notes = _notes(left_out)
    if stale or notes:
        return _check_page(here, file, Typed(_typed(), stale, notes), status=409 if stale else 422)
    try:
        count = _save(file, given, known)
        if left_out:
            _leave_out(file, left_out)
    except (Conflict, Invalid) as refused:
        finish(good=False)
        flash(str(refused.detail), "bad")
        again = month_shown(filer(), month_of(month))
        if again.draft is None:
            return redirect(address("month", again))
        return _check_page(again, again.draft, Typed(_typed(), {}, {}), status=refused.status)
    _say(file, count, left_out)
    return redirect(address("check", here, tab=_next_tab(file)))


def _next_tab(file: CustomerFile) -> str | None:
    asked = request.args.get("tab")
    return asked if asked in TABS and not (asked == "bad" and not file.bad) else None


def _typed() -> dict[str, str]:
    return {
        name: tidy(value)[:LONGEST_CELL] for name, value in request.form.items() if name[:2] in ("v-", "w-")
    }


def _stale(given: list[Fix], known: Mapping[int, queries.RowView]) -> dict[str, str]:
    """Cells that somebody else has changed since the page was made, with what stands there now."""
    found = {}
    for fix in given:
        if fix.row not in known:
            continue
        now = tidy(plain(known[fix.row].values.get(fix.column)))
        if now not in (fix.seen, fix.typed):
            found[fix.name] = now
    return found


def _notes(left_out: str) -> dict[str, Any]:
    if left_out and not tidy(request.form.get(f"w-{left_out}")):
        return {f"w-{left_out}": gettext("Say why row %(row)s is left out.", row=left_out)}
    return {}


def _save(file: CustomerFile, given: list[Fix], known: Mapping[int, queries.RowView]) -> int:
    by_row: dict[int, dict[str, Any]] = {}
    for fix in given:
        if fix.row in known and known[fix.row].status is not RowStatus.EXCLUDED:
            by_row.setdefault(fix.row, {})[fix.column] = fix.typed
    for row, values in by_row.items():
        service.mend_row(current_actor(), file.id, row, values)
    return len(by_row)


def _leave_out(file: CustomerFile, written: str) -> None:
    row = whole(written, 9)
    if row is None:
        raise NotFound()
    reason = tidy(request.form.get(f"w-{written}"))[:LONGEST_REASON]
    service.exclude_row(current_actor(), file.id, row, reason)


def _say(file: CustomerFile, count: int, left_out: str) -> None:
    if count:
        saved = ngettext(
            "%(num)d row was saved and checked again.", "%(num)d rows were saved and checked again.", count
        )
        left = ngettext("%(num)d row still has errors.", "%(num)d rows still have errors.", file.bad)
        flash(f"{saved} {left}" if file.bad else saved, "warn" if file.bad else "ok")
    if left_out:
        flash(gettext("Row %(row)s is left out.", row=left_out), "ok")
    if not count and not left_out:
        flash(gettext("Nothing was changed."), "info")


def _overtaken(here: MonthShown, given: list[Fix]) -> ResponseReturnValue:
    """The draft that this form was made for is no longer the one: show the present one, and keep what was typed."""
    if here.draft is None or here.draft.state not in EDITABLE:
        if given:
            flash(_kept(given), "warn")
        return redirect(address("month" if here.draft is None else "check", here))
    return _check_page(here, here.draft, lost=given, status=409)


def _kept(given: list[Fix]) -> str:
    typed = shown.listed(f"{fix.row}: {fix.typed[:60]}" for fix in given[:12])
    return str(gettext("The file has changed meanwhile; this was not saved: %(typed)s", typed=typed))


# --- one correction for all equal values ---------------------------------------------------------------------------


@room.post("/files/<month>/check/equal", needs=Permission.CUSTOMER_FILE_SUBMIT)
def correct(month: str) -> ResponseReturnValue:
    """One right value for every cell that holds the same wrong one, remembered for the next months."""
    here = month_shown(filer(), month_of(month))
    if here.draft is None or str(here.draft.id) != request.form.get("file"):
        return _overtaken(here, [])
    column, wrong = request.form.get("column", ""), request.form.get("wrong", "")
    right = tidy(request.form.get("right"))[:LONGEST_CELL]
    if not right or right == wrong:
        flash(gettext("Type the right value first."), "warn")
        return redirect(address("check", here, tab=request.args.get("tab")))
    count = service.correct_equal(current_actor(), here.draft.id, column, wrong, right)
    flash(
        ngettext(
            "“%(wrong)s” is now “%(right)s” in %(num)d row; remembered for the next files.",
            "“%(wrong)s” is now “%(right)s” in %(num)d rows; remembered for the next files.",
            count,
            wrong=wrong,
            right=right,
        ),
        "ok",
    )
    return redirect(address("check", here))


# --- one row -------------------------------------------------------------------------------------------------------


@room.get("/files/<month>/rows/<key:row>", needs=Permission.CUSTOMER_FILE_READ)
def row(month: str, row: int) -> ResponseReturnValue:
    """One row with all its columns."""
    here = month_shown(filer(), month_of(month))
    file = here.draft or here.standing
    view = queries.get_row(file, row, whole=True) if file is not None and row > 0 else None
    if file is None or view is None:
        raise NotFound()
    return _row_page(here, file, view)


def _row_page(
    here: MonthShown, file: CustomerFile, view: queries.RowView, typed: Typed = NOTHING, status: int = 200
) -> ResponseReturnValue:
    labels = labels_for(here.unit.network_id, here.month)
    cells = row_shown(view, labels, typed=typed.values, stale=typed.stale)
    page = render_template(
        "customer_files/row.html",
        its=here,
        address=address,
        file=file,
        row=cells,
        said={each.column.name: each for each in cells.troubles if each.column},
        about=[each for each in cells.troubles if not each.column],
        labels=labels,
        typed=typed,
        plain=plain,
        editable=file.state in EDITABLE,
        excluded=view.status is RowStatus.EXCLUDED,
        modes={"phone": "tel", "date": "numeric", "whole": "numeric", "decimal": "decimal"},
    )
    return page, status


@room.post("/files/<month>/rows/<key:row>", needs=Permission.CUSTOMER_FILE_SUBMIT)
def mend_row(month: str, row: int) -> ResponseReturnValue:
    """Save the row, leave it out, or take it in again."""
    here = month_shown(filer(), month_of(month))
    file = here.draft
    given = [fix for fix in fixes(request.form) if fix.row == row]
    if file is None or str(file.id) != request.form.get("file") or file.state not in EDITABLE:
        return _overtaken(here, given)
    known = queries.get_rows(file, [row])
    if row not in known:
        raise NotFound()
    wanted = request.form.get("do", "save")
    stale, notes = _stale(given, known), _notes(str(row)) if wanted == "leave_out" else {}
    if stale or notes:
        return _row_page(here, file, known[row], Typed(_typed(), stale, notes), 409 if stale else 422)
    if wanted == "take_in":
        service.include_row(current_actor(), file.id, row)
        flash(gettext("Row %(row)s is taken in again.", row=row), "ok")
    else:
        count = _save(file, given, known)
        if wanted == "leave_out":
            _leave_out(file, str(row))
        _say(file, count, str(row) if wanted == "leave_out" else "")
    return redirect(address("check", here))
