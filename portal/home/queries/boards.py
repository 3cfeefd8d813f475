"""Start pages of those above the dealers: how many have filed, who is missing, what is due when."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from portal import clocks, customer_files, network, sanctions
from portal.access import Permission
from portal.clocks import Kind, Obligation
from portal.core import month as months
from portal.core.texts import gettext, ngettext
from portal.core.waiting import MOST
from portal.customer_files import RegionBoard
from portal.home import rules
from portal.home.queries.desks import case_tasks, visit_figures
from portal.home.queries.moment import Moment, Start, frame, month_duties, stops
from portal.home.queries.places import reach, superiors_of
from portal.home.rules import Action, Check, Figure, MonthCard, UnitLine

SHOWN_UNITS = 12


@dataclass(frozen=True)
class Tally:
    """How many dealers stand where, over one board or several."""

    states: Counter[str]
    customers: int

    @property
    def of(self) -> int:
        return self.states.total()

    @property
    def done(self) -> int:
        return sum(self.states[each] for each in ("checked", "consolidated", "nil"))

    @property
    def filed(self) -> int:
        return self.done + self.states["submitted"]

    @property
    def missing(self) -> int:
        """Without a filed one, the returned ones apart."""
        return self.of - self.filed - self.states["returned"]


def tally(boards: Sequence[RegionBoard]) -> Tally:
    states = Counter(str(line.state) for board in boards for line in board.dealers)
    return Tally(states, sum(board.customers for board in boards))


def superior(moment: Moment) -> Start:
    """A regional manager sees the dealers, a channel manager the regions."""
    actor = moment.actor
    boards, duties = _boards(moment), _duties(moment)
    whole = tally(boards)
    region = actor.unit_kind == "region"
    board = reach(actor)(f"/{'region' if region else 'regions'}/{months.text(moment.month)}") or ""
    named = moment.month_words
    return frame(
        moment,
        "region",
        gettext(
            "%(month)s: %(filed)d of %(of)d dealers have filed", month=named, filed=whole.filed, of=whole.of
        ),
        card=board_card(moment, duties.get(actor.unit_id), board),
        tasks=rules.first_due(
            [*month_duties(moment, clocks.duties_of(actor.unit_id, limit=MOST)), *case_tasks(moment)]
        ),
        units=_dealer_lines(moment, boards) if region else region_lines(moment, boards, duties),
        units_title=gettext("Dealers, the urgent ones first")
        if region
        else gettext("Regions in %(month)s", month=named),
        units_first=gettext("Dealer") if region else gettext("Region"),
        board_href=board,
        bar=_bar(whole),
        bar_words=_bar_words(whole),
        checks=_checks(whole, board if region else ""),
        contacts=superiors_of(actor),
    )


def _boards(moment: Moment) -> list[RegionBoard]:
    path = moment.actor.unit_path
    return customer_files.list_boards(
        network.units_below(path, kind="region", active=True), moment.month, path
    )


def _duties(moment: Moment) -> dict[int, Obligation]:
    """The regions' clocks of the month, by region."""
    return {duty.unit_id: duty for duty in clocks.month_duties(moment.month, Kind.CONSOLIDATION)}


def board_card(moment: Moment, own: Obligation | None, board: str) -> MonthCard | None:
    if moment.ruled is None:
        return None
    calendar = moment.ruled.calendar
    due_at = own.due_at if own else calendar.region_due_at
    done = own is not None and own.judged_at is not None
    late = not done and moment.now >= due_at
    stage = 3 if done else 2 if moment.now >= calendar.dealer_due_at else 1
    state = (
        rules.state_tag("consolidated")
        if done
        else ("bad", gettext("Overdue"))
        if late
        else ("warn", gettext("Open"))
    )
    words = (
        gettext("See the board")
        if done
        or moment.actor.unit_kind != "region"  # a channel consolidates only where a region has no manager
        else gettext("Check and consolidate")
    )
    return MonthCard(
        title=gettext("Consolidation of %(month)s", month=moment.month_words),
        state=state,
        limit=moment.due(due_at, own, minutes_too=True),
        stops=stops(moment, stage, late),
        primary=Action(board, words, "layers") if board else None,
    )


def _bar(whole: Tally) -> list[tuple[float, str]]:
    states = whole.states
    parts = [
        ("ok", whole.done),
        ("warn", states["submitted"]),
        ("info", states["returned"]),
        ("bad", whole.missing),
    ]
    return rules.shares(parts)


def _bar_words(whole: Tally) -> Any:
    return gettext(
        "%(checked)d checked, %(submitted)d to check, %(returned)d returned, %(missing)d missing",
        checked=whole.done,
        submitted=whole.states["submitted"],
        returned=whole.states["returned"],
        missing=whole.missing,
    )


