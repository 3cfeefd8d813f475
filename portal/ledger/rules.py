"""The arithmetic of the books: accounts and their sides, how much can be taken, a share of a commission. Pure.

Every amount is in minor units (fen) and above zero; a posting's side says which way it goes.
"""

import zipfile
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _

from portal.core.numbers import hundredths
from portal.network import workdays_after
from portal.rulebook import RefundTerms


class AccountKind(StrEnum):
    """A party's five accounts (API.md) and the network's counter-accounts."""

    MARGIN = "margin"
    MARGIN_HOLD = "margin_hold"
    COMMISSION_DUE = "commission_due"
    COMMISSION_WITHHELD = "commission_withheld"
    RECEIVABLE = "receivable"
    CASH = "cash"
    FORFEITED = "forfeited"
    COMMISSION_EXPENSE = "commission_expense"


class Side(StrEnum):
    DEBIT = "debit"
    CREDIT = "credit"

    @property
    def other(self) -> "Side":
        return Side.CREDIT if self is Side.DEBIT else Side.DEBIT


class Purpose(StrEnum):
    DEPOSIT = "deposit"
    HOLD = "hold"
    RELEASE = "release"
    FORFEIT = "forfeit"
    CHARGE = "charge"
    REFUND = "refund"
    COMMISSION = "commission"
    WITHHOLD = "withhold"
    REVERSAL = "reversal"
    REPAY = "repay"
    PAY = "pay"


BY_HAND = (Purpose.DEPOSIT, Purpose.REFUND, Purpose.COMMISSION, Purpose.PAY)
"""What finance posts, and may undo; what a case took falls with its case alone."""
UNIT_KINDS = (AccountKind.MARGIN, AccountKind.MARGIN_HOLD, AccountKind.RECEIVABLE)
PERSON_KINDS = (AccountKind.COMMISSION_DUE, AccountKind.COMMISSION_WITHHELD, AccountKind.RECEIVABLE)
NETWORK_KINDS = (AccountKind.CASH, AccountKind.FORFEITED, AccountKind.COMMISSION_EXPENSE)
DEBIT_NORMAL = {AccountKind.RECEIVABLE, AccountKind.CASH, AccountKind.COMMISSION_EXPENSE}
"""What the network owns or has spent grows by a debit; what it owes or has earned grows by a credit."""

KIND_WORDS: Mapping[AccountKind, Any] = {
    AccountKind.MARGIN: _("Brand margin"),
    AccountKind.MARGIN_HOLD: _("Brand margin on hold"),
    AccountKind.COMMISSION_DUE: _("Commission due"),
    AccountKind.COMMISSION_WITHHELD: _("Commission withheld"),
    AccountKind.RECEIVABLE: _("Owed to headquarters"),
    AccountKind.CASH: _("Bank"),
    AccountKind.FORFEITED: _("Forfeited and charged"),
    AccountKind.COMMISSION_EXPENSE: _("Commission granted"),
}
PURPOSE_WORDS: Mapping[Purpose, Any] = {
    Purpose.DEPOSIT: _("Deposit"),
    Purpose.HOLD: _("On hold for a case"),
    Purpose.RELEASE: _("Hold given back"),
    Purpose.FORFEIT: _("Taken from the hold"),
    Purpose.CHARGE: _("Charged"),
    Purpose.REFUND: _("Refund"),
    Purpose.COMMISSION: _("Commission of the month"),
    Purpose.WITHHOLD: _("Commission withheld for the month"),
    Purpose.REVERSAL: _("Reversal"),
    Purpose.REPAY: _("Debt paid"),
    Purpose.PAY: _("Commission paid out"),
}


@dataclass(frozen=True)
class Owner:
    """Whose accounts: a unit's, or one person's (then the unit is where that one works)."""

    unit_id: int
    unit_path: str
    person_id: int | None = None

    @property
    def kinds(self) -> tuple[AccountKind, ...]:
        return UNIT_KINDS if self.person_id is None else PERSON_KINDS


@dataclass(frozen=True)
class Cause:
    """Why something is posted: the words, and the case and clause behind it."""

    reason: str
    case_id: int | None = None
    case_number: str | None = None
    clause: str | None = None
    approved_by: int | None = None


@dataclass(frozen=True)
class Line:
    """One side of a transaction: which account, which way, how much (above 0)."""

    account_id: int
    side: Side
    amount: int


def normal_side(kind: AccountKind) -> Side:
    return Side.DEBIT if kind in DEBIT_NORMAL else Side.CREDIT


def is_bounded(kind: AccountKind) -> bool:
    """A party's account never goes below zero; the network's counter-accounts may."""
    return kind not in NETWORK_KINDS


def total(lines: Iterable[Line]) -> int:
    """What a transaction moves. ValueError where its sides are not equal or an amount is not above zero."""
    listed = list(lines)
    debits = sum(line.amount for line in listed if line.side is Side.DEBIT)
    if any(line.amount <= 0 for line in listed) or len(listed) < 2:
        raise ValueError("a transaction has two lines or more, each above zero")
    if debits != sum(line.amount for line in listed if line.side is Side.CREDIT):
        raise ValueError("a transaction's debits equal its credits")
    return debits


def opposite(lines: Iterable[Line]) -> list[Line]:
    """What undoes these lines."""
    return [Line(line.account_id, line.side.other, line.amount) for line in lines]


