"""The steps of a case as forms: each POST goes through the one door of the service, then back to the case."""

from collections.abc import Callable

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import documents
from portal.access import Actor, Permission, current_actor
from portal.core.db import finish
from portal.core.errors import Conflict, Invalid, NotAllowed, PortalError
from portal.core.texts import gettext, lazy
from portal.sanctions import queries, service
from portal.sanctions.forms import Sent, anchor, read_measures, read_sent
from portal.sanctions.models import Case
from portal.sanctions.pages import shown
from portal.sanctions.pages.case import case_page
from portal.sanctions.pages.door import room
from portal.sanctions.queries import pages as listed
from portal.sanctions.rules import Decision, Measure, measure_words
from portal.sanctions.service.steps import milder

Work = Callable[[Actor, Case, Sent], Case | None]
MOST_PAPERS = 20
SAY_WHY = lazy("Say why: it stands in the case, and the party reads it.")
REVIEWS = {Decision.UPHELD, Decision.REVOKED}
APPROVE, MILDER, RETURN, REJECT = "approve", "milder", "return", "reject"


class Incomplete(PortalError):
    """Something is lacking in the form; what, stands in its errors."""

    status = 422
    title = "Unprocessable content"


def take(number: str, work: Work, said: str) -> ResponseReturnValue:
    """Do a step; on a refusal the page stands there again with what was typed and why not."""
    actor = current_actor()
    found = listed.by_number(actor, number)
    sent = read_sent(request.form)
    places: list[int] = [row.place for row in sent.rows if row.kind]
    try:
        work(actor, found, sent)
        if sent.errors:
            raise Incomplete("incomplete")
    except (Invalid, Conflict, NotAllowed, Incomplete) as refused:
        finish(good=False)
        errors = getattr(refused, "errors", [])
        sent.errors += [(anchor(each.pointer, places), each.detail) for each in errors]
        page = case_page(listed.by_number(actor, number), sent, refused)
        return Response(page, refused.status)
    flash(said, "ok")
    return redirect(url_for("sanctions.case", number=number))


def kept_papers(actor: Actor, sent: Sent) -> list[str]:
    """The files that came along, kept as documents; their ids."""
    if not actor.may(Permission.DOCUMENT_UPLOAD):
        return []
    ids = []
    for each in request.files.getlist("documents")[:MOST_PAPERS]:
        if not each.filename:
            continue
        try:
            ids.append(str(documents.keep(actor, each.stream.read(), each.filename[:200]).id))
        except Invalid as refused:
            sent.errors.append(("#documents", f"{each.filename[:60]}: {refused.detail}"))
    return ids


def wanted_measures(case: Case, sent: Sent) -> list[Measure] | None:
    """The measures of the form; None where they stand as they are in the case."""
    if not sent.rows:
        return None
    read, _ = read_measures(sent)
    return None if read == case.planned else read


# --- the officer's --------------------------------------------------------------------------------------------------


@room.post("/sanctions/<number>/propose", needs=Permission.SANCTION_PROPOSE)
def propose(number: str) -> ResponseReturnValue:
    def work(actor: Actor, case: Case, sent: Sent) -> Case | None:
        measures, papers = wanted_measures(case, sent), kept_papers(actor, sent)
        if sent.errors:
            return None
        facts = sent["facts"] if sent["facts"] != case.words else None
        kept = [*case.documents, *papers] if papers else None
        return service.adopt(
            actor, case.id, facts=facts, documents=kept, measures=measures, note=sent["note"][:2000]
        )

    return take(number, work, gettext("Proposed. The party is told and may state its side."))


@room.post("/sanctions/<number>/serve", needs=Permission.SANCTION_SERVE)
def serve(number: str) -> ResponseReturnValue:
    return take(
        number,
        lambda actor, case, _sent: service.serve(actor, case.id),
        gettext("Served. The time to appeal runs from now on."),
    )


@room.post("/sanctions/<number>/execute", needs=Permission.SANCTION_EXECUTE)
def execute(number: str) -> ResponseReturnValue:
    return take(
        number,
        lambda actor, case, _sent: service.execute(actor, case.id),
        gettext("Executed: what you may execute has taken effect."),
    )


@room.post("/sanctions/<number>/close", needs=Permission.SANCTION_CLOSE)
def close(number: str) -> ResponseReturnValue:
    return take(
        number,
        lambda actor, case, sent: service.close(actor, case.id, sent["note"][:2000]),
        gettext("The case is closed."),
    )


@room.post("/sanctions/<number>/withdraw", needs=Permission.SANCTION_WITHDRAW)
def withdraw(number: str) -> ResponseReturnValue:
    def work(actor: Actor, case: Case, sent: Sent) -> Case | None:
        reason = sent.needed("reason", SAY_WHY)
        return service.withdraw(actor, case.id, reason[:2000]) if reason else None

    return take(number, work, gettext("The case is withdrawn; what was held is given back."))


# --- the party's ----------------------------------------------------------------------------------------------------


