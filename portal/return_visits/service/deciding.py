"""A supervisor's decisions: who calls whom, what is closed without a visit, and the end of a month."""

from datetime import date

from sqlalchemy import Text, bindparam, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from portal import accounts, clocks, network
from portal.access import Actor, Role
from portal.core import clock, events
from portal.core import month as months
from portal.core.db import db
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.texts import lazy
from portal.network import Unit
from portal.return_visits import queries
from portal.return_visits.models import QUEUED, SealedMonth, Visit
from portal.return_visits.rules import outcomes
from portal.return_visits.rules.outcomes import CALLABLE, Move, Rank, State
from portal.return_visits.service import claiming, counting, rectifying

CALLERS = (Role.HQ_AGENT, Role.HQ_SUPERVISOR)


def caller(actor: Actor, given: str) -> int:
    """The person (e-mail, phone or id) as one who calls customers of this network. Raises Invalid unknown_person."""
    person = accounts.person_by_identifier(accounts.identifier(given) or given.strip())
    wanted = person.id if person is not None else int(given) if given.isascii() and given.isdigit() else -1
    for membership, found, _ in accounts.memberships_in(actor.network_id):
        if found.id == wanted and membership.role in CALLERS:
            return wanted
    words = lazy("Nobody of this name calls customers here.")
    raise Invalid("unknown_person", words, [FieldError("/person", "unknown_person", words)])


def assign(actor: Actor, visit_id: int, person_id: int | None) -> Visit:
    """Hand one visit to a person (None: back to everybody's queue); whoever holds it loses it.

    One that a customer refused is called again by that. Raises NotFound, Conflict visit_closed.
    """
    visit = claiming.locked_with_desk(visit_id)
    if visit.state == State.CLOSED:
        raise Conflict("visit_closed", lazy("This visit is closed."))
    before = {"pool": visit.pool or None, "holder": visit.holder_id}
    if visit.holder_id is not None and visit.holder_id != person_id:
        claiming.end_lease(visit)
    visit.pool = person_id or 0
    visit.for_agent = visit.for_until = visit.skipped_by = visit.skipped_until = None
    if visit.state in CALLABLE and visit.next_at is None:
        visit.next_at, visit.rank = clock.now(), int(Rank.RETRY)
    db.session.flush()
    events.record(actor, "visit:assigned", visit, before=before, after={"pool": person_id})
    return visit


def assign_all(actor: Actor, person_id: int | None, unit: Unit, month: date | None = None) -> int:
    """Hand out (None: take back) everything of a region or dealer that is to be called and that nobody holds."""
    now = clock.now()
    chosen = (
        update(Visit)
        .where(
            Visit.about_path >= unit.unit_path,
            Visit.about_path < f"{unit.unit_path[:-1]}/",
            Visit.state.in_(CALLABLE),
            Visit.pool != (person_id or 0),
            or_(Visit.lease_until.is_(None), Visit.lease_until <= now),
        )
        .values(pool=person_id or 0)
        .execution_options(synchronize_session=False)
    )
    if month is not None:
        chosen = chosen.where(Visit.month == month)
    done: int = db.session.execute(chosen).rowcount  # type: ignore[attr-defined]
    db.session.expire_all()
    events.record(
        actor,
        "visit:handed_out",
        kind="unit",
        object_id=unit.id,
        unit_path=actor.root_path,
        after={"person": person_id, "visits": done, "month": month and months.text(month)},
    )
    return done


_FREE = text(
    f"""
    WITH RECURSIVE pools AS (
        (SELECT pool FROM visit WHERE network_id = :network AND {QUEUED} AND pool > 0 ORDER BY pool LIMIT 1)
        UNION ALL
        SELECT (SELECT v.pool FROM visit v WHERE v.network_id = :network AND {QUEUED} AND v.pool > p.pool
                ORDER BY v.pool LIMIT 1) FROM pools p WHERE p.pool IS NOT NULL),
    gone AS (
        SELECT p.pool FROM pools p WHERE p.pool IS NOT NULL AND NOT EXISTS (
            SELECT FROM membership m JOIN person h ON h.id = m.person_id
            WHERE m.network_id = :network AND m.person_id = p.pool AND m.status = 'active' AND h.status = 'active'
              AND m.role = ANY(:callers))),
    free AS (
        SELECT v.id FROM visit v JOIN gone g ON g.pool = v.pool WHERE v.network_id = :network AND {QUEUED}
        FOR UPDATE OF v SKIP LOCKED)
    UPDATE visit v SET pool = 0 FROM free f WHERE v.network_id = :network AND v.id = f.id
    """  # noqa: S608 - constants of this room
).bindparams(bindparam("callers", type_=ARRAY(Text)))


