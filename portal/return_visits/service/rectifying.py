"""Rectifications: what a dealer puts right until the customer is satisfied (R045 b to d)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import insert, text

from portal import clocks, documents, network, notices
from portal.access import Actor, Role
from portal.clocks import Kind
from portal.core import arrival, clock, events
from portal.core import month as months
from portal.core.db import db, within
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.texts import lazy
from portal.network import Unit
from portal.return_visits import queries
from portal.return_visits.models import (
    Rectification,
    RectificationDocument,
    RectificationRound,
    Visit,
)
from portal.return_visits.queries import Calling
from portal.return_visits.rules import outcomes
from portal.return_visits.rules.outcomes import Move, Rank, Reason, RectificationState
from portal.return_visits.service import commenting
from portal.return_visits.service.commenting import COMMENTING

ELSEWHERE_FOR = timedelta(hours=24)
"""How long a revisit waits for another agent than before; then anyone may call, so that nobody starves."""
TOLD = (
    Role.DEALER_PRINCIPAL,
    Role.DEALER_CLERK,
    Role.STORE_CLERK,
    Role.REGIONAL_MANAGER,
    Role.CHANNEL_MANAGER,
)
FILERS = ("store", "dealer")
_OTHERS = text(
    """
    SELECT EXISTS (SELECT FROM membership WHERE network_id = :network AND role = 'hq_agent' AND status = 'active'
                   AND person_id <> :person)
    """
)


def responsible(visit: Visit) -> Unit:
    """Who has to put it right: the store or dealer that filed it; where that is closed, who stands above it now."""
    filer = network.get_unit(visit.filed_by)
    line = [filer, *reversed(network.superiors(filer.unit_path))]
    able = (each for each in line if each.status == "active" and each.kind in (*FILERS, *COMMENTING))
    return next(able, filer)


def open_round(
    actor: Actor, visit: Visit, reason: Reason, words: str, wish: str, ruled: Calling, now: datetime
) -> Rectification:
    """Send the visit back to its dealer: the first round, or the next one of the same rectification."""
    due_at = clocks.term_end(visit.network_id, ruled.version, now, ruled.book.rectification)
    found = queries.of_visit(visit.id, lock=True)
    if found is None:
        unit = responsible(visit)
        found = Rectification(
            network_id=visit.network_id,
            unit_path=unit.unit_path,
            visit_id=visit.id,
            unit_id=unit.id,
            month=visit.month,
            name=visit.name,
            phone=visit.phone,
            address=visit.address,
            state=RectificationState.OPEN,
            rounds=0,
            first_opened_at=now,
            reason=reason,
            words=words,
            wish=wish,
            opened_at=now,
            due_at=due_at,
        )
        db.session.add(found)
    unit = network.get_unit(found.unit_id)
    if unit.status != "active":  # closed since the last round
        unit = responsible(visit)
        found.unit_id, found.unit_path = unit.id, unit.unit_path
    found.state, found.rounds = RectificationState.OPEN, found.rounds + 1
    found.reason, found.words, found.wish = reason, words, wish
    found.opened_at, found.due_at = now, due_at
    found.closed_at = found.closed_as = None
    db.session.flush()
    _write_round(found)
    clocks.open_obligation(
        actor,
        Kind.RECTIFICATION,
        unit,
        found.subject,
        rule="return_visits.rectification",
        source=ruled.book.rectification_source,
        rulebook_version=ruled.version,
        opened_at=now,
        due_at=due_at,
        counts=ruled.book.rectification.counts,
        month=found.month,
    )
    _tell(actor, found, unit)
    if found.rounds >= ruled.book.comment_from_round:
        commenting.ask(actor, found, ruled, now)
    events.record(
        actor,
        "rectification:opened",
        found,
        after={"visit": visit.id, "round": found.rounds, "reason": reason, "due_at": due_at},
    )
    return found


def _write_round(found: Rectification) -> None:
    values = {
        "network_id": found.network_id,
        "unit_path": found.unit_path,
        "rectification_id": found.id,
        "number": found.rounds,
        "reason": found.reason,
        "words": found.words,
        "wish": found.wish,
        "opened_at": found.opened_at,
        "due_at": found.due_at,
    }
    db.session.execute(insert(RectificationRound).values(values))


def _tell(actor: Actor, found: Rectification, unit: Unit) -> None:
    params = {"name": found.name, "month": months.text(found.month), "round": found.rounds}
    link = f"/rectifications/{found.id}"
    notices.tell(
        actor,
        unit_ids=[unit.id],
        roles=TOLD,
        kind="rectification:opened",
        subject=_OPENED,
        params=params,
        link=link,
    )


_OPENED = "A return visit of %(month)s was sent back to you: put it right and report (round %(round)s)."


# --- the dealer's answer ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Report:
    action: str
    result: str = ""
    phone: str | None = None
    address: str | None = None
    documents: Sequence[int] = ()


def report(actor: Actor, rectification_id: int, said: Report) -> Rectification:
    """The dealer says what it did; the visit comes back to the queue, for another agent than before.

    A dealer closes nothing. Raises NotFound, Invalid unknown_document, Conflict already_reported or
    rectification_closed.
    """
    now = clock.now()
    found = queries.get_rectification(rectification_id)
    _must_be_known(said.documents)
    with within(actor.whole_network):
        visit = queries.get_visit(found.visit_id, lock=True)  # visits are locked before rectifications
        found = queries.get_rectification(rectification_id, lock=True)
        _must_be_open(found)
        current = _round(found)
        current.reported_at, current.reported_by = now, actor.name
        current.action, current.result = said.action, said.result
        current.phone, current.address = said.phone, said.address
        found.state = RectificationState.REPORTED
        for document_id in sorted(set(said.documents)):
            db.session.execute(
                insert(RectificationDocument).values(
                    network_id=found.network_id,
                    unit_path=found.unit_path,
                    rectification_id=found.id,
                    number=found.rounds,
                    document_id=document_id,
                )
            )
        clocks.meet(actor, Kind.RECTIFICATION, found.unit_id, found.subject, arrival.reached())
        for each in (visit, *queries.joined_with(visit)):
            _bring_back(each, said, now)
        db.session.flush()
        events.record(
            actor,
            "rectification:reported",
            found,
            after={
                "round": found.rounds,
                "action": said.action,
                "new_phone": said.phone is not None,
                "new_address": said.address is not None,
                "documents": list(said.documents),
            },
        )
    return found


def _must_be_known(document_ids: Sequence[int]) -> None:
    known = {each.id for each in documents.list_documents(document_ids)}
    words = lazy("There is no such document of your own.")
    wrong = [
        FieldError(f"/documents/{place}", "unknown_document", words)
        for place, document_id in enumerate(document_ids)
        if document_id not in known
    ]
    if wrong:
        raise Invalid("unknown_document", words, wrong)


def _must_be_open(found: Rectification) -> None:
    if found.state == RectificationState.REPORTED:
        raise Conflict(
            "already_reported", lazy("This was reported already; headquarters calls the customer.")
        )
    if found.state == RectificationState.CLOSED:
        raise Conflict("rectification_closed", lazy("This is closed; nothing more is to be done."))


def _round(found: Rectification) -> RectificationRound:
    key = {"network_id": found.network_id, "rectification_id": found.id, "number": found.rounds}
    return db.session.get_one(RectificationRound, key, populate_existing=True)


def _bring_back(visit: Visit, said: Report, now: datetime) -> None:
    """In the queue again as a revisit; a corrected number or address is kept beside the old one."""
    if visit.state != outcomes.State.WITH_DEALER:
        return
    visit.state = outcomes.after(visit.state, Move.REPORT)
    visit.round += 1
    visit.next_at, visit.rank, visit.pool = now, int(Rank.REVISIT), 0
    visit.new_phone = said.phone or visit.new_phone
    visit.new_address = said.address or visit.new_address
    given = {"network": visit.network_id, "person": visit.last_agent or 0}
    if visit.last_agent is not None and db.session.scalar(_OTHERS, given):
        visit.not_agent, visit.not_until = visit.last_agent, now + ELSEWHERE_FOR


def comment(actor: Actor, rectification_id: int, words: str) -> Rectification:
    """The regional manager's word on a round: what was owed of it is met; the visit does not move by it.

    Where the dealer is closed and its superior has to put it right, this word is the report. Raises NotFound or
    Conflict.
    """
    found = queries.get_rectification(rectification_id)
    if found.state == RectificationState.OPEN and held_by_superior(found):
        report(actor, rectification_id, Report(words))
    found = queries.get_rectification(rectification_id, lock=True)
    if found.state == RectificationState.CLOSED:
        raise Conflict("rectification_closed", lazy("This is closed; nothing more is to be done."))
    current = _round(found)
    current.comment, current.commented_at, current.commented_by = words, clock.now(), actor.name
    commenting.meet(actor, found)
    db.session.flush()
    events.record(actor, "rectification:commented", found, after={"round": found.rounds, "comment": words})
    return found


def held_by_superior(found: Rectification) -> bool:
    """The dealer is closed: a region, or what stands above it, puts this right."""
    return network.get_unit(found.unit_id).kind in COMMENTING


# --- its end ----------------------------------------------------------------------------------------------


def close(
    actor: Actor, visit: Visit, closed_as: str, now: datetime, reason: str = ""
) -> Rectification | None:
    """Satisfied or waived: the visit's rectification is closed with it; clocks that still run are waived."""
    found = queries.of_visit(visit.id, lock=True)
    if found is None or found.state == RectificationState.CLOSED:
        return found
    if found.state == RectificationState.OPEN:
        _stop_clock(actor, found, reason or closed_as)
    commenting.withdraw(actor, found, reason or closed_as)
    found.state, found.closed_at, found.closed_as = RectificationState.CLOSED, now, closed_as
    db.session.flush()
    events.record(actor, "rectification:closed", found, after={"as": closed_as, "rounds": found.rounds})
    return found


