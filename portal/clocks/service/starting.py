"""Starting and meeting clocks."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

from sqlalchemy import bindparam, literal, select, text
from sqlalchemy.dialects.postgresql import JSONB, insert

from portal.clocks import queries, rules
from portal.clocks.models import Obligation
from portal.clocks.rules import Counts, Kind, State
from portal.clocks.service import breaching, escalating
from portal.clocks.service.escalating import headquarters_of
from portal.core import clock, events
from portal.core import month as months
from portal.core.db import db, within
from portal.core.errors import Conflict
from portal.core.texts import lazy
from portal.network import Network, Unit
from portal.rulebook import WindowName

MONTHS_BACK = 12
"""A lock may lie later than the next month's opening; further back than a year nothing is open."""
OWED_BY: dict[Kind, tuple[str, WindowName]] = {
    Kind.CUSTOMER_FILE: ("dealer", "dealer"),
    Kind.PART_FILE: ("store", "dealer"),
    Kind.CONSOLIDATION: ("region", "region"),
}
"""Monthly kind -> the kind of unit that owes it, and the rulebook's window; stores are due with their dealer."""


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


def _open(network_id: int, found: queries.Ruled, kind: Kind) -> int:
    unit_kind, window = OWED_BY[kind]
    calendar, subject = found.calendar, months.text(found.calendar.month)
    known = (
        select(literal(1))
        .where(
            Obligation.network_id == network_id,
            Obligation.kind == kind,
            Obligation.unit_id == Unit.id,
            Obligation.subject == subject,
        )
        .correlate(Unit)
        .offset(0)  # each unit by its key: without statistics (after an import) a join would read them all
        .exists()
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
        "planned_at": literal(calendar.opened_at),
        "next_at": literal(calendar.opened_at),
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
    counts: str = Counts.CALENDAR,
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
        "planned_at": opened_at,
        "next_at": opened_at,
        "counts": str(counts),
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
        run_on(owed, judged_at)
    before = {"state": owed.state_at(now)}
    owed.judged_at, owed.closed_at, owed.awaited_until, owed.next_at = judged_at, now, None, None
    in_time = rules.on_time(judged_at, owed.due_at)
    breaching.note_end(actor, owed, judged_at, now, in_time=in_time)
    if owed.breached_at is not None:
        escalating.stop(owed, judged_at, now)
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
        if owed.next_at is not None and owed.due_at <= (now := clock.now()):
            owed.next_at = now
        db.session.flush()
    return owed


def reopen(
    actor: events.Doer, kind: Kind, unit_id: int, subject: date | str | int, reason: str
) -> Obligation | None:
    """What was done is taken back (a withdrawn file): the duty is owed again, with its limit as it was, and the clocks
    of superiors that it had stopped run on."""
    owed = queries.lock_row(kind, unit_id, subject)
    if owed is None or owed.judged_at is None:
        return owed
    now = clock.now()
    before = {"state": owed.state_at(now), "judged_at": owed.judged_at}
    breaching.note_reopened(actor, owed)
    if owed.breached_at is not None:
        escalating.run_again(owed, now)
    owed.judged_at = owed.closed_at = None
    owed.next_at = now
    db.session.flush()
    after = {"state": owed.state_at(now), "reason": reason}
    events.record(actor, "obligation:reopened", owed, before=before, after=after)
    return owed


def revive(
    actor: events.Doer, kind: Kind, unit_id: int, subject: date | str | int, reason: str
) -> Obligation | None:
    """What was waived is owed after all, with its limit as it was."""
    owed = queries.lock_row(kind, unit_id, subject)
    if owed is None or owed.waived_at is None:
        return owed
    now = clock.now()
    owed.waived_at = owed.waived_by = owed.waiver_reason = owed.closed_at = None
    owed.next_at = now
    db.session.flush()
    after = {"state": owed.state_at(now), "reason": reason}
    events.record(actor, "obligation:reopened", owed, before={"state": State.WAIVED}, after=after)
    return owed


HAND_OVER = text(
    """
    WITH given AS (SELECT * FROM jsonb_to_recordset(:rows) AS r(id bigint, unit_id bigint, due_at timestamptz)),
    moved AS (
        UPDATE obligation o SET unit_id = u.id, unit_path = u.unit_path, due_at = greatest(o.due_at, g.due_at),
            planned_at = :now, next_at = CASE WHEN o.paused_at IS NULL THEN :now END, breached_at = NULL
        FROM given g JOIN unit u ON u.id = g.unit_id
        WHERE o.network_id = :network AND u.network_id = :network AND o.id = g.id AND o.closed_at IS NULL
        RETURNING o.id, o.unit_path, o.unit_id, o.due_at),
    stopped AS (
        UPDATE obligation e SET closed_at = :now, judged_at = :now, next_at = NULL, paused_at = NULL
        FROM moved WHERE e.network_id = :network AND e.origin_id = moved.id AND e.closed_at IS NULL)
    INSERT INTO event (network_id, unit_path, at, doer, via, action, kind, object_id, before, after)
    SELECT :network, unit_path, :now, :doer, :via, 'obligation:handed_over', 'obligation', id::text, '{}',
           jsonb_build_object('unit', unit_id, 'due_at', due_at) FROM moved RETURNING object_id
    """
).bindparams(bindparam("rows", type_=JSONB))


def hand_over(who: events.Doer, moves: Iterable[tuple[Obligation, Unit, datetime]]) -> int:
    """Other units owe these from now on, until the instants given; their old superiors' clocks stop. Gives how many.

    Headquarters' eyes. A limit that lies later already (an extension) stays.
    """
    rows = [{"id": owed.id, "unit_id": unit.id, "due_at": until.isoformat()} for owed, unit, until in moves]
    if not rows:
        return 0
    values = {"network": who.network_id, "now": clock.now(), "doer": who.name, "via": who.via, "rows": rows}
    done = db.session.execute(HAND_OVER, values).all()
    db.session.expire_all()
    return len(done)


def run_on(owed: Obligation, resumed_at: datetime) -> None:
    """Give the paused time back, as the clock counts it, and let it run."""
    if owed.paused_at is None:
        return
    counts, time = Counts(owed.counts), None
    if counts is not Counts.CALENDAR:
        time = queries.working_time_at(owed.network_id, owed.rulebook_version)
    owed.due_at = rules.due_after_pause(owed.due_at, owed.paused_at, resumed_at, counts, time)
    owed.paused_seconds += int(rules.time_given_back(owed.paused_at, resumed_at).total_seconds())
    owed.paused_at = None
