"""The one place where something is posted: accounts locked in one order, both sides written, the database asked."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from portal.access import Actor
from portal.core import clock, events
from portal.core.db import db
from portal.core.errors import Conflict
from portal.core.texts import lazy
from portal.ledger import queries
from portal.ledger.models import Account, Posting, Transaction
from portal.ledger.queries.accounts import CURRENCY
from portal.ledger.rules import (
    NETWORK_KINDS,
    AccountKind,
    Cause,
    Line,
    Owner,
    Purpose,
    Side,
    is_bounded,
    normal_side,
    total,
)
from portal.network import units_below

NOW_CHECKED = text(
    "SET CONSTRAINTS ledger_transaction_whole, ledger_posting_whole, ledger_account_true IMMEDIATE"
)
LATER_CHECKED = text(
    "SET CONSTRAINTS ledger_transaction_whole, ledger_posting_whole, ledger_account_true DEFERRED"
)


@dataclass(frozen=True)
class Book:
    """An owner's accounts and the network's, locked until the transaction ends."""

    owner: Owner
    accounts: dict[AccountKind, Account]

    def balance(self, kind: AccountKind) -> int:
        found = self.accounts.get(kind)
        return found.balance_minor if found else 0

    def line(self, kind: AccountKind, side: Side, amount: int) -> list[Line]:
        """One line, or none where nothing moves."""
        return [Line(self.accounts[kind].id, side, amount)] if amount else []

    def debit(self, kind: AccountKind, amount: int) -> list[Line]:
        return self.line(kind, Side.DEBIT, amount)

    def credit(self, kind: AccountKind, amount: int) -> list[Line]:
        return self.line(kind, Side.CREDIT, amount)


def headquarters_owner(actor: Actor) -> Owner:
    unit = units_below(actor.root_path, kind="headquarters")[0]
    return Owner(unit.id, unit.unit_path)


def books(actor: Actor, owners: Iterable[Owner]) -> list[Book]:
    """Each owner's accounts with the network's, made where they are missing, all locked in the order of their ids."""
    listed, office = list(owners), headquarters_owner(actor)
    wanted = [(owner, kind) for owner in listed for kind in owner.kinds]
    wanted += [(office, kind) for kind in NETWORK_KINDS]
    places = [_ids(actor, owner, owner.kinds) for owner in listed]
    counters = _ids(actor, office, NETWORK_KINDS)
    ids = {each for place in (*places, counters) for each in place.values()}
    chosen = select(Account).where(Account.id.in_(ids)).order_by(Account.id).with_for_update()
    locked = {
        each.id: each for each in db.session.scalars(chosen, execution_options={"populate_existing": True})
    }
    return [
        Book(owner, {kind: locked[key] for kind, key in (place | counters).items()})
        for owner, place in zip(listed, places, strict=True)
    ]


def book(actor: Actor, owner: Owner) -> Book:
    return books(actor, [owner])[0]


def _ids(actor: Actor, owner: Owner, kinds: tuple[AccountKind, ...]) -> dict[AccountKind, int]:
    found = queries.account_ids(owner, kinds)
    missing = [kind for kind in kinds if kind not in found]
    if not missing:
        return found
    rows = [
        {
            "network_id": actor.network_id,
            "unit_path": owner.unit_path,
            "unit_id": owner.unit_id,
            "person_id": owner.person_id,
            "kind": kind.value,
            "currency": CURRENCY,
            "normal": normal_side(kind).value,
            "bounded": is_bounded(kind),
        }
        for kind in missing
    ]
    db.session.execute(upsert(Account).inline().on_conflict_do_nothing(), rows)
    return queries.account_ids(owner, kinds)


def post(
    actor: Actor,
    book: Book,
    purpose: Purpose,
    lines: list[Line],
    *,
    key: str,
    cause: Cause,
    reference: str | None = None,
    month: date | None = None,
    original_id: int | None = None,
) -> tuple[Transaction, bool]:
    """Post once for this key; gives the transaction and whether it is new. The book's accounts are locked.

    Raises Conflict where the original was undone or ended already. The database refuses what is not balanced, what
    would bring a party below zero, and a reversal that is not its original's opposite.
    """
    amount = total(lines)
    values = {
        "network_id": actor.network_id,
        "unit_path": book.owner.unit_path,
        "at": clock.now().replace(microsecond=0),
        "purpose": purpose.value,
        "currency": CURRENCY,
        "amount_minor": amount,
        "postings": len(lines),
        "idempotency_key": key,
        "reason": cause.reason,
        "reference": reference,
        "month": month,
        "case_id": cause.case_id,
        "case_number": cause.case_number,
        "clause": cause.clause,
        "original_id": original_id,
        "posted_by": actor.person_id,
        "approved_by": cause.approved_by,
    }
    made = db.session.scalar(
        upsert(Transaction).values(values).on_conflict_do_nothing().returning(Transaction)
    )
    if made is None:
        known = queries.has_transaction(key)
        if known is None:
            raise Conflict("already_undone", lazy("This was given back or taken already."))
        return known, False
    rows = [
        {
            "network_id": actor.network_id,
            "unit_path": book.owner.unit_path,  # the account's own, by the trigger
            "transaction_id": made.id,
            "account_id": line.account_id,
            "unit_id": book.owner.unit_id,
            "side": line.side.value,
            "amount_minor": line.amount,
            "currency": CURRENCY,
            "at": made.at,
            "balance_minor": 0,
            "version": 0,
        }
        for line in lines
    ]
    db.session.execute(insert(Posting).inline(), rows)
    db.session.execute(
        NOW_CHECKED
    )  # here, with headquarters' eyes, and not at the commit with somebody else's
    db.session.execute(LATER_CHECKED)
    after = {"purpose": purpose, "amount": amount, "reason": cause.reason, "case": cause.case_number}
    events.record(
        actor, "ledger:posted", made, after={**after, "reference": reference, "original": original_id}
    )
    for account in book.accounts.values():
        db.session.expire(account)
    return made, True
