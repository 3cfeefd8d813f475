"""What filing has to do with the clocks: which month takes files, what is owed, and when it counts as met."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta

from portal import clocks, network, rulebook, sanctions
from portal.access import Actor
from portal.clocks import Kind, MonthState
from portal.core import clock
from portal.core.errors import Conflict
from portal.core.texts import lazy
from portal.customer_files.models import CustomerFile
from portal.network import Unit

CHECK_TAKES = timedelta(hours=1)  # generous: how long bytes that are in may wait for their check
FILING = {"dealer": Kind.CUSTOMER_FILE, "store": Kind.PART_FILE, "region": Kind.CONSOLIDATION}
_CLOSED = {
    MonthState.NOT_OPEN: (
        "month_not_open",
        lazy("This month cannot be filed yet: it opens when it is over."),
    ),
    MonthState.LOCKED: ("month_locked", lazy("This month is locked: it takes no more files.")),
    MonthState.SEALED: ("month_sealed", lazy("This month is sealed: it takes no more files.")),
}


def must_take(network_id: int, unit: Unit, month: date, now: datetime) -> None:
    """Raise Conflict dealer_disqualified, month_not_open, month_locked or month_sealed.

    A returned file's open duty outlasts the lock.
    """
    if not sanctions.may_file(unit, now):
        raise Conflict(
            "dealer_disqualified", lazy("This dealer is disqualified: it can read, appeal and pay, not file.")
        )
    state = clocks.month_state(network_id, month, now, clocks.filing_duty(unit.id, month))
    if state is MonthState.LOCKED and any(now < duty.due_at for duty in _returned(unit, month)):
        return
    if state is not MonthState.OPEN:
        code, words = _CLOSED[state]
        raise Conflict(code, words, month_state=state.value)


def must_be_over(network_id: int, month: date, now: datetime) -> None:
    """Raise Conflict month_not_open: nobody owes anything for a month that is not over."""
    state = clocks.month_state(network_id, month, now, None)
    if state is MonthState.NOT_OPEN:
        code, words = _CLOSED[state]
        raise Conflict(code, words, month_state=state.value)


def due_at(unit: Unit, month: date) -> datetime:
    """The exclusive end of the unit's window: its own, extended one, or the calendar's where it owes nothing."""
    duty = clocks.filing_duty(unit.id, month)
    if duty is not None:
        return duty.due_at
    return clocks.calendar(unit.network_id, month).due_at(FILING[unit.kind])


def owing_stores(file: CustomerFile, stores: Iterable[Unit]) -> set[int]:
    """The stores that owe a part: those that joined before the dealers' deadline (API.md)."""
    limit = clocks.calendar(file.network_id, file.month).dealer_due_at
    return {store.id for store in stores if store.joined_at < limit}


def judged(
    file: CustomerFile, due_at: datetime, *, requested_at: datetime, parts: Sequence[CustomerFile] = ()
) -> datetime:
    """API.md "Judged". A store's part that came in later is a change of the dealer's file."""
    changes = [file.changed_at, *(part.judged_at for part in parts)]
    changed_at = max((at for at in changes if at is not None), default=None)
    grace = rulebook.current(file.network_id, file.month).customer_file.submit_grace
    return clocks.judged_at(
        submitted_at=requested_at,
        received_at=file.received_at,
        changed_at=changed_at,
        checked_at=file.checked_at,
        due_at=due_at,
        grace=grace,
    )


def meet(actor: Actor, unit: Unit, month: date, judged_at: datetime) -> None:
    """The unit's filing is done."""
    kind = FILING[unit.kind]
    if clocks.meet(actor, kind, unit.id, month, judged_at) is None:
        clocks.open_months(
            network.get_network(unit.network_id), clock.now()
        )  # before the month's first sweep
        clocks.meet(actor, kind, unit.id, month, judged_at)


def meet_returned(actor: Actor, unit: Unit, month: date, judge: Callable[[datetime], datetime]) -> None:
    """Each file of the month that was returned came back; `judge` gives the instant that decides, by a due time."""
    for duty in _returned(unit, month):
        clocks.meet(actor, Kind.RETURNED_FILE, unit.id, duty.subject, judge(duty.due_at))


def reopen(actor: Actor, unit: Unit, month: date, reason: str) -> None:
    """The filing was taken back: it is owed again, with its limit as it was."""
    clocks.reopen(actor, FILING[unit.kind], unit.id, month, reason)


def await_check(file: CustomerFile, unit: Unit) -> None:
    """Bytes are in: no breach is marked while they are being checked."""
    until = file.received_at + CHECK_TAKES
    clocks.await_submission(FILING[unit.kind], unit.id, file.month, until, received_at=file.received_at)


def await_submit(file: CustomerFile, unit: Unit) -> None:
    """The check has ended: half an hour to submit what is in order, none to wait for what has errors."""
    if file.checked_at is None:
        return
    grace = rulebook.current(file.network_id, file.month).customer_file.submit_grace
    until = None if file.bad else file.checked_at + grace
    clocks.await_submission(FILING[unit.kind], unit.id, file.month, until, received_at=file.received_at)


def open_returned(actor: Actor, file: CustomerFile, unit: Unit, now: datetime) -> datetime:
    """A returned file has to come back within the rulebook's time; gives when that ends."""
    found = rulebook.in_force(file.network_id, file.month)
    ruled = found.book.customer_file
    duty = clocks.open_obligation(
        actor,
        Kind.RETURNED_FILE,
        unit,
        file.id,
        rule="customer_file.returned_within",
        source=ruled.source,
        rulebook_version=found.version,
        opened_at=now,
        due_at=clocks.term_end(unit.network_id, found.version, now, ruled.returned_within),
        counts=ruled.returned_within.counts,
        month=file.month,
    )
    return duty.due_at


def _returned(unit: Unit, month: date) -> list[clocks.Obligation]:
    return [duty for duty in clocks.duties_of(unit.id, month) if duty.kind == Kind.RETURNED_FILE]
