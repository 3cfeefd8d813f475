"""What finance posts: deposits, refunds, reversals, a month's commission statement; and what waits for it."""

from collections.abc import Callable
from datetime import UTC
from zoneinfo import ZoneInfo

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
from portal.ledger import queries, rules, service
from portal.ledger.forms import (
    CommissionsForm,
    DepositForm,
    LeaveForm,
    RefundForm,
    ReverseForm,
    begins,
    day_of,
)
from portal.ledger.models import Leaving, Transaction
from portal.ledger.pages.door import room, yuan
from portal.ledger.pages.margins import entry_page, margin_page, unit_named
from portal.ledger.pages.people import asked_person, commission_page
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


def _amount(form: FlaskForm) -> int | None:
    """The form's amount in fen; None where something in the form is wrong, with the errors beside the fields."""
    amount = rules.amount_of(form.amount.data or "", minor=False)
    good = form.validate()
    if amount is None and not form.amount.errors:
        form.amount.errors = [gettext("Write the amount in yuan, above 0: 1234.50.")]
    return amount if good else None


def _say(form: FlaskForm, refused: Conflict) -> None:
    """Why it was not posted, beside the field that it is about."""
    wrong = form.reference if refused.code == "reference_used" else form.amount
    wrong.errors = [str(refused.detail)]


def _post(
    code: str, form: FlaskForm, work: Callable[[Unit, int], Transaction], said: str
) -> ResponseReturnValue:
    """One posting of a dealer's margin; on a refusal the form stands there again with what was typed."""
    unit = unit_named(code)
    amount = _amount(form)
    if amount is None:
        return Response(margin_page(unit, form), 422)
    try:
        made = work(unit, amount)
    except Conflict as refused:
        finish(good=False)
        _say(form, refused)
        return Response(margin_page(unit_named(code), form), 409)
    flash(said % {"amount": yuan(made.amount_minor), "reference": made.reference}, "ok")
    return redirect(url_for("ledger.account", code=code))


@room.post("/commission/payments", needs=Permission.LEDGER_POST)
def pay() -> ResponseReturnValue:
    """Commission that is due is paid out."""
    owner, name = asked_person()
    form = DepositForm(prefix="p-")
    amount = _amount(form)
    if amount is None:
        return Response(commission_page(owner, name, form), 422)
    try:
        made = service.pay(current_actor(), owner, amount, form.reference.data)
    except Conflict as refused:
        finish(good=False)
        _say(form, refused)
        return Response(commission_page(*asked_person(), form), 409)
    flash(
        gettext(
            "Paid out: %(amount)s, bank reference %(reference)s.",
            amount=yuan(made.amount_minor),
            reference=made.reference,
        ),
        "ok",
    )
    return redirect(url_for("ledger.commission", person=owner.person_id))


@room.post("/margin/<code>/leave", needs=Permission.LEDGER_POST)
def leave(code: str) -> ResponseReturnValue:
    """A dealer leaves: from now on its margin is paid back by the rulebook's terms."""
    unit, form, actor = unit_named(code), LeaveForm(prefix="l-"), current_actor()
    day = day_of(form.day.data or "")
    good = form.validate()
    today = clock.local(clock.now()).date()
    if day is None or day > today:
        form.day.errors = [gettext("Write the date like this: 2026-11-05.")]
    if not good or day is None or day > today:
        return Response(margin_page(unit, form), 422)
    left_at = begins(day, ZoneInfo(actor.time_zone)).astimezone(UTC)
    made = service.leave(actor, unit, left_at, form.reason.data)
    if made is None:
        form.day.errors = [gettext("The rulebook has no terms for a dealer that leaves.")]
        return Response(margin_page(unit, form), 409)
    flash(gettext("Noted: the dealer leaves. What is paid back when stands on this page."), "ok")
    return redirect(url_for("ledger.account", code=code))


@room.post("/margin/<code>/stay", needs=Permission.LEDGER_POST)
def stay(code: str) -> ResponseReturnValue:
    """It stays after all: what finance noted is taken back; what a case noted falls with its case."""
    unit = unit_named(code)
    found = queries.leaving_of(queries.unit_owner(unit))
    if found is not None and found.case_id is None:
        service.stay(current_actor(), unit, gettext("It stays."))
    return redirect(url_for("ledger.account", code=code))


@room.post("/margin/entries/<key:transaction_id>/reverse", needs=Permission.LEDGER_POST)
def reverse(transaction_id: int) -> ResponseReturnValue:
    """A mistake is undone by its opposite, once, with a reason."""
    of, form = listed.sides(transaction_id)[0], ReverseForm()
    if not form.validate():
        return Response(entry_page(of.id, form), 422)
    try:
        made = service.undo_by_hand(current_actor(), of.id, form.reason.data)
    except (Invalid, Conflict) as refused:
        finish(good=False)
        form.reason.errors = [str(refused.detail)]
        return Response(entry_page(transaction_id, form), refused.status)
    flash(gettext("Undone by its opposite: voucher %(number)s.", number=made.id), "ok")
    return redirect(url_for("ledger.entry", transaction_id=made.id))


@room.get("/posting", needs=Permission.LEDGER_POST)
def queue() -> str:
    return _queue_page(CommissionsForm(formdata=None, month=_last_month()))


def _leaving() -> list[tuple[Leaving, Unit, int]]:
    """Dealers that leave, with what may be paid back now."""
    found, now = queries.leavings(), clock.now()
    units = network.units_by_id(each.unit_id for each in found)
    return [
        (each, units[each.unit_id], queries.may_pay_back(queries.unit_owner(units[each.unit_id]), each, now))
        for each in found
    ]


def _last_month() -> str:
    return months.text(months.before(clock.local(clock.now()).date().replace(day=1)))


def _queue_page(form: CommissionsForm, refused: Invalid | Conflict | None = None) -> str:
    """What waits: shares for their statement, holds for their decision; and the statement's upload."""
    actor = current_actor()
    shares, holds, short = listed.waiting(), listed.open_holds(), listed.short_withholdings()
    return render_template(
        "ledger/queue.html",
        form=form,
        refused=refused,
        shares=shares,
        names=accounts.names_of(each.person_id for each in (*shares, *short)),
        by_month=listed.balances_by_month(shares),
        holds=holds,
        units=network.units_by_id(unit for _, unit in holds),
        deposits=listed.latest(actor.unit_path, Purpose.DEPOSIT),
        leaving=_leaving(),
        short=short,
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
