"""The call: claim, draft, save and next, skip, pause, put right."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Response, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import accounts
from portal.access import Actor, Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.texts import gettext
from portal.return_visits import forms, queries, service
from portal.return_visits.models import Visit
from portal.return_visits.pages import shown
from portal.return_visits.pages.desk import dealer_shown, desk_shown, form_shown, ruled_now
from portal.return_visits.pages.door import room
from portal.return_visits.queries import Calling
from portal.return_visits.rules import desk
from portal.return_visits.rules.outcomes import CALLABLE
from portal.return_visits.service import Said
from portal.return_visits.service.attempting import must_fit
from portal.return_visits.service.deciding import CALLERS

SEE_OTHER = 303


def _go(visit_id: int, **more: Any) -> Response:
    return redirect(url_for("return_visits.call", visit_id=visit_id, **more), SEE_OTHER)  # type: ignore[return-value]


def to_queue() -> Response:
    return redirect(url_for("return_visits.calls"), SEE_OTHER)  # type: ignore[return-value]


@room.post("/calls/next", needs=Permission.VISIT_CALL)
def next_call() -> ResponseReturnValue:
    """The next customer for me, or the one that I hold."""
    return _next(current_actor())


@room.get("/calls/next", needs=Permission.VISIT_CALL)
def no_next() -> ResponseReturnValue:
    """Whoever comes here by the address line, or after signing in again, begins at the queue."""
    return to_queue()


def _next(actor: Actor, saved: int | None = None) -> Response:
    visit = service.claim_next(actor)
    if visit is not None:
        return _go(visit.id, saved=saved)
    now = clock.now()
    hours = ruled_now(actor, now).hours
    if saved is not None:
        flash(gettext("Saved."), "ok")
    if hours.includes(now):
        flash(gettext("No call is due for you now."), "info")
    else:
        opens = shown.soon(hours.next_open(now))
        flash(
            gettext("Customers are not called at this hour; calls begin again at %(time)s.", time=opens),
            "info",
        )
    return to_queue()


@room.post("/calls/<key:visit_id>/claim", needs=Permission.VISIT_CALL)
def claim(visit_id: int) -> ResponseReturnValue:
    """This customer and no other."""
    try:
        return _go(service.claim(current_actor(), visit_id).id)
    except Conflict as refused:
        flash(_why(refused), "warn")
        return _go(visit_id)


def _why(refused: Conflict) -> str:
    """A refusal in one line, with the name of whoever has it."""
    words, holder = str(refused.detail), refused.extra.get("holder")
    return f"{words} {gettext('It is with %(name)s now.', name=holder)}" if holder else words


# --- one visit --------------------------------------------------------------------------------------------


@room.get("/calls/<key:visit_id>", needs=Permission.VISIT_READ)
def call(visit_id: int) -> ResponseReturnValue:
    """The call screen for whoever holds the visit, the number whole; for all others what is known, masked."""
    actor, now = current_actor(), clock.now()
    visit = queries.get_visit(visit_id)
    if visit.joined_to is not None and queries.get_visit(visit.joined_to).held_by(actor.person_id, now):
        return _go(visit.joined_to)
    if not visit.held_by(actor.person_id, now):
        return _looked_at(actor, visit)
    return _desk(actor, visit, saved=request.args.get("saved", ""))


def _desk(
    actor: Actor,
    visit: Visit,
    given: Mapping[str, str] | None = None,
    faults: Sequence[FieldError] = (),
    saved: str = "",
) -> ResponseReturnValue:
    now = clock.now()
    service.reveal(actor, visit)
    page = render_template(
        "return_visits/call.html",
        desk=desk_shown(actor, visit, now, given, faults, saved),
        text=months.text,
        moment=shown.moment,
        soon=shown.soon,
        day=shown.short_day,
        visit_number=desk.visit_number,
        percent=shown.percent,
    )
    return page, 422 if faults else 200


def _looked_at(actor: Actor, visit: Visit) -> str:
    now = clock.now()
    everybody = queries.same_person(visit)
    history = shown.calls_shown(everybody, whole=False)
    draft = queries.draft_of(visit.id, actor.person_id) if actor.person_id else None
    ruled = queries.calling(actor.network_id, visit.month)
    supervises = actor.may(Permission.VISIT_ASSIGN)
    found = queries.of_visit(visit.id)
    line = shown.visit_lines([visit])[0]
    return render_template(
        "return_visits/visit.html",
        visit=visit,
        line=line,
        region=line.region,
        bought=queries.purchases_of([visit])[visit.id],
        history=history,
        others=[each for each in everybody if each.id != visit.id],
        dealer=dealer_shown(actor, visit.month, visit.unit_id, visit.region_id),
        signals=shown.signals_shown(visit),
        same_phone=shown.visit_lines(queries.same_phone(visit)),
        rectification=found,
        ends=shown.limit(shown.month_end(visit.month)),
        draft=draft_words(ruled, draft.typed) if draft and draft.typed else [],
        callable=_callable(visit, now),
        may_call=actor.may(Permission.VISIT_CALL),
        supervises=supervises,
        correctable=_correctable(actor, visit, now),
        callers=callers(actor) if supervises else {},
        waived_by=accounts.names_of([visit.waived_by]).get(visit.waived_by, "") if visit.waived_by else "",
        lost=request.args.get("lost") == "1",
        text=months.text,
        moment=shown.moment,
        day=shown.short_day,
        visit_number=desk.visit_number,
        percent=shown.percent,
    )


def _callable(visit: Visit, now: datetime) -> bool:
    """Whether the page offers to call this customer now; the service decides when it is asked."""
    due = visit.next_at is not None and visit.next_at <= now
    return visit.state in CALLABLE and due and not visit.held_at(now)


def callers(actor: Actor) -> dict[int, str]:
    """Whoever calls customers of this network, by id."""
    found = {}
    for membership, person, _unit in accounts.memberships_in(actor.network_id):
        if membership.role in CALLERS:
            found[person.id] = person.name
    return found


def draft_words(ruled: Calling, typed: Mapping[str, str]) -> list[tuple[str, Any]]:
    """What an agent had typed, as lines to read."""
    named = {
        "outcome": gettext("Result of the call"),
        "result": gettext("Not reached"),
        "note": gettext("Note"),
        "wish": gettext("What the customer wishes"),
        "recording": gettext("Link to the recording"),
    }
    given = {name[2:]: words for name, words in typed.items() if name.startswith("a-")}
    asked = desk.questions(ruled.book, desk.answers(ruled.book, given), "zh")
    lines = [(named[name], _typed_words(name, typed[name])) for name in named if typed.get(name)]
    return lines + [
        (each.words, dict(each.answers).get(each.given, each.given)) for each in asked if each.given
    ]


def _typed_words(name: str, value: str) -> Any:
    if name == "outcome":
        found = {str(each): str(tag[1]) for each, tag in shown.OUTCOME_TAGS.items()}
        return found.get(value, gettext("Not reached"))
    if name == "result":
        return {str(each): str(words) for each, words in shown.RESULTS.items()}.get(value, value)
    return value


def _correctable(actor: Actor, visit: Visit, now: datetime) -> bool:
    """Whether the page offers to put the last save right; the service decides when it is sent."""
    last = queries.effective(queries.attempts_of(visit.id))[-1:]
    if not last or visit.held_at(now) or visit.waived_at is not None or last[0].round != visit.round:
        return False
    return last[0].agent_id == actor.person_id or actor.may(Permission.VISIT_ASSIGN)


# --- saving -----------------------------------------------------------------------------------------------


@room.post("/calls/<key:visit_id>", needs=Permission.VISIT_CALL)
def save(visit_id: int) -> ResponseReturnValue:
    """Save the call and go to the next customer; without the lease what was typed is kept."""
    actor = current_actor()
    visit = queries.get_visit(visit_id)
    given = forms.typed(request.form)
    said, faults = _read(actor, visit, given)
    try:
        _keep_hold(actor, visit)
        if faults:
            return _desk(actor, visit, given, faults)
        logged = service.log_attempt(actor, visit_id, said)
    except Conflict as refused:
        return _lost(actor, visit_id, given, refused)
    return _next(actor, saved=logged.attempt.id)


def _keep_hold(actor: Actor, visit: Visit) -> None:
    """A lease that ran out is mine again while nobody has taken the customer. Raises Conflict lease_lost."""
    if not visit.held_by(actor.person_id, clock.now()):
        service.renew(actor, visit.id)


def _read(actor: Actor, visit: Visit, given: Mapping[str, str]) -> tuple[Said, Sequence[FieldError]]:
    now, ruled = clock.now(), queries.calling(actor.network_id, visit.month)
    read = forms.read_call(given, ruled.book, ruled.hours, now)
    if read.faults:
        return read.said, read.faults
    try:
        must_fit(read.said, ruled, now)
    except Invalid as refused:
        return read.said, [_as_field(fault) for fault in refused.errors]
    return read.said, ()


def _as_field(fault: FieldError) -> FieldError:
    """A fault of the API's body at the field of the form: /answers/trouble is a-trouble."""
    pointer = fault.pointer.replace("/answers/", "/a-")
    return FieldError(pointer, fault.code, fault.detail)


