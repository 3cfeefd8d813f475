"""Balances, entries and what stands behind them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import aliased

from portal.accounts import Membership
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import LIMIT, Page, paged
from portal.ledger import rules
from portal.ledger.models import Account, Leaving, Posting, Transaction, Withholding
from portal.ledger.rules import NETWORK_KINDS, AccountKind, Line, Owner, Purpose, Side
from portal.network import Unit

CURRENCY = "CNY"
SAID = (Purpose.DEPOSIT, Purpose.PAY, Purpose.COMMISSION, Purpose.REPAY)
"""Their reasons are made by the portal, in the language of whoever posted; their words are the reader's."""
MANAGERS = ("regional_manager", "channel_manager")


@dataclass(frozen=True)
class Balance:
    kind: AccountKind
    balance: int  # in minor units, grown on the account's own side
    currency: str = CURRENCY


@dataclass(frozen=True)
class Entry:
    """One posting as its owner reads it: `amount` is below zero where the balance fell."""

    id: int
    transaction_id: int
    at: datetime
    account: AccountKind
    purpose: Purpose
    amount: int
    balance: int
    currency: str
    reason: str
    reference: str | None
    case_id: int | None
    case_number: str | None
    clause: str | None
    month: date | None
    original_id: int | None

    @property
    def told(self) -> str:
        """The reason, where it says more than purpose, reference, month and case do."""
        return "" if self.purpose in SAID or self.reason == self.case_number else self.reason


def unit_owner(unit: Unit) -> Owner:
    return Owner(unit.id, unit.unit_path)


def person_owner(network_id: int, person_id: int, unit_id: int | None = None) -> Owner | None:
    """A person's accounts stand where they began, else where the person manages something; None for a stranger."""
    begun = select(Account.unit_id, Account.unit_path).where(Account.person_id == person_id).limit(1)
    works = (
        select(Membership.unit_id, Membership.unit_path)
        .where(
            Membership.network_id == network_id,
            Membership.person_id == person_id,
            Membership.status == "active",
        )
        .order_by(Membership.unit_id != (unit_id or 0), Membership.role.not_in(MANAGERS), Membership.id)
        .limit(1)
    )
    found = db.session.execute(begun).one_or_none() or db.session.execute(works).one_or_none()
    return Owner(found.unit_id, found.unit_path, person_id) if found else None


def _owned(model: type[Account] | type[Posting], owner: Owner) -> list[ColumnElement[bool]]:
    if owner.person_id is not None:
        return [model.person_id == owner.person_id]
    return [model.unit_id == owner.unit_id, model.person_id.is_(None)]


def balances(owner: Owner, until: datetime | None = None) -> list[Balance]:
    """Each of the owner's accounts, 0 where nothing was ever posted; `until`: as of that past moment, included."""
    return _balances(owner, owner.kinds, until)


def counter_balances(headquarters: Owner, until: datetime | None = None) -> list[Balance]:
    """The network's own side of the books."""
    return _balances(headquarters, NETWORK_KINDS, until)


def _balances(owner: Owner, kinds: Sequence[AccountKind], until: datetime | None) -> list[Balance]:
    shown: ColumnElement[int] = Account.balance_minor  # type: ignore[assignment]
    if until is not None:
        past = (
            select(Posting.balance_minor)
            .where(
                Posting.network_id == Account.network_id,
                Posting.account_id == Account.id,
                Posting.at <= until,
            )
            .order_by(Posting.at.desc(), Posting.version.desc())
            .limit(1)
        )
        shown = func.coalesce(past.correlate(Account).scalar_subquery(), 0)
    rows = db.session.execute(select(Account.kind, shown).where(*_owned(Account, owner)))
    known = {row.kind: row[1] for row in rows}
    return [Balance(kind, known.get(kind.value, 0)) for kind in kinds]


def account_ids(owner: Owner, kinds: Sequence[AccountKind]) -> dict[AccountKind, int]:
    chosen = select(Account.kind, Account.id).where(*_owned(Account, owner), Account.kind.in_(kinds))
    return {AccountKind(kind): account_id for kind, account_id in db.session.execute(chosen)}


