"""The queue: the next call at once, one person for one agent (FOR UPDATE SKIP LOCKED), a lease that falls back."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert

from portal import accounts
from portal.access import Actor, Permission
from portal.core import clock, events
from portal.core.db import db
from portal.core.errors import Conflict
from portal.core.texts import lazy
from portal.return_visits import queries
from portal.return_visits.models import QUEUED, Desk, Draft, Visit
from portal.return_visits.rules.outcomes import CALLABLE, State

SKIPPED_FOR = timedelta(minutes=30)
"""How long a customer whom an agent skipped comes after all others for that agent."""
TRIES = 5

_TAKEABLE = f"""
    v.network_id = :network AND {QUEUED} AND v.next_at <= :now
    AND (v.lease_until IS NULL OR v.lease_until <= :now)
    AND (v.for_agent IS NULL OR v.for_agent = :person OR v.for_until <= :now)
    AND (v.not_agent IS NULL OR v.not_agent <> :person OR v.not_until <= :now OR v.pool = :person)
    AND (:skipped_too OR v.skipped_by IS NULL OR v.skipped_by <> :person OR v.skipped_until <= :now)
"""
# For each rank the first one, in my own pool before everybody's: ten looks at the ends of one index.
_PROBE = text(
    f"""
    SELECT r.rank, p.pool
    FROM (VALUES (0::smallint), (1), (2), (3), (4)) AS r(rank)
    CROSS JOIN (VALUES (CAST(:person AS bigint)), (0)) AS p(pool)
    CROSS JOIN LATERAL (SELECT FROM visit v WHERE v.pool = p.pool AND v.rank = r.rank AND {_TAKEABLE}
                        ORDER BY v.next_at, v.id LIMIT 1) AS found
    ORDER BY r.rank, p.pool DESC
    """  # noqa: S608 - constants of this room
)
_TAKE = text(
    f"""
    SELECT v.* FROM visit v WHERE v.pool = :pool AND v.rank = :rank AND {_TAKEABLE}
    ORDER BY v.next_at, v.id LIMIT 1 FOR UPDATE SKIP LOCKED
    """  # noqa: S608
)


def desk_of(actor: Actor, now: datetime) -> Desk:
    """My desk, locked until the transaction ends: two requests of one agent come one after the other."""
    assert actor.person_id is not None
    at = {"network_id": actor.network_id, "person_id": actor.person_id, "unit_path": actor.root_path}
    upsert = insert(Desk).values(**at, seen_at=now)
    upsert = upsert.on_conflict_do_update(
        index_elements=["network_id", "person_id"], set_={"seen_at": upsert.excluded.seen_at}
    )
    return db.session.scalars(upsert.returning(Desk), execution_options={"populate_existing": True}).one()


def claim_next(actor: Actor) -> Visit | None:
    """The visit that I hold, else the next call for me; None where none is due, or outside the calling hours."""
    now = clock.now()
    desk = desk_of(actor, now)
    assert actor.person_id is not None
    held = queries.held_by(actor.person_id, now)
    desk.paused_at = desk.pause_reason = None
    if held is not None:
        return held
    ruled = queries.calling_now(actor.network_id, now)
    if ruled is None or not ruled.hours.includes(now):
        return None
    for skipped_too in (False, True):
        visit = _take(actor, now, skipped_too)
        if visit is not None:
            return _lease(actor, desk, visit, now)
    return None


def _take(actor: Actor, now: datetime, skipped_too: bool) -> Visit | None:
    given = {
        "network": actor.network_id,
        "person": actor.person_id,
        "now": now,
        "skipped_too": skipped_too,
    }
    for _ in range(TRIES):  # others may have taken all of a rank between the look and the lock
        ranks = db.session.execute(_PROBE, given).all()
        for rank, pool in ranks:
            chosen = select(Visit).from_statement(_TAKE)
            visit: Visit | None = db.session.scalar(
                chosen,
                {**given, "rank": rank, "pool": pool},
                execution_options={"populate_existing": True},
            )
            if visit is not None:
                return visit
        if not ranks:
            return None
    return None


def claim(actor: Actor, visit_id: int) -> Visit:
    """This customer and no other. Raises NotFound, or Conflict: claimed (with holder), visit_closed, with_dealer,
    not_due (with next_at), outside_calling_hours, other_agent."""
    now = clock.now()
    desk = desk_of(actor, now)
    visit = locked_main(visit_id)
    if visit.held_by(actor.person_id, now):
        return visit
    _must_be_free(actor, visit, now)
    if desk.visit_id is not None and desk.visit_id != visit.id:
        _let_go(desk, now)
    return _lease(actor, desk, visit, now)


def locked_main(visit_id: int) -> Visit:
    """The visit, locked; where it is called together with another month's, that one."""
    visit = queries.get_visit(visit_id)
    return queries.get_visit(visit.joined_to or visit.id, lock=True)


