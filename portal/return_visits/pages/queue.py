"""The queue as a list with filters, and what a supervisor does with it: who works on what, handing out, taking back."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import network
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.errors import Conflict, Invalid
from portal.core.texts import gettext, ngettext
from portal.return_visits import forms, queries, service
from portal.return_visits.pages import shown
from portal.return_visits.pages.calling import SEE_OTHER, callers
from portal.return_visits.pages.desk import queue_shown, ruled_now, today
from portal.return_visits.pages.door import asked, room, state_named
from portal.return_visits.queries import Filters
from portal.return_visits.queries import pages as looks
from portal.return_visits.rules.outcomes import State

EVERY_MONTH = "all"


def _month(written: str) -> date | None:
    return months.parse(written) if written and written != EVERY_MONTH else None


@room.get("/calls", needs=Permission.VISIT_READ)
def calls() -> ResponseReturnValue:
    """Every visit by state, the latest month first; in front what comes next for me."""
    actor, now = current_actor(), clock.now()
    ruled = queries.calling_now(actor.network_id, now)
    if ruled is None:
        return render_template("return_visits/none.html")
    given = asked("month", "state", "unit", "q")
    filters = Filters(_month(given["month"]), state_named(given["state"]), given["unit"] or None, given["q"])
    page = queries.list_visits(actor, filters, now, cursor=request.args.get("cursor") or None)
    kept: dict[str, Any] = {name: words for name, words in given.items() if words}
    others = {name: words for name, words in kept.items() if name != "state"}
    counts = looks.count_states(actor, filters, now)
    calling = actor.may(Permission.VISIT_CALL)
    held = queries.held_by(actor.person_id, now) if actor.person_id else None
    return render_template(
        "return_visits/calls.html",
        lines=shown.visit_lines(page.items),
        chip_items=_chips(counts, others, given["state"]),
        asked=given,
        kept=kept,
        months=looks.latest_months(),
        units=shown.unit_choices(actor),
        queue=queue_shown(actor, now) if calling else None,
        waiting=service.count_due(actor.network_id, now),
        held=held,
        open_now=ruled.hours.includes(now),
        opens=shown.soon(ruled.hours.next_open(now)),
        hours=(_time(ruled.book.calls_from), _time(ruled.book.calls_to)),
        next_href=url_for("return_visits.calls", cursor=page.next_cursor, **kept) if page.next_cursor else "",
        first_href=url_for("return_visits.calls", **kept) if request.args.get("cursor") else "",
        supervises=actor.may(Permission.VISIT_ASSIGN),
        count_words=shown.count_words,
        written=months.text,
    )


def _time(since_midnight: Any) -> str:
    minutes = int(since_midnight.total_seconds()) // 60
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _chips(
    counts: Mapping[State, int], others: Mapping[str, Any], wanted: str
) -> list[tuple[str, Any, str | None, bool]]:
    every: Any = (url_for("return_visits.calls", **others), gettext("All"), None, not wanted)
    return [every] + [
        (
            url_for("return_visits.calls", state=state.value, **others),
            tag[1],
            shown.count_words(counts[state]) if state in counts else None,
            wanted == state,
        )
        for state, tag in shown.STATE_TAGS.items()
    ]


# --- who works on what ------------------------------------------------------------------------------------


@room.get("/calls/team", needs=Permission.VISIT_ASSIGN)
def team() -> ResponseReturnValue:
    """Each caller: what is in hand, how many calls today, how many were handed over; and handing out."""
    return _team({})


def _team(given: Mapping[str, str], faults: Mapping[str, Any] | None = None) -> ResponseReturnValue:
    actor, now = current_actor(), clock.now()
    ruled = ruled_now(actor, now)
    lines = looks.desk_lines(actor.network_id, callers(actor), now, today(ruled, now))
    units = network.units_by_id(each.visit.unit_id for each in lines if each.visit)
    page = render_template(
        "return_visits/team.html",
        lines=sorted(lines, key=lambda each: (each.visit is None, -each.calls, each.name)),
        units=units,
        goal=ruled.book.daily_goal,
        busy=sum(1 for each in lines if each.visit),
        waiting=service.count_due(actor.network_id, now),
        choices=shown.unit_choices(actor),
        months=looks.latest_months(),
        typed=given,
        faults=faults or {},
        soon=shown.soon,
        count_words=shown.count_words,
        written=months.text,
    )
    return page, 422 if faults else 200


@room.post("/calls/team", needs=Permission.VISIT_ASSIGN)
def hand_out() -> ResponseReturnValue:
    """Everything to be called of a region or dealer goes to one caller, or back to everybody."""
    actor, given = current_actor(), {name: request.form.get(name, "") for name in ("unit", "person", "month")}
    unit = network.unit_below(actor.unit_path, given["unit"])
    faults: dict[str, Any] = {}
    if unit is None:
        faults["unit"] = gettext("Choose a region or dealer.")
    person = None
    try:
        person = service.caller(actor, given["person"]) if given["person"] != "0" else None
    except Invalid as refused:
        faults["person"] = refused.detail
    if faults or unit is None:
        return _team(given, faults)
    done = service.assign_all(actor, person, unit, _month(given["month"]))
    words = ngettext("%(num)d customer of %(unit)s", "%(num)d customers of %(unit)s", done, unit=unit.name)
    name = callers(actor).get(person or 0, "")
    if name:
        flash(gettext("%(who)s handed to %(name)s.", who=words, name=name), "ok")
    else:
        flash(gettext("%(who)s back in everybody’s queue.", who=words), "ok")
    return redirect(url_for("return_visits.team"), SEE_OTHER)


@room.post("/calls/<key:visit_id>/assign", needs=Permission.VISIT_ASSIGN)
def assign(visit_id: int) -> ResponseReturnValue:
    """One customer to one caller, or back to everybody; whoever holds it loses it."""
    actor = current_actor()
    queries.get_visit(visit_id)
    wanted = request.form.get("person", "")
    try:
        person = service.caller(actor, wanted) if wanted not in ("", "0") else None
        service.assign(actor, visit_id, person)
    except (Conflict, Invalid) as refused:
        flash(str(refused.detail), "bad")
    else:
        done = gettext("Handed over.") if person else gettext("Back in everybody’s queue.")
        flash(done, "ok")
    return _back(visit_id)


def _back(visit_id: int) -> ResponseReturnValue:
    """To the page that the form stood on: the visit's, or that of the team."""
    if request.form.get("from") == "team":
        return redirect(url_for("return_visits.team"), SEE_OTHER)
    return redirect(url_for("return_visits.call", visit_id=visit_id), SEE_OTHER)


@room.post("/calls/<key:visit_id>/release", needs=Permission.VISIT_ASSIGN)
def take_back(visit_id: int) -> ResponseReturnValue:
    """A supervisor takes a customer out of an agent's hands."""
    queries.get_visit(visit_id)
    try:
        service.release(current_actor(), visit_id, forms.reason_of(request.form) or "taken back")
    except Conflict as refused:
        flash(str(refused.detail), "warn")
    else:
        flash(gettext("Taken back; it is in everybody’s queue again."), "ok")
    return _back(visit_id)


@room.post("/calls/<key:visit_id>/waive", needs=Permission.VISIT_WAIVE)
def waive(visit_id: int) -> ResponseReturnValue:
    """Closed without a visit, for a reason that the supervisor signs."""
    queries.get_visit(visit_id)
    reason = forms.reason_of(request.form)
    if not reason:
        flash(gettext("Say why this visit is closed without a call; your name stands beside it."), "bad")
        return _back(visit_id)
    try:
        service.waive(current_actor(), visit_id, reason)
    except Conflict as refused:
        flash(str(refused.detail), "bad")
    else:
        flash(gettext("Closed for your reason. It does not count as visited."), "ok")
    return _back(visit_id)
