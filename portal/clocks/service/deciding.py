"""A superior's decisions on clocks."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.dialects.postgresql import insert

from portal.access import Actor
from portal.clocks import queries
from portal.clocks.models import MonthSeal, Obligation
from portal.clocks.rules import State
from portal.clocks.service import escalating
from portal.clocks.service.starting import run_on
from portal.core import clock, events
from portal.core import month as months
from portal.core.db import db
from portal.core.errors import Conflict, FieldError, Invalid, NotAllowed
from portal.core.texts import lazy
from portal.network import Network

LONGEST = timedelta(days=366)
"""An extension beyond this is a slip of the pen."""


def extend(actor: Actor, obligation_id: int, due_at: datetime, reason: str) -> Obligation:
    """A later limit; the first stays visible. Raises NotFound, NotAllowed, Conflict (closed) or Invalid (limit)."""
    now = clock.now()
    owed = _to_decide(actor, obligation_id)
    if due_at <= now:
        raise _wrong_limit("due_in_the_past", lazy("The new limit must lie in the future."))
    if due_at > now + LONGEST:
        raise _wrong_limit("due_too_late", lazy("The new limit must lie within a year."))
    _refuse_closed(owed)
    if due_at <= owed.due_at:
        raise _wrong_limit("due_not_later", lazy("The new limit must be later than the present one."))
    before = {"due_at": owed.due_at, "state": owed.state_at(now), "breached_at": owed.breached_at}
    owed.due_at = due_at
    owed.extended_at, owed.extended_by, owed.extension_reason = now, actor.person_id, reason
    if owed.breached_at is not None:
        escalating.stop(owed, now, now)
    owed.breached_at = None  # the new limit is not missed yet; the trail keeps that the old one was
    owed.planned_at = now
    if owed.paused_at is None:
        owed.next_at = now
    return _decided(actor, "obligation:extended", owed, now, before, {"due_at": due_at, "reason": reason})


def pause(actor: Actor, obligation_id: int, reason: str) -> Obligation:
    """Stop the clock; `resume` gives the time back. Raises NotFound, NotAllowed, or Conflict where none runs."""
    now = clock.now()
    owed = _to_decide(actor, obligation_id)
    _refuse_closed(owed)
    if owed.paused_at is not None:
        raise Conflict("already_paused", lazy("This clock is paused already."))
    if owed.state_at(now) is State.BREACHED:
        raise Conflict("past_due", lazy("This limit has passed. It can be extended, not paused."))
    before = {"due_at": owed.due_at}
    owed.paused_at, owed.paused_by, owed.pause_reason, owed.next_at = now, actor.person_id, reason, None
    return _decided(actor, "obligation:paused", owed, now, before, {"reason": reason})


def resume(actor: Actor, obligation_id: int) -> Obligation:
    """Run on, with the paused time given back. Raises NotFound, NotAllowed, or Conflict where it is not paused."""
    now = clock.now()
    owed = _to_decide(actor, obligation_id)
    _refuse_closed(owed)
    if owed.paused_at is None:
        raise Conflict("not_paused", lazy("This clock is not paused."))
    before = {"due_at": owed.due_at, "paused_at": owed.paused_at}
    run_on(owed, now)
    owed.planned_at = owed.next_at = now
    return _decided(actor, "obligation:resumed", owed, now, before, {"due_at": owed.due_at})


def waive(actor: Actor, obligation_id: int, reason: str) -> Obligation:
    """Nothing is owed any more. A breach that was recorded stays one. Raises NotFound, NotAllowed or Conflict."""
    now = clock.now()
    owed = _to_decide(actor, obligation_id)
    _refuse_closed(owed)
    before = {"state": owed.state_at(now)}
    if owed.paused_at is not None:
        run_on(owed, now)
    owed.waived_at, owed.waived_by, owed.waiver_reason = now, actor.person_id, reason
    owed.closed_at, owed.awaited_until, owed.next_at = now, None, None
    if owed.breached_at is not None:
        escalating.stop(owed, now, now)
    return _decided(actor, "obligation:waived", owed, now, before, {"reason": reason})


def unlock(actor: Actor, obligation_id: int, until: datetime, reason: str) -> Obligation:
    """Let one unit file one locked month until `until`; what it files stays late. Raises as `extend` does."""
    now = clock.now()
    owed = _to_decide(actor, obligation_id)
    if not now < until <= now + LONGEST:
        raise _wrong_limit(
            "invalid_until", lazy("The exception must end in the future, within a year."), "/until"
        )
    if owed.month is None or queries.is_sealed(actor.network_id, owed.month):
        raise Conflict("month_sealed", lazy("This month is sealed."))
    before = {"unlocked_until": owed.unlocked_until}
    owed.unlocked_until, owed.unlocked_by, owed.unlock_reason = until, actor.person_id, reason
    return _decided(
        actor, "obligation:unlocked", owed, now, before, {"unlocked_until": until, "reason": reason}
    )


def seal(actor: Actor, network: Network, month: date) -> bool:
    """Close a month for good; False where it was sealed already. The caller knows that all its visits are closed."""
    now = clock.now()
    if now < queries.calendar(network.id, month).locked_at:
        raise Conflict("month_open", lazy("This month still takes files."))
    values = {"network_id": network.id, "unit_path": network.root_path, "month": month}
    fresh = insert(MonthSeal).values(**values, sealed_at=now, sealed_by=actor.person_id)
    if db.session.scalar(fresh.on_conflict_do_nothing().returning(MonthSeal.month)) is None:
        return False
    events.record(
        actor, "month:sealed", kind="month", object_id=months.text(month), unit_path=network.root_path
    )
    return True


def _to_decide(actor: Actor, obligation_id: int) -> Obligation:
    """Locked. Raises NotAllowed for one's own, Conflict where the limit is part of a decision on a case."""
    owed = queries.get_obligation(actor, obligation_id, lock=True)
    if owed.unit_id == actor.unit_id:
        raise NotAllowed("own_unit", lazy("A superior decides on this, not the unit that owes it."))
    if owed.kind in queries.DECIDED:
        raise Conflict(
            "decided_in_case", lazy("This limit is part of a decision: it is changed in the case.")
        )
    return owed


def _refuse_closed(owed: Obligation) -> None:
    if owed.closed_at is not None:
        raise Conflict("obligation_closed", lazy("This duty is met or waived already."))


def _wrong_limit(code: str, detail: Any, pointer: str = "/due_at") -> Invalid:
    return Invalid(code, detail, [FieldError(pointer, code, detail)])


def _decided(
    actor: Actor, action: str, owed: Obligation, now: datetime, before: dict[str, Any], after: dict[str, Any]
) -> Obligation:
    db.session.flush()
    events.record(actor, action, owed, before=before, after={**after, "state": owed.state_at(now)})
    return owed
