"""The ledger: accounts, entries, deposits, and a month's commission statement (API.md, Sanctions and ledger)."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar

from flask import Response, request
from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from portal import accounts
from portal.access import ApiRoom, Permission, Role, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.api import (
    MULTIPART,
    ListQuery,
    Model,
    Moment,
    Money,
    Unsupported,
    answer,
    read_body,
    read_form,
    read_query,
)
from portal.core.errors import FieldError, Invalid, NotFound
from portal.core.texts import lazy
from portal.ledger import queries, service
from portal.ledger.models import Transaction
from portal.ledger.rules import AccountKind, Owner, Purpose
from portal.network import Unit, unit_below

api = ApiRoom("ledger", __name__)
MonthText = Annotated[str, Field(pattern=r"^20\d\d-(0[1-9]|1[0-2])$", examples=["2026-10"])]
Reference = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]
MOST = 10**13
"""Fen; more than any margin ever was: a slip of the pen."""


class AccountAnswer(Model):
    kind: AccountKind
    balance: Money


class AccountsAnswer(Model):
    unit: str | None
    person: str | None
    accounts: list[AccountAnswer]


class EntryAnswer(Model):
    id: str
    transaction: str
    at: Moment
    account: AccountKind
    purpose: Purpose
    amount: Money
    balance: Money
    reason: str
    reference: str | None
    case: str | None
    case_number: str | None
    clause: str | None
    month: str | None
    reverses: str | None


class EntryList(Model):
    items: list[EntryAnswer]
    next_cursor: str | None


class BalanceQuery(ListQuery):
    """`until`: as of that past moment, included."""

    until: AwareDatetime | None = None


class EntryQuery(BalanceQuery):
    since: AwareDatetime | None = None


class Deposit(Money):
    amount: int = Field(strict=True, ge=1, le=MOST)
    currency: str = Field("CNY", pattern="^CNY$")


class DepositBody(Model):
    """`amount` as money, or as fen."""

    amount: Deposit | Annotated[int, Field(strict=True, ge=1, le=MOST)]
    reference: Reference

    @model_validator(mode="before")
    @classmethod
    def _as_money(cls, given: object) -> object:
        if isinstance(given, dict) and type(given.get("amount")) is int:
            return given | {"amount": {"amount": given["amount"], "currency": "CNY"}}
        return given

    @property
    def fen(self) -> int:
        return self.amount if isinstance(self.amount, int) else self.amount.amount


class RefundBody(DepositBody):
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


Paid = TypeVar("Paid", bound=DepositBody)


class PaymentAnswer(Model):
    """`unit` or `person`: whose margin came in or was paid back, whose commission was paid out."""

    id: str
    transaction: str
    unit: str | None
    person: str | None
    at: Moment
    amount: Money
    reference: str
    accounts: list[AccountAnswer]


class CommissionForm(Model):
    month: MonthText


class CommissionAnswer(Model):
    month: str
    people: int
    total: Money
    withheld: Money


def _money(amount: int) -> Money:
    return Money(amount=amount, currency="CNY")


def _unit(code: str) -> Unit:
    """A unit whose money this actor may see: all of them at headquarters, the dealer's and its stores' for the rest."""
    unit = unit_below(current_actor().unit_path, code)
    if unit is None:
        raise NotFound()
    return unit


def _accounts(owner: Owner, until: datetime | None = None) -> list[AccountAnswer]:
    return [
        AccountAnswer(kind=each.kind, balance=_money(each.balance)) for each in queries.balances(owner, until)
    ]


@api.get(
    "/ledger/<unit>",
    needs=Permission.LEDGER_READ,
    query=BalanceQuery,
    answers={200: AccountsAnswer},
    summary="A unit's accounts and their balances, now or as of a past moment",
)
def get_accounts(unit: str) -> Response:
    found = _unit(unit)
    until = _utc(read_query(BalanceQuery).until)
    shown = _accounts(queries.unit_owner(found), until)
    if found.kind == "headquarters":
        counters = queries.counter_balances(queries.unit_owner(found), until)
        shown = [AccountAnswer(kind=each.kind, balance=_money(each.balance)) for each in counters]
    return answer(AccountsAnswer(unit=found.code, person=None, accounts=shown))


@api.get(
    "/ledger/people/<person>",
    needs=Permission.LEDGER_READ_PERSON,
    query=BalanceQuery,
    answers={200: AccountsAnswer},
    summary="A person's accounts: finance and executives anybody's, others their own",
)
def get_person_accounts(person: str) -> Response:
    owner = _person(person)
    until = _utc(read_query(BalanceQuery).until)
    return answer(AccountsAnswer(unit=None, person=str(owner.person_id), accounts=_accounts(owner, until)))


@api.get(
    "/ledger/people/<person>/entries",
    needs=Permission.LEDGER_READ_PERSON,
    query=EntryQuery,
    answers={200: EntryList},
    summary="What moved a person's accounts, in the order it was posted",
)
def list_person_entries(person: str) -> Response:
    return _entries(_person(person))


@api.get(
    "/ledger/<unit>/entries",
    needs=Permission.LEDGER_READ,
    query=EntryQuery,
    answers={200: EntryList},
    summary="What moved a unit's accounts, in the order it was posted",
)
def list_entries(unit: str) -> Response:
    return _entries(queries.unit_owner(_unit(unit)))


def _payment(
    path: str, body: type[Paid], summary: str
) -> Callable[[Callable[[Any, Paid], Transaction]], None]:
    """Make a bank payment's operation of a function (unit or owner, body): whose money it is stands in the path."""

    def wrap(work: Callable[[Any, Paid], Transaction]) -> None:
        def take(unit: str = "", person: str = "") -> Response:
            found = _unit(unit) if unit else None
            owner = queries.unit_owner(found) if found else _person(person)
            made = work(found or owner, read_body(body))
            return _posted(made, owner, found.code if found else None)

        take.__name__ = work.__name__
        needs = Permission.LEDGER_POST
        api.post(path, needs=needs, body=body, answers={201: PaymentAnswer}, summary=summary)(take)

    return wrap


