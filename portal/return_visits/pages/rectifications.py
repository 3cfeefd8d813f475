"""What dealers put right: their list, one with its rounds, the report with photos, the region's comment."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import documents, network
from portal.access import Actor, Permission, current_actor
from portal.clocks import Due, Obligation
from portal.core import clock
from portal.core.db import within
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.masking import mask_address, mask_phone
from portal.core.texts import gettext
from portal.documents import Document
from portal.network import Unit
from portal.return_visits import forms, queries, service
from portal.return_visits.forms import ReportTyped
from portal.return_visits.models import Rectification, RectificationRound
from portal.return_visits.pages import shown
from portal.return_visits.pages.calling import SEE_OTHER
from portal.return_visits.pages.door import asked, rectification_state, room
from portal.return_visits.queries import pages as looks
from portal.return_visits.rules import desk
from portal.return_visits.rules.outcomes import RectificationState
from portal.return_visits.service import Report

MOST_PHOTOS = 12
COMMENT = "comment"
"""Not a state: what waits for a regional manager's word, whatever its state."""


@dataclass(frozen=True)
class RectificationLine:
    """One in a list: number and address whole for the dealer's people, masked for all above."""

    found: Rectification
    unit: Unit
    number: str
    tag: shown.Tag
    reason: shown.Tag
    age: Any  # since it was first sent back
    limit: Due | None
    comment_wanted: bool
    comment_by: Due | None  # for whoever may see that clock
    phone: str
    address: str
    words: str
    wish: str


def _lines(actor: Actor, listed: Sequence[Rectification]) -> list[RectificationLine]:
    units = network.units_by_id(each.unit_id for each in listed)
    owed = queries.clocks_of(listed)
    with within(actor.whole_network):  # a dealer may know that a comment is wanted, though not that clock
        comments = queries.comment_clocks(listed)
    return [
        _line(actor, each, units[each.unit_id], owed.get(each.id), comments.get(each.id)) for each in listed
    ]


def _line(
    actor: Actor,
    found: Rectification,
    unit: Unit,
    owed: Obligation | None,
    comment_owed: Obligation | None,
) -> RectificationLine:
    whole = actor.sees_whole_phones
    state = RectificationState(found.state)
    return RectificationLine(
        found=found,
        unit=unit,
        number=desk.visit_number(found.month, found.visit_id),
        tag=shown.RECTIFICATION_TAGS[state],
        reason=shown.REASON_TAGS[found.reason],
        age=shown.age(found.first_opened_at, found.closed_at),
        limit=shown.limit_of(owed),
        comment_wanted=comment_owed is not None,
        comment_by=None if whole else shown.limit_of(comment_owed),
        phone=found.phone if whole else mask_phone(found.phone),
        address=found.address if whole else mask_address(found.address),
        words=shown.free_words(found.words, whole),
        wish=shown.free_words(found.wish, whole),
    )


@room.get("/rectifications", needs=Permission.RECTIFICATION_READ)
def rectifications() -> ResponseReturnValue:
    """What is to be put right, the earliest limit first."""
    actor, now = current_actor(), clock.now()
    given = asked("state", "unit")
    comments = 0 if actor.sees_whole_phones else queries.count_comments()
    if "state" not in request.args:
        first = comments and actor.may(Permission.RECTIFICATION_COMMENT)
        given["state"] = COMMENT if first else RectificationState.OPEN
    page = queries.list_rectifications(
        actor,
        state=rectification_state(given["state"]),
        comment_due=given["state"] == COMMENT,
        unit=given["unit"] or None,
        cursor=request.args.get("cursor") or None,
    )
    counts = queries.count_by_state()
    kept: dict[str, Any] = {"state": given["state"]} | ({"unit": given["unit"]} if given["unit"] else {})
    return render_template(
        "return_visits/rectifications.html",
        lines=_lines(actor, page.items),
        counts=counts,
        comments=comments,
        overdue=looks.count_overdue(now),
        chip_items=_chips(counts, comments, given),
        for_comment=given["state"] == COMMENT,
        asked=given,
        units=shown.unit_choices(actor) if not actor.sees_whole_phones else [],
        dealer=actor.sees_whole_phones,
        next_href=url_for("return_visits.rectifications", cursor=page.next_cursor, **kept)
        if page.next_cursor
        else "",
        first_href=url_for("return_visits.rectifications", **kept) if request.args.get("cursor") else "",
    )


def _chips(counts: Any, comments: int, given: dict[str, str]) -> list[tuple[str, Any, int, bool]]:
    unit = given["unit"] or None
    named = [(state.value, tag[1], counts[state]) for state, tag in shown.RECTIFICATION_TAGS.items()]
    if comments or given["state"] == COMMENT:
        named.insert(0, (COMMENT, gettext("Comment wanted"), comments))
    found = [
        (
            url_for("return_visits.rectifications", state=state, unit=unit),
            words,
            count,
            given["state"] == state,
        )
        for state, words, count in named
    ]
    every = url_for("return_visits.rectifications", state="", unit=unit)
    return [*found, (every, gettext("All"), sum(counts.values()), not given["state"])]


# --- one --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class RoundShown:
    """One round as this reader may see it."""

    round: RectificationRound
    reason: shown.Tag
    words: str
    wish: str
    action: str
    result: str
    phone: str
    address: str
    papers: Sequence[Document]


