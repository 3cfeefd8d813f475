"""Coverage: five figures, the way to 100 %, who is behind, rates, who needs attention; each with its data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _
from markupsafe import Markup

from portal import clocks, network
from portal.access import Actor, Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.errors import NotFound
from portal.core.naming import name_download
from portal.core.texts import gettext
from portal.network import Unit
from portal.return_visits import queries, service
from portal.return_visits.pages import shown
from portal.return_visits.pages.calling import SEE_OTHER
from portal.return_visits.pages.door import asked, month_of, room
from portal.return_visits.queries import Line
from portal.return_visits.queries import pages as looks
from portal.return_visits.rules import charts, coverage, progress
from portal.return_visits.rules.coverage import Figures, Pace
from portal.return_visits.rules.progress import Course, Lag, Week, Why

BARS = 12
NEEDY = 5
PAGE = 50
FILERS = ("dealer", "store")
WHY_TAGS: Mapping[Why, shown.Tag] = {
    Why.UNSATISFIED: ("bad", _("Many are not satisfied"), None),
    Why.NUMBERS: ("warn", _("Numbers to be checked"), "phoneoff"),
    Why.NOT_BEGUN: ("warn", _("Not begun"), None),
    Why.BEHIND: ("mute", _("Waiting in the queue"), None),
}


@dataclass(frozen=True)
class UnitLine:
    """A region or dealer against today's pace."""

    unit: Unit
    region: str
    figures: Figures
    lag: Lag
    tag: shown.Tag | None
    elsewhere: int = 0  # of its people: so many count with another region, which consolidated them
    where: str = ""

    @property
    def per_cent(self) -> float:
        return round(100 * self.figures.coverage, 1)


@dataclass(frozen=True)
class Board:
    """A month's coverage of everything that the reader may see."""

    month: date
    unit: Unit
    figures: Figures
    pace: Pace
    course: Course | None
    weeks: Sequence[Week]
    regions: Sequence[UnitLine]
    dealers: Sequence[UnitLine]
    come: Sequence[UnitLine]  # dealers whose people count with the region that consolidated them
    gone: int  # people who count here, of dealers that have moved away

    @property
    def ahead(self) -> float:
        """Percentage points over (or, below 0, under) today's pace."""
        return round(100 * (self.figures.coverage - self.pace.share), 1)

    @property
    def needy(self) -> list[UnitLine]:
        found = [each for each in self.dealers if each.lag.why is not None]
        return sorted(found, key=lambda each: (-each.lag.behind, -each.figures.unsatisfied, each.unit.code))


def board(actor: Actor, month: date) -> Board:
    unit = network.get_unit(actor.unit_id)
    lines = queries.by_day(month, unit)
    figures = lines[-1].figures if lines else Figures()  # a dealer that moved away still counts where it was
    standing = {line.day: line.figures for line in lines if line.day is not None}
    today = clock.local(clock.now()).date()
    opened = min(standing, default=months.after(month))
    last = max(coverage.ends_on(month), opened)
    pace = coverage.pace(figures, opened, today, last, progress.SPARE)
    above = actor.unit_kind not in FILERS
    dealers = queries.by_dealer(month, actor.unit_path) if above else []
    regions = queries.by_region(month, actor.unit_path) if above and actor.unit_kind != "region" else []
    shown_dealers = [
        replace(
            _line(each, _names(each.regions), pace.share, figures),
            elsewhere=each.elsewhere.people,
            where=_names(of for of in each.regions if not of.unit_path.startswith(actor.unit_path)),
        )
        for each in dealers
    ]
    here = sum(each.figures.people - each.elsewhere.people for each in dealers)
    return Board(
        month=month,
        unit=unit,
        figures=figures,
        pace=pace,
        course=progress.course(standing, figures, month, today),
        weeks=progress.weeks(standing, min(today, max(last, *standing)) if standing else today),
        regions=[_line(each, "", pace.share, figures) for each in regions],
        dealers=shown_dealers,
        come=[each for each in shown_dealers if each.elsewhere],
        gone=figures.people - here if above else 0,
    )


def _names(units: Iterable[Unit]) -> str:
    return shown.listed([each.name for each in units])


def _line(line: Line, region: str, share: float, whole: Figures) -> UnitLine:
    lag = progress.lag(line.figures, share, whole)
    return UnitLine(line.unit, region, line.figures, lag, WHY_TAGS[lag.why] if lag.why else None)


# --- the page ---------------------------------------------------------------------------------------------


@room.get("/coverage", needs=Permission.COVERAGE_READ)
def coverage_now() -> ResponseReturnValue:
    """The month that is asked for, else the last one that has people to visit."""
    wanted = asked("month")["month"]
    month = month_of(wanted) if wanted else next(iter(looks.counted_months(1)), None)
    if month is None:
        month = clocks.running_month(current_actor().network_id, clock.now())
    return redirect(url_for("return_visits.coverage_of", month=months.text(month)))