def _entries(owner: Owner) -> Any:
    return (
        select(Posting, Transaction, Account)
        .join(
            Transaction,
            (Transaction.network_id == Posting.network_id) & (Transaction.id == Posting.transaction_id),
        )
        .join(Account, (Account.network_id == Posting.network_id) & (Account.id == Posting.account_id))
        .where(*_owned(Posting, owner))
    )


def entries(
    owner: Owner,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
    newest_first: bool = False,
) -> Page[Entry]:
    """What moved the owner's accounts, in the order it was posted; `until` is included."""
    chosen = _entries(owner)
    if since is not None:
        chosen = chosen.where(Posting.at >= since)
    if until is not None:
        chosen = chosen.where(Posting.at <= until)
    page = paged(chosen, [Posting.id], cursor, limit, newest_first=newest_first)
    return Page([_entry(*row[:3]) for row in page.items], page.next_cursor)


def _entry(posting: Posting, of: Transaction, account: Account) -> Entry:
    sign = 1 if posting.side == account.normal else -1
    return Entry(
        id=posting.id,
        transaction_id=of.id,
        at=posting.at,
        account=AccountKind(account.kind),
        purpose=Purpose(of.purpose),
        amount=sign * posting.amount_minor,
        balance=posting.balance_minor,
        currency=posting.currency,
        reason=of.reason,
        reference=of.reference,
        case_id=of.case_id,
        case_number=of.case_number,
        clause=of.clause,
        month=of.month,
        original_id=of.original_id,
    )


def get_transaction(transaction_id: int) -> Transaction:
    """Raises NotFound."""
    found = db.session.scalar(select(Transaction).where(Transaction.id == transaction_id))
    if found is None:
        raise NotFound()
    return found


def has_transaction(key: str) -> Transaction | None:
    return db.session.scalar(select(Transaction).where(Transaction.idempotency_key == key))


def is_undone(transaction_id: int) -> bool:
    """Whether a reversal names it; of a hold: whether it has ended."""
    return bool(db.session.scalar(select(exists().where(Transaction.original_id == transaction_id))))


def statement_in_force(key: str) -> tuple[str, Transaction | None]:
    """One person's commission statement of a month and its key; reversed ones are passed over. Where none stands: the
    key that the next one has (`key`, then `key:2`, `key:3`…)."""
    number, used = 1, key
    found = has_transaction(used)
    while found is not None and is_undone(found.id):
        number += 1
        used = f"{key}:{number}"
        found = has_transaction(used)
    return used, found


def lines_of(transaction_id: int) -> list[Line]:
    rows = db.session.execute(
        select(Posting.account_id, Posting.side, Posting.amount_minor)
        .where(Posting.transaction_id == transaction_id)
        .order_by(Posting.id)
    )
    return [Line(account_id, Side(side), amount) for account_id, side, amount in rows]


def party_of(transaction_id: int) -> Owner | None:
    """Whose books a transaction stands in: the owner of its postings that is not the network."""
    party = (
        select(Account.unit_id, Account.unit_path, Account.person_id)
        .join(Posting, (Posting.network_id == Account.network_id) & (Posting.account_id == Account.id))
        .where(Posting.transaction_id == transaction_id, Account.kind.not_in(NETWORK_KINDS))
        .limit(1)
    )
    found = db.session.execute(party).one_or_none()
    return Owner(found.unit_id, found.unit_path, found.person_id) if found else None


def transactions_of_case(case_id: int) -> Sequence[Transaction]:
    chosen = select(Transaction).where(Transaction.case_id == case_id).order_by(Transaction.id)
    return db.session.scalars(chosen).all()


def deposits_of(unit_id: int, since: datetime) -> list[tuple[datetime, int]]:
    """(when, how much) was paid into a unit's margin from then on, reversed deposits left out."""
    undone = aliased(Transaction)
    paid = (
        select(Posting.at, Posting.amount_minor)
        .join(
            Transaction,
            (Transaction.network_id == Posting.network_id) & (Transaction.id == Posting.transaction_id),
        )
        .join(Account, (Account.network_id == Posting.network_id) & (Account.id == Posting.account_id))
        .where(
            Posting.unit_id == unit_id,
            Posting.person_id.is_(None),
            Posting.at >= since.replace(microsecond=0),  # postings are dated by the whole second
            Posting.side == Side.CREDIT,
            Account.kind == AccountKind.MARGIN,
            Transaction.purpose == Purpose.DEPOSIT,
            ~exists().where(
                undone.network_id == Transaction.network_id, undone.original_id == Transaction.id
            ),
        )
        .order_by(Posting.id)
    )
    return [(row.at, row.amount_minor) for row in db.session.execute(paid)]


