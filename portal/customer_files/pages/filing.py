"""A dealer's or store's month: what is due, upload, by hand, nil return, the last look, taking it back."""

from datetime import date
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clocks, network, rulebook
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.db import finish
from portal.core.errors import Invalid, NotFound
from portal.core.texts import gettext, language
from portal.customer_files import queries, service
from portal.customer_files.forms import (
    MOST_BY_HAND,
    UNUSED,
    NilForm,
    SubmitForm,
    WithdrawForm,
    by_hand,
    filled,
    mapping,
    reasons,
)
from portal.customer_files.models import CustomerFile
from portal.customer_files.pages import held, shown
from portal.customer_files.pages.door import FILERS, filer, month_of, room
from portal.customer_files.pages.shown import MonthShown, labels_for, month_shown
from portal.customer_files.queries.pages import count_returned
from portal.customer_files.rules import FileRefused, from_records, judge, message, read, recognise
from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.headings import meaning
from portal.customer_files.rules.moves import COUNTED, Kind, RowStatus, State
from portal.customer_files.rules.problems import ERROR, Problem
from portal.customer_files.service import duties
from portal.network import Unit

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ACCEPTED = ".xlsx,.xls,.ods,.csv,.txt"
MAPPABLE = ("missing_columns", "ambiguous_columns")


def address(name: str, of: MonthShown, **more: Any) -> str:
    """The address of one of this month's pages, for the same unit."""
    return url_for(f"customer_files.{name}", month=of.written, unit=of.code, **more)


# --- where things stand --------------------------------------------------------------------------------------------


@room.get("/files", needs=Permission.CUSTOMER_FILE_READ)
def files() -> ResponseReturnValue:
    """My months; for those above a list of files."""
    actor = current_actor()
    if actor.unit_kind not in FILERS:
        return _files_above()
    unit = filer()
    now = clock.now()
    running = clocks.running_month(actor.network_id, now)
    listed = queries.list_months(unit.id, most=24)
    if not any(month == running for month, _, _ in listed):
        listed = [(running, queries.stand([])[0], None), *listed]
    stores = network.units_below(unit.unit_path, kind="store", active=True) if unit.kind == "dealer" else []
    shown_months = [
        (
            month,
            shown.own_tag(
                file.state if file is not None and state == "nil" and not file.submitted_at else state
            ),
            file,
            shown.limit(file.due_at, judged_at=file.judged_at) if file and file.due_at else None,
        )
        for month, state, file in sorted(listed, key=lambda line: line[0], reverse=True)
    ]
    return render_template(
        "customer_files/files.html",
        unit=unit,
        code=None if unit.id == actor.unit_id else unit.code,
        running=running,
        months=shown_months,
        stores=stores,
        moment=shown.moment,
        text=months.text,
    )


def _files_above() -> str:
    asked = request.args
    page = queries.list_files(
        current_actor(),
        month=month_of(asked["month"]) if asked.get("month") else None,
        unit=asked.get("unit") or None,
        cursor=asked.get("cursor") or None,
    )
    units = network.units_by_id(file.unit_id for file in page.items)
    return render_template(
        "customer_files/files_above.html",
        page=page,
        units=units,
        tags=shown.BOARD_TAGS,
        text=months.text,
        moment=shown.moment,
        asked=asked,
    )


@room.get("/files/<month>", needs=Permission.CUSTOMER_FILE_READ)
def month(month: str) -> ResponseReturnValue:
    """One month: time left, rail, parts, versions, what can be done."""
    of = month_of(month)
    here = month_shown(filer(), of)
    superior = shown.superior_of(here.unit)
    return render_template(
        "customer_files/month.html",
        its=here,
        address=address,
        superior=superior,
        state_tag=shown.own_tag(here.state),
        tags=shown.OWN_TAGS,
        moment=shown.moment,
        deadline=shown.deadline,
        follows=shown.consequences(here.unit.network_id, of) if here.unit.kind == "dealer" else [],
        earlier=months.text(months.before(of)),
        later=months.text(months.after(of)) if months.after(of) <= _running(here) else None,
    )


def _running(here: MonthShown) -> date:
    return clocks.running_month(here.unit.network_id, clock.now())


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
            actor, month=of, name=name, content=content, received_at=clock.now(), unit=code, mapping=chosen
        )
    except Invalid as refused:
        finish(good=False)
        if refused.code in MAPPABLE and chosen is None:
            ticket = held.hold(actor, name, content)
            return redirect(url_for("customer_files.map", month=months.text(of), unit=code, held=ticket))
        return _upload_page(month_shown(unit, of), refused)
    if received.again:
        flash(gettext("This is the same file as the latest version: nothing was sent twice."), "info")
    return redirect(_after(received.file, code))


