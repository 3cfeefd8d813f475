"""What only pages ask: every dealer's margin in one list, what waits for finance, both sides of a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import aliased

from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import Page, paged
from portal.ledger.models import Account, Posting, Transaction, Withholding
from portal.ledger.rules import AccountKind, Purpose
from portal.network import Unit

WITH_MARGIN = ("dealer", "store")


@dataclass(frozen=True)
class MarginLine:
    """A dealer's margin, in minor units; `free` can be taken, `held` is on hold for open cases."""

    code: str
    name: str
    kind: str
    status: str
    free: int
    held: int
    owed: int
    moved_at: datetime | None

    @property
    def margin(self) -> int:
        return self.free + self.held


@dataclass(frozen=True)
class Sums:
    units: int
    free: int
    held: int
    owed: int


@dataclass(frozen=True)
class Side:
    """One side of a transaction, as a bookkeeper reads it."""

    account: AccountKind
    unit_code: str
    unit_name: str
    person_id: int | None
    debit: int
    credit: int
    balance: int


def list_margins(
    path: str, *, wanted: str = "", below: int | None = None, cursor: str | None = None, limit: int = 50
) -> Page[MarginLine]:
    """Dealers, and stores with a margin of their own, at `path` and under it; `below`: only with less than this."""
    kept = (
        select(
            Account.network_id,
            Account.unit_id,
            *(
                func.sum(Account.balance_minor).filter(Account.kind == kind).label(kind.value)
                for kind in (AccountKind.MARGIN, AccountKind.MARGIN_HOLD, AccountKind.RECEIVABLE)
            ),
            func.max(Account.moved_at).label("moved_at"),
        )
        .where(Account.person_id.is_(None))
        .group_by(Account.network_id, Account.unit_id)
        .subquery()
    )
    free, held, owed = (
        func.coalesce(kept.c[kind.value], 0)
        for kind in (AccountKind.MARGIN, AccountKind.MARGIN_HOLD, AccountKind.RECEIVABLE)
    )
    chosen: Select[Any] = (
        select(Unit, free, held, owed, kept.c.moved_at)
        .outerjoin(kept, (kept.c.network_id == Unit.network_id) & (kept.c.unit_id == Unit.id))
        .where(
            Unit.unit_path.startswith(path),
            Unit.kind.in_(WITH_MARGIN),
            or_(Unit.kind == "dealer", kept.c.unit_id.is_not(None)),
        )
    )
    if wanted:
        chosen = chosen.where(
            or_(Unit.name.icontains(wanted, autoescape=True), Unit.code.icontains(wanted, autoescape=True))
        )
    if below is not None:
        chosen = chosen.where(free + held < below, Unit.kind == "dealer")
    page = paged(chosen, [Unit.unit_path], cursor, limit)
    lines = [
        MarginLine(row[0].code, row[0].name, row[0].kind, row[0].status, row[1], row[2], row[3], row[4])
        for row in page.items
    ]
    return Page(lines, page.next_cursor)


def margin_sums(path: str) -> Sums:
    """All margins under `path` together."""
    chosen = (
        select(Account.kind, func.sum(Account.balance_minor))
        .where(Account.unit_path.startswith(path), Account.person_id.is_(None))
        .group_by(Account.kind)
    )
    known = {kind: int(total) for kind, total in db.session.execute(chosen)}
    units = select(func.count()).where(Unit.unit_path.startswith(path), Unit.kind == "dealer")
    return Sums(
        db.session.scalar(units) or 0,
        *(
            known.get(kind.value, 0)
            for kind in (AccountKind.MARGIN, AccountKind.MARGIN_HOLD, AccountKind.RECEIVABLE)
        ),
    )


