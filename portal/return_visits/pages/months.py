"""The end of a month: what is still open, who signed for what, the seal."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from portal import clocks
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.errors import Conflict
from portal.core.texts import gettext
from portal.return_visits import queries, service
from portal.return_visits.pages import shown
from portal.return_visits.pages.calling import SEE_OTHER
from portal.return_visits.pages.door import asked, month_of, room
from portal.return_visits.queries import Filters
from portal.return_visits.queries import pages as looks
from portal.return_visits.rules import coverage
from portal.return_visits.rules.outcomes import State

LISTED = 30
"""The last open customers of a month are named one by one, from so many on."""


@room.get("/months", needs=Permission.MONTH_SEAL)
def months_end() -> ResponseReturnValue:
    """The month that is asked for, else the earliest of the last ones that is not sealed."""
    wanted = asked("month")["month"]
    network_id = current_actor().network_id
    unsealed = [each for each in looks.counted_months() if not clocks.is_sealed(network_id, each)]
    running = clocks.running_month(network_id, clock.now())
    month = month_of(wanted) if wanted else unsealed[-1] if unsealed else running
    return redirect(url_for("return_visits.month_end", month=months.text(month)))


@room.get("/months/<month>", needs=Permission.MONTH_SEAL)
def month_end(month: str) -> str:
    """What keeps the month open; once nothing does, the seal."""
    actor, of, now = current_actor(), month_of(month), clock.now()
    figures = queries.total(of, actor.root_path)
    calendar = clocks.calendar(actor.network_id, of)
    sealed = queries.sealed(of)
    locked = now >= calendar.locked_at
    counts = looks.count_states(actor, Filters(month=of), now)
    why = ""
    if not locked:
        why = gettext("The month takes late files until %(at)s.", at=shown.moment(calendar.locked_at))
    elif figures.open:
        why = gettext("%(num)s customers are still open.", num=f"{figures.open:,}")
    offered = looks.counted_months()
    return render_template(
        "return_visits/month.html",
        month=of,
        written=month,
        figures=figures,
        counts=[
            (state, tag, counts[state])
            for state, tag in shown.STATE_TAGS.items()
            if state is not State.CLOSED
        ],
        to_close=shown.visit_lines(looks.open_visits(of, LISTED)) if figures.open <= LISTED else [],
        waived=figures.closed - figures.satisfied,
        locked=locked,
        lock=shown.limit(calendar.locked_at),
        end=shown.limit(shown.month_end(of)),
        last=shown.day_words(coverage.ends_on(of)),
        sealed=sealed,
        is_sealed=clocks.is_sealed(actor.network_id, of),
        why=why,
        offered=offered if of in offered else [of, *offered],
        moment=shown.moment,
        percent=shown.percent,
        count_words=shown.count_words,
        text=months.text,
    )


@room.post("/months/<month>/seal", needs=Permission.MONTH_SEAL)
def seal(month: str) -> ResponseReturnValue:
    """Close it for good, with its figures."""
    of = month_of(month)
    try:
        service.seal(current_actor(), of)
    except Conflict as refused:
        flash(str(refused.detail), "bad")
    else:
        flash(gettext("Sealed. The figures stand; a late file cannot change them any more."), "ok")
    return redirect(url_for("return_visits.month_end", month=month), SEE_OTHER)