def free_pools(actor: events.Doer, root_path: str) -> int:
    """What was handed to somebody who calls no more is everybody's again; gives how many. Headquarters' eyes."""
    given = {"network": actor.network_id, "callers": [role.value for role in CALLERS]}
    done: int = db.session.execute(_FREE, given).rowcount  # type: ignore[attr-defined]
    if done:
        after = {"person": None, "visits": done, "month": None}
        unit_id = int(root_path.rstrip(".").rpartition(".")[2])
        events.record(
            actor, "visit:handed_out", kind="unit", object_id=unit_id, unit_path=root_path, after=after
        )
    return done


def call_first(actor: Actor, unit: Unit, month: date) -> int:
    """A dealer that needs attention: its first calls come before the oldest ones."""
    chosen = (
        update(Visit)
        .where(
            Visit.about_path >= unit.unit_path,
            Visit.about_path < f"{unit.unit_path[:-1]}/",
            Visit.month == month,
            Visit.state == State.WAITING,
            Visit.rank == int(Rank.OLDEST),
        )
        .values(rank=int(Rank.SUSPICIOUS))
        .execution_options(synchronize_session=False)
    )
    done: int = db.session.execute(chosen).rowcount  # type: ignore[attr-defined]
    db.session.expire_all()
    events.record(
        actor,
        "visit:called_first",
        kind="unit",
        object_id=unit.id,
        unit_path=actor.root_path,
        after={"visits": done, "month": months.text(month)},
    )
    return done


def waive(actor: Actor, visit_id: int, reason: str) -> Visit:
    """Close it for a signed reason; it does not count as visited. Raises NotFound, Conflict visit_closed."""
    now = clock.now()
    visit = claiming.locked_with_desk(visit_id)
    if visit.state == State.CLOSED:
        raise Conflict("visit_closed", lazy("This visit is closed."))
    party = [visit, *queries.called_with(visit)]
    before = [counting.figures_of(each) for each in party]
    was = visit.state
    claiming.end_lease(visit)
    for each in party:
        each.state = outcomes.after(each.state, Move.WAIVE)
        each.next_at = None
        each.closed_at = each.waived_at = now
        each.waived_by, each.waiver_reason = actor.person_id, reason
        rectifying.close(actor, each, "waived", now, reason)
    db.session.flush()
    events.record(actor, "visit:waived", visit, before={"state": was}, after={"reason": reason})
    changes = [(each, counting.figures_of(each) - old) for each, old in zip(party, before, strict=True)]
    day = queries.calling(actor.network_id, visit.month).hours.day_of(now)
    counting.add(changes, day, actor.person_id)
    return visit


def seal(actor: Actor, month: date) -> SealedMonth:
    """Close a month for good, with its figures. Raises Conflict month_sealed, or open_visits, also before the lock:
    until then each amendment opens more (API.md has the one code for both).
    """
    now = clock.now()
    counting.hold_for_sealing(actor.network_id, month)
    figures = queries.total(month, actor.root_path)
    if figures.open:
        words = lazy("%(open)s customers are still open.", open=figures.open)
        raise Conflict("open_visits", words, open=figures.open)
    locked_at = clocks.calendar(actor.network_id, month).locked_at
    if now < locked_at:
        words = lazy("This month still takes files.")
        raise Conflict("open_visits", words, open=0, locked_at=clock.local(locked_at).isoformat())
    if not clocks.seal(actor, network.get_network(actor.network_id), month):
        raise Conflict("month_sealed", lazy("This month is sealed."))
    dealers = {line.unit.code: vars(line.figures) for line in queries.by_dealer(month, actor.root_path)}
    sealed = SealedMonth(
        network_id=actor.network_id,
        unit_path=actor.root_path,
        month=month,
        sealed_at=now,
        sealed_by=actor.name,
        figures={"total": vars(figures), "coverage": figures.coverage, "dealers": dealers},
    )
    db.session.add(sealed)
    db.session.flush()
    return sealed


def count_open(month: date) -> int:
    """Headquarters' eyes: visits of the month that are not closed, from the visits themselves."""
    chosen = select(func.count()).where(Visit.month == month, Visit.state != State.CLOSED)
    return db.session.scalar(chosen) or 0
