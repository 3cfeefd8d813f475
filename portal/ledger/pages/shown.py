"""What several pages show: a span of days, an owner's accounts and entries, the statement on paper and as xlsx."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from flask import Response, render_template, request

from portal.access import current_actor
from portal.core import clock, paper
from portal.core.errors import NotFound
from portal.core.naming import name_download
from portal.core.texts import gettext, language
from portal.ledger import queries
from portal.ledger.forms import begins, day_of, ends
from portal.ledger.pages.door import yuan
from portal.ledger.rules import KIND_WORDS, PURPOSE_WORDS, Owner

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True)
class Span:
    """What the address asks for: `since` and `until` are days as written, the moments None where none was said."""

    since: str
    until: str
    first: datetime | None
    last: datetime | None
    wrong: list[tuple[str, Any]]


def asked_span() -> Span:
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


def account_page(owner: Owner, template: str, **more: Any) -> str:
    """The page of an owner's accounts: balances, entries of the span, the newest first."""
    asked = asked_span()
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
    shown: Literal["inline", "attachment"] = "inline" if mimetype == "application/pdf" else "attachment"
    name_download(response, name, shown)
    return response


def statement_of(owner: Owner, name: str, code: str, kind: str) -> Response:
    if kind not in ("pdf", "xlsx"):
        raise NotFound()
    first, last = _whole_span(asked_span())
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
    month = f"{each.month:%Y-%m}" if each.month else ""
    beside = (each.told, month, each.case_number, each.clause, each.reference)
    why = " · ".join(text for text in beside if text)
    return [
        f"{clock.local(each.at):%Y-%m-%d %H:%M}",
        KIND_WORDS[each.account],
        f"{PURPOSE_WORDS[each.purpose]}\n{why}",
        yuan(each.amount, signed=True),
        f"{each.balance / 100:,.2f}",
    ]
