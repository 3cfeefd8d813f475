"""Commissions: a month's statement taken in whole or not at all, and the shares that cases withhold from it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from zipfile import BadZipFile

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from portal import accounts
from portal.access import Actor
from portal.accounts import Membership
from portal.core import clock, events
from portal.core import month as months
from portal.core.db import db
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.tables import read_rows
from portal.core.texts import lazy
from portal.ledger import queries, rules
from portal.ledger.models import Transaction, Withholding
from portal.ledger.queries.accounts import MANAGERS
from portal.ledger.rules import AccountKind, Cause, Owner, Purpose
from portal.ledger.service.margins import debt_allowed, reverse
from portal.ledger.service.posting import Book, book, books, post
from portal.network import unit_below

PREFIX = "commission:"


@dataclass(frozen=True)
class Imported:
    month: date
    people: int
    total: int  # minor units
    withheld: int  # minor units


@dataclass(frozen=True)
class _Row:
    number: int
    owner: Owner
    amount: int


def import_commissions(actor: Actor, month: date, content: bytes, name: str) -> Imported:
    """A month's statement from csv or xlsx: person (e-mail, phone or id), unit (optional), amount in yuan.

    All or nothing. Raises Invalid (each wrong row by its number; a month that has not begun) or Conflict
    `already_imported`; a statement that was reversed can come again. What cases withhold of this month is posted with
    it.
    """
    if month > clock.local(clock.now()).date():
        detail = lazy("This month has not begun.")
        raise Invalid("month_ahead", detail, [FieldError("/month", "month_ahead", detail)])
    rows = _read(actor, content, name)
    found_before = {row.owner.person_id: queries.statement_in_force(_key(month, row.owner)) for row in rows}
    keys = {person: key for person, (key, _) in found_before.items()}
    known = [row for row in rows if found_before[row.owner.person_id][1] is not None]
    if known:
        raise Conflict(
            "already_imported",
            lazy("This month's statement has these people already."),
            rows=[row.number for row in known],
        )
    cause = Cause(str(lazy("Commission of %(month)s", month=months.text(month))))
    withheld = 0
    for row, found in zip(rows, books(actor, [row.owner for row in rows]), strict=True):
        lines = found.debit(AccountKind.COMMISSION_EXPENSE, row.amount)
        lines += found.credit(AccountKind.COMMISSION_DUE, row.amount)
        key = keys[row.owner.person_id]
        _, fresh = post(actor, found, Purpose.COMMISSION, lines, key=key, cause=cause, month=month)
        if not fresh:
            raise Conflict("already_imported", lazy("This month's statement has these people already."))
    people = {row.owner.person_id: row.owner for row in rows}
    for order in queries.waiting_withholdings(month):
        if order.person_id in people:
            withheld += _post_share(actor, book(actor, people[order.person_id]), order)
    for owner in people.values():
        _repay(actor, owner, month, keys[owner.person_id])
    done = Imported(month, len(rows), sum(row.amount for row in rows), withheld)
    after = {"people": done.people, "total": done.total, "withheld": done.withheld, "file": name}
    events.record(actor, "commissions:imported", kind="month", object_id=months.text(month), after=after)
    return done


def withhold(actor: Actor, owner: Owner, month: date, share: int, *, key: str, cause: Cause) -> Withholding:
    """Withhold `share` per cent of a person's commission of `month`: at once where its statement is there, else when
    it comes. Once for each key."""
    values = {
        "network_id": actor.network_id,
        "unit_path": owner.unit_path,
        "person_id": owner.person_id,
        "month": month,
        "share": share,
        "idempotency_key": key,
        "reason": cause.reason,
        "case_id": cause.case_id,
        "case_number": cause.case_number,
        "clause": cause.clause,
        "ordered_at": clock.now(),
        "ordered_by": actor.person_id,
        "approved_by": cause.approved_by,
    }
    found = book(actor, owner)  # the lock first: an import of this month runs before or after, never beside
    fresh = insert(Withholding).values(values).on_conflict_do_nothing().returning(Withholding)
    made = db.session.scalar(fresh)
    if made is None:
        return db.session.scalars(select(Withholding).where(Withholding.idempotency_key == key)).one()
    events.record(
        actor, "commission:ordered_withheld", made, after={"month": months.text(month), "share": share}
    )
    _post_share(actor, found, made)
    return made


def pay(actor: Actor, owner: Owner, amount: int, reference: str) -> Transaction:
    """Commission that is due is paid out at the bank. Raises Conflict: `insufficient`, `reference_used`."""
    found = book(actor, owner)
    if amount > found.balance(AccountKind.COMMISSION_DUE):
        raise Conflict("insufficient", lazy("There is less than that in this account."))
    lines = found.debit(AccountKind.COMMISSION_DUE, amount) + found.credit(AccountKind.CASH, amount)
    cause = Cause(str(lazy("Commission paid out, bank reference %(reference)s", reference=reference)))
    made, fresh = post(
        actor, found, Purpose.PAY, lines, key=f"pay:{reference}", cause=cause, reference=reference
    )
    if not fresh:
        raise Conflict(
            "reference_used", lazy("This bank reference was posted already."), transaction=str(made.id)
        )
    return made


def cancel_withholding(actor: Actor, withholding_id: int, reason: str) -> None:
    """Take the order back: what was posted for it is reversed, what waits is posted no more. Twice is once."""
    order = db.session.scalars(
        select(Withholding).where(Withholding.id == withholding_id).with_for_update()
    ).one()
    if order.transaction_id is not None:
        reverse(actor, order.transaction_id, reason)
    elif order.cancelled_at is None:
        # where nothing was there to withhold, nothing is short any more
        order.posted_at, order.short_minor, order.cancelled_at = None, 0, clock.now()
        db.session.flush()
        events.record(actor, "commission:withholding_cancelled", order, after={"reason": reason})


def _post_share(actor: Actor, found: Book, order: Withholding) -> int:
    """What was withheld now, in minor units; 0 where the statement is not there, or nothing of it is left."""
    stated = queries.statement_in_force(_key(order.month, found.owner))[1]
    if stated is None:
        return 0
    left = found.balance(AccountKind.COMMISSION_DUE)
    share = rules.share_of(stated.amount_minor, order.share)
    parts = rules.split(share, held=0, free=left, debt_allowed=debt_allowed(actor))
    amount = parts.taken
    order.posted_at, order.short_minor = clock.now(), parts.short
    if amount:
        lines = found.debit(AccountKind.COMMISSION_DUE, parts.free)
        lines += found.debit(AccountKind.RECEIVABLE, parts.owed)
        lines += found.credit(AccountKind.COMMISSION_WITHHELD, amount)
        cause = Cause(order.reason, order.case_id, order.case_number, order.clause, order.approved_by)
        key = f"withhold:{order.idempotency_key}"
        made: Transaction = post(
            actor, found, Purpose.WITHHOLD, lines, key=key, cause=cause, month=order.month
        )[0]
        order.transaction_id = made.id
    db.session.flush()
    return amount


def _repay(actor: Actor, owner: Owner, month: date, statement: str) -> None:
    """A debt is paid from what is due, before anything is paid out; once for each statement (its key)."""
    found = book(actor, owner)
    amount = min(found.balance(AccountKind.RECEIVABLE), found.balance(AccountKind.COMMISSION_DUE))
    if amount:
        lines = found.debit(AccountKind.COMMISSION_DUE, amount) + found.credit(AccountKind.RECEIVABLE, amount)
        cause = Cause(str(lazy("Debt paid from the commission of %(month)s", month=months.text(month))))
        key = f"repay:{statement.removeprefix(PREFIX)}"
        post(actor, found, Purpose.REPAY, lines, key=key, cause=cause, month=month)


def _key(month: date, owner: Owner) -> str:
    """The key of a person's first statement of a month; later ones carry a number: `statement_in_force`."""
    return f"{PREFIX}{months.text(month)}:{owner.person_id}"