def _rounds(actor: Actor, found: Rectification) -> list[RoundShown]:
    whole = actor.sees_whole_phones
    papers = queries.documents_of([found.id])
    kept = {
        each.id: each for each in documents.list_documents([one for ids in papers.values() for one in ids])
    }

    def one(each: RectificationRound) -> RoundShown:
        phone, address = each.phone or "", each.address or ""
        return RoundShown(
            round=each,
            reason=shown.REASON_TAGS[each.reason],
            words=shown.free_words(each.words, whole),
            wish=shown.free_words(each.wish, whole),
            action=shown.free_words(each.action, whole),
            result=shown.free_words(each.result, whole),
            phone=phone if whole else mask_phone(phone),
            address=address if whole else mask_address(address),
            papers=[kept[key] for key in papers[found.id, each.number] if key in kept],
        )

    return [one(each) for each in reversed(queries.rounds_of([found.id])[found.id])]


@room.get("/rectifications/<key:rectification_id>", needs=Permission.RECTIFICATION_READ)
def rectification(rectification_id: int) -> ResponseReturnValue:
    return _page(queries.get_rectification(rectification_id), ReportTyped())


def _page(
    found: Rectification, typed: ReportTyped, faults: Sequence[FieldError] = (), *, commit: bool = False
) -> ResponseReturnValue:
    """`commit`: photos were kept on the way, so that the answer is no refusal."""
    actor = current_actor()
    (line,) = _lines(actor, [found])
    open_now = found.state == RectificationState.OPEN
    page = render_template(
        "return_visits/rectification.html",
        line=line,
        found=found,
        rounds=_rounds(actor, found),
        region=network.superior_of_kind(found.unit_path, "region"),
        may_report=open_now and actor.may(Permission.RECTIFICATION_REPORT),
        may_comment=found.state != RectificationState.CLOSED and actor.may(Permission.RECTIFICATION_COMMENT),
        for_dealer=open_now and service.held_by_superior(found),
        may_call=actor.may(Permission.VISIT_READ),
        typed=typed,
        papers=documents.list_documents(typed.documents),
        faults={fault.pointer.lstrip("/"): fault.detail for fault in faults},
        errors=faults,
        moment=shown.moment,
    )
    return page, 422 if faults and not commit else 200


@room.get("/rectifications/<key:rectification_id>/report", needs=Permission.RECTIFICATION_READ)
def reported(rectification_id: int) -> ResponseReturnValue:
    """Where the form's address is opened again: it stands on the rectification's page."""
    queries.get_rectification(rectification_id)
    return redirect(url_for("return_visits.rectification", rectification_id=rectification_id))


@room.post("/rectifications/<key:rectification_id>/report", needs=Permission.RECTIFICATION_REPORT)
def report(rectification_id: int) -> ResponseReturnValue:
    """What was done. Photos are kept one by one: a bad one is named, the good ones and all words stay."""
    actor = current_actor()
    found = queries.get_rectification(rectification_id)
    typed = forms.read_report(request.form, request.form.getlist("document"))
    fresh, refused = _keep(actor, MOST_PHOTOS - len(typed.documents))
    typed = replace(typed, documents=tuple(dict.fromkeys((*typed.documents, *fresh))))
    only_photos = request.form.get("what") == "photos"
    faults = refused if only_photos else [*refused, *typed.faults]
    if faults or only_photos:
        return _page(found, typed, faults, commit=bool(fresh) or only_photos)
    try:
        service.report(
            actor,
            rectification_id,
            Report(
                action=typed.action,
                result=typed.result,
                phone=typed.phone or None,
                address=typed.address or None,
                documents=typed.documents,
            ),
        )
    except (Conflict, Invalid) as error:
        return _page(found, typed, [FieldError("/", error.code, error.detail)])
    flash(gettext("Reported. Headquarters calls the customer again; only that call can close it."), "ok")
    return redirect(url_for("return_visits.rectification", rectification_id=rectification_id), SEE_OTHER)


def _keep(actor: Actor, room_for: int) -> tuple[list[int], list[FieldError]]:
    """Every chosen file: the ids of those that are kept, and a sentence for each one that is refused."""
    kept: list[int] = []
    refused: list[FieldError] = []
    sent = [each for each in request.files.getlist("file") if each.filename]
    for place, each in enumerate(sent):
        if place >= room_for:
            words = gettext("At most %(num)d photos and papers.", num=MOST_PHOTOS)
            refused.append(FieldError("/file", "too_many", words))
            break
        try:
            kept.append(documents.keep(actor, each.stream.read(), each.filename or "").id)
        except Invalid as error:
            words = gettext("%(name)s: %(why)s", name=forms.tidy(each.filename, 80), why=error.detail)
            refused.append(FieldError("/file", error.code, words))
    return kept, refused


@room.post("/rectifications/<key:rectification_id>/comment", needs=Permission.RECTIFICATION_COMMENT)
def comment(rectification_id: int) -> ResponseReturnValue:
    """The superior's word on a round."""
    found = queries.get_rectification(rectification_id)
    words = forms.tidy(request.form.get("comment"))
    if not words:
        fault = FieldError(
            "/comment", "required", gettext("Say what will be done so that the next round is the last.")
        )
        return _page(found, ReportTyped(), [fault])
    try:
        service.comment(current_actor(), rectification_id, words)
    except Conflict as refused:
        flash(str(refused.detail), "bad")
    else:
        flash(gettext("Your comment stands with this round."), "ok")
    return redirect(url_for("return_visits.rectification", rectification_id=rectification_id), SEE_OTHER)
