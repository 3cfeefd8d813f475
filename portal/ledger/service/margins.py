"""A unit's brand margin: paid in, put on hold for a case, taken, given back, paid out; and debts."""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from portal import network, rulebook
from portal.access import Actor
from portal.core import clock, events
from portal.core.db import db
from portal.core.errors import Conflict, FieldError, Invalid, NotFound
from portal.core.texts import lazy
from portal.ledger import queries
from portal.ledger.models import Leaving, Transaction
from portal.ledger.rules import AccountKind, Cause, Line, Owner, Purpose, Split, opposite, repayment, split
from portal.ledger.service.posting import Book, book, post
from portal.network import Unit

WITH_MARGIN = ("dealer", "store")
UNDOABLE = {
    Purpose.DEPOSIT,
    Purpose.REFUND,
    Purpose.FORFEIT,
    Purpose.CHARGE,
    Purpose.COMMISSION,
    Purpose.WITHHOLD,
    Purpose.PAY,
}
DEDUCTIONS = {Purpose.FORFEIT, Purpose.CHARGE}


@dataclass(frozen=True)
class Taken:
    """What a deduction came to; without a transaction nothing was there to take."""

    split: Split
    transaction: Transaction | None


def debt_allowed(actor: Actor) -> bool:
    """Whether the network lets a party owe it (its rulebook of this month)."""
    month = clock.local(clock.now()).date().replace(day=1)
    return rulebook.current(actor.network_id, month).sanctions.procedure.debt_allowed


def deposit(actor: Actor, unit: Unit, amount: int, reference: str) -> Transaction:
    """Money came in at the bank: debts first, the rest is margin. Once for each bank reference.

    Raises Conflict: `no_margin_account` (neither dealer nor store), `reference_used`.
    """
    if unit.kind not in WITH_MARGIN:
        raise Conflict("no_margin_account", lazy("Only dealers and stores have a brand margin."))
    found = book(actor, queries.unit_owner(unit))
    repaid = min(amount, found.balance(AccountKind.RECEIVABLE))
    lines = found.debit(AccountKind.CASH, amount) + found.credit(AccountKind.RECEIVABLE, repaid)
    lines += found.credit(AccountKind.MARGIN, amount - repaid)
    made, fresh = post(
        actor,
        found,
        Purpose.DEPOSIT,
        lines,
        key=f"deposit:{reference}",
        cause=Cause(str(lazy("Deposit, bank reference %(reference)s", reference=reference))),
        reference=reference,
    )
    if not fresh:
        raise Conflict(
            "reference_used", lazy("This bank reference was posted already."), transaction=str(made.id)
        )
    return made


def hold(actor: Actor, owner: Owner, amount: int | None, *, key: str, cause: Cause) -> Transaction | None:
    """Put on hold what is free, up to `amount` (None: all of it). None where nothing is free. Once for each key."""
    found = book(actor, owner)
    free = found.balance(AccountKind.MARGIN)
    wanted = free if amount is None else min(amount, free)
    known = queries.has_transaction(key)
    if known is not None or not wanted:
        return known
    lines = found.debit(AccountKind.MARGIN, wanted) + found.credit(AccountKind.MARGIN_HOLD, wanted)
    return post(actor, found, Purpose.HOLD, lines, key=key, cause=cause)[0]


def release(actor: Actor, hold_id: int, *, cause: Cause) -> Transaction:
    """Give a hold back, whole: the reversal that names it. Again: the same. Conflict where it was taken."""
    of = queries.get_transaction(hold_id)
    found = book(actor, _owner_of(of))
    lines = opposite(queries.lines_of(hold_id))
    key = f"release:{hold_id}"
    return post(actor, found, Purpose.RELEASE, lines, key=key, cause=cause, original_id=hold_id)[0]


def take(
    actor: Actor, owner: Owner, amount: int | None, *, hold_id: int | None, key: str, cause: Cause
) -> Taken:
    """Take `amount` (None: what is on hold), from the hold first, then from what is free; the rest is a debt where
    the network allows one, else it stays short. Once for each key. Conflict where the hold was given back."""
    found = book(actor, owner)
    held = queries.get_transaction(hold_id).amount_minor if hold_id else 0
    source = AccountKind.MARGIN if owner.person_id is None else AccountKind.COMMISSION_DUE
    known = queries.has_transaction(key)
    wanted = held if amount is None else amount
    if wanted < held:
        raise ValueError("a hold is taken whole: give it back and hold less")
    if known is not None:
        return Taken(Split(min(held, known.amount_minor), known.amount_minor - held, 0, 0), known)
    parts = split(wanted, held=held, free=found.balance(source), debt_allowed=debt_allowed(actor))
    if not parts.taken:
        return Taken(parts, None)
    lines = found.debit(AccountKind.MARGIN_HOLD, parts.held) + found.debit(source, parts.free)
    lines += found.debit(AccountKind.RECEIVABLE, parts.owed) + found.credit(
        AccountKind.FORFEITED, parts.taken
    )
    purpose = Purpose.FORFEIT if hold_id else Purpose.CHARGE
    made, _ = post(actor, found, purpose, lines, key=key, cause=cause, original_id=hold_id)
    return Taken(parts, made)


