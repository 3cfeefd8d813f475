"""A file comes in: upload, and the page on which a dealer says what its headings mean."""

from datetime import date
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import rulebook
from portal.access import Permission, current_actor
from portal.core import arrival
from portal.core import month as months
from portal.core.db import finish
from portal.core.errors import Invalid
from portal.core.texts import gettext, language
from portal.customer_files import queries, service
from portal.customer_files.forms import (
    UNUSED,
    mapping,
)
from portal.customer_files.models import CustomerFile
from portal.customer_files.pages import held, shown
from portal.customer_files.pages.door import filer, month_of, room
from portal.customer_files.pages.month_shown import MonthShown, address, month_shown
from portal.customer_files.pages.row_shown import labels_for, plain
from portal.customer_files.rules import FileRefused, read, recognise
from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.headings import meaning
from portal.customer_files.rules.moves import COUNTED
from portal.network import Unit

ACCEPTED = ".xlsx,.xls,.ods,.csv,.txt"


MAPPABLE = ("missing_columns", "ambiguous_columns")


# --- upload --------------------------------------------------------------------------------------------------------


@room.get("/files/<month>/upload", needs=Permission.CUSTOMER_FILE_SUBMIT)
def upload(month: str) -> ResponseReturnValue:
    return _upload_page(month_shown(filer(), month_of(month)))


def _upload_page(here: MonthShown, refused: Invalid | None = None) -> ResponseReturnValue:
    page = render_template(
        "customer_files/upload.html",
        its=here,
        address=address,
        accepted=ACCEPTED,
        limits=rulebook.current(here.unit.network_id, here.month).limits,
        refused=refused,
    )
    return page, 422 if refused else 200


@room.post("/files/<month>/upload", needs=Permission.CUSTOMER_FILE_SUBMIT)
def send(month: str) -> ResponseReturnValue:
    """The bytes come in; headings that nobody knows lead to the mapping page, which keeps the file."""
    unit, of = filer(), month_of(month)
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        words = gettext("Choose a file first.")
        return _upload_page(month_shown(unit, of), Invalid("required", words))
    name, content = service.safe_name(sent.filename), sent.stream.read()
    return _receive(unit, of, name, content, None)


def _receive(
    unit: Unit, of: date, name: str, content: bytes, chosen: dict[str, str | None] | None
) -> ResponseReturnValue:
    actor, code = current_actor(), None if unit.id == current_actor().unit_id else unit.code
    try:
        received = service.receive_sheet(
            actor,
            month=of,
            name=name,
            content=content,
            received_at=arrival.bytes_in(),
            unit=code,
            mapping=chosen,
        )
    except Invalid as refused:
        finish(good=False)
        if refused.code in MAPPABLE and chosen is None:
            ticket = held.hold(actor, name, content)
            return redirect(url_for("customer_files.map", month=months.text(of), unit=code, held=ticket))
        return _upload_page(month_shown(unit, of), refused)
    if received.again:
        flash(gettext("This is the same file as the latest version: nothing was sent twice."), "info")
    return redirect(after(received.file, code))


def after(file: CustomerFile, code: str | None) -> str:
    """Where a file's own state leads to."""
    if file.receipt_number and file.state in COUNTED:
        return url_for("customer_files.receipt", number=file.receipt_number)
    return url_for("customer_files.check", month=months.text(file.month), unit=code)


# --- mapping -------------------------------------------------------------------------------------------------------


@room.get("/files/<month>/mapping", needs=Permission.CUSTOMER_FILE_SUBMIT, endpoint="map")
def map_headings(month: str) -> ResponseReturnValue:
    """Which of the file's own headings is which column."""
    here, ticket = month_shown(filer(), month_of(month)), request.args.get("held", "")
    found = held.fetch(current_actor(), ticket)
    if found is None:
        flash(gettext("The file is not here any more. Choose it again; nothing else is lost."), "warn")
        return redirect(address("upload", here))
    return _mapping_page(here, ticket, found)


