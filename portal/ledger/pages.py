"""Money as its owners and finance see it: margins, commissions, statements, what waits to be posted."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal import accounts, network, rulebook
from portal.access import Permission, Role, Room, current_actor
from portal.core import clock, paper
from portal.core import month as months
from portal.core.api import refuse_odd_text
from portal.core.db import finish
from portal.core.errors import Conflict, Invalid, NotFound
from portal.core.texts import gettext, language
from portal.ledger import queries, rules, service
from portal.ledger.forms import CommissionsForm, DepositForm, begins, day_of, ends
from portal.ledger.queries import pages as listed
from portal.ledger.rules import KIND_WORDS, PURPOSE_WORDS, AccountKind, Owner, Purpose
from portal.network import Unit

room = Room("ledger", __name__)
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LONGEST = 100
READS_ALL = (Role.FINANCE, Role.EXECUTIVE)


@room.app_template_filter("yuan")
def yuan(minor: int | None, *, signed: bool = False) -> str:
    """Fen as people read money: '¥5,000.00'; signed: '+5,000.00', '−2,000.00'."""
    if minor is None:
        return "—"
    if signed:
        return f"{'+' if minor > 0 else '−' if minor < 0 else ''}{abs(minor) / 100:,.2f}"
    return f"{'−' if minor < 0 else ''}¥{abs(minor) / 100:,.2f}"


room.app_template_filter("account_words")(lambda kind: KIND_WORDS[AccountKind(kind)])
room.app_template_filter("purpose_words")(lambda purpose: PURPOSE_WORDS[Purpose(purpose)])


# --- a span of time, and the accounts of an owner -------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """What the address asks for: `since` and `until` are days as written, the moments None where none was said."""

    since: str
    until: str
    first: datetime | None
    last: datetime | None
    wrong: list[tuple[str, Any]]


def _span() -> Span:
    zone = ZoneInfo(current_actor().time_zone)
    written = {name: request.args.get(name, "").strip()[:20] for name in ("since", "until")}
    days = {name: day_of(text) for name, text in written.items()}
    wrong = [
        (f"#{name}", gettext("Write the date like this: 2026-11-05."))
        for name, text in written.items()
        if text and days[name] is None
    ]
    first, last = days["since"], days["until"]
    return Span(
        written["since"],
        written["until"],
        begins(first, zone).astimezone(UTC) if first else None,
        ends(last, zone).astimezone(UTC) if last else None,
        wrong,
    )


def _whole_span(asked: Span) -> tuple[datetime, datetime]:
    """A statement's span: what was asked for, else from the first of January until now."""
    now = clock.now()
    new_year = date(clock.local(now).year, 1, 1)
    return asked.first or begins(new_year, ZoneInfo(current_actor().time_zone)).astimezone(
        UTC
    ), asked.last or now


def _required(unit: Unit) -> int | None:
    if unit.kind != "dealer":
        return None
    month = clock.local(clock.now()).date().replace(day=1)
    return rulebook.current(unit.network_id, month).sanctions.procedure.margin_required


def _account(owner: Owner, template: str, **more: Any) -> str:
    """The page of an owner's accounts: balances, entries of the span, the newest first."""
    asked = _span()
    cursor = request.args.get("cursor")
    page = queries.entries(owner, since=asked.first, until=asked.last, cursor=cursor, newest_first=True)
    return render_template(
        template,
        owner=owner,
        balances={each.kind.value: each.balance for each in queries.balances(owner)},
        as_of=queries.balances(owner, asked.last) if asked.last else None,
        page=page,
        span=asked,
        cursor=cursor,
        keep={name: request.args[name] for name in ("since", "until", "person") if request.args.get(name)},
        **more,
    )


def _sent(content: bytes, mimetype: str, name: str) -> Response:
    response = Response(content, mimetype=mimetype)
    shown = "inline" if mimetype == "application/pdf" else "attachment"
    response.headers.set("Content-Disposition", shown, filename=name)
    return response


def _statement(owner: Owner, name: str, code: str, kind: str) -> Response:
    first, last = _whole_span(_span())
    found = queries.statement(owner, first, last)
    span = f"{clock.local(first):%Y-%m-%d} – {clock.local(last):%Y-%m-%d}"
    file_name = f"{code}-{clock.local(first):%Y%m%d}-{clock.local(last):%Y%m%d}.{kind}"
    if kind == "xlsx":
        return _sent(queries.statement_xlsx(f"{name} · {span}", found), XLSX, file_name)
    actor = current_actor()
    brand = actor.network_name_en if language() == "en" and actor.network_name_en else actor.network_name
    texts = {
        "brand": brand,
        "kind": gettext("Account statement"),
        "title": name,
        "sub": span,
        "head": [
            gettext("Time"),
            gettext("Account"),
            gettext("What, and why"),
            gettext("Amount (yuan)"),
            gettext("Balance (yuan)"),
        ],
        "opening": gettext("Opening balance"),
        "closing": gettext("Closing balance"),
        "before": [[KIND_WORDS[each.kind], f"{each.balance / 100:,.2f}"] for each in found.opening],
        "after": [[KIND_WORDS[each.kind], f"{each.balance / 100:,.2f}"] for each in found.closing],
        "rows": [_printed_row(each) for each in found.entries],
        "cut": "" if found.whole else gettext("Too long for one paper: ask for a shorter span."),
        "proof": gettext("Made by the portal from its ledger; nothing in it is ever changed or deleted."),
    }
    return _sent(paper.printed("templates/ledger/statement.typ", texts, last), "application/pdf", file_name)


