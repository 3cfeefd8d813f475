"""Receipts: proof for both sides, as a page and as a PDF (R041, R042)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, render_template
from flask.typing import ResponseReturnValue

from portal import accounts, clocks, network
from portal.access import Permission, Role, current_actor
from portal.core import month as months
from portal.core import paper
from portal.core.errors import NotFound
from portal.core.naming import name_download
from portal.core.texts import gettext, language, ngettext
from portal.customer_files import queries
from portal.customer_files.models import Consolidation, CustomerFile
from portal.customer_files.pages import shown
from portal.customer_files.pages.door import FILERS, room
from portal.customer_files.rules.moves import Kind, State
from portal.network import Unit

TEMPLATE = "templates/customer_files/receipt.typ"


@dataclass(frozen=True)
class Shown:
    """A receipt in words. `lines` are (label, value); `next` says what happens now."""

    number: str
    title: str
    sub: str
    lines: list[tuple[str, str]]
    next: str
    on_time: bool
    month: str
    back: tuple[str, str]  # endpoint, unit or region code
    submitted_at: datetime
    standing: str  # what has become of it since, "" where it stands
    unit: Unit


def _found(number: str) -> Shown:
    """The receipt of a file or a consolidation that I may see. Raises NotFound."""
    actor = current_actor()
    done = queries.get_consolidation_by_receipt(number) if actor.unit_kind not in FILERS else None
    if done is not None:
        return _of_consolidation(done)
    if not actor.may(Permission.CUSTOMER_FILE_READ):
        raise NotFound()
    return _of_file(queries.get_file_by_receipt(number))


def _of_file(file: CustomerFile) -> Shown:
    assert file.receipt_number
    assert file.submitted_at
    assert file.due_at
    assert file.judged_at
    unit = network.get_unit(file.unit_id)
    superior = shown.superior_of(unit)
    named = _month(file)
    customers = ngettext("%(num)d customer", "%(num)d customers", file.customers or 0)
    verdict = str(shown.limit(file.due_at, judged_at=file.judged_at).words)
    lines = [
        (gettext("Receipt number"), file.receipt_number),
        (gettext("Submitted at"), shown.second(file.submitted_at)),
        (gettext("File checksum"), f"sha256 {file.sha256}"),
        (gettext("Filed for"), f"{unit.name} ({unit.code})"),
        (gettext("Deadline"), shown.deadline(file.due_at)),
        (gettext("Counts as filed at"), shown.second(file.judged_at)),
        (gettext("Version"), str(file.version)),
        (gettext("Content"), _content(file)),
    ]
    if file.submitted_by:
        lines.append(
            (gettext("Submitted by"), accounts.names_of([file.submitted_by]).get(file.submitted_by, ""))
        )
    return Shown(
        number=file.receipt_number,
        title=gettext("The customer file of %(month)s is submitted", month=named),
        sub=" · ".join(
            (
                unit.name,
                customers if file.kind != Kind.NIL or file.customers else gettext("Nil return"),
                verdict,
            )
        ),
        lines=[line for line in lines if line[1]],
        next=_next(file, unit, superior),
        on_time=bool(file.on_time),
        month=months.text(file.month),
        back=("customer_files.month", unit.code),
        submitted_at=file.submitted_at,
        standing=_standing(file),
        unit=unit,
    )


def _month(of: CustomerFile | Consolidation) -> str:
    if language() == "zh":
        return f"{of.month.year} 年 {of.month.month} 月"
    return f"{of.month:%B %Y}"


def _content(file: CustomerFile) -> str:
    people = ngettext("%(num)d person", "%(num)d people", file.people or 0)
    customers = ngettext("%(num)d customer", "%(num)d customers", file.customers or 0)
    words = [customers, people]
    if file.left_out:
        words.append(gettext("%(num)d left out", num=file.left_out))
    if file.file_name:
        words.append(file.file_name)
    return shown.listed(words)


def _standing(file: CustomerFile) -> str:
    said = {
        State.RETURNED: gettext("This file was returned since; the receipt still proves when it was filed."),
        State.WITHDRAWN: gettext("This file was withdrawn since; the month is open again."),
        State.SUPERSEDED: gettext("A newer version has taken this one’s place."),
    }
    return str(said.get(State(file.state), ""))


def _next(file: CustomerFile, unit: Unit, superior: Unit | None) -> str:
    if superior is None or file.state not in (State.SUBMITTED, State.CHECKED):
        return ""
    if unit.kind == "store":
        return str(gettext("Next: %(dealer)s submits it with its own file.", dealer=superior.name))
    people = accounts.contacts_of(unit.network_id, [superior.id]).get(superior.id, [])
    name = next((each.name for each in people if each.role is Role.REGIONAL_MANAGER), superior.name)
    limit = shown.deadline(clocks.calendar(unit.network_id, file.month).region_due_at)
    return str(gettext("Next: %(name)s checks it and consolidates by %(limit)s.", name=name, limit=limit))


def _of_consolidation(done: Consolidation) -> Shown:
    region = network.get_unit(done.region_id)
    named = _month(done)
    title = gettext("The summary customer file of %(month)s is at headquarters", month=named)
    if done.number:
        title = gettext(
            "Amendment %(number)d of %(month)s is at headquarters", number=done.number, month=named
        )
    customers = ngettext("%(num)d customer", "%(num)d customers", done.customers)
    dealers = ngettext("%(num)d dealer", "%(num)d dealers", done.dealers)
    content = [dealers, customers, ngettext("%(num)d person", "%(num)d people", done.people)]
    if done.excluded:
        content.append(gettext("%(num)d left out", num=done.excluded))
    if done.matched:
        content.append(gettext("%(num)d counted before", num=done.matched))
    lines = [
        (gettext("Receipt number"), done.receipt_number),
        (gettext("Submitted at"), shown.second(done.submitted_at)),
        (gettext("Region"), f"{region.name} ({region.code})"),
        (gettext("Deadline"), shown.deadline(done.due_at)),
        (gettext("Content"), shown.listed(content)),
    ]
    if done.submitted_by:
        lines.append(
            (gettext("Submitted by"), accounts.names_of([done.submitted_by]).get(done.submitted_by, ""))
        )
    return Shown(
        number=done.receipt_number,
        title=title,
        sub=" · ".join(
            (region.name, customers, str(shown.limit(done.due_at, judged_at=done.judged_at).words))
        ),
        lines=[line for line in lines if line[1]],
        next=gettext("Next: headquarters calls these customers. What comes in later goes as an amendment."),
        on_time=done.on_time,
        month=months.text(done.month),
        back=("customer_files.region", region.code),
        submitted_at=done.submitted_at,
        standing="",
        unit=region,
    )


@room.get("/receipts/<number>", needs=Permission.RECEIPT_READ)
def receipt(number: str) -> ResponseReturnValue:
    found = _found(number)
    return render_template("customer_files/receipt.html", receipt=found, back=_back(found))


def _back(found: Shown) -> dict[str, Any]:
    """Where the link back leads: a filer's own month, the dealer's file, or the region's board."""
    actor = current_actor()
    own = None if found.unit.id == actor.unit_id else found.unit.code
    if found.unit.kind == "region":
        return {"endpoint": "customer_files.region", "month": found.month, "region": own}
    if actor.unit_kind in FILERS:
        return {"endpoint": "customer_files.month", "month": found.month, "unit": own}
    dealer = (
        found.unit
        if found.unit.kind == "dealer"
        else network.superior_of_kind(found.unit.unit_path, "dealer")
    )
    assert dealer is not None
    return {"endpoint": "customer_files.dealer", "month": found.month, "dealer": dealer.code}


@room.get("/receipts/<number>.pdf", needs=Permission.RECEIPT_READ)
def receipt_pdf(number: str) -> Response:
    found = _found(number)
    response = Response(pdf(found), mimetype="application/pdf")
    name_download(response, f"{found.number}.pdf", "inline")
    return response


def pdf(found: Shown) -> bytes:
    """The receipt on paper; the same receipt gives the same bytes in the same language."""
    actor = current_actor()
    texts = {
        "brand": actor.network_name_en
        if language() == "en" and actor.network_name_en
        else actor.network_name,
        "kind": gettext("Receipt"),
        "title": found.title,
        "sub": found.sub,
        "lines": [list(line) for line in found.lines],
        "next": found.next,
        "standing": found.standing,
        "proof": gettext(
            "Made by the portal from its own records; times are the server’s. To check it, look up the receipt number "
            "in the portal, or compare the checksum with that of your file."
        ),
    }
    return paper.printed(TEMPLATE, texts, found.submitted_at)
