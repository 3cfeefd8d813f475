"""What finance posts: deposits, refunds, reversals, a month's commission statement; and what waits for it."""

from collections.abc import Callable

from flask import Response, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from portal import accounts, network
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.db import finish
from portal.core.errors import Conflict, Invalid
from portal.core.texts import gettext
from portal.ledger import rules, service
from portal.ledger.forms import CommissionsForm, DepositForm, RefundForm, ReverseForm
from portal.ledger.models import Transaction
from portal.ledger.pages.door import room, yuan
from portal.ledger.pages.margins import entry_page, margin_page, unit_named
from portal.ledger.queries import pages as listed
from portal.ledger.rules import Purpose
from portal.network import Unit


@room.post("/margin/<code>/deposits", needs=Permission.LEDGER_POST)
def deposit(code: str) -> ResponseReturnValue:
    """Brand margin came in at the bank; once for each bank reference."""
    form = DepositForm()
    return _post(
        code,
        form,
        lambda unit, amount: service.deposit(current_actor(), unit, amount, form.reference.data),
        gettext("Posted: %(amount)s, bank reference %(reference)s."),
    )


@room.post("/margin/<code>/refund", needs=Permission.LEDGER_POST)
def refund(code: str) -> ResponseReturnValue:
    """Margin is paid back, when a dealer leaves."""
    form = RefundForm(prefix="r-")
    return _post(
        code,
        form,
        lambda unit, amount: service.refund(
            current_actor(), unit, amount, form.reference.data, form.reason.data
        ),
        gettext("Paid back: %(amount)s, bank reference %(reference)s."),
    )


def _post(
    code: str, form: FlaskForm, work: Callable[[Unit, int], Transaction], said: str
) -> ResponseReturnValue:
    """One posting of a dealer's margin; on a refusal the form stands there again with what was typed."""
    unit = unit_named(code)
    amount = rules.amount_of(form.amount.data or "", minor=False)
    good = form.validate()
    if amount is None and not form.amount.errors:
        form.amount.errors = [gettext("Write the amount in yuan, above 0: 1234.50.")]
    if not good or amount is None:
        return Response(margin_page(unit, form), 422)
    try:
        made = work(unit, amount)
    except Conflict as refused:
        finish(good=False)
        wrong = form.amount if refused.code == "insufficient" else form.reference
        wrong.errors = [str(refused.detail)]
        return Response(margin_page(unit_named(code), form), 409)
    flash(said % {"amount": yuan(made.amount_minor), "reference": made.reference}, "ok")
    return redirect(url_for("ledger.account", code=code))


@room.post("/margin/entries/<key:transaction_id>/reverse", needs=Permission.LEDGER_POST)
def reverse(transaction_id: int) -> ResponseReturnValue:
    """A mistake is undone by its opposite, once, with a reason."""
    of, form = listed.sides(transaction_id)[0], ReverseForm()
    if not form.validate():
        return Response(entry_page(of.id, form), 422)
    try:
        made = service.reverse(current_actor(), of.id, form.reason.data)
    except (Invalid, Conflict) as refused:
        finish(good=False)
        form.reason.errors = [str(refused.detail)]
        return Response(entry_page(transaction_id, form), refused.status)
    flash(gettext("Undone by its opposite: voucher %(number)s.", number=made.id), "ok")
    return redirect(url_for("ledger.entry", transaction_id=made.id))


@room.get("/posting", needs=Permission.LEDGER_POST)
def queue() -> str:
    return _queue_page(CommissionsForm(formdata=None, month=_last_month()))


def _last_month() -> str:
    return months.text(months.before(clock.local(clock.now()).date().replace(day=1)))


def _queue_page(form: CommissionsForm, refused: Invalid | Conflict | None = None) -> str:
    """What waits: shares for their statement, holds for their decision; and the statement's upload."""
    actor = current_actor()
    shares, holds = listed.waiting(), listed.open_holds()
    return render_template(
        "ledger/queue.html",
        form=form,
        refused=refused,
        shares=shares,
        names=accounts.names_of(each.person_id for each in shares),
        by_month=listed.balances_by_month(shares),
        holds=holds,
        units=network.units_by_id(unit for _, unit in holds),
        deposits=listed.latest(actor.unit_path, Purpose.DEPOSIT),
        codes={each.unit_path: each for each in network.units_below(actor.root_path)},
    )


@room.post("/posting/commissions", needs=Permission.LEDGER_POST)
def commissions() -> ResponseReturnValue:
    """A month's commission statement, all or nothing."""
    form = CommissionsForm()
    if not form.validate():
        return Response(_queue_page(form), 422)
    sent = form.file.data
    try:
        done = service.import_commissions(
            current_actor(), months.parse(form.month.data), sent.stream.read(), (sent.filename or "")[:200]
        )
    except (Invalid, Conflict) as refused:
        finish(good=False)
        return Response(_queue_page(form, refused), refused.status)
    flash(
        gettext(
            "%(month)s imported: %(people)s people, %(total)s, of which %(withheld)s withheld.",
            month=months.text(done.month),
            people=done.people,
            total=yuan(done.total),
            withheld=yuan(done.withheld),
        ),
        "ok",
    )
    return redirect(url_for("ledger.queue"))