def leaving_of(owner: Owner) -> Leaving | None:
    """Whether this unit leaves, and how its margin is paid back."""
    chosen = select(Leaving).where(Leaving.unit_id == owner.unit_id, Leaving.cancelled_at.is_(None))
    return None if owner.person_id is not None else db.session.scalar(chosen)


def leavings(limit: int = 100) -> Sequence[Leaving]:
    """Dealers that leave, the one first whose margin is due back first."""
    chosen = select(Leaving).where(Leaving.cancelled_at.is_(None))
    return db.session.scalars(chosen.order_by(Leaving.first_due_at, Leaving.id).limit(limit)).all()


def paid_back(owner: Owner, since: datetime) -> int:
    """What was paid back of a unit's margin from then on, in minor units; refunds that were undone left out."""
    undone = aliased(Transaction)
    chosen = (
        select(func.coalesce(func.sum(Posting.amount_minor), 0))
        .join(
            Transaction,
            (Transaction.network_id == Posting.network_id) & (Transaction.id == Posting.transaction_id),
        )
        .where(
            *_owned(Posting, owner),
            Posting.at >= since.replace(microsecond=0),
            Posting.side == Side.DEBIT,
            Transaction.purpose == Purpose.REFUND,
            ~exists().where(
                undone.network_id == Transaction.network_id, undone.original_id == Transaction.id
            ),
        )
    )
    return int(db.session.scalar(chosen) or 0)


def may_pay_back(owner: Owner, leaving: Leaving, now: datetime) -> int:
    """How much of a leaving dealer's margin may be paid back now, in minor units."""
    sums = {each.kind: each.balance for each in balances(owner)}
    return rules.may_pay_back(
        leaving.plan,
        free=sums[AccountKind.MARGIN],
        held=sums[AccountKind.MARGIN_HOLD],
        owed=sums[AccountKind.RECEIVABLE],
        refunded=paid_back(owner, leaving.left_at),
        now=now,
    )


@dataclass(frozen=True)
class Withheld:
    """What came of an ordered share, in minor units; `short`: had been paid out before."""

    taken: int
    short: int


def withheld(withholding_ids: Sequence[int]) -> dict[int, Withheld]:
    """What was posted for each withholding; those that still wait are not in it."""
    chosen = (
        select(Withholding.id, func.coalesce(Transaction.amount_minor, 0), Withholding.short_minor)
        .outerjoin(
            Transaction,
            (Transaction.network_id == Withholding.network_id)
            & (Transaction.id == Withholding.transaction_id),
        )
        .where(Withholding.id.in_(list(withholding_ids)), Withholding.posted_at.is_not(None))
    )
    return {row[0]: Withheld(row[1], row[2]) for row in db.session.execute(chosen)}


def posted_withholdings(person_id: int, month: date) -> Sequence[Withholding]:
    """Shares that were judged by a person's statement of the month and stand: not given back since."""
    undone = aliased(Transaction)
    chosen = select(Withholding).where(
        Withholding.person_id == person_id,
        Withholding.month == month,
        Withholding.posted_at.is_not(None),
        ~exists().where(
            undone.network_id == Withholding.network_id, undone.original_id == Withholding.transaction_id
        ),
    )
    return db.session.scalars(chosen.order_by(Withholding.id)).all()


def waiting_withholdings(month: date | None = None) -> Sequence[Withholding]:
    """Shares that wait for their month's statement, the oldest first: finance's list of what is to post."""
    chosen = select(Withholding).where(Withholding.posted_at.is_(None), Withholding.cancelled_at.is_(None))
    if month is not None:
        chosen = chosen.where(Withholding.month == month)
    return db.session.scalars(chosen.order_by(Withholding.month, Withholding.id)).all()
