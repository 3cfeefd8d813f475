"""A form of rows, for a dealer with a handful of customers."""

from datetime import date
from typing import Any

from flask import redirect, render_template, request
from flask.typing import ResponseReturnValue

from portal import rulebook
from portal.access import Permission, current_actor
from portal.core import arrival, clock
from portal.core.numbers import whole
from portal.core.texts import gettext, language
from portal.customer_files import queries, service
from portal.customer_files.forms import (
    MOST_BY_HAND,
    by_hand,
    filled,
)
from portal.customer_files.pages import shown
from portal.customer_files.pages.door import filer, month_of, room
from portal.customer_files.pages.month_shown import MonthShown, address, month_shown
from portal.customer_files.pages.row_shown import labels_for, plain
from portal.customer_files.pages.uploading import after
from portal.customer_files.rules import FileRefused, from_records, judge, message
from portal.customer_files.rules.moves import Kind, RowStatus
from portal.customer_files.rules.problems import ERROR, Problem


@room.get("/files/<month>/by-hand", needs=Permission.CUSTOMER_FILE_SUBMIT)
def by_hand_form(month: str) -> ResponseReturnValue:
    """A form of rows; it opens with the rows of the present draft where that was made by hand."""
    here = month_shown(filer(), month_of(month))
    labels = labels_for(here.unit.network_id, here.month)
    rows: list[dict[str, str]] = []
    source = here.draft or here.standing
    if source is not None and source.kind == Kind.ROWS and source.total <= MOST_BY_HAND:
        page = queries.list_rows(source, whole=True, limit=MOST_BY_HAND)
        rows = [
            {column.name: plain(row.values.get(column.name)) for column in labels.columns}
            for row in page.items
            if row.status is not RowStatus.EXCLUDED
        ]
    return _by_hand_page(here, labels.columns, rows or [{}])


def _by_hand_page(
    here: MonthShown,
    columns: Any,
    rows: list[dict[str, str]],
    problems: list[Problem] | None = None,
    words: Any = "",
) -> ResponseReturnValue:
    labels = labels_for(here.unit.network_id, here.month)
    said: dict[str, str] = {}
    for problem in problems or []:
        field = f"r-{problem.row}-{problem.column or 'customer_name'}"
        said.setdefault(
            field,
            str(message(problem.code, {**problem.params, "value": problem.value}, labels.of(problem.column))),
        )
    page = render_template(
        "customer_files/by_hand.html",
        its=here,
        address=address,
        columns=columns,
        language=language(),
        hints={
            column.name: column.hint for column in rulebook.current(here.unit.network_id, here.month).columns
        },
        rows=rows,
        most=MOST_BY_HAND,
        said=said,
        words=words,
        modes={"phone": "tel", "date": "numeric", "whole": "numeric", "decimal": "decimal"},
    )
    return page, 422 if problems or words else 200


@room.post("/files/<month>/by-hand", needs=Permission.CUSTOMER_FILE_SUBMIT)
def send_by_hand(month: str) -> ResponseReturnValue:
    """One more row, or all of them in; what is wrong is said beside the field and everything typed stays."""
    unit, of = filer(), month_of(month)
    here = month_shown(unit, of)
    columns = labels_for(unit.network_id, of).columns
    rows = by_hand(request.form, columns)
    removed = whole(request.form.get("remove", ""))
    if removed is not None:
        rows = [row for place, row in enumerate(rows) if place != removed] or [{}]
        return _by_hand_page(here, columns, rows)
    if "add" in request.form:
        return _by_hand_page(here, columns, [*rows, {}][:MOST_BY_HAND])
    places = filled(rows)
    if not places:
        return _by_hand_page(
            here, columns, rows, words=gettext("Fill in at least one customer, or file a nil return.")
        )
    customers = [{name: text for name, text in rows[place].items() if text} for place in places]
    problems = _judged(of, columns, customers)
    if problems:
        moved = [problem._replace(row=places[problem.row - 1]) for problem in problems if problem.row]
        return _by_hand_page(here, columns, rows, moved)
    received = service.receive_rows(
        current_actor(), month=of, customers=customers, received_at=arrival.bytes_in(), unit=here.code
    )
    return redirect(after(received.file, here.code))


def _judged(of: date, columns: Any, customers: list[dict[str, str]]) -> list[Problem]:
    """The errors of rows that are not sent yet."""
    sheet, headings = from_records(customers, columns)
    today = clock.local(clock.now()).date()
    try:
        judged = judge(sheet, headings, columns, of, today, zone=shown.zone())
    except FileRefused:
        return []  # the service says why
    return [problem for problem in judged.problems if problem.severity == ERROR]