def _stop_clock(actor: Actor, found: Rectification, reason: str) -> None:
    owed = clocks.find(Kind.RECTIFICATION, found.unit_id, found.subject)
    if owed is not None and owed.closed_at is None:
        clocks.waive(actor, owed.id, reason)


def opened_by_last_call(visit: Visit) -> Rectification | None:
    """The rectification whose present round this visit's last call opened, if nobody has answered it: while one is open
    nobody calls."""
    found = queries.of_visit(visit.id, lock=True)
    return found if found is not None and found.state == RectificationState.OPEN else None


def reword(found: Rectification, reason: Reason, words: str, wish: str) -> Rectification:
    """The call was put right: the same round for another reason, or in other words."""
    found.reason, found.words, found.wish = reason, words, wish
    current = _round(found)
    current.reason, current.words, current.wish = reason, words, wish
    db.session.flush()
    return found


def withdraw(actor: Actor, found: Rectification, now: datetime) -> None:
    """The call that opened this round was saved by mistake: the dealer owes nothing; the round stays in sight."""
    _stop_clock(actor, found, "corrected")
    commenting.withdraw(actor, found, "corrected", this_round=True)
    _round(found).withdrawn_at = now
    first = found.rounds == 1
    found.state = RectificationState.CLOSED if first else RectificationState.REPORTED
    if first:
        found.closed_at, found.closed_as = now, "corrected"
    db.session.flush()
    events.record(actor, "rectification:withdrawn", found, after={"round": found.rounds})


def reopen(actor: Actor, visit: Visit, at: datetime) -> None:
    """What a wrongly saved "satisfied" of that moment had closed waits for its revisit again, and for the comment."""
    found = queries.of_visit(visit.id, lock=True)
    if found is not None and found.closed_as == "satisfied" and found.closed_at == at:
        found.state, found.closed_at, found.closed_as = RectificationState.REPORTED, None, None
        commenting.revive(actor, found, at)
        db.session.flush()