@room.get("/coverage/<month>", needs=Permission.COVERAGE_READ)
def coverage_of(month: str) -> str:
    actor, of = current_actor(), month_of(month)
    found = board(actor, of)
    by = "dealer" if asked("by")["by"] == "dealer" or not found.regions else "region"
    bars = sorted(found.regions if by == "region" else found.dealers, key=lambda each: -each.per_cent)
    if len(bars) > BARS:  # the last ones are those that somebody looks for here
        bars = bars[-BARS:]
    rates = [week.unsatisfied + week.suspicious for week in found.weeks]
    top = charts.scale_top(rates)
    offered = looks.counted_months()
    return render_template(
        "return_visits/coverage.html",
        board=found,
        month=of,
        written=month,
        by=by,
        bars=bars,
        behind=[each for each in bars if each.lag.late],
        burn_up=_burn_up(found),
        axis=_axis(found.course),
        weekly=charts.columns(
            [(each.unsatisfied, each.suspicious) for each in found.weeks], ("v-bad", "v-odd"), top
        ),
        weekly_axis=[f"{top}%", *(f"{top * part // 4}" for part in (3, 2, 1)), "0"],
        needy=found.needy[:NEEDY],
        dealers=_dealers_page(found) if by == "dealer" and found.dealers else None,
        overdue=looks.count_overdue(clock.now(), of),
        sealed=clocks.is_sealed(actor.network_id, of),
        over=clock.local(clock.now()).date() > coverage.ends_on(of),
        end=shown.day_words(coverage.ends_on(of)),
        may_first=actor.may(Permission.VISIT_ASSIGN),
        may_rectify=actor.may(Permission.RECTIFICATION_READ),
        may_seal=actor.may(Permission.MONTH_SEAL),
        offered=offered if of in offered else [of, *offered],
        percent=shown.percent,
        listed=shown.listed,
        day=shown.short_day,
        day_words=shown.day_words,
        count_words=shown.count_words,
        text=months.text,
    )


def _burn_up(found: Board) -> Markup:
    course = found.course
    if course is None:
        return charts.burn_up([], [])
    now = course.place(course.today) if course.today <= course.last else None
    return charts.burn_up(course.done_points, course.pace_points, course.forecast_points, now)


def _axis(course: Course | None) -> list[str]:
    """Five days along the bottom."""
    if course is None:
        return []
    last = len(course.days) - 1
    return [shown.short_day(course.days[last * part // 4].day) for part in range(5)]


@dataclass(frozen=True)
class DealersPage:
    """Some of the dealers, the furthest behind first, and where the next ones begin."""

    lines: Sequence[UnitLine]
    of: int
    after: str


def _dealers_page(found: Board) -> DealersPage:
    ordered = sorted(found.dealers, key=lambda each: (each.per_cent, each.unit.code))
    places = {each.unit.code: place for place, each in enumerate(ordered)}
    start = places.get(request.args.get("after", ""), -1) + 1
    lines = ordered[start : start + PAGE]
    more = start + PAGE < len(ordered)
    return DealersPage(lines, len(ordered), lines[-1].unit.code if more else "")


@room.post("/coverage/<month>/first", needs=Permission.VISIT_ASSIGN)
def call_first(month: str) -> ResponseReturnValue:
    """A dealer's customers before the oldest ones."""
    actor, of = current_actor(), month_of(month)
    unit = network.unit_below(actor.unit_path, request.form.get("unit", ""))
    if unit is None:
        raise NotFound()
    done = service.call_first(actor, unit, of)
    if done:
        flash(gettext("%(num)d customers of %(unit)s are called first.", num=done, unit=unit.name), "ok")
    else:
        flash(gettext("No waiting customer of %(unit)s is left to bring forward.", unit=unit.name), "info")
    return redirect(url_for("return_visits.coverage_of", month=month), SEE_OTHER)


# --- the data ---------------------------------------------------------------------------------------------


@room.get("/coverage/<month>/<name>.csv", needs=Permission.COVERAGE_READ)
def coverage_data(month: str, name: str) -> Response:
    """The data of one chart: days, weeks, regions or dealers."""
    made = {"days": _days, "weeks": _weeks, "regions": _regions, "dealers": _dealers}.get(name)
    if made is None:
        raise NotFound()
    rows = made(board(current_actor(), month_of(month)))
    answer = Response(progress.csv_text(rows), mimetype="text/csv")
    name_download(answer, f"coverage-{month}-{name}.csv")
    return answer


Rows = list[Sequence[object]]


def _days(found: Board) -> Rows:
    head: Rows = [(gettext("Day"), gettext("Visited"), gettext("Due"), gettext("People"))]
    course = found.course
    return head + [(each.day, each.done, each.due, course.people) for each in course.days] if course else head


def _weeks(found: Board) -> Rows:
    head: Rows = [
        (gettext("Week from"), gettext("Visited"), gettext("Unsatisfied, %"), gettext("Suspicious, %"))
    ]
    return head + [(each.begins, each.visited, each.unsatisfied, each.suspicious) for each in found.weeks]


def _regions(found: Board) -> Rows:
    return _unit_rows(found.regions)


def _dealers(found: Board) -> Rows:
    return _unit_rows(found.dealers)


def _unit_rows(lines: Sequence[UnitLine]) -> Rows:
    head: Rows = [
        tuple(
            gettext(words)
            for words in (
                "Code",
                "Name",
                "Region",
                "People",
                "Visited",
                "Coverage, %",
                "Satisfied",
                "Unsatisfied",
            )
        )
        + tuple(
            gettext(words) for words in ("Suspicious", "Unreachable", "Refused", "Open", "Behind the pace")
        )
    ]
    for each in lines:
        of = each.figures
        counted: tuple[Any, ...] = (of.people, of.visited, each.per_cent, of.satisfied, of.unsatisfied)
        rest = (of.suspicious, of.unreachable, of.refused, of.open, each.lag.behind)
        head.append((each.unit.code, each.unit.name, each.region, *counted, *rest))
    return head