def leave(
    actor: Actor, unit: Unit, left_at: datetime, reason: str, *, case_id: int | None = None
) -> Leaving | None:
    """Note that a dealer leaves: its margin is paid back by the rulebook's terms; None where it has none. Once."""
    found = rulebook.in_force(actor.network_id, clock.local(left_at).date().replace(day=1))
    terms = found.book.sanctions.procedure.refund
    if terms is None or unit.kind not in WITH_MARGIN:
        return None
    owner = queries.unit_owner(unit)
    book(actor, owner)  # the lock first: noted twice at once is noted once
    known = queries.leaving_of(owner)
    if known is not None:
        return known
    days = network.holidays(actor.network_id)
    plan = repayment(left_at, days, ZoneInfo(actor.time_zone), terms, _week(found.book))
    made = Leaving(
        network_id=actor.network_id,
        unit_path=unit.unit_path,
        unit_id=unit.id,
        left_at=left_at,
        first_share=plan.first_share,
        first_due_at=plan.first_due_at,
        rest_at=plan.rest_at,
        rulebook_version=found.version,
        reason=reason,
        case_id=case_id,
        noted_at=clock.now(),
        noted_by=actor.person_id,
    )
    db.session.add(made)
    db.session.flush()
    after = {
        "left_at": left_at,
        "first_share": plan.first_share,
        "first_due_at": plan.first_due_at,
        "rest_at": plan.rest_at,
    }
    events.record(actor, "margin:leaving", made, after=after)
    return made


def _week(book: rulebook.Rulebook) -> frozenset[int]:
    """The weekdays that the network works; Monday to Friday where its rulebook says nothing."""
    working = book.calendar.working
    return (
        frozenset(day for day, spans in enumerate(working.week) if spans) if working else frozenset(range(5))
    )


def stay(actor: Actor, unit: Unit, reason: str, *, by_case: bool = False) -> None:
    """It stays after all: nothing is paid back any more. Twice is once. `by_case`: only where a case noted that it
    leaves, whichever of its cases that was; what people noted stands."""
    known = queries.leaving_of(queries.unit_owner(unit))
    if known is not None and (known.case_id is not None or not by_case):
        known.cancelled_at = clock.now()
        db.session.flush()
        events.record(actor, "margin:stays", known, after={"reason": reason})


def refund(actor: Actor, unit: Unit, amount: int, reference: str, reason: str) -> Transaction:
    """Pay margin back: of a unit that leaves what its time has come for, of one that stays what is free.

    Raises Conflict: `insufficient`, `not_yet_due` (with `until`), `reference_used`.
    """
    found = book(actor, queries.unit_owner(unit))
    if amount > found.balance(AccountKind.MARGIN):
        raise Conflict("insufficient", lazy("There is less than that in this account."))
    leaving = queries.leaving_of(found.owner)
    if leaving is not None and amount > queries.may_pay_back(found.owner, leaving, clock.now()):
        raise Conflict(
            "not_yet_due",
            lazy("This part is paid back later: only when its time has come and nothing is on hold or owed."),
            until=leaving.rest_at,
        )
    lines = found.debit(AccountKind.MARGIN, amount) + found.credit(AccountKind.CASH, amount)
    made, fresh = post(
        actor,
        found,
        Purpose.REFUND,
        lines,
        key=f"refund:{reference}",
        cause=Cause(reason),
        reference=reference,
    )
    if not fresh:
        raise Conflict(
            "reference_used", lazy("This bank reference was posted already."), transaction=str(made.id)
        )
    return made


def reverse(actor: Actor, transaction_id: int, reason: str) -> Transaction:
    """Undo a posting by its exact opposite, once; people come by `undo_by_hand`. Raises NotFound, Invalid (no reason),
    Conflict.

    Conflict: `not_reversible` (a hold is released, not reversed), `insufficient` (what came in was used since).
    """
    if not reason.strip():
        detail = lazy("Say why.")
        raise Invalid("required", detail, [FieldError("/reason", "required", detail)])
    of = queries.get_transaction(transaction_id)
    if Purpose(of.purpose) not in UNDOABLE:
        raise Conflict("not_reversible", lazy("This posting is not undone by a reversal."))
    found = book(actor, _owner_of(of))
    key = f"reversal:{transaction_id}"
    known = queries.has_transaction(key)
    if known is not None:
        return known
    lines = opposite(queries.lines_of(transaction_id))
    if Purpose(of.purpose) in DEDUCTIONS:
        lines = _given_back(found, of.amount_minor, lines)
    _refuse_below_zero(found, lines)
    cause = Cause(reason, of.case_id, of.case_number, of.clause)
    return post(
        actor,
        found,
        Purpose.REVERSAL,
        lines,
        key=key,
        cause=cause,
        month=of.month,
        original_id=transaction_id,
    )[0]


def _given_back(found: Book, amount: int, lines: list[Line]) -> list[Line]:
    """What a deduction took, whole: a debt that it left and that stands still is struck, the rest is free again (the
    hold that it took has ended and is not open any more)."""
    debt = found.accounts[AccountKind.RECEIVABLE]
    owed = sum(line.amount for line in lines if line.account_id == debt.id)
    struck = min(owed, found.balance(AccountKind.RECEIVABLE))
    free = AccountKind.MARGIN if found.owner.person_id is None else AccountKind.COMMISSION_DUE
    return (
        found.debit(AccountKind.FORFEITED, amount)
        + found.credit(AccountKind.RECEIVABLE, struck)
        + found.credit(free, amount - struck)
    )


def _refuse_below_zero(found: Book, lines: list[Line]) -> None:
    for account in found.accounts.values():
        moved = sum(
            line.amount if line.side.value == account.normal else -line.amount
            for line in lines
            if line.account_id == account.id
        )
        if account.bounded and account.balance_minor + moved < 0:
            raise Conflict("insufficient", lazy("There is less than that in this account."))


def _owner_of(of: Transaction) -> Owner:
    """Whose books a transaction stands in: the one party among its postings."""
    found = queries.party_of(of.id)
    if found is None:
        raise NotFound()
    return found
