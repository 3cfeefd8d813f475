"""One clock: what is due, what was sent and to whom it went up, and what a superior may decide on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from portal import network
from portal.access import Actor, Permission, current_actor
from portal.clocks import queries, rules, service
from portal.clocks.forms import ExtendForm, ReasonForm, ResumeForm, day_of
from portal.clocks.models import Obligation
from portal.clocks.pages import shown
from portal.clocks.pages.door import room
from portal.core import clock
from portal.core.db import finish
from portal.core.errors import Conflict, Invalid, NotAllowed
from portal.core.texts import gettext, ngettext

SEE_OTHER = 303
FORMS: dict[str, Any] = {"e": ExtendForm, "p": ReasonForm, "r": ResumeForm, "w": ReasonForm}
"""Several stand on one page: each has a prefix of its own."""


@dataclass(frozen=True)
class Sent:
    """One thing that happened to a clock."""

    at: datetime
    words: Any
    css: str = ""


@room.get("/clock/<key:obligation_id>", needs=Permission.OBLIGATION_READ)
def obligation(obligation_id: int) -> ResponseReturnValue:
    return _page(obligation_id)


@room.post("/clock/<key:obligation_id>/extend", needs=Permission.OBLIGATION_DECIDE)
def extend(obligation_id: int) -> ResponseReturnValue:
    def decide(actor: Actor, form: Any) -> Obligation:
        day = day_of(form.day.data)
        assert day is not None
        due_at = rules.end_of_day(day, ZoneInfo(actor.time_zone))
        return service.extend(actor, obligation_id, due_at, form.reason.data)

    return _take(obligation_id, "e", decide, gettext("Extended. The old limit stays visible."))


@room.post("/clock/<key:obligation_id>/pause", needs=Permission.OBLIGATION_DECIDE)
def pause(obligation_id: int) -> ResponseReturnValue:
    def decide(actor: Actor, form: Any) -> Obligation:
        return service.pause(actor, obligation_id, form.reason.data)

    return _take(obligation_id, "p", decide, gettext("Paused. Nobody is reminded meanwhile."))


@room.post("/clock/<key:obligation_id>/resume", needs=Permission.OBLIGATION_DECIDE)
def resume(obligation_id: int) -> ResponseReturnValue:
    def decide(actor: Actor, _form: Any) -> Obligation:
        return service.resume(actor, obligation_id)

    return _take(obligation_id, "r", decide, gettext("It runs on, with the paused time given back."))


@room.post("/clock/<key:obligation_id>/waive", needs=Permission.OBLIGATION_DECIDE)
def waive(obligation_id: int) -> ResponseReturnValue:
    def decide(actor: Actor, form: Any) -> Obligation:
        return service.waive(actor, obligation_id, form.reason.data)

    return _take(obligation_id, "w", decide, gettext("Waived. Nothing is owed any more."))


def _take(
    obligation_id: int, place: str, decide: Callable[[Actor, Any], Obligation], said: str
) -> ResponseReturnValue:
    """Decide; on a refusal the page stands there again with what was typed and why not."""
    actor = current_actor()
    queries.get_obligation(actor, obligation_id)
    form = FORMS[place](prefix=place)
    if not form.validate_on_submit():
        return _page(obligation_id, form, place), 422
    try:
        decide(actor, form)
    except (Invalid, Conflict, NotAllowed) as refused:
        finish(good=False)
        return _page(obligation_id, form, place, refused.detail), refused.status
    flash(said, "ok")
    return redirect(url_for("clocks.obligation", obligation_id=obligation_id), SEE_OTHER)


def _page(obligation_id: int, typed: Any = None, place: str = "", refused: Any = "") -> str:
    actor, now = current_actor(), clock.now()
    duty = queries.get_obligation(actor, obligation_id)
    forms = {name: made(prefix=name, formdata=None) for name, made in FORMS.items()}
    if place:
        forms[place] = typed
    (line,) = shown.lines(actor, [duty], now)
    above = queries.levels_of(duty.origin_id or duty.id)
    return render_template(
        "clocks/obligation.html",
        l=line,
        duty=duty,
        sent=_history(duty, above),
        above=shown.lines(actor, above, now),
        decides=actor.may(Permission.OBLIGATION_DECIDE)
        and duty.unit_id != actor.unit_id
        and duty.kind not in queries.DECIDED,
        extend_form=forms["e"],
        pause_form=forms["p"],
        waive_form=forms["w"],
        typed=typed,
        refused=refused,
    )


def _history(duty: Obligation, above: Any) -> list[Sent]:
    """What was sent, decided and done, the newest first."""
    units = network.units_by_id(each.unit_id for each in above)
    happened = [Sent(duty.opened_at, gettext("The clock started"))]
    for step in queries.steps_of(duty.id):
        words = {
            rules.OVERDUE: gettext("Told that it is overdue"),
            rules.UNHELD: gettext("Nobody was there to do it: the superior was told"),
            rules.BEFORE_HOLIDAY: gettext("Reminded, before days off"),
        }.get(step.step) or _reminded(step.step)
        happened.append(Sent(step.at, words, "warn" if step.step == rules.OVERDUE else ""))
    happened += [
        Sent(each.opened_at, gettext("Went up to %(unit)s", unit=units[each.unit_id].name), "warn")
        for each in above
        if each.origin_id == duty.id
    ]
    for at, words, css in (
        (duty.breached_at, _("The deadline was missed"), "bad"),
        (duty.extended_at, _("Extended"), ""),
        (duty.paused_at, _("Paused"), ""),
        (duty.waived_at, _("Waived"), "ok"),
        (duty.judged_at, _("Done"), "ok"),
    ):
        if at is not None:
            happened.append(Sent(at, words, css))
    return sorted(happened, key=lambda each: each.at, reverse=True)


def _reminded(step: str) -> Any:
    minutes = int(step.partition(":")[2] or 0)
    if minutes % 60:
        return ngettext("Reminded, %(num)d minute before", "Reminded, %(num)d minutes before", minutes)
    return ngettext("Reminded, %(num)d hour before", "Reminded, %(num)d hours before", minutes // 60)
