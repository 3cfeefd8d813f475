"""The decision on paper: clause, facts, measures, right and deadline of appeal, in the party's language (R033)."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, request

from portal import rulebook
from portal.access import Actor, Permission, current_actor
from portal.core import clock, paper
from portal.core.errors import NotFound
from portal.core.naming import name_download
from portal.core.texts import LANGUAGES, gettext, language, speaking
from portal.sanctions import queries
from portal.sanctions.models import Case
from portal.sanctions.pages import shown
from portal.sanctions.pages.case import may_read_paper
from portal.sanctions.pages.door import room
from portal.sanctions.queries import pages as listed
from portal.sanctions.rules import Decision, Measure, Move, measure_words
from portal.sanctions.rules.cases import moment_words

TEMPLATE = "templates/sanctions/decision.typ"


@room.get("/sanctions/<number>/decision.pdf", needs=Permission.SANCTION_READ)
def decision(number: str) -> Response:
    """In the party's own language, unless another is asked for in the address."""
    actor = current_actor()
    found = listed.by_number(actor, number)
    if not may_read_paper(actor, found):
        raise NotFound()
    asked = request.args.get("lang") or listed.party_language(found) or ""
    lang = asked if asked in LANGUAGES else language() if queries.is_party(actor, found) else "zh"
    with speaking(lang):
        made = paper.printed(TEMPLATE, _texts(actor, found, lang), _dated(found), lang)
    response = Response(made, mimetype="application/pdf")
    name_download(response, f"{found.number}.pdf", "inline")
    return response


def _dated(found: Case) -> datetime:
    return found.decided_at or found.approved_at or found.proposed_at or clock.now()


def _texts(actor: Actor, found: Case, lang: str) -> dict[str, Any]:
    view = queries.view(actor, found)
    zone = ZoneInfo(actor.time_zone)
    names = shown.names_in(found)
    english = lang == "en"
    party = view.unit_name if view.person_name is None else f"{view.person_name}, {view.unit_name}"
    if not english:
        party = party.replace(", ", "，")

    def when(at: datetime | None) -> str:
        return moment_words(at, zone) if at else "—"

    clause = f"{found.requirement} · {view.title.of(lang)}" if view.title else found.requirement
    wording = view.wording
    return {
        "brand": actor.network_name_en if english and actor.network_name_en else actor.network_name,
        "kind": gettext("Sanction decision"),
        "number": found.number,
        "draft": "" if found.approved_at else gettext("Preview of a proposal: nothing is decided yet."),
        "lines": [
            [gettext("Party"), f"{party} ({view.unit_code})"],
            [gettext("Rule"), clause],
            *([[gettext("Wording"), f"{wording.article_in(lang)}: {wording.of(lang)}"]] if wording else []),
            [
                gettext("The rulebook says"),
                (view.consequence.of(lang) if view.consequence else "—")
                + " "
                + gettext("(rulebook version %(number)s)", number=found.rulebook_version),
            ],
            [gettext("Step of the ladder"), str(found.step)],
        ],
        "facts_title": gettext("Facts"),
        "facts": [*(str(words) for _, _, words in view.facts), *([found.words] if found.words else [])],
        "evidence": gettext("Evidence: %(count)s documents, kept in the portal.", count=len(found.documents))
        if found.documents
        else "",
        "statement_title": gettext("What the party says"),
        "statement": found.statement or gettext("The party did not state its side in its time."),
        "appeal_title": gettext("Appeal"),
        "appeal": found.grounds,
        "before": _before(actor, found),
        "measures_title": gettext("Decision: these measures"),
        "measures": [
            f"{measure_words(each)}"
            + (gettext(", until %(day)s", day=each.until.isoformat()) if each.until else "")
            + (f" · {each.note}" if each.note else "")
            for each in found.planned
        ]
        if found.decision != Decision.REVOKED
        else [gettext("None: the decision was revoked.")],
        "reasons_title": gettext("Reasons"),
        "reasons": _reasons(found),
        "right_title": gettext("Right of appeal"),
        "right": (" " if english else "").join(
            filter(None, (str(_right(found, when)), str(_received(found, when))))
        ),
        "hands": [
            [gettext("Proposed by"), names.get(found.proposed_by or 0, "—"), when(found.proposed_at)],
            [gettext("Approved by"), names.get(found.approved_by or 0, "—"), when(found.approved_at)],
            *(
                [
                    [
                        gettext("Second approver"),
                        names.get(found.first_approved_by, ""),
                        when(found.first_approved_at),
                    ]
                ]
                if found.first_approved_by
                else []
            ),
            *(
                [
                    [
                        gettext("Appeal heard by") if found.appealed_at else gettext("Reviewed by"),
                        names.get(found.heard_by, ""),
                        when(found.decided_at),
                    ]
                ]
                if found.heard_by
                else []
            ),
            [gettext("Served by"), names.get(found.served_by or 0, "—"), when(found.served_at)],
        ],
        "proof": gettext(
            "Made by the portal from its own records; look up the case by its number to check it."
        ),
    }


def _before(actor: Actor, found: Case) -> str:
    """What was decided before it was varied or revoked, from the step that approved it."""
    if found.decision not in (Decision.VARIED, Decision.REVOKED):
        return ""
    approved = [each for each in queries.steps_of(actor, found) if each.move == Move.APPROVE]
    if not approved:
        return ""
    first = [str(measure_words(Measure.model_validate(each))) for each in approved[-1].measures]
    return str(gettext("In the place of: %(measures)s", measures="; ".join(first)))


def _reasons(found: Case) -> list[str]:
    """Each with whose it is, where an appeal or a review gave its own."""
    if not found.decision_note:
        return [found.approval_note] if found.approval_note else []
    second = (
        gettext("Of the hearing: %(text)s", text=found.decision_note)
        if found.appealed_at
        else gettext("Of the review: %(text)s", text=found.decision_note)
    )
    first = [gettext("Of the approval: %(text)s", text=found.approval_note)] if found.approval_note else []
    return [str(each) for each in (*first, second)]


def _received(found: Case, when: Any) -> Any:
    if found.acknowledge_due_at is None:
        return ""
    if found.acknowledged_at is not None:
        return gettext("Acknowledged %(when)s.", when=when(found.acknowledged_at))
    return gettext(
        "Acknowledge this decision in the portal by %(when)s; after that it counts as received.",
        when=when(found.acknowledge_due_at),
    )


def _right(found: Case, when: Any) -> Any:
    if found.decision == Decision.REVOKED and found.appealed_at is None:
        return gettext("The decision was taken back on review: what it hung on fell. Nothing of it remains.")
    if found.decided_at is not None:
        return gettext("One appeal was made and is decided; the decision above is final.")
    if found.appeal_due_at is not None:
        return gettext(
            "You may appeal once, with your grounds, in the portal until %(when)s. Nothing is executed before then; "
            "somebody hears it who neither proposed nor approved.",
            when=when(found.appeal_due_at),
        )
    book = rulebook.at_version(found.network_id, found.rulebook_version)
    return gettext(
        "You may appeal once, with your grounds, in the portal within %(days)s days after it is served.",
        days=book.sanctions.procedure.appeal.days,
    )