def _checks(whole: Tally, board: str) -> list[Check]:
    missing, returned, waiting = whole.missing, whole.states["returned"], whole.states["submitted"]
    lines = []
    if missing:
        words = ngettext("%(num)d dealer has not filed", "%(num)d dealers have not filed", missing)
        act = Action(f"{board}?state=missing", gettext("Remind")) if board else None
        lines.append(Check("bad", words, gettext("Each needs a reason when you consolidate"), act))
    if waiting:
        words = ngettext("%(num)d file to check", "%(num)d files to check", waiting)
        lines.append(
            Check("warn", words, "", Action(f"{board}?state=submitted", gettext("Check")) if board else None)
        )
    if returned:
        words = ngettext("%(num)d returned file is not back", "%(num)d returned files are not back", returned)
        lines.append(
            Check("info", words, "", Action(f"{board}?state=returned", gettext("See")) if board else None)
        )
    if not lines and whole.of:
        lines.append(Check("ok", gettext("All dealers have filed and are checked")))
    return lines


def _dealer_lines(moment: Moment, boards: Sequence[RegionBoard]) -> list[UnitLine]:
    reached, lines = reach(moment.actor), []
    for line in [line for board in boards for line in board.urgent_first(moment.now)][:SHOWN_UNITS]:
        state, href = str(line.state), f"/region/{months.text(moment.month)}/{line.unit.code}"
        filed, returned = line.state not in customer_files.MISSING, state == "returned"
        lines.append(
            UnitLine(
                line.unit.name,
                line.unit.code,
                reached(href) or "",
                ("bad", gettext("Overdue"))
                if line.overdue(moment.now)
                else ("info", gettext("Returned"))
                if returned
                else rules.state_tag(state),
                int(filed),
                1,
                line.customers,
                None if filed or returned else moment.due(line.due_at),
            )
        )
    return lines


def region_lines(
    moment: Moment, boards: Sequence[RegionBoard], duties: Mapping[int, Obligation]
) -> list[UnitLine]:
    href = reach(moment.actor)(f"/region/{months.text(moment.month)}")
    lines = []
    for board in boards:
        duty, whole = duties.get(board.region.id), tally([board])
        if board.state != "open":
            state = rules.state_tag("consolidated")
        elif moment.now >= board.due_at:
            state = ("bad", gettext("Overdue"))
        else:
            state = ("mute", gettext("Open"))
        lines.append(
            UnitLine(
                board.region.name,
                board.region.code,
                f"{href}?region={board.region.code}" if href else "",
                state,
                whole.filed,
                whole.of,
                whole.customers,
                moment.due(board.due_at, duty),
            )
        )
    return lines


# --- headquarters ---------------------------------------------------------------------------------------------------


def headquarters(moment: Moment) -> Start:
    """All regions, and the month in four figures."""
    actor, named = moment.actor, moment.month_words
    boards = _boards(moment)
    whole, done = tally(boards), sum(1 for board in boards if board.state != "open")
    board = reach(actor)(f"/regions/{months.text(moment.month)}") or ""
    return frame(
        moment,
        "headquarters",
        gettext(
            "%(month)s: %(done)d of %(of)d regions have consolidated", month=named, done=done, of=len(boards)
        ),
        figures=[
            Figure(gettext("Regions consolidated"), done, f"/ {len(boards)}", href=board),
            Figure(gettext("Dealers filed"), whole.filed, f"/ {whole.of}", href=board),
            Figure(gettext("Customers filed"), f"{whole.customers:,}"),
            Figure(gettext("Dealers missing"), whole.missing + whole.states["returned"]),
        ],
        calls=visit_figures(moment) if actor.may(Permission.VISIT_CALL) else (),
        card=board_card(moment, None, board),
        tasks=month_duties(moment, clocks.duties_of(actor.unit_id, limit=MOST)),
        units=region_lines(moment, boards, _duties(moment)),
        units_title=gettext("Regions in %(month)s", month=named),
        units_first=gettext("Region"),
        board_href=board,
    )


def plain(moment: Moment) -> Start:
    """Administrator, finance, sanctions, agents: the places of the role, and where the month stands."""
    actor = moment.actor
    reached, cases = reach(actor), case_tasks(moment)
    tasks = rules.first_due([*month_duties(moment, clocks.duties_of(actor.unit_id, limit=MOST)), *cases])
    waiting = sanctions.count_waiting(actor, moment.now) - len(cases) if cases else 0  # those beyond the list
    places = [
        (entry.icon, entry.label, "", entry.path)
        for entry in rules.NAV[actor.role]
        if entry.path != "/" and reached(entry.path)
    ]
    card = None
    if moment.ruled is not None:
        calendar = moment.ruled.calendar
        stage = (
            3 if moment.now >= calendar.region_due_at else 2 if moment.now >= calendar.dealer_due_at else 1
        )
        due_at = (calendar.dealer_due_at, calendar.region_due_at, calendar.locked_at)[stage - 1]
        card = MonthCard(
            title=gettext("Customer files of %(month)s", month=moment.month_words),
            state=("info", gettext("Running")),
            limit=moment.due(due_at, minutes_too=True),
            stops=stops(moment, stage, late=False),
        )
    return frame(
        moment,
        "plain",
        rules.heading(tasks, len(tasks) + waiting),
        card=card,
        tasks=tasks,
        places=[] if tasks else places,
    )
