"""An owner's statement for a span of time: as rows, and as a workbook that any office opens."""

from dataclasses import dataclass
from datetime import datetime
from io import BytesIO

import xlsxwriter

from portal.core import clock
from portal.core.texts import gettext
from portal.ledger.queries.accounts import Balance, Entry, balances, entries
from portal.ledger.rules import KIND_WORDS, PURPOSE_WORDS, Owner

MOST = 20_000  # rows of one statement; a longer span is asked for in parts
PART = 200


@dataclass(frozen=True)
class Statement:
    """`opening` stands before the first entry, `closing` after the last; `whole` is False where it was too long."""

    since: datetime
    until: datetime
    opening: list[Balance]
    entries: list[Entry]
    closing: list[Balance]
    whole: bool = True


def statement(owner: Owner, since: datetime, until: datetime) -> Statement:
    """What moved between two moments, both included, with the balances at both ends."""
    listed: list[Entry] = []
    cursor: str | None = None
    while len(listed) < MOST:
        page = entries(owner, since=since, until=until, cursor=cursor, limit=PART)
        listed += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    before = {each.kind: each.balance for each in balances(owner, until)}
    for each in reversed(listed):
        before[each.account] = each.balance - each.amount
    opening = [Balance(kind, before.get(kind, 0)) for kind in owner.kinds]
    return Statement(since, until, opening, listed, balances(owner, until), whole=cursor is None)


def statement_xlsx(title: str, found: Statement) -> bytes:
    """The statement as xlsx, in the reader's language; texts stay texts, amounts are yuan."""
    out = BytesIO()
    book = xlsxwriter.Workbook(
        out,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    sheet = book.add_worksheet(gettext("Account statement")[:31])
    bold = book.add_format({"bold": True})
    money = book.add_format({"num_format": "#,##0.00"})
    moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
    sheet.write_string(0, 0, title, bold)
    header = [
        gettext("Time"),
        gettext("Account"),
        gettext("What"),
        gettext("Amount (yuan)"),
        gettext("Balance (yuan)"),
        gettext("Reason"),
        gettext("Bank reference"),
        gettext("Case"),
        gettext("Clause"),
    ]
    row = 2
    row = _sums(sheet, row, gettext("Opening balance"), found.opening, money)
    sheet.write_row(row, 0, header, bold)
    for each in found.entries:
        row += 1
        local = clock.local(each.at).replace(tzinfo=None)
        sheet.write_datetime(row, 0, local, moment)
        sheet.write_string(row, 1, str(KIND_WORDS[each.account]))
        sheet.write_string(row, 2, str(PURPOSE_WORDS[each.purpose]))
        sheet.write_number(row, 3, each.amount / 100, money)
        sheet.write_number(row, 4, each.balance / 100, money)
        for place, text in enumerate((each.told, each.reference, each.case_number, each.clause), 5):
            sheet.write_string(row, place, text or "")
    _sums(sheet, row + 2, gettext("Closing balance"), found.closing, money)
    sheet.set_column(0, 2, 20)
    sheet.set_column(3, 4, 16)
    sheet.set_column(5, 8, 28)
    book.close()
    return out.getvalue()


def _sums(
    sheet: xlsxwriter.worksheet.Worksheet, row: int, title: str, sums: list[Balance], money: object
) -> int:
    for place, each in enumerate(sums):
        sheet.write_string(row + place, 0, title)
        sheet.write_string(row + place, 1, str(KIND_WORDS[each.kind]))
        sheet.write_number(row + place, 4, each.balance / 100, money)
    return row + len(sums) + 1