def _after(file: CustomerFile, code: str | None) -> str:
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
    text = "" if cell is None else cell.text if hasattr(cell, "text") else shown.plain(cell)
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
    absent = [column.label(language()) for column in columns if column.required and column.name not in used]
    if absent:
        problems[""] = gettext("Still without a heading: %(names)s.", names=shown.listed(absent))
    return problems


# --- by hand -------------------------------------------------------------------------------------------------------


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
            {column.name: shown.plain(row.values.get(column.name)) for column in labels.columns}
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
    removed = request.form.get("remove", "")
    if removed.isdigit():
        rows = [row for place, row in enumerate(rows) if place != int(removed)] or [{}]
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
        current_actor(), month=of, customers=customers, received_at=clock.now(), unit=here.code
    )
    return redirect(_after(received.file, here.code))


def _judged(of: date, columns: Any, customers: list[dict[str, str]]) -> list[Problem]:
    """The errors of rows that are not sent yet."""
    sheet, headings = from_records(customers, columns)
    today = clock.local(clock.now()).date()
    try:
        judged = judge(sheet, headings, columns, of, today, zone=shown.zone())
    except FileRefused:
        return []  # the service says why
    return [problem for problem in judged.problems if problem.severity == ERROR]


# --- nil return, parts alone ---------------------------------------------------------------------------------------


@room.route("/files/<month>/nil", methods=["GET", "POST"], needs=Permission.CUSTOMER_FILE_SUBMIT)
def nil(month: str) -> ResponseReturnValue:
    """No customers this month: a reason, then the last look."""
    here, form = month_shown(filer(), month_of(month)), NilForm()
    if form.validate_on_submit():
        received = service.receive_nil(
            current_actor(),
            month=here.month,
            reason=form.reason.data,
            received_at=clock.now(),
            unit=here.code,
        )
        if received.file.state in COUNTED:
            return redirect(_after(received.file, here.code))
        return redirect(address("submit", here))
    status = 422 if form.is_submitted() else 200
    return render_template("customer_files/nil.html", its=here, address=address, form=form), status


@room.post("/files/<month>/parts", needs=Permission.CUSTOMER_FILE_SUBMIT)
def parts_only(month: str) -> ResponseReturnValue:
    """A dealer without customers of its own files its stores' parts."""
    here = month_shown(filer(), month_of(month))
    received = service.receive_parts_only(
        current_actor(), month=here.month, received_at=clock.now(), unit=here.code
    )
    if received.file.state in COUNTED:
        return redirect(_after(received.file, here.code))
    return redirect(address("submit", here))


# --- the last look -------------------------------------------------------------------------------------------------


@room.get("/files/<month>/submit", needs=Permission.CUSTOMER_FILE_SUBMIT)
def submit(month: str) -> ResponseReturnValue:
    here = month_shown(filer(), month_of(month))
    if here.draft is None:
        return redirect(address("month", here))
    if here.draft.state != State.READY:
        return redirect(address("check", here))
    return _submit_page(here, here.draft, SubmitForm(formdata=None), {})


def _submit_page(
    here: MonthShown,
    file: CustomerFile,
    form: SubmitForm,
    given: dict[str, str],
    *,
    problems: dict[str, Any] | None = None,
    changed: bool = False,
    status: int = 200,
) -> ResponseReturnValue:
    silent = _silent(here, file)
    page = render_template(
        "customer_files/submit.html",
        its=here,
        address=address,
        file=file,
        form=form,
        figures=shown.figures(file, here.parts),
        silent=silent,
        given=given,
        problems=problems or {},
        changed=changed,
        superior=shown.superior_of(here.unit),
        tags=shown.OWN_TAGS,
        stamp=shown.stamp(file),
    )
    return page, status


def _silent(here: MonthShown, file: CustomerFile) -> list[queries.Part]:
    """The stores that owe a part and have sent nothing: each needs a reason."""
    owing = duties.owing_stores(file, [part.unit for part in here.parts])
    return [
        part
        for part in here.parts
        if part.unit.id in owing and (part.file is None or part.file.state not in shown.service_takes())
    ]