def locked_with_desk(visit_id: int) -> Visit:
    """The same, after the desk of whoever holds it: desks are locked before visits everywhere."""
    visit = queries.get_visit(visit_id)
    if visit.holder_id is not None:
        lock_desk(visit.holder_id)
    return locked_main(visit_id)


def lock_desk(person_id: int) -> Desk | None:
    chosen = select(Desk).where(Desk.person_id == person_id).with_for_update()
    return db.session.scalar(chosen, execution_options={"populate_existing": True})


def _must_be_free(actor: Actor, visit: Visit, now: datetime) -> None:
    must_be_callable(visit)
    if visit.held_at(now):
        raise Conflict("claimed", lazy("A colleague is calling this customer."), holder=holder_of(visit, now))
    if visit.next_at is None or visit.next_at > now:
        raise Conflict(
            "not_due",
            lazy("This customer is not to be called yet."),
            next_at=visit.next_at and clock.local(visit.next_at).isoformat(timespec="seconds"),
        )
    ruled = queries.calling_now(actor.network_id, now)
    if ruled is not None and not ruled.hours.includes(now):
        raise Conflict("outside_calling_hours", lazy("Customers are not called at this hour."))
    supervises = actor.may(Permission.VISIT_ASSIGN) or visit.pool == actor.person_id
    promised = visit.for_agent not in (None, actor.person_id) and (visit.for_until or now) > now
    had_it = visit.not_agent == actor.person_id and (visit.not_until or now) > now
    if not supervises and (promised or had_it):
        raise Conflict("other_agent", lazy("This call belongs to another agent."))


def must_be_callable(visit: Visit) -> None:
    """Raise Conflict where it is closed or with the dealer."""
    if visit.state == State.CLOSED:
        raise Conflict("visit_closed", lazy("This visit is closed."))
    if visit.state == State.WITH_DEALER:
        raise Conflict("with_dealer", lazy("This visit is with the dealer."))


def holder_of(visit: Visit, now: datetime) -> str | None:
    """The name of whoever holds it now."""
    if not visit.held_at(now) or visit.holder_id is None:
        return None
    return accounts.names_of([visit.holder_id]).get(visit.holder_id)


def lease_lost(visit: Visit, now: datetime) -> Conflict:
    words = lazy("You do not hold this customer any more. What you typed is kept.")
    return Conflict("lease_lost", words, holder=holder_of(visit, now))


def _lease(actor: Actor, desk: Desk, visit: Visit, now: datetime) -> Visit:
    until = now + queries.calling(actor.network_id, visit.month).book.lease
    mates = list(queries.joined_with(visit))
    for mate in queries.to_join(visit, now):
        if mate.next_at is not None and mate.next_at <= now and not _promised(mate, actor, now):
            mate.joined_to = visit.id
            mates.append(mate)
    for each in (visit, *mates):
        each.holder_id, each.lease_until = actor.person_id, until
    desk.visit_id, desk.claimed_at = visit.id, now
    db.session.flush()
    events.record(actor, "visit:claimed", visit, after={"lease_until": until, "with": [m.id for m in mates]})
    return visit


def _promised(visit: Visit, actor: Actor, now: datetime) -> bool:
    return visit.for_agent not in (None, actor.person_id) and (visit.for_until or now) > now


# --- while it is held -------------------------------------------------------------------------------------