def _printed_row(each: queries.Entry) -> list[Any]:
    why = " · ".join(filter(None, (each.reason, each.case_number, each.clause, each.reference)))
    return [
        f"{clock.local(each.at):%Y-%m-%d %H:%M}",
        KIND_WORDS[each.account],
        f"{PURPOSE_WORDS[each.purpose]}\n{why}",
        yuan(each.amount, signed=True),
        f"{each.balance / 100:,.2f}",
    ]


# --- margins --------------------------------------------------------------------------------------------------------


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


def _unit(code: str) -> Unit:
    """A dealer or store whose money I may see. Raises NotFound."""
    unit = network.unit_below(current_actor().unit_path, code)
    if unit is None or unit.kind not in listed.WITH_MARGIN:
        raise NotFound()
    return unit


@room.get("/margin/<code>", needs=Permission.LEDGER_READ)
def account(code: str) -> str:
    return _margin_page(_unit(code), DepositForm())


def _margin_page(unit: Unit, form: DepositForm) -> str:
    actor = current_actor()
    below = [
        each for each in network.units_below(unit.unit_path, kind="store", active=True) if each.id != unit.id
    ]
    return _account(
        queries.unit_owner(unit),
        "ledger/account.html",
        unit=unit,
        required=_required(unit),
        stores=below,
        form=form if actor.may(Permission.LEDGER_POST) else None,
        home=unit.id == actor.unit_id,
    )


@room.post("/margin/<code>/deposits", needs=Permission.LEDGER_POST)
def deposit(code: str) -> ResponseReturnValue:
    """Brand margin came in at the bank; once for each bank reference."""
    unit, form = _unit(code), DepositForm()
    amount = rules.amount_of(form.amount.data or "", minor=False)
    good = form.validate()
    if good and amount is None:
        form.amount.errors = [gettext("Write the amount in yuan, above 0: 1234.50.")]
    if not good or amount is None:
        return Response(_margin_page(unit, form), 422)
    try:
        made = service.deposit(current_actor(), unit, amount, form.reference.data)
    except Conflict as refused:
        finish(good=False)
        form.reference.errors = [str(refused.detail)]
        return Response(_margin_page(_unit(code), form), 409)
    flash(
        gettext(
            "Posted: %(amount)s, bank reference %(reference)s.",
            amount=yuan(made.amount_minor),
            reference=made.reference,
        ),
        "ok",
    )
    return redirect(url_for("ledger.account", code=unit.code))


@room.get("/margin/<code>/statement.<any(xlsx, pdf):kind>", needs=Permission.LEDGER_READ)
def statement(code: str, kind: str) -> Response:
    unit = _unit(code)
    return _statement(queries.unit_owner(unit), f"{unit.name} ({unit.code})", unit.code, kind)


@room.get("/margin/entries/<key:transaction_id>", needs=Permission.LEDGER_READ)
def entry(transaction_id: int) -> str:
    """One transaction with its sides: finance sees the counter-entries too."""
    of, sides = listed.sides(transaction_id)
    wanted = [each for each in (of.posted_by, of.approved_by, *(side.person_id for side in sides)) if each]
    return render_template("ledger/entry.html", of=of, sides=sides, names=accounts.names_of(wanted))


# --- finance --------------------------------------------------------------------------------------------------------


@room.get("/margin/queue", needs=Permission.LEDGER_POST)
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


@room.post("/margin/commissions", needs=Permission.LEDGER_POST)
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


# --- a person's commissions -----------------------------------------------------------------------------------------


def _person() -> tuple[Owner, str]:
    """My own accounts, or with ?person= anybody's for those who read the ledger at headquarters. Raises NotFound."""
    actor = current_actor()
    asked = request.args.get("person", "")
    person_id = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else None
    if asked and (person_id is None or (actor.role not in READS_ALL and person_id != actor.person_id)):
        raise NotFound()
    of = person_id or actor.person_id
    owner = queries.person_owner(actor.network_id, of) if of else None
    if owner is None or owner.person_id is None:
        raise NotFound()
    return owner, accounts.names_of([owner.person_id]).get(owner.person_id, "")


@room.get("/commission", needs=Permission.LEDGER_READ_PERSON)
def commission() -> str:
    owner, name = _person()
    assert owner.person_id
    return _account(
        owner,
        "ledger/commission.html",
        name=name,
        own=owner.person_id == current_actor().person_id,
        shares=listed.waiting_of(owner.person_id),
    )


@room.get("/commission/statement.<any(xlsx, pdf):kind>", needs=Permission.LEDGER_READ_PERSON)
def commission_statement(kind: str) -> Response:
    owner, name = _person()
    return _statement(owner, name, f"person-{owner.person_id}", kind)