@room.post("/files/<month>/submit", needs=Permission.CUSTOMER_FILE_SUBMIT)
def submit_now(month: str) -> ResponseReturnValue:
    """File it; twice gives the same receipt. What changed since the page was made is shown first."""
    requested_at = clock.now()
    here, form = month_shown(filer(), month_of(month)), SubmitForm()
    wanted = request.form.get("file", "")
    file = next((each for each in here.versions if str(each.id) == wanted), None)
    if file is None:
        raise NotFound()
    if file.state in COUNTED and file.receipt_number:
        return redirect(url_for("customer_files.receipt", number=file.receipt_number))
    silent = _silent(here, file)
    given = reasons(request.form, [part.unit.code for part in silent])
    if file.state != State.READY or shown.stamp(file) != request.form.get("seen"):
        current = here.draft
        if current is None or current.state != State.READY:
            flash(gettext("The file has changed meanwhile: look at it again before you submit."), "warn")
            return redirect(address("check" if current else "month", here))
        return _submit_page(here, current, form, given, changed=True, status=409)
    problems: dict[str, Any] = {
        f"reason-{part.unit.code}": gettext("Say why %(store)s has sent nothing.", store=part.unit.name)
        for part in silent
        if part.unit.code not in given
    }
    if shown.figures(file, here.parts).ask and not form.complete.data:
        problems["complete"] = gettext(
            "Far fewer customers than last month: tick this once you have looked again."
        )
    if not form.validate_on_submit() or problems:
        return _submit_page(here, file, form, given, problems=problems, status=422)
    receipt = service.submit(current_actor(), file.id, requested_at=requested_at, missing=given)
    return redirect(url_for("customer_files.receipt", number=receipt.number))


# --- taking it back, the next version ------------------------------------------------------------------------------


@room.route("/files/<month>/withdraw", methods=["GET", "POST"], needs=Permission.CUSTOMER_FILE_SUBMIT)
def withdraw(month: str) -> ResponseReturnValue:
    here, form = month_shown(filer(), month_of(month)), WithdrawForm()
    wanted = request.form.get("file")
    target = here.filed if wanted is None else next((f for f in here.versions if str(f.id) == wanted), None)
    if target is None:
        return redirect(address("month", here))
    if form.validate_on_submit():
        if target.state == State.WITHDRAWN:
            return redirect(address("month", here))  # a second click
        service.withdraw(current_actor(), target.id, form.reason.data)
        flash(gettext("Withdrawn. The month is open again: file it before the deadline."), "ok")
        return redirect(address("month", here))
    status = 422 if form.is_submitted() else 200
    return render_template(
        "customer_files/withdraw.html", its=here, address=address, form=form, file=target
    ), status


@room.post("/files/<month>/revise", needs=Permission.CUSTOMER_FILE_SUBMIT)
def revise(month: str) -> ResponseReturnValue:
    """The next version with the same rows; twice opens the same draft."""
    here = month_shown(filer(), month_of(month))
    wanted = request.form.get("file", "")
    source = next((file for file in here.versions if str(file.id) == wanted), None)
    if source is None:
        raise NotFound()
    new = service.revise(current_actor(), source.id)
    tab = "returned" if count_returned(new) else None
    if new.kind in (Kind.NIL, Kind.PARTS):
        return redirect(address("upload", here))
    return redirect(address("check", here, tab=tab))


# --- spreadsheets --------------------------------------------------------------------------------------------------


@room.get("/files/template.xlsx", needs=Permission.CUSTOMER_FILE_READ)
def template() -> Response:
    """The empty form of a month, the running one by default."""
    asked = request.args.get("month")
    of = month_of(asked) if asked else clocks.running_month(current_actor().network_id, clock.now())
    written = months.text(of)
    name = gettext("Customer file template") + f"_{written}.xlsx"
    return spreadsheet(service.template(current_actor(), of), name)


def spreadsheet(content: bytes, name: str) -> Response:
    response = Response(content, mimetype=XLSX)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@room.get("/files/<month>/annotated.xlsx", needs=Permission.CUSTOMER_FILE_SUBMIT)
def annotated(month: str) -> Response:
    """The person's own file with what is wrong in front of each row."""
    here = month_shown(filer(), month_of(month))
    file = here.draft or here.standing
    if file is None or file.kind not in (Kind.SHEET, Kind.ROWS) or file.state == State.CHECKING:
        raise NotFound()
    stem = (file.file_name or "").rpartition(".")[0] or gettext("Customer file")
    return spreadsheet(service.annotated(current_actor(), file.id), f"{stem}_{gettext('annotated')}.xlsx")
