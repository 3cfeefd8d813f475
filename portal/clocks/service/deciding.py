"""Starting, stopping and deciding on clocks."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import exists, literal, select
from sqlalchemy.dialects.postgresql import insert

from portal.access import Actor
from portal.clocks import queries, rules
from portal.clocks.models import MonthSeal, Obligation
from portal.clocks.rules import Kind, State
from portal.clocks.service import breaching
from portal.core import clock, events
from portal.core import month as months
from portal.core.db import db, within
from portal.core.errors import Conflict, FieldError, Invalid, NotAllowed
from portal.core.scope import Scope
from portal.core.texts import lazy
from portal.network import Network, Unit
from portal.rulebook import WindowName

MONTHS_BACK = 12
"""A lock may lie later than the next month's opening; further back than a year nothing is open."""
LONGEST = timedelta(days=366)
"""An extension beyond this is a slip of the pen."""
OWED_BY: dict[Kind, tuple[str, WindowName]] = {
    Kind.CUSTOMER_FILE: ("dealer", "dealer"),
    Kind.PART_FILE: ("store", "dealer"),
    Kind.CONSOLIDATION: ("region", "region"),
}
"""Monthly kind -> the kind of unit that owes it, and the rulebook's window; stores are due with their dealer."""


# --- starting ---------------------------------------------------------------------------------------------


def open_months(network: Network, now: datetime) -> int:
    """Open the filing duties of every unit for each month that takes files now; gives how many are new.

    Headquarters' eyes, one statement for each kind, and twice is the same as once: called after an import of units,
    and by each sweep. A unit that joined too late owes the next month (API.md).
    """
    opened = 0
    with within(headquarters_of(network)):
        month = queries.running_month(network.id, now)
        for _ in range(MONTHS_BACK):
            found = queries.ruled(network.id, month)
            if not found.calendar.opened_at <= now < found.calendar.locked_at:
                break
            opened += sum(_open(network.id, found, kind) for kind in OWED_BY)
            month = months.before(month)
    return opened


def headquarters_of(network: Network) -> Scope:
    return Scope.below(network.id, network.root_path)


def _open(network_id: int, found: queries.Ruled, kind: Kind) -> int:
    unit_kind, window = OWED_BY[kind]
    calendar, subject = found.calendar, months.text(found.calendar.month)
    known = exists().where(
        Obligation.network_id == network_id,
        Obligation.kind == kind,
        Obligation.unit_id == Unit.id,
        Obligation.subject == subject,
    )  # asked before ON CONFLICT, which would draw a number from the sequence for each unit and minute
    values: dict[str, Any] = {
        "network_id": Unit.network_id,
        "unit_path": Unit.unit_path,
        "unit_id": Unit.id,
        "kind": literal(kind.value),
        "rule": literal(f"windows.{window}"),
        "rulebook_version": literal(found.version),
        "source": literal(found.book.window(window).source),
        "subject": literal(subject),
        "month": literal(calendar.month),
        "opened_at": literal(calendar.opened_at),
        "due_at": literal(calendar.due_at(kind)),
        "first_due_at": literal(calendar.due_at(kind)),
    }
    owing = select(*values.values()).where(
        Unit.network_id == network_id,
        Unit.kind == unit_kind,
        Unit.status == "active",
        Unit.joined_at < calendar.dealer_due_at,  # rules.owes
        ~known,
    )
    fresh = (
        insert(Obligation).from_select(list(values), owing).on_conflict_do_nothing().returning(Obligation.id)
    )
    return len(db.session.scalars(fresh).all())


def open_obligation(
    actor: events.Doer,
    kind: Kind,
    unit: Unit,
    subject: date | str | int,
    *,
    rule: str,
    source: str,
    rulebook_version: int,
    opened_at: datetime,
    due_at: datetime,
    month: date | None = None,
    person_id: int | None = None,
) -> Obligation:
    """Start one clock (a returned file, a rectification). Again for the same kind, unit and subject gives the first."""
    values = {
        "network_id": unit.network_id,
        "unit_path": unit.unit_path,
        "unit_id": unit.id,
        "kind": kind,
        "subject": queries.subject_of(subject),
        "rule": rule,
        "source": source,
        "rulebook_version": rulebook_version,
        "opened_at": opened_at,
        "due_at": due_at,
        "first_due_at": due_at,
        "month": month,
        "person_id": person_id,
    }
    fresh = insert(Obligation).values(values).on_conflict_do_nothing().returning(Obligation)
    made = db.session.scalar(fresh)
    if made is not None:
        events.record(
            actor, "obligation:opened", made, after={"kind": kind, "subject": subject, "due_at": due_at}
        )
        return made
    found = queries.lock_row(kind, unit.id, subject)
    if found is None:
        raise Conflict("obligation_hidden", lazy("This duty lies outside your units."))
    return found


# --- meeting ----------------------------------------------------------------------------------------------


