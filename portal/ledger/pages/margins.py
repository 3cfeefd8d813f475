"""Brand margins: a dealer's own account, for finance and executives all of them, and single vouchers."""

from typing import Any

from flask import Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from portal import accounts, network, rulebook
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core.api import refuse_odd_text
from portal.core.errors import NotFound
from portal.ledger import queries
from portal.ledger.forms import DepositForm, LeaveForm, RefundForm, ReverseForm
from portal.ledger.pages.door import room
from portal.ledger.pages.shown import account_page, statement_of
from portal.ledger.queries import pages as listed
from portal.ledger.rules import BY_HAND, Purpose
from portal.network import Unit

LONGEST = 100


def required_of(unit: Unit) -> int | None:
    if unit.kind != "dealer":
        return None
    month = clock.local(clock.now()).date().replace(day=1)
    return rulebook.current(unit.network_id, month).sanctions.procedure.margin_required


@room.get("/margin", needs=Permission.LEDGER_READ)
def margin() -> ResponseReturnValue:
    """A dealer's own account; for finance and executives all of them."""
    actor = current_actor()
    if not actor.at_headquarters:
        return redirect(url_for("ledger.account", code=actor.unit_code))
    wanted = request.args.get("q", "").strip()[:LONGEST]
    refuse_odd_text(wanted, "/q")
    short = request.args.get("state") == "short"
    month = clock.local(clock.now()).date().replace(day=1)
    required = rulebook.current(actor.network_id, month).sanctions.procedure.margin_required
    cursor = request.args.get("cursor")
    return render_template(
        "ledger/margins.html",
        page=listed.list_margins(
            actor.unit_path, wanted=wanted, below=required if short and required else None, cursor=cursor
        ),
        sums=listed.margin_sums(actor.unit_path),
        required=required,
        wanted=wanted,
        short=short,
        cursor=cursor,
        posts=actor.may(Permission.LEDGER_POST),
        counters=queries.counter_balances(queries.unit_owner(network.get_unit(actor.unit_id))),
        people=_people(),
    )


def _people() -> list[dict[str, Any]]:
    rows = listed.people_with_accounts()
    names = accounts.names_of(row[0] for row in rows)
    units = network.units_by_id(row[1] for row in rows)
    return [
        {
            "id": person,
            "name": names.get(person, "?"),
            "unit": units[unit].name if unit in units else "",
            "due": due,
            "withheld": withheld,
        }
        for person, unit, due, withheld in rows
    ]


def unit_named(code: str) -> Unit:
    """A dealer or store whose money I may see. Raises NotFound."""
    unit = network.unit_below(current_actor().unit_path, code)
    if unit is None or unit.kind not in listed.WITH_MARGIN:
        raise NotFound()
    return unit


@room.get("/margin/<code>", needs=Permission.LEDGER_READ)
def account(code: str) -> str:
    return margin_page(unit_named(code))


def margin_page(unit: Unit, sent: FlaskForm | None = None) -> str:
    """The page; `sent`: a form of finance that came back with errors."""
    actor = current_actor()
    below = [
        each for each in network.units_below(unit.unit_path, kind="store", active=True) if each.id != unit.id
    ]
    owner = queries.unit_owner(unit)
    leaving = queries.leaving_of(owner)
    return account_page(
        owner,
        "ledger/account.html",
        unit=unit,
        required=required_of(unit),
        stores=below,
        posts=actor.may(Permission.LEDGER_POST),
        form=sent if type(sent) is DepositForm else DepositForm(formdata=None),
        refund=sent if isinstance(sent, RefundForm) else RefundForm(formdata=None, prefix="r-"),
        leave=sent if isinstance(sent, LeaveForm) else LeaveForm(formdata=None, prefix="l-"),
        leaving=leaving,
        payable=queries.may_pay_back(owner, leaving, clock.now()) if leaving else None,
        failed=sent,
        home=unit.id == actor.unit_id,
    )


@room.get("/margin/<code>/statement.<kind>", needs=Permission.LEDGER_READ)
def statement(code: str, kind: str) -> Response:
    unit = unit_named(code)
    return statement_of(queries.unit_owner(unit), f"{unit.name} ({unit.code})", unit.code, kind)


@room.get("/margin/entries/<key:transaction_id>", needs=Permission.LEDGER_READ)
def entry(transaction_id: int) -> str:
    """One transaction with its sides: finance sees the counter-entries too."""
    return entry_page(transaction_id)


def entry_page(transaction_id: int, form: ReverseForm | None = None) -> str:
    of, sides = listed.sides(transaction_id)
    wanted = [each for each in (of.posted_by, of.approved_by, *(side.person_id for side in sides)) if each]
    undoable = current_actor().may(Permission.LEDGER_POST) and of.case_id is None
    return render_template(
        "ledger/entry.html",
        of=of,
        sides=sides,
        names=accounts.names_of(wanted),
        form=form or ReverseForm(formdata=None),
        failed=form is not None,
        undoable=undoable and Purpose(of.purpose) in BY_HAND,
    )