def _lost(actor: Actor, visit_id: int, given: Mapping[str, str], refused: Conflict) -> Response:
    """Nothing typed is lost: it is kept as my draft, and the page says who has the customer now."""
    service.save_draft(actor, visit_id, dict(given))
    flash(_why(refused), "bad")
    return _go(visit_id, lost=1)


@room.post("/calls/<key:visit_id>/draft", needs=Permission.VISIT_CALL)
def draft(visit_id: int) -> ResponseReturnValue:
    """Every ten seconds by script: keeps what was typed and renews the lease; says where the lease is lost."""
    actor = current_actor()
    queries.get_visit(visit_id)
    given = forms.typed(request.form)
    answer: dict[str, Any] = {"held": True}
    if given:
        answer["saved"] = gettext(
            "Draft saved %(time)s", time=shown.soon(service.save_draft(actor, visit_id, given))
        )
    try:
        service.renew(actor, visit_id)
    except Conflict as refused:
        answer |= {"held": False, "words": _why(refused)}
    return jsonify(answer)


@room.post("/calls/<key:visit_id>/skip", needs=Permission.VISIT_CALL)
def skip(visit_id: int) -> ResponseReturnValue:
    """Back to the queue with a reason; it comes after the others for me."""
    actor = current_actor()
    visit = queries.get_visit(visit_id)
    given, reason = forms.typed(request.form), forms.skip_reason(request.form)
    try:
        _keep_hold(actor, visit)
        if not reason:
            words = gettext("Say why you skip this customer.")
            return _desk(actor, visit, given, [FieldError("/skip_reason", "required", words)])
        if given:
            service.save_draft(actor, visit_id, given)
        service.release(actor, visit_id, reason)
    except Conflict as refused:
        return _lost(actor, visit_id, given, refused)
    return _next(actor)