def _mapping_page(
    here: MonthShown,
    ticket: str,
    found: tuple[str, bytes],
    chosen: dict[str, str] | None = None,
    problems: dict[str, Any] | None = None,
) -> ResponseReturnValue:
    headings = _headings(here, found)
    if headings is None:
        return redirect(address("upload", here))
    labels = labels_for(here.unit.network_id, here.month)
    remembered = queries.mapping_of(here.unit.id)
    if chosen is None:
        chosen = {
            text: remembered.get(text) or meaning(text, tuple(labels.columns)) or "" for text, _ in headings
        }
    page = render_template(
        "customer_files/mapping.html",
        its=here,
        address=address,
        ticket=ticket,
        file_name=found[0],
        headings=headings,
        chosen=chosen,
        columns=labels.columns,
        absent=shown.listed(_absent(chosen, labels.columns)),
        unused=UNUSED,
        language=language(),
        problems=problems or {},
    )
    return page, 422 if problems else 200


def _headings(here: MonthShown, found: tuple[str, bytes]) -> list[tuple[str, list[str]]] | None:
    """The headings as they stand in the file, each once, with the first values below them."""
    name, content = found
    columns = service.columns_for(here.unit.network_id, here.month)
    book = rulebook.current(here.unit.network_id, here.month)
    try:
        sheet = read(content, name, service.limits_of(book), columns)
        first, texts = recognise(sheet.rows, columns).last, list(recognise(sheet.rows, columns).found)
    except FileRefused as refused:
        if refused.code not in MAPPABLE:
            return None
        first, texts = refused.extra["row"] - 1, list(refused.extra["found"])
    below = [row for row in sheet.rows[first + 1 : first + 40] if any(cell not in ("", None) for cell in row)]
    at = {text: place for place, text in reversed(list(enumerate(map(_text, sheet.rows[first]))))}
    named: dict[str, list[str]] = {}
    for text in texts:
        place = at.get(text, -1)
        values = [
            _text(row[place]) for row in below if 0 <= place < len(row) and row[place] not in ("", None)
        ]
        if text:
            named.setdefault(text, values[:3])
    return list(named.items())


def _text(cell: Any) -> str:
    text = "" if cell is None else cell.text if hasattr(cell, "text") else plain(cell)
    return " ".join(text.split())[:60]


@room.post("/files/<month>/mapping", needs=Permission.CUSTOMER_FILE_SUBMIT)
def set_mapping(month: str) -> ResponseReturnValue:
    unit, of = filer(), month_of(month)
    here, ticket = month_shown(unit, of), request.form.get("held", "")
    found = held.fetch(current_actor(), ticket)
    headings = _headings(here, found) if found else None
    if found is None or headings is None:
        flash(gettext("The file is not here any more. Choose it again; nothing else is lost."), "warn")
        return redirect(address("upload", here))
    labels = labels_for(unit.network_id, of)
    chosen = mapping(request.form, [text for text, _ in headings], labels.columns)
    problems = _mapping_problems(chosen, labels.columns)
    if problems:
        return _mapping_page(here, ticket, found, chosen, problems)
    given: dict[str, str | None] = {
        heading: None if name == UNUSED else name for heading, name in chosen.items() if name
    }
    answer = _receive(unit, of, *found, given)
    if isinstance(answer, Response) or not isinstance(answer, tuple):
        held.drop(current_actor(), ticket)
    return answer


def _mapping_problems(chosen: dict[str, str], columns: tuple[Column, ...] | Any) -> dict[str, Any]:
    """By heading ("" for the whole form): what is still wrong with the choice."""
    problems: dict[str, Any] = {}
    used: dict[str, str] = {}
    for heading, name in chosen.items():
        if not name or name == UNUSED:
            continue
        if name in used:
            problems[heading] = gettext("The heading “%(other)s” is this column already.", other=used[name])
        used.setdefault(name, heading)
    absent = _absent(chosen, columns)
    if absent:
        problems[""] = gettext("Still without a heading: %(names)s.", names=shown.listed(absent))
    return problems


def _absent(chosen: dict[str, str], columns: tuple[Column, ...] | Any) -> list[str]:
    """The required columns that no heading means yet, in the reader's language."""
    used = set(chosen.values())
    return [column.label(language()) for column in columns if column.required and column.name not in used]