def renew(actor: Actor, visit_id: int) -> Visit:
    """The page is still open: the lease runs anew. One that ran out is mine again while nobody has taken it."""
    now = clock.now()
    desk = desk_of(actor, now)
    visit = locked_main(visit_id)
    mine = visit.holder_id == actor.person_id and desk.visit_id == visit.id and visit.state in CALLABLE
    if not mine:
        raise lease_lost(visit, now)
    until = now + queries.calling(actor.network_id, visit.month).book.lease
    for each in (visit, *queries.joined_with(visit)):
        each.holder_id, each.lease_until = actor.person_id, until
    db.session.flush()
    return visit


def release(actor: Actor, visit_id: int, reason: str) -> Visit:
    """Back to the queue: my own (skipped, it comes after the others for me), or anybody's by a supervisor."""
    now = clock.now()
    visit = locked_with_desk(visit_id)
    if not visit.held_by(actor.person_id, now) and not (
        actor.may(Permission.VISIT_ASSIGN) and visit.held_at(now)
    ):
        raise lease_lost(visit, now)
    visit.skipped_by, visit.skipped_until = visit.holder_id, now + SKIPPED_FOR
    end_lease(visit)
    events.record(actor, "visit:released", visit, after={"reason": reason})
    return visit


def end_lease(visit: Visit) -> None:
    """Nobody holds it any more, nor the months that were called with it; these stand for themselves again."""
    holder = visit.holder_id
    called = {each.id for each in queries.called_with(visit)}
    for each in (visit, *queries.joined_with(visit)):
        each.holder_id = each.lease_until = None
        if each is not visit and each.state in CALLABLE and visit.state in CALLABLE and each.id not in called:
            each.joined_to = None
    if holder is not None:
        desk = lock_desk(holder)
        if desk is not None and desk.visit_id == visit.id:
            desk.visit_id = desk.claimed_at = None
    db.session.flush()


def _let_go(desk: Desk, now: datetime) -> None:
    """Whoever picks another customer gives the present one back."""
    visit = queries.get_visit(desk.visit_id, lock=True) if desk.visit_id is not None else None
    if visit is not None and visit.held_by(desk.person_id, now):
        end_lease(visit)


def pause(actor: Actor, reason: str = "") -> Desk:
    """Away from the desk: what I hold goes back to the queue; asking for the next call ends the pause."""
    now = clock.now()
    desk = desk_of(actor, now)
    _let_go(desk, now)
    desk.paused_at, desk.pause_reason = now, reason
    db.session.flush()
    events.record(
        actor,
        "desk:paused",
        kind="desk",
        object_id=actor.person_id,
        unit_path=actor.root_path,
        after={"reason": reason},
    )
    return desk


def save_draft(actor: Actor, visit_id: int, typed: dict[str, Any]) -> datetime:
    """Keep what I have typed, also when the lease is lost; gives when. Raises NotFound."""
    now = clock.now()
    visit = queries.get_visit(visit_id)
    desk_of(actor, now)  # before the draft, as whoever saves the call takes both
    at = {
        "network_id": actor.network_id,
        "unit_path": actor.root_path,
        "visit_id": visit.id,
        "person_id": actor.person_id,
    }
    upsert = insert(Draft).values(**at, typed=events.plain(typed), saved_at=now)
    upsert = upsert.on_conflict_do_update(
        index_elements=["network_id", "visit_id", "person_id"],
        set_={"typed": upsert.excluded.typed, "saved_at": upsert.excluded.saved_at},
    )
    db.session.execute(upsert)
    return now


def reveal(actor: Actor, visit: Visit) -> None:
    """A whole phone number was shown to the one who holds the visit: that look is in the audit trail."""
    events.record(actor, "visit:revealed", visit, after={"phone": True, "address": True})


def count_due(network_id: int, now: datetime) -> int:
    """How many calls are due now, for the queue's head; counts to 1,000 and no further."""
    chosen = (
        select(Visit.id).where(Visit.network_id == network_id, text(QUEUED), Visit.next_at <= now).limit(1000)
    )
    return db.session.scalar(select(func.count()).select_from(chosen.subquery())) or 0