# --- reading the file ---------------------------------------------------------------------------------------


def _read(actor: Actor, content: bytes, name: str) -> list[_Row]:
    if content[:2] == b"PK":
        _refuse_bomb(content)
    table = read_rows(content, name)
    columns = rules.columns_of(table[0]) if table else {}
    amount_column = "amount_minor" if "amount_minor" in columns else "amount"
    if "person" not in columns or amount_column not in columns:
        detail = lazy(
            "The first row must name the columns person (e-mail or phone) and amount; unit is optional."
        )
        raise Invalid("missing_columns", detail, [FieldError("/file", "missing_columns", detail)])
    lines = [(number, row) for number, row in enumerate(table[1:], 2) if any(cell.strip() for cell in row)]
    if not lines or len(lines) > rules.MOST_ROWS:
        code = "too_many_rows" if lines else "no_rows"
        detail = lazy("The file has no rows.") if not lines else lazy("The file has too many rows.")
        raise Invalid(code, detail, [FieldError("/file", code, detail)])
    rows: list[_Row] = []
    errors: list[FieldError] = []
    people = _people(actor, [_cell(row, columns["person"]) for _, row in lines])
    for number, row in lines:
        amount = rules.amount_of(_cell(row, columns[amount_column]), minor=amount_column == "amount_minor")
        wanted = _cell(row, columns["unit"]) if "unit" in columns else ""
        found = _owner(actor, people.get(_cell(row, columns["person"]), []), wanted)
        if found is None:
            errors.append(
                _wrong(number, "unknown_person", lazy("Nobody in the network has this e-mail or phone."))
            )
        elif any(found.person_id == each.owner.person_id for each in rows):
            errors.append(_wrong(number, "duplicate", lazy("This person stands in the file twice.")))
        elif amount is None:
            errors.append(
                _wrong(number, "invalid_amount", lazy("Write the amount in yuan, above 0: 1234.50."))
            )
        else:
            rows.append(_Row(number, found, amount))
    if errors:
        raise Invalid(
            "invalid_rows", lazy("Nothing was imported. Mend these rows and send the file again."), errors
        )
    return rows


