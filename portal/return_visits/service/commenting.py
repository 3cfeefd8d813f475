"""What a regional manager has to say to a customer who is still not satisfied: a duty with a clock (R045 c)."""

from collections.abc import Sequence
from datetime import datetime

from portal import clocks, network, notices, rulebook
from portal.access import Actor, Role
from portal.clocks import Kind, Obligation
from portal.core import arrival, clock
from portal.core import month as months
from portal.core.db import db, within
from portal.network import Unit
from portal.notices import Letter, To
from portal.return_visits import queries
from portal.return_visits.models import Rectification
from portal.return_visits.queries import Calling

COMMENTING = ("region", "channel")
ASKED = "A customer of %(month)s is still not satisfied (round %(round)s): say by %(due)s what will be done."


def asked_of(line: Sequence[Unit]) -> Unit:
    """Of the units above a dealer and itself: its region; where that is closed, what stands above it."""
    able = [each for each in reversed(line) if each.kind in COMMENTING]
    return next((each for each in able if each.status == "active"), able[0])


def ask(actor: Actor, found: Rectification, ruled: Calling, now: datetime) -> None:
    """The round that opens has to be commented on; one comment answers for what was owed before, too.

    Headquarters' eyes. A clock that still runs of an earlier round runs on: another round gives nobody more time.
    """
    owed = queries.comment_clocks([found]).get(found.id)
    line = [*network.superiors(found.unit_path), network.get_unit(found.unit_id)]
    if owed is None:
        owed = clocks.open_obligation(
            actor,
            Kind.RECTIFICATION_COMMENT,
            asked_of(line),
            found.subject,
            rule="return_visits.comment_within",
            source=ruled.book.rectification_source,
            rulebook_version=ruled.version,
            opened_at=now,
            due_at=clocks.term_end(found.network_id, ruled.version, now, ruled.book.comment_within),
            counts=ruled.book.comment_within.counts,
            month=found.month,
        )
    notices.tell_many(actor, [_notice(found, owed.unit_id, owed.due_at, ruled)])


def _notice(found: Rectification, unit_id: int, due_at: datetime, ruled: Calling) -> Letter:
    due = {lang: clocks.deadline_words(due_at, ruled.hours.zone, lang) for lang in ("zh", "en")}
    params = {"month": months.text(found.month), "round": found.rounds, "due": due}
    roles = (Role.REGIONAL_MANAGER, Role.CHANNEL_MANAGER)
    to = [To(unit_id=unit_id, link=f"/rectifications/{found.id}")]
    return Letter("rectification:comment_due", ASKED, roles, params, to)


def meet(actor: Actor, found: Rectification) -> None:
    """The comment is written."""
    owed = queries.comment_clocks([found]).get(found.id)
    if owed is not None:
        clocks.meet(actor, owed.kind, owed.unit_id, owed.subject, arrival.reached())


def withdraw(actor: Actor, found: Rectification, reason: str, *, this_round: bool = False) -> None:
    """Nothing is to be said any more (`this_round`: of what this round asked for): the clock is waived.

    Headquarters never waits for a comment: the customer's word closes a visit. What was missed stays missed.
    """
    owed = queries.comment_clocks([found]).get(found.id)
    if owed is not None and (not this_round or owed.subject == found.subject):
        clocks.waive(actor, owed.id, reason)


def revive(actor: Actor, found: Rectification, closed_at: datetime) -> None:
    """The closing of that moment was a mistake: what it had waived is owed again."""
    owed = queries.last_comment_clock(found)
    if owed is not None and owed.waived_at is not None and owed.waived_at >= closed_at:
        clocks.revive(actor, owed.kind, owed.unit_id, owed.subject, "corrected")
        if not found.unit_path.startswith(owed.unit_path):
            follow_units(actor)


def follow_units(actor: Actor) -> int:
    """Units have moved: the region to which a dealer belongs now has to comment, with the whole time for it.

    Gives how many clocks went elsewhere.
    """
    now = clock.now()
    with within(actor.whole_network):
        waiting = queries.comments_elsewhere()
        if not waiting:
            return 0
        ids = {int(part) for _, found in waiting for part in found.unit_path.rstrip(".").split(".")}
        units = network.units_by_id(ids)
        moves, told = [], []
        for owed, found in waiting:
            line = [units[int(part)] for part in found.unit_path.rstrip(".").split(".")]
            unit, until = asked_of(line), _until(owed, now)
            moves.append((owed, unit, until))
            told.append(_notice(found, unit.id, until, queries.calling(actor.network_id, found.month)))
        clocks.hand_over(actor, moves)
        notices.tell_many(actor, told)
        db.session.flush()
    return len(moves)


def _until(owed: Obligation, now: datetime) -> datetime:
    book = rulebook.at_version(owed.network_id, owed.rulebook_version).return_visits
    if book is None:
        return owed.due_at
    return max(owed.due_at, clocks.term_end(owed.network_id, owed.rulebook_version, now, book.comment_within))
