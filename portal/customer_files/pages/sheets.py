"""Spreadsheets to take away: the template, the annotated file."""

from flask import Response, request

from portal import clocks
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.errors import NotFound
from portal.core.naming import name_download
from portal.core.texts import gettext
from portal.customer_files import service
from portal.customer_files.pages.door import filer, month_of, room
from portal.customer_files.pages.month_shown import month_shown
from portal.customer_files.rules.moves import Kind, State

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# --- spreadsheets --------------------------------------------------------------------------------------------------


@room.get("/files/template.xlsx", needs=Permission.CUSTOMER_FILE_READ)
def template() -> Response:
    """The empty form of a month, the running one by default."""
    asked = request.args.get("month")
    of = month_of(asked) if asked else clocks.running_month(current_actor().network_id, clock.now())
    written = months.text(of)
    name = gettext("Customer file template") + f"_{written}.xlsx"
    return spreadsheet(service.template(current_actor(), of), name)


def spreadsheet(content: bytes, name: str) -> Response:
    return name_download(Response(content, mimetype=XLSX), name)


@room.get("/files/<month>/annotated.xlsx", needs=Permission.CUSTOMER_FILE_SUBMIT)
def annotated(month: str) -> Response:
    """The person's own file with what is wrong in front of each row."""
    here = month_shown(filer(), month_of(month))
    file = here.draft or here.standing
    if file is None or file.kind not in (Kind.SHEET, Kind.ROWS) or file.state == State.CHECKING:
        raise NotFound()
    stem = (file.file_name or "").rpartition(".")[0] or gettext("Customer file")
    return spreadsheet(service.annotated(current_actor(), file.id), f"{stem}_{gettext('annotated')}.xlsx")