@room.post("/sanctions/<number>/statement", needs=Permission.SANCTION_ANSWER)
def statement(number: str) -> ResponseReturnValue:
    def work(actor: Actor, case: Case, sent: Sent) -> Case | None:
        text = sent.needed("text", lazy("Write your side of it."))
        papers = kept_papers(actor, sent)
        return None if sent.errors else service.state_side(actor, case.id, text, papers)

    return take(number, work, gettext("Your statement is in the case; whoever decides reads it first."))


@room.post("/sanctions/<number>/acknowledge", needs=Permission.SANCTION_ANSWER)
def acknowledge(number: str) -> ResponseReturnValue:
    return take(
        number,
        lambda actor, case, _sent: service.acknowledge(actor, case.id),
        gettext("You have acknowledged the decision. You may still appeal in time."),
    )


@room.post("/sanctions/<number>/appeal", needs=Permission.SANCTION_ANSWER)
def appeal(number: str) -> ResponseReturnValue:
    def work(actor: Actor, case: Case, sent: Sent) -> Case | None:
        grounds = sent.needed("grounds", lazy("Write why the decision is wrong."))
        return service.appeal(actor, case.id, grounds) if grounds else None

    return take(
        number, work, gettext("Your appeal is in. A third person hears it; nothing is executed until then.")
    )


# --- decisions: looked at once more before they are made ------------------------------------------------------------


@room.post("/sanctions/<number>/approve", needs=Permission.SANCTION_APPROVE)
def approve(number: str) -> ResponseReturnValue:
    opinion = request.form.get("opinion", "")
    if opinion in (APPROVE, MILDER, REJECT) and not request.form.get("sure"):
        return _looked_at_again(number, opinion, "approve")

    def work(actor: Actor, case: Case, sent: Sent) -> Case | None:
        if opinion not in (APPROVE, MILDER, RETURN, REJECT):
            sent.errors.append(("#opinion-approve", lazy("Choose one.")))
            return None
        note = sent.needed("note", SAY_WHY)[:2000]  # it stands in the decision
        measures = wanted_measures(case, sent) if opinion == MILDER else None
        if sent.errors:
            return None
        if opinion == RETURN:
            return service.give_back(actor, case.id, note)
        if opinion == REJECT:
            return service.reject(actor, case.id, note)
        return service.approve(actor, case.id, note, measures)

    return take(number, work, gettext("Your decision is in the case."))


@room.post("/sanctions/<number>/decide", needs=Permission.SANCTION_DECIDE)
def decide(number: str) -> ResponseReturnValue:
    opinion = request.form.get("opinion", "")
    if opinion in set(Decision) and not request.form.get("sure"):
        return _looked_at_again(number, opinion, "decide")

    def work(actor: Actor, case: Case, sent: Sent) -> Case | None:
        if opinion not in set(Decision):
            sent.errors.append(("#opinion-upheld", lazy("Choose one.")))
            return None
        note = sent.needed("note", SAY_WHY)[:2000]
        measures = read_measures(sent)[0] if opinion == Decision.VARIED else None
        return None if sent.errors else service.decide(actor, case.id, Decision(opinion), note, measures)

    return take(number, work, gettext("The appeal is decided; the party is told."))


@room.post("/sanctions/<number>/review", needs=Permission.SANCTION_DECIDE)
def review(number: str) -> ResponseReturnValue:
    opinion = request.form.get("opinion", "")
    if opinion in REVIEWS and not request.form.get("sure"):
        return _looked_at_again(number, opinion, "review")

    def work(actor: Actor, case: Case, sent: Sent) -> Case | None:
        if opinion not in REVIEWS:
            sent.errors.append(("#opinion-upheld", lazy("Choose one.")))
            return None
        note = sent.needed("note", SAY_WHY)[:2000]
        return service.review(actor, case.id, Decision(opinion), note) if note else None

    return take(number, work, gettext("Your decision is in the case."))


def _looked_at_again(number: str, opinion: str, step: str) -> ResponseReturnValue:
    """The check page of a decision: exactly what will be written, or the form again with what is wrong."""
    actor = current_actor()
    found = listed.by_number(actor, number)
    sent = read_sent(request.form)
    changed = opinion in (MILDER, Decision.VARIED)
    places: list[int] = []
    measures = found.planned
    try:
        sent.needed("note", SAY_WHY)
        if changed:
            read, places = read_measures(sent)
            if not sent.errors:
                measures = milder(read, found)
        if sent.errors:
            raise Incomplete("incomplete")
    except (Invalid, Incomplete) as refused:
        errors = getattr(refused, "errors", [])
        sent.errors += [(anchor(each.pointer, places), each.detail) for each in errors]
        return Response(case_page(found, sent, refused), refused.status)
    return render_template(
        "sanctions/check.html",
        case=found,
        view=queries.view(actor, found),
        opinion=opinion,
        sent=sent,
        changed=changed,
        ends=opinion in (REJECT, Decision.REVOKED),
        measures=measures,
        measure_words=measure_words,
        step=step,
        state_tag=shown.STATE_TAGS[found.at],
    )