def meet(
    actor: events.Doer, kind: Kind, unit_id: int, subject: date | str | int, judged_at: datetime
) -> Obligation | None:
    """The duty is done; `judged_at` (rules.judged_at) decides on time or late. None where the unit owes no such thing.

    Done twice it stays as it was judged first; a waived one stays waived.
    """
    owed = queries.lock_row(kind, unit_id, subject)
    if owed is None or owed.closed_at is not None:
        return owed
    now = clock.now()
    if owed.paused_at is not None:
        _run_on(owed, judged_at)
    before = {"state": owed.state_at(now)}
    owed.judged_at, owed.closed_at, owed.awaited_until = judged_at, now, None
    in_time = rules.on_time(judged_at, owed.due_at)
    breaching.note_end(actor, owed, judged_at, now, in_time=in_time)
    if in_time:
        owed.breached_at = None  # its bytes were in: the sweep that came between was wrong
    db.session.flush()
    after = {"state": owed.state_at(now), "judged_at": judged_at, "due_at": owed.due_at}
    events.record(actor, "obligation:met", owed, before=before, after=after)
    return owed


def await_submission(
    kind: Kind,
    unit_id: int,
    subject: date | str | int,
    until: datetime | None,
    *,
    received_at: datetime,
) -> Obligation | None:
    """Bytes that came in time are being checked: the sweep marks no breach before `until` (None: no longer waiting).

    Call it when a file comes in, with a generous end, and again when its check has ended (then 30 minutes, or None
    where it has errors). Bytes that came late (`received_at`) win nobody time. What the duty's state reads as does
    not change by it.
    """
    owed = queries.lock_row(kind, unit_id, subject)
    if owed is not None and owed.closed_at is None:
        owed.awaited_until = until if received_at < owed.due_at else None
        db.session.flush()
    return owed


def reopen(
    actor: events.Doer, kind: Kind, unit_id: int, subject: date | str | int, reason: str
) -> Obligation | None:
    """What was done is taken back (a withdrawn file): the duty is owed again, with its limit as it was."""
    owed = queries.lock_row(kind, unit_id, subject)
    if owed is None or owed.judged_at is None:
        return owed
    now = clock.now()
    before = {"state": owed.state_at(now), "judged_at": owed.judged_at}
    breaching.note_reopened(actor, owed)
    owed.judged_at = owed.closed_at = None
    db.session.flush()
    after = {"state": owed.state_at(now), "reason": reason}
    events.record(actor, "obligation:reopened", owed, before=before, after=after)
    return owed


# --- a superior's decision --------------------------------------------------------------------------------


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
    owed.breached_at = None  # the new limit is not missed yet; the trail keeps that the old one was
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
    owed.paused_at, owed.paused_by, owed.pause_reason = now, actor.person_id, reason
    return _decided(actor, "obligation:paused", owed, now, before, {"reason": reason})


def resume(actor: Actor, obligation_id: int) -> Obligation:
    """Run on, with the paused time given back. Raises NotFound, NotAllowed, or Conflict where it is not paused."""
    now = clock.now()
    owed = _to_decide(actor, obligation_id)
    _refuse_closed(owed)
    if owed.paused_at is None:
        raise Conflict("not_paused", lazy("This clock is not paused."))
    before = {"due_at": owed.due_at, "paused_at": owed.paused_at}
    _run_on(owed, now)
    return _decided(actor, "obligation:resumed", owed, now, before, {"due_at": owed.due_at})


def waive(actor: Actor, obligation_id: int, reason: str) -> Obligation:
    """Nothing is owed any more. A breach that was recorded stays one. Raises NotFound, NotAllowed or Conflict."""
    now = clock.now()
    owed = _to_decide(actor, obligation_id)
    _refuse_closed(owed)
    before = {"state": owed.state_at(now)}
    if owed.paused_at is not None:
        _run_on(owed, now)
    owed.waived_at, owed.waived_by, owed.waiver_reason = now, actor.person_id, reason
    owed.closed_at, owed.awaited_until = now, None
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
    owed = queries.get_obligation(obligation_id, lock=True)
    if owed.unit_id == actor.unit_id:
        raise NotAllowed("own_unit", lazy("A superior decides on this, not the unit that owes it."))
    return owed


def _refuse_closed(owed: Obligation) -> None:
    if owed.closed_at is not None:
        raise Conflict("obligation_closed", lazy("This duty is met or waived already."))


def _wrong_limit(code: str, detail: Any, pointer: str = "/due_at") -> Invalid:
    return Invalid(code, detail, [FieldError(pointer, code, detail)])


def _run_on(owed: Obligation, resumed_at: datetime) -> None:
    """Give the paused time back and let the clock run."""
    if owed.paused_at is not None:
        owed.due_at = rules.due_after_pause(owed.due_at, owed.paused_at, resumed_at)
        owed.paused_seconds += int(rules.time_given_back(owed.paused_at, resumed_at).total_seconds())
        owed.paused_at = None


def _decided(
    actor: Actor, action: str, owed: Obligation, now: datetime, before: dict[str, Any], after: dict[str, Any]
) -> Obligation:
    db.session.flush()
    events.record(actor, action, owed, before=before, after={**after, "state": owed.state_at(now)})
    return owed
