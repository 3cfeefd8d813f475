"""A dealer's file as its superiors see it: rows read-only and masked, in order or back; then the consolidation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import accounts, clocks, network, return_visits
from portal.access import Actor, Permission, Role, current_actor
from portal.core import arrival
from portal.core import month as months
from portal.core.errors import Conflict, NotFound
from portal.core.numbers import whole
from portal.core.texts import gettext
from portal.customer_files import queries, service
from portal.customer_files.forms import LONGEST_REASON, NoteForm, ReturnForm, reasons, tidy
from portal.customer_files.models import CustomerFile
from portal.customer_files.pages import shown
from portal.customer_files.pages.board import board_lines, state_of
from portal.customer_files.pages.door import FILERS, month_of, region_code, region_named, room
from portal.customer_files.pages.region import in_charge
from portal.customer_files.pages.row_shown import labels_for, notices, row_shown
from portal.customer_files.queries import RegionBoard, RowView
from portal.customer_files.queries.pages import customers_before, list_tab, month_before, same_phones
from portal.customer_files.rules.moves import FILED, MISSING, DealerState, State
from portal.customer_files.service import RowReason
from portal.network import Unit

TABS = ("all", "warnings", "excluded")
ROLES_SHOWN = (Role.DEALER_PRINCIPAL, Role.DEALER_CLERK)


def _dealer(code: str) -> tuple[Unit, Unit]:
    """(dealer, its region) in my subtree. Raises NotFound."""
    actor = current_actor()
    unit = network.unit_below(actor.unit_path, code)
    if actor.unit_kind in FILERS or unit is None or unit.kind != "dealer":
        raise NotFound()
    region = network.superior_of_kind(unit.unit_path, "region")
    if region is None:
        raise NotFound()
    return unit, region


@room.get("/region/<month>/<dealer>", needs=Permission.CUSTOMER_FILE_READ)
def dealer(month: str, dealer: str) -> ResponseReturnValue:
    """What the dealer has filed, row by row once it is submitted; before that only where it stands."""
    (unit, region), of, actor = _dealer(dealer), month_of(month), current_actor()
    versions = queries.list_versions(unit.id, of)
    state, file = queries.stand(versions)
    wanted = request.args.get("version", "")
    if wanted:
        file = next((each for each in versions if str(each.version) == wanted), None)
        if file is None:
            raise NotFound()
    parts = queries.list_parts(file) if file else []
    looked, part = file, None
    if request.args.get("part"):
        part = next((each for each in parts if each.unit.code == request.args["part"]), None)
        if part is None or part.file is None:
            raise NotFound()
        looked = part.file
    visible = looked is not None and queries.shows_rows(actor, looked)
    labels = labels_for(actor.network_id, of)
    tab = request.args.get("tab", "all") if request.args.get("tab") in TABS else "all"
    page = (
        list_tab(looked, tab, whole=False, cursor=request.args.get("cursor") or None)
        if looked and visible
        else None
    )
    duty = clocks.filing_duty(unit.id, of)
    due_at = duty.due_at if duty else clocks.calendar(actor.network_id, of).dealer_due_at
    filed = file is not None and file.submitted_at is not None
    ids = [file.id, *(each.file.id for each in parts if each.file)] if file and visible else []
    people = accounts.contacts_of(actor.network_id, [unit.id]).get(unit.id, [])
    closer = _closer_look(actor, of, unit) if filed and visible else []
    tag = shown.BOARD_TAGS[file.state if file is not None and (wanted or state == "nil") else state]
    return render_template(
        "customer_files/dealer.html",
        unit=unit,
        region=region,
        code=region_code(region),
        month=of,
        written=month,
        versions=versions,
        file=file,
        looked=looked,
        part=part,
        parts=parts,
        visible=visible,
        state_tag=tag,
        tags=shown.BOARD_TAGS,
        rows=[row_shown(view, labels) for view in page.items] if page else [],
        closer=closer,
        seen=_seen(actor, of, unit, looked, page.items) if looked and page else {},
        more=page.next_cursor if page else None,
        tab=tab,
        labels=labels,
        left=shown.limit(due_at, judged_at=file.judged_at if filed and file else None, long=True),
        totals=queries.totals_of(ids) if ids else None,
        before=month_before(unit.id, of),
        notices=notices(looked, labels, whole=False) if looked and visible else [],
        contacts=[each for each in people if each.role in ROLES_SHOWN],
        in_charge=in_charge(actor, region),
        reviewable=file is not None and file.state in FILED,
        missing=state in MISSING and not wanted,
        may_board=actor.may(Permission.CONSOLIDATION_READ),
        moment=shown.moment,
        second=shown.second,
        form=NoteForm(formdata=None),
    )


@dataclass(frozen=True)
class Closer:
    """Somebody worth a closer look: what was seen, each with the other records that are in my own subtree."""

    name: str
    row: int
    seen: Sequence[tuple[Any, Sequence[Any]]]


MOST_CLOSER = 6


def _closer_look(actor: Actor, of: date, unit: Unit) -> list[Closer]:
    people = return_visits.heaviest(actor, of, unit, MOST_CLOSER)
    found = return_visits.records(seen for each in people for seen in each.seen)
    return [
        Closer(
            each.name,
            each.record[1],
            [
                (
                    return_visits.signal_words(seen),
                    [found[record] for record in seen.records if record in found],
                )
                for seen in each.seen
            ],
        )
        for each in people
    ]


def _seen(
    actor: Actor, of: date, unit: Unit, file: CustomerFile, views: Sequence[RowView]
) -> dict[int, list[Any]]:
    """What was seen of the people in these rows, in words."""
    found = return_visits.signals_of_rows(actor, of, unit, file.id, [each.row for each in views])
    return {row: [return_visits.signal_words(each) for each in seen] for row, seen in found.items()}


def _filed(unit: Unit, of: date) -> CustomerFile:
    """The version that the form was made for, else the one that stands. Raises NotFound."""
    versions = queries.list_versions(unit.id, of)
    wanted = request.values.get("file", "")
    file = (
        next((each for each in versions if str(each.id) == wanted), None)
        if wanted
        else queries.stand(versions)[1]
    )
    if file is None:
        raise NotFound()
    return file


@room.post("/region/<month>/<dealer>/check", needs=Permission.CUSTOMER_FILE_CHECK, endpoint="dealer_check")
def check_dealer(month: str, dealer: str) -> ResponseReturnValue:
    """In order."""
    (unit, region), of, form = _dealer(dealer), month_of(month), NoteForm()
    file = _filed(unit, of)
    form.validate_on_submit()
    try:
        service.check_in_order(current_actor(), file.id, tidy(form.note.data)[:LONGEST_REASON])
    except Conflict as refused:
        flash(str(refused.detail), "warn")
        return redirect(url_for("customer_files.dealer", month=month, dealer=dealer))
    flash(gettext("%(dealer)s: checked.", dealer=unit.name), "ok")
    following = _next_to_check(region, of)
    if following is not None:
        return redirect(url_for("customer_files.dealer", month=month, dealer=following))
    return redirect(url_for("customer_files.region", month=month, region=region_code(region)))


def _next_to_check(region: Unit, of: date) -> str | None:
    """The dealer whose file has waited longest."""
    board = queries.region_board(region, of)
    waiting = [
        (line.submitted_at, line.unit.code)
        for line in board.dealers
        if state_of(line) is DealerState.SUBMITTED
    ]
    return min(waiting, key=lambda each: str(each[0]))[1] if waiting else None


@room.route(
    "/region/<month>/<dealer>/return",
    methods=["GET", "POST"],
    needs=Permission.CUSTOMER_FILE_CHECK,
    endpoint="dealer_return",
)
def return_dealer(month: str, dealer: str) -> ResponseReturnValue:
    """Back with a reason, and one for each row that was ticked."""
    (unit, region), of, form = _dealer(dealer), month_of(month), ReturnForm()
    service.must_be_in_charge(current_actor(), unit.unit_path)
    file = _filed(unit, of)
    ticked = [row for each in request.values.getlist("row") if (row := whole(each, 9)) is not None][:500]
    given = reasons(request.form, map(str, ticked))
    bare = [row for row in ticked if str(row) not in given] if form.is_submitted() else []
    if form.validate_on_submit() and not bare:
        rows = [RowReason(row, given[str(row)]) for row in ticked]
        if file.state != State.RETURNED:  # a second click finds it returned
            service.return_file(current_actor(), file.id, form.reason.data, rows)
        flash(
            gettext(
                "%(dealer)s: returned. The dealer has been told and has its own deadline.", dealer=unit.name
            ),
            "ok",
        )
        return redirect(url_for("customer_files.region", month=month, region=region_code(region)))
    if file.state not in FILED:
        flash(gettext("This file has changed meanwhile and cannot be returned now."), "warn")
        return redirect(url_for("customer_files.dealer", month=month, dealer=dealer))
    labels = labels_for(unit.network_id, of)
    known = queries.get_rows(file, ticked) if ticked else {}
    page = render_template(
        "customer_files/return.html",
        unit=unit,
        region=region,
        code=region_code(region),
        month=of,
        written=month,
        file=file,
        form=form,
        rows=[
            (row, queries.masked("customer_name", known[row].values.get("customer_name")))
            for row in ticked
            if row in known
        ],
        given=given,
        bare=bare,
        labels=labels,
    )
    return page, 422 if form.is_submitted() else 200


# --- to headquarters -----------------------------------------------------------------------------------------------


@room.get("/region/<month>/submit", needs=Permission.CONSOLIDATION_SUBMIT)
def consolidate(month: str) -> ResponseReturnValue:
    """Exactly what would be sent, and a reason for each dealer that is missing."""
    region, of = _region(), month_of(month)
    return _consolidate_page(region, of, queries.region_board(region, of), {})


def _region() -> Unit:
    region = region_named(current_actor(), request.args.get("region"))
    if region is None:
        raise NotFound()
    service.must_be_in_charge(current_actor(), region.unit_path)
    return region


def seen(board: RegionBoard) -> str:
    """What tells whether the board is still as somebody saw it."""
    parts = [f"{line.unit.id}.{line.state}.{line.file.id if line.file else 0}" for line in board.dealers]
    return sha256("|".join([str(len(board.consolidations)), *parts]).encode()).hexdigest()[:20]


def _consolidate_page(
    region: Unit,
    of: date,
    board: RegionBoard,
    given: dict[str, str],
    *,
    problems: dict[str, Any] | None = None,
    changed: bool = False,
    status: int = 200,
) -> ResponseReturnValue:
    fresh = [line for line in board.dealers if line.file is not None and line.file.state in FILED]
    owners = {line.file.id: line.unit.id for line in board.dealers if line.file and line.state not in MISSING}
    before = customers_before(region.unit_path, of)
    page = render_template(
        "customer_files/consolidate.html",
        region=region,
        code=region_code(region),
        month=of,
        written=months.text(of),
        board=board,
        fresh=fresh,
        unchecked=[line for line in fresh if state_of(line) is DealerState.SUBMITTED],
        customers=sum(line.customers for line in fresh),
        people=sum(line.people for line in fresh),
        excluded=sum(line.excluded for line in fresh),
        missing=[line for line in board_lines(board, {}) if line.line.owes],
        last=sum(before.get(line.unit.id, 0) for line in fresh),
        before=before,
        phones=same_phones(owners),
        given=given,
        problems=problems or {},
        changed=changed,
        left=shown.limit(board.due_at, judged_at=board.latest.judged_at if board.latest else None, long=True),
        seen=seen(board),
        moment=shown.moment,
        tags=shown.BOARD_TAGS,
        state_of=state_of,
    )
    return page, status


@room.post("/region/<month>/submit", needs=Permission.CONSOLIDATION_SUBMIT)
def consolidate_now(month: str) -> ResponseReturnValue:
    """Send it; twice gives the same receipt. What changed since the page was made is shown first."""
    requested_at = arrival.reached()
    region, of = _region(), month_of(month)
    board = queries.region_board(region, of)
    sent = request.form.get("number", "")
    if board.latest is not None and sent == str(board.latest.number):
        return redirect(
            url_for("customer_files.receipt", number=board.latest.receipt_number)
        )  # a second click
    given = reasons(request.form, [line.unit.code for line in board.missing])
    if seen(board) != request.form.get("seen"):
        return _consolidate_page(region, of, board, given, changed=True, status=409)
    problems = _bare(board, given)
    if problems:
        return _consolidate_page(region, of, board, given, problems=problems, status=422)
    try:
        receipt = service.consolidate(current_actor(), of, region, requested_at=requested_at, missing=given)
    except Conflict as refused:
        if refused.code == "nothing_new" and board.latest is not None:
            return redirect(url_for("customer_files.receipt", number=board.latest.receipt_number))
        raise
    return redirect(url_for("customer_files.receipt", number=receipt.number))


def _bare(board: RegionBoard, given: dict[str, str]) -> dict[str, Any]:
    """The first consolidation wants a reason for each dealer that is missing."""
    if board.consolidations:
        return {}
    silent: Sequence[Any] = [line for line in board.missing if line.unit.code not in given]
    return {
        f"reason-{line.unit.code}": gettext("Say why %(dealer)s is missing.", dealer=line.unit.name)
        for line in silent
    }
