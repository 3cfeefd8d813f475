"""The region's board: who has filed, who has not, what waits to be checked; its summary file."""

from datetime import date

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clocks, network
from portal.access import Actor, Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.errors import NotAllowed, NotFound
from portal.core.texts import gettext
from portal.customer_files import queries, service
from portal.customer_files.pages import shown
from portal.customer_files.pages.board import (
    ORDERS,
    Asked,
    board_lines,
    cities_of,
    counts_of,
    heads_of,
    oldest,
    page_of,
    tabs_of,
)
from portal.customer_files.pages.door import FILERS, month_of, region_code, region_named, room
from portal.customer_files.pages.sheets import spreadsheet
from portal.customer_files.queries.pages import times_late
from portal.network import Unit


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
    asked = Asked.read(request.args)
    page = page_of(
        filter(asked.wants, lines), asked.sort, request.args.get("cursor", ""), request.args.get("before", "")
    )
    return render_template(
        "customer_files/region.html",
        board=board,
        region=unit,
        code=region_code(unit),
        month=of,
        written=month,
        page=page,
        asked=asked,
        cities=cities_of(lines),
        orders=ORDERS,
        heads=heads_of(asked, month, region_code(unit)),
        results=tabs_of(lines, asked, month, region_code(unit)),
        missing_tab="missing",
        counts=counts_of(lines),
        left=shown.limit(board.due_at, judged_at=board.latest.judged_at if board.latest else None, long=True),
        deadline=shown.deadline(board.due_at),
        oldest=oldest(lines),
        follows=shown.consequences(unit.network_id, of),
        in_charge=in_charge(actor, unit),
        may_look=actor.may(Permission.CUSTOMER_FILE_READ),
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