def people_with_accounts(limit: int = 200) -> Sequence[tuple[int, int, int, int]]:
    """(person, unit, commission due, withheld) of everybody who has a commission account."""
    due = func.coalesce(func.sum(Account.balance_minor).filter(Account.kind == AccountKind.COMMISSION_DUE), 0)
    withheld = func.coalesce(
        func.sum(Account.balance_minor).filter(Account.kind == AccountKind.COMMISSION_WITHHELD), 0
    )
    chosen = (
        select(Account.person_id, func.min(Account.unit_id), due, withheld)
        .where(Account.person_id.is_not(None))
        .group_by(Account.person_id)
        .order_by(Account.person_id)
        .limit(limit)
    )
    return [(row[0], row[1], int(row[2]), int(row[3])) for row in db.session.execute(chosen) if row[0]]


def open_holds(limit: int = 100) -> Sequence[tuple[Transaction, int]]:
    """Holds that were neither given back nor taken, with the unit that they are of; the oldest first."""
    end = aliased(Transaction)
    ended = exists().where(end.network_id == Transaction.network_id, end.original_id == Transaction.id)
    whose = (
        select(Posting.unit_id)
        .where(Posting.network_id == Transaction.network_id, Posting.transaction_id == Transaction.id)
        .limit(1)
        .scalar_subquery()
    )
    chosen = select(Transaction, whose).where(Transaction.purpose == Purpose.HOLD, ~ended)
    chosen = chosen.order_by(Transaction.id).limit(limit)
    return [(row[0], row[1]) for row in db.session.execute(chosen)]


def waiting(limit: int = 200) -> Sequence[Withholding]:
    """Shares that wait for their month's statement, the oldest first."""
    chosen = select(Withholding).where(Withholding.posted_at.is_(None), Withholding.cancelled_at.is_(None))
    return db.session.scalars(chosen.order_by(Withholding.month, Withholding.id).limit(limit)).all()


def short_withholdings(limit: int = 50) -> Sequence[Withholding]:
    """Shares of which something had been paid out before they were posted; the newest first."""
    chosen = select(Withholding).where(Withholding.short_minor > 0).order_by(Withholding.id.desc())
    return db.session.scalars(chosen.limit(limit)).all()


def waiting_of(person_id: int) -> Sequence[Withholding]:
    """What is still to be withheld from one person's commissions."""
    chosen = select(Withholding).where(
        Withholding.person_id == person_id,
        Withholding.posted_at.is_(None),
        Withholding.cancelled_at.is_(None),
    )
    return db.session.scalars(chosen.order_by(Withholding.month, Withholding.id)).all()


def latest(path: str, purpose: Purpose, limit: int = 10) -> Sequence[Transaction]:
    """The last transactions of a purpose, the newest first."""
    chosen = select(Transaction).where(Transaction.purpose == purpose, Transaction.unit_path.startswith(path))
    return db.session.scalars(chosen.order_by(Transaction.id.desc()).limit(limit)).all()


def sides(transaction_id: int) -> tuple[Transaction, list[Side]]:
    """A transaction with those of its sides that I may see. Raises NotFound."""
    of = db.session.scalar(select(Transaction).where(Transaction.id == transaction_id))
    rows = db.session.execute(
        select(Posting, Account, Unit)
        .join(Account, (Account.network_id == Posting.network_id) & (Account.id == Posting.account_id))
        .join(Unit, (Unit.network_id == Account.network_id) & (Unit.id == Account.unit_id))
        .where(Posting.transaction_id == transaction_id)
        .order_by(Posting.id)
    ).all()
    if of is None or not rows:
        raise NotFound()
    return of, [
        Side(
            AccountKind(account.kind),
            unit.code,
            unit.name,
            account.person_id,
            posting.amount_minor if posting.side == "debit" else 0,
            posting.amount_minor if posting.side == "credit" else 0,
            posting.balance_minor,
        )
        for posting, account, unit in rows
    ]


def balances_by_month(rows: Sequence[Withholding]) -> Mapping[str, int]:
    """How many shares wait for each month's statement: '2026-11' → 3."""
    counted: dict[str, int] = {}
    for each in rows:
        month = f"{each.month:%Y-%m}"
        counted[month] = counted.get(month, 0) + 1
    return counted