def _refuse_bomb(content: bytes) -> None:
    try:
        too_large = rules.unpacks_too_large(content)
    except (BadZipFile, OSError, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _refused("unreadable", lazy("This file cannot be read.")) from error
    if too_large:
        raise _refused("too_large", lazy("This file is too large when it is unpacked."))


def _refused(code: str, words: Any) -> Invalid:
    return Invalid(code, words, [FieldError("/file", code, words)])


def _cell(row: Sequence[str], place: int) -> str:
    return row[place].strip() if place < len(row) else ""


def _wrong(number: int, code: str, detail: object) -> FieldError:
    return FieldError(f"/rows/{number}", code, detail)


def _people(actor: Actor, wanted: list[str]) -> dict[str, list[Membership]]:
    """What stands in the file → that person's memberships in this network."""
    found: dict[str, list[Membership]] = {}
    known: dict[str, list[Membership]] = {}
    for membership, person, _ in accounts.memberships_in(actor.network_id):
        for name in (person.email, person.phone, str(person.id)):
            if name:
                known.setdefault(name, []).append(membership)
    for each in wanted:
        found[each] = known.get(accounts.identifier(each), known.get(each, []))
    return found


def _owner(actor: Actor, memberships: Sequence[Membership], code: str) -> Owner | None:
    """The person's place: the unit named, else where the person manages, else the first one."""
    if code:
        unit = unit_below(actor.root_path, code)
        memberships = [each for each in memberships if unit is not None and each.unit_id == unit.id]
    ordered = sorted(memberships, key=lambda each: (each.role not in MANAGERS, each.id))
    return (
        queries.person_owner(actor.network_id, ordered[0].person_id, ordered[0].unit_id) if ordered else None
    )
