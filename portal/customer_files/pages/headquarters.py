"""All regions of a month, for headquarters and channels; each leads down to its board and every row."""

from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import clocks, network
from portal.access import Permission, current_actor
from portal.clocks import Due
from portal.core import clock
from portal.core import month as months
from portal.core.texts import gettext
from portal.customer_files import queries
from portal.customer_files.pages import shown
from portal.customer_files.pages.board import state_of
from portal.customer_files.pages.door import month_of, room
from portal.customer_files.queries import RegionBoard
from portal.customer_files.rules.moves import MISSING, DealerState


@dataclass(frozen=True)
class RegionLine:
    """A region on the board of all regions."""

    board: RegionBoard
    channel: str
    tag: shown.Tag
    limit: Due
    filed: int
    checked: int
    returned: int
    missing: int
    overdue: bool
    bar: list[tuple[float, str]]

    @property
    def of(self) -> int:
        return len(self.board.dealers)


@room.get("/regions", needs=Permission.CONSOLIDATION_READ)
def all_regions() -> ResponseReturnValue:
    running = clocks.running_month(current_actor().network_id, clock.now())
    return redirect(url_for("customer_files.regions", month=months.text(running)))


@room.get("/regions/<month>", needs=Permission.CONSOLIDATION_READ)
def regions(month: str) -> ResponseReturnValue:
    actor, of = current_actor(), month_of(month)
    if actor.unit_kind == "region":
        return redirect(url_for("customer_files.region", month=month))
    units = network.units_below(actor.unit_path, kind="region", active=True)
    channels = {unit.id: unit.name for unit in network.units_below(actor.unit_path, kind="channel")}
    boards = queries.list_boards(units, of, actor.unit_path)
    lines = [_line(board, channels.get(board.region.parent_id or 0, "")) for board in boards]
    wanted = request.args.get("state", "")
    running = clocks.running_month(actor.network_id, clock.now())
    following = months.after(of)
    return render_template(
        "customer_files/regions.html",
        month=of,
        written=month,
        lines=sorted((each for each in lines if _wanted(each, wanted)), key=_urgency),
        every=lines,
        wanted=wanted,
        calendar=clocks.calendar(actor.network_id, of),
        left=shown.limit(clocks.calendar(actor.network_id, of).region_due_at, long=True),
        results=_tabs(lines, wanted, month),
        may_export=actor.may(Permission.CONSOLIDATION_EXPORT),
        earlier=months.text(months.before(of)),
        later=months.text(following) if following <= running else None,
        follows=shown.consequences(actor.network_id, of),
        moment=shown.moment,
        deadline=shown.deadline,
    )


def _line(board: RegionBoard, channel: str) -> RegionLine:
    now = clock.now()
    states = [state_of(line) for line in board.dealers]
    missing = sum(1 for state in states if state in MISSING and state is not DealerState.RETURNED)
    returned, waiting = states.count(DealerState.RETURNED), states.count(DealerState.SUBMITTED)
    checked = len(states) - missing - returned - waiting
    done = board.latest is not None
    overdue = not done and now >= board.due_at
    if done:
        tag: shown.Tag = ("ok", gettext("Consolidated"), None)
        if board.state == "amendable":
            tag = ("warn", gettext("More has come in"), None)
    else:
        tag = ("bad", gettext("Overdue"), None) if overdue else ("mute", gettext("Not consolidated"), None)
    parts = [("ok", checked), ("warn", waiting), ("info", returned), ("bad", missing)]
    bar = (
        [(round(100 * count / len(states), 2), f"f-{kind}") for kind, count in parts if count]
        if states
        else []
    )
    first = board.consolidations[0] if board.consolidations else None
    return RegionLine(
        board=board,
        channel=channel,
        tag=tag,
        limit=shown.limit(board.due_at, judged_at=first.judged_at if first else None),
        filed=checked + waiting,
        checked=checked,
        returned=returned,
        missing=missing,
        overdue=overdue,
        bar=bar,
    )


def _urgency(line: RegionLine) -> tuple[bool, bool, str]:
    return (not line.overdue, line.board.latest is not None, line.board.region.code)


def _wanted(line: RegionLine, state: str) -> bool:
    if state == "open":
        return line.board.latest is None
    if state == "consolidated":
        return line.board.latest is not None
    return state != "overdue" or line.overdue


def _tabs(lines: list[RegionLine], wanted: str, month: str) -> list[tuple[str, str, int, bool]]:
    named = {
        "": gettext("All"),
        "overdue": gettext("Overdue"),
        "open": gettext("Not consolidated"),
        "consolidated": gettext("Consolidated"),
    }
    return [
        (
            url_for("customer_files.regions", month=month, state=state or None),
            words,
            sum(1 for line in lines if _wanted(line, state)),
            wanted == state,
        )
        for state, words in named.items()
    ]