@room.post("/calls/<key:visit_id>/pause", needs=Permission.VISIT_CALL)
def pause(visit_id: int) -> ResponseReturnValue:
    """Away for a while: the customer goes back to the queue, what was typed is kept."""
    actor = current_actor()
    queries.get_visit(visit_id)
    given = forms.typed(request.form)
    if given:
        service.save_draft(actor, visit_id, given)
    service.pause(actor)
    return to_queue()


# --- a wrong save is put right ----------------------------------------------------------------------------


@room.get("/calls/<key:visit_id>/correct", needs=Permission.VISIT_CALL)
def correct(visit_id: int) -> ResponseReturnValue:
    """The last save as a form; the first one stays in sight."""
    actor = current_actor()
    visit = queries.get_visit(visit_id)
    if not _correctable(actor, visit, clock.now()):
        return _go(visit_id)
    return _correction(actor, visit, None)


def _correction(
    actor: Actor, visit: Visit, given: Mapping[str, str] | None, faults: Sequence[FieldError] = ()
) -> ResponseReturnValue:
    ruled = queries.calling(actor.network_id, visit.month)
    last = queries.effective(queries.attempts_of(visit.id))[-1]
    said = Said(
        result=last.result,
        outcome=last.outcome,
        answers=last.answers,
        score=last.score,
        note=last.note,
        reason=last.reason,
        wish=last.wish,
        callback_at=last.callback_at,
        not_before=last.not_before,
        seconds=last.seconds,
        recording=last.recording,
    )
    kept = given if given is not None else forms.as_typed(said, ruled.book, ruled.hours)
    page = render_template(
        "return_visits/correct.html",
        visit=visit,
        line=shown.visit_lines([visit])[0],
        last=last,
        said=shown.said_tag(last.result, last.outcome),
        form=form_shown(visit, ruled, kept, faults, clock.now()),
        faults=faults,
        moment=shown.moment,
    )
    return page, 422 if faults else 200


@room.post("/calls/<key:visit_id>/correct", needs=Permission.VISIT_CALL)
def correct_now(visit_id: int) -> ResponseReturnValue:
    actor = current_actor()
    visit = queries.get_visit(visit_id)
    given = forms.typed(request.form)
    said, faults = _read(actor, visit, given)
    if faults and queries.attempts_of(visit.id):
        return _correction(actor, visit, given, faults)
    try:
        service.correct(actor, visit_id, said)
    except Conflict as refused:
        flash(_why(refused), "bad")
        return _go(visit_id)
    flash(gettext("Put right. The first save stays in the history."), "ok")
    return _go(visit_id)
