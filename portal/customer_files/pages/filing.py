"""A dealer's or store's month: where it stands, nil return, the last look, taking it back, the next version."""

from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clocks, network
from portal.access import Permission, current_actor
from portal.core import arrival, clock
from portal.core import month as months
from portal.core.errors import NotFound
from portal.core.texts import gettext
from portal.customer_files import queries, service
from portal.customer_files.forms import (
    NilForm,
    SubmitForm,
    WithdrawForm,
    reasons,
)
from portal.customer_files.models import CustomerFile
from portal.customer_files.pages import shown
from portal.customer_files.pages.door import FILERS, filer, month_of, room
from portal.customer_files.pages.month_shown import MonthShown, address, figures, month_shown, service_takes
from portal.customer_files.pages.uploading import after
from portal.customer_files.queries.pages import count_returned
from portal.customer_files.rules.moves import COUNTED, Kind, State
from portal.customer_files.service import duties

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
            received_at=arrival.bytes_in(),
            unit=here.code,
        )
        if received.file.state in COUNTED:
            return redirect(after(received.file, here.code))
        return redirect(address("submit", here))
    status = 422 if form.is_submitted() else 200
    return render_template("customer_files/nil.html", its=here, address=address, form=form), status


@room.post("/files/<month>/parts", needs=Permission.CUSTOMER_FILE_SUBMIT)
def parts_only(month: str) -> ResponseReturnValue:
    """A dealer without customers of its own files its stores' parts."""
    here = month_shown(filer(), month_of(month))
    received = service.receive_parts_only(
        current_actor(), month=here.month, received_at=arrival.bytes_in(), unit=here.code
    )
    if received.file.state in COUNTED:
        return redirect(after(received.file, here.code))
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
        figures=figures(file, here.parts),
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
        if part.unit.id in owing and (part.file is None or part.file.state not in service_takes())
    ]


@room.post("/files/<month>/submit", needs=Permission.CUSTOMER_FILE_SUBMIT)
def submit_now(month: str) -> ResponseReturnValue:
    """File it; twice gives the same receipt. What changed since the page was made is shown first."""
    requested_at = arrival.reached()
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
    if figures(file, here.parts).ask and not form.complete.data:
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