@_payment(
    "/ledger/<unit>/deposits", DepositBody, "Brand margin came in at the bank; once for each bank reference"
)
def deposit(unit: Unit, body: DepositBody) -> Transaction:
    return service.deposit(current_actor(), unit, body.fen, body.reference)


@_payment(
    "/ledger/<unit>/refunds",
    RefundBody,
    "Brand margin is paid back; of a dealer that leaves only what its time has come for",
)
def refund(unit: Unit, body: RefundBody) -> Transaction:
    return service.refund(current_actor(), unit, body.fen, body.reference, body.reason)


@_payment(
    "/ledger/people/<person>/payments",
    DepositBody,
    "Commission that is due is paid out; once for each bank reference",
)
def pay(owner: Owner, body: DepositBody) -> Transaction:
    return service.pay(current_actor(), owner, body.fen, body.reference)


def _posted(made: Transaction, owner: Owner, unit: str | None = None) -> Response:
    shown = PaymentAnswer(
        id=str(made.id),
        transaction=str(made.id),
        unit=unit,
        person=str(owner.person_id) if owner.person_id is not None else None,
        at=made.at,
        amount=_money(made.amount_minor),
        reference=made.reference or "",
        accounts=_accounts(owner),
    )
    return answer(shown, 201)


@api.post(
    "/ledger/commissions",
    needs=Permission.LEDGER_POST,
    form=CommissionForm,
    files=("file",),
    answers={201: CommissionAnswer},
    summary="A month's commission statement (csv or xlsx: person, unit, amount), all or nothing",
)
def import_commissions() -> Response:
    accounts.count(f"uploads:{current_actor().token_id}", accounts.UPLOADS, clock.now())
    if request.mimetype != MULTIPART:
        raise Unsupported(MULTIPART)
    body = read_form(CommissionForm)
    sent = request.files.get("file")
    if sent is None:
        detail = lazy("Choose a file.")
        raise Invalid("invalid", detail, [FieldError("/file", "required", detail)])
    month = months.parse(body.month)
    name = (sent.filename or "")[:200]
    done = service.import_commissions(current_actor(), month, sent.stream.read(), name)
    shown = CommissionAnswer(
        month=months.text(done.month),
        people=done.people,
        total=_money(done.total),
        withheld=_money(done.withheld),
    )
    return answer(shown, 201)


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return None if moment is None else moment.astimezone(UTC)
    except OverflowError as error:
        detail = lazy("Write a date and time with its offset.")
        raise Invalid("invalid", detail, [FieldError("/until", "invalid", detail)]) from error


def _person(written: str) -> Owner:
    """By id, e-mail or phone; somebody else's are only for those who read the ledger at headquarters."""
    actor = current_actor()
    person_id = accounts.person_in(actor.network_id, written)
    everybody = actor.role in (Role.FINANCE, Role.EXECUTIVE)
    if person_id is None or not (everybody or person_id == actor.person_id):
        raise NotFound()
    owner = queries.person_owner(actor.network_id, person_id)
    if owner is None:
        raise NotFound()
    return owner


def _entries(owner: Owner) -> Response:
    asked = read_query(EntryQuery)
    page = queries.entries(
        owner, since=_utc(asked.since), until=_utc(asked.until), cursor=asked.cursor, limit=asked.limit
    )
    return answer(EntryList(items=[_entry(each) for each in page.items], next_cursor=page.next_cursor))


def _entry(each: queries.Entry) -> EntryAnswer:
    return EntryAnswer(
        id=str(each.id),
        transaction=str(each.transaction_id),
        at=each.at,
        account=each.account,
        purpose=each.purpose,
        amount=_money(each.amount),
        balance=_money(each.balance),
        reason=each.reason,
        reference=each.reference,
        case=str(each.case_id) if each.case_id else None,
        case_number=each.case_number,
        clause=each.clause,
        month=months.text(each.month) if each.month else None,
        reverses=str(each.original_id) if each.original_id else None,
    )