@dataclass(frozen=True)
class Split:
    """How an amount is found: from the hold, from what is free, as a debt; what is short is not taken."""

    held: int
    free: int
    owed: int
    short: int

    @property
    def taken(self) -> int:
        return self.held + self.free + self.owed


def split(amount: int, *, held: int, free: int, debt_allowed: bool) -> Split:
    """Take `amount`: the hold first, then what is free; the rest is a debt where the network allows it."""
    from_hold = min(amount, held)
    from_free = min(amount - from_hold, free)
    rest = amount - from_hold - from_free
    return Split(from_hold, from_free, rest if debt_allowed else 0, 0 if debt_allowed else rest)


def share_of(amount: int, share: int) -> int:
    """`share` per cent of an amount, rounded down: in favour of whom it is taken from."""
    return amount * share // 100


@dataclass(frozen=True)
class Order:
    """A margin that is to be topped up by `amount`, with what comes in from `since` on."""

    id: int
    since: datetime
    amount: int


@dataclass(frozen=True)
class Paid:
    """How much of a top-up came in, and when it was whole."""

    amount: int
    whole_at: datetime | None = None


def paid_of(orders: Iterable[Order], deposits: Iterable[tuple[datetime, int]]) -> dict[int, Paid]:
    """How much of each top-up the deposits have paid, the oldest order first: no fen counts for two of them."""
    listed = sorted(orders, key=lambda order: (order.since, order.id))
    paid = {order.id: Paid(0) for order in listed}
    for at, amount in sorted(deposits):
        left = amount
        for order in listed:
            # postings are dated by the whole second
            if at < order.since.replace(microsecond=0):
                continue
            before = paid[order.id]
            part = min(left, order.amount - before.amount)
            if part:
                amount_now = before.amount + part
                paid[order.id] = Paid(amount_now, at if amount_now == order.amount else None)
            left -= part
    return paid


@dataclass(frozen=True)
class Repayment:
    """How a margin is paid back to a dealer that left: the first part by a day, the rest from another day on."""

    first_share: int  # per cent
    first_due_at: datetime
    rest_at: datetime


def repayment(
    left_at: datetime,
    holidays: Mapping[date, bool],
    zone: ZoneInfo,
    terms: RefundTerms,
    week: frozenset[int] = frozenset(range(5)),
) -> Repayment:
    """By the rulebook's terms: a share of the margin within working days, the rest after months without claims."""
    day = left_at.astimezone(zone).date()
    first_day = workdays_after(day, terms.first_within_workdays, holidays, week)
    months = day.year * 12 + day.month - 1 + terms.rest_after_months
    year, month = divmod(months, 12)
    last_of_month = monthrange(year, month + 1)[1]
    rest_day = date(year, month + 1, min(day.day, last_of_month))
    return Repayment(terms.first_share, _end_of(first_day, zone), _end_of(rest_day, zone))


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, zone).astimezone(UTC)


def may_pay_back(
    plan: Repayment | None, *, free: int, held: int, owed: int, refunded: int, now: datetime
) -> int:
    """How much margin may be paid back now. Without a plan (the dealer stays): what is free.

    The first part at once; the rest when its time has come and nothing is on hold or owed: that is a claim.
    """
    if plan is None:
        return free
    if now < plan.rest_at or held or owed:
        first = share_of(free + held + refunded, plan.first_share)
        return max(min(first - refunded, free), 0)
    return free


# --- the commission statement ------------------------------------------------------------------------------

HEADINGS = {
    "person": (
        "person",
        "email",
        "e-mail",
        "phone",
        "mobile",
        "person_id",
        "人员",
        "邮箱",
        "手机",
        "手机号",
        "电话",
    ),
    "unit": ("unit", "unit_code", "code", "region", "组织", "单位", "区域", "区域编码", "单位编码"),
    "amount": (
        "amount",
        "commission",
        "yuan",
        "金额",
        "佣金",
        "提成",
        "金额（元）",
        "佣金（元）",
        "提成（元）",
    ),
    "amount_minor": ("amount_minor", "amount_fen", "fen", "金额（分）", "佣金（分）", "提成（分）"),
}
MOST_ROWS = 2_000
LARGEST_AMOUNT = 10**13
LARGEST_UNPACKED = 100 * 1024 * 1024


def columns_of(header: Sequence[str]) -> dict[str, int]:
    """Our column → its place, by the heading; the first one counts."""
    found: dict[str, int] = {}
    for place, heading in enumerate(header):
        name = heading.strip().lower().replace("(", "（").replace(")", "）")
        for column, words in HEADINGS.items():
            if name in words:
                found.setdefault(column, place)
    return found


def amount_of(text: str, *, minor: bool) -> int | None:
    """'1,234.50' (yuan) or '123450' (fen) as fen; None for what is no such amount, or is not above zero."""
    value = hundredths(text)
    if value is not None and minor:
        value = None if value % 100 else value // 100
    return value if value is not None and 0 < value <= LARGEST_AMOUNT else None


def unpacks_too_large(content: bytes) -> bool:
    """Whether an xlsx holds more than we read, counted while unpacking: a stated size may lie."""
    left = LARGEST_UNPACKED
    with zipfile.ZipFile(BytesIO(content)) as package:
        for member in package.infolist():
            with package.open(member) as opened:
                while piece := opened.read(1 << 20):
                    left -= len(piece)
                    if left < 0:
                        return True
    return False
