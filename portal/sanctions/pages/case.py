"""One case: measures, facts, evidence, the party's words, money, what was done, and what may be done now."""

from datetime import datetime
from typing import Any

from flask import Response, redirect, render_template, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext as _

from portal import documents, rulebook
from portal.access import Actor, Permission, current_actor
from portal.core import clock, events
from portal.core.db import within
from portal.core.errors import NotFound, PortalError
from portal.core.texts import gettext
from portal.sanctions import queries
from portal.sanctions.forms import Sent, rows_of
from portal.sanctions.models import Case
from portal.sanctions.pages import shown
from portal.sanctions.pages.door import room
from portal.sanctions.queries import pages as listed
from portal.sanctions.rules import MeasureKind, Move, State, measure_words, why
from portal.sanctions.rules.measures import WORDS


@room.get("/sanctions/<number>", needs=Permission.SANCTION_READ)
def case(number: str) -> str:
    return case_page(listed.by_number(current_actor(), number))


@room.get("/appeals/<number>", needs=Permission.SANCTION_READ)
def appeal_of(number: str) -> ResponseReturnValue:
    found = listed.by_number(current_actor(), number)
    return redirect(url_for("sanctions.case", number=found.number, _anchor="appeal"))


STEPS = "propose approve serve statement acknowledge appeal decide review execute close withdraw".split()


@room.get("/sanctions/<number>/<step>", needs=Permission.SANCTION_READ)
def step(number: str, step: str) -> ResponseReturnValue:
    """Where a step's address is opened or reloaded: its form stands on the case's page."""
    found = listed.by_number(current_actor(), number)
    if step not in STEPS:
        raise NotFound()
    return redirect(url_for("sanctions.case", number=found.number))


@room.get("/sanctions/<number>/documents/<key:document_id>", needs=Permission.SANCTION_READ)
def document(number: str, document_id: int) -> Response:
    """Evidence, for everybody who may see the case: the party has to see what is held against it."""
    actor = current_actor()
    found = listed.by_number(actor, number)
    if str(document_id) not in (*found.documents, *found.statement_documents):
        raise NotFound()
    with within(actor.whole_network):
        paper = documents.get_document(document_id)
        if paper.unit_id != actor.unit_id:
            events.record(actor, "document:downloaded", paper, after={"case": found.number})
        look = documents.shown(paper)
    return send_file(**vars(look), max_age=0)


def case_page(found: Case, sent: Sent | None = None, refused: PortalError | None = None) -> str:
    """The page; with `sent`, the typed values and their errors stand in the form again."""
    actor, now = current_actor(), clock.now()
    effects = listed.effects_in(actor, found)
    view = queries.view(actor, found)
    acts = shown.acts_of(actor, found, effects, now)
    return render_template(
        "sanctions/case.html",
        case=found,
        view=view,
        title=_title(view),
        acts=acts,
        sent=sent or Sent(),
        refused=refused,
        rows=(sent.rows if sent and sent.rows else None) or rows_of(found.planned),
        kinds=[("", ""), *((each.value, WORDS[each]) for each in MeasureKind)],
        stages=shown.timeline(found, queries.steps_of(actor, found)),
        money=shown.money_of(actor, found, effects),
        effects={(each.round, each.kind): each for each in effects},
        advice=shown.advice(found),
        linked=shown.linked_cases(actor, view.linked),
        names=shown.names_in(found),
        procedure=rulebook.at_version(found.network_id, found.rulebook_version).sanctions.procedure,
        state_tag=shown.STATE_TAGS[found.at],
        state_tags=shown.STATE_TAGS,
        due_words=shown.due_words(found),
        who_words=shown.WHO_WORDS,
        evidence=shown.evidence,
        measure_words=measure_words,
        party=queries.is_party(actor, found),
        has_paper=may_read_paper(actor, found),
        uploads=actor.may(Permission.DOCUMENT_UPLOAD),
        reads_ledger=actor.may(Permission.LEDGER_READ),
        moment=now,
        why=why,
        own_due=_own_due(found, now) if queries.is_party(actor, found) else None,
    )


def _title(view: queries.CaseView) -> Any:
    who = view.person_name or view.unit_name
    return gettext("%(who)s: %(what)s", who=who, what=view.title) if view.title else who


OWN_STEPS = {
    Move.STATE: _("to state your side"),
    Move.ACKNOWLEDGE: _("to acknowledge the decision"),
    Move.APPEAL: _("to appeal"),
}


def _own_due(found: Case, now: datetime) -> tuple[datetime, Any] | None:
    """Until when the party may do what comes first."""
    step = listed.own_step(found, now)
    return (step[1], OWN_STEPS[step[0]]) if step else None


def may_read_paper(actor: Actor, found: Case) -> bool:
    """The decision is the party's once it is served; those who decide see what it will say."""
    if found.at in (State.DRAFT, State.REJECTED, State.WITHDRAWN):
        return False
    return (
        found.served_at is not None
        or (found.approved_at is not None and not queries.is_party(actor, found))
        or (actor.may(Permission.SANCTION_APPROVE) or actor.may(Permission.SANCTION_PROPOSE))
    )
