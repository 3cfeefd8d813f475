"""Spreadsheets that the portal hands out: the empty form, the person's own file explained, a region's summary.

Nothing in them runs: what looks like a formula, a link or a number stays the text that it is (security.md section 3).
"""

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import xlsxwriter
from flask_babel import gettext as _
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.headings import Headings, normalised
from portal.customer_files.rules.problems import ERROR, Code, Problem, message
from portal.customer_files.rules.sheet import Odd, Sheet

PROBLEMS_HEADINGS = {"zh": "问题", "en": "Problems"}
_OURS = frozenset(normalised(text) for text in PROBLEMS_HEADINGS.values())
_MOST_COMMENTS = 10_000
_FORM_ROWS = 5_000
_LONGEST = 32_000
_RISKY = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_WIDTHS = {
    "address": 44,
    "customer_name": 14,
    "phone": 16,
    "product_model": 18,
    "remarks": 28,
    "order_no": 20,
}
_EXAMPLES: dict[str, Any] = {
    "phone": "13800000000",
    "address": "浙江省杭州市西湖区文三路 100 号 1 栋 101 室",
    "quantity": 1,
    "area": 86.5,
    "order_no": "SO-0001",
}
_QUIET = {
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "in_memory": True,
    "nan_inf_to_errors": True,
}


def template(
    columns: Sequence[Column],
    network_name: str,
    month: date,
    products: Sequence[str],
    regions: Sequence[str],
    language: str,
    *,
    due: str = "",
) -> bytes:
    """The empty form of a month: headings, drop-downs, an example row, a sheet of notes.

    `language` "zh" or "en" chooses the headings; sentences follow the reader's language. `due`: the deadline in words.
    """
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, _QUIET)
    sheet = book.add_worksheet(_("Customers"))
    notes = book.add_worksheet(_("Notes on the form"))
    lists = book.add_worksheet("lists")
    lists.hide()
    head = book.add_format(
        {"bold": True, "bg_color": "#E8F1EC", "border": 1, "text_wrap": True, "valign": "vcenter"}
    )
    example = book.add_format({"italic": True, "font_color": "#808080", "num_format": "@"})
    formats = {
        "text": book.add_format({"num_format": "@"}),
        "phone": book.add_format({"num_format": "@"}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "whole": book.add_format({"num_format": "0"}),
        "decimal": book.add_format({"num_format": "0.##"}),
    }
    for place, column in enumerate(columns):
        sheet.set_column(place, place, _WIDTHS.get(column.name, 14), formats[column.kind])
        sheet.write_string(0, place, column.label(language) + ("*" if column.required else ""), head)
        _write_cell(sheet, 1, place, _example(column, month, products, regions), example, example)
        choices = (
            products
            if column.name == "product_model"
            else regions
            if column.name == "purchase_region"
            else column.allowed
        )
        _drop_down(sheet, lists, place, choices, column.strict)
    sheet.freeze_panes(1, 0)
    _write_notes(notes, book, columns, network_name, month, language, due)
    book.close()
    return target.getvalue()


def _example(column: Column, month: date, products: Sequence[str], regions: Sequence[str]) -> Any:
    if column.name == "customer_name":
        return "示例：张三（填写前请删除本行）"
    if column.kind == "date":
        return month.replace(day=15).isoformat()
    if column.name == "product_model":
        return products[0] if products else "QY-8206"
    if column.name == "purchase_region":
        return regions[0] if regions else "华东"
    return _EXAMPLES.get(column.name, "")


def _drop_down(sheet: Worksheet, lists: Worksheet, place: int, choices: Sequence[str], strict: bool) -> None:
    if not choices:
        return
    lists.write_column(0, place, [_safe(choice) for choice in choices])
    letter = xlsxwriter.utility.xl_col_to_name(place, col_abs=True)
    sheet.data_validation(
        1,
        place,
        _FORM_ROWS,
        place,
        {
            "validate": "list",
            "source": f"=lists!{letter}$1:{letter}${len(choices)}",
            "error_type": "stop" if strict else "warning",
            "error_title": _("Not in the list")[:32],
            "error_message": _("Choose a value of the list.")[:255],
        },
    )


def _write_notes(
    notes: Worksheet,
    book: xlsxwriter.Workbook,
    columns: Sequence[Column],
    network_name: str,
    month: date,
    language: str,
    due: str,
) -> None:
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    wrap = book.add_format({"text_wrap": True, "valign": "top"})
    notes.set_column(0, 0, 22)
    notes.set_column(1, 1, 90)
    lines = [
        (network_name, _("Customer file for %(month)s", month=f"{month:%Y-%m}")),
        (_("One row, one purchase"), _("Do not merge cells; delete the example row; totals are not needed.")),
        (
            _("Deadline"),
            due
            or _(
                "The file counts from the moment of its submission, by the portal's own clock. A day named as the "
                "deadline is included, up to 24:00. A late file is taken in and marked as late."
            ),
        ),
        (_("No customers this month"), _("Do not send an empty file: file a nil return in the portal.")),
    ]
    lines += [(column.label(language), _explained(column)) for column in columns]
    for row, (left, right) in enumerate(lines):
        notes.write_string(row, 0, _safe(str(left)), bold)
        notes.write_string(row, 1, _safe(str(right)), wrap)


def _explained(column: Column) -> str:
    kinds = {
        "phone": _("a mobile number of 11 digits, or a landline with area code: 0571-88888888"),
        "date": _("a date such as 2026-10-15"),
        "whole": _("a whole number of 1 or more"),
        "decimal": _("a number above 0"),
        "text": _("text of at most %(limit)s characters", limit=column.limit),
    }
    need = _("must be filled in") if column.required else _("may stay empty")
    return f"{kinds[column.kind]}; {need}"


def annotated(
    sheet: Sheet, headings: Headings, problems: Iterable[Problem], columns: Sequence[Column], language: str
) -> bytes:
    """The person's own sheet, rows and columns where they were, with a column in front that explains each row.

    Bad cells are filled and carry a comment. It may be sent again as it is: the column in front is known and ignored.
    """
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {**_QUIET, "date_1904": sheet.date1904})
    problems = list(problems)
    filled = {
        (p.row, headings.places.get(p.column or "")): p.value for p in problems if p.code == Code.MERGED
    }
    page = book.add_worksheet(_sheet_name(sheet.name) or _("Customers"))
    fills = {
        kind: {name: book.add_format({**look, **shape}) for name, shape in _SHAPES.items()}
        for kind, look in _FILLS.items()
    }
    drop = 1 if _has_ours(sheet, headings) else 0
    front = PROBLEMS_HEADINGS["zh" if language.startswith("zh") else "en"]
    labels = {column.name: headings.text_of(column.name) or column.label(language) for column in columns}
    rows, cells = _by_row(problems, labels, headings)
    page.set_column(0, 0, 48, book.add_format({"text_wrap": True, "valign": "top"}))
    page.set_column(1, max(1, headings.width), 16)
    comments = 0
    for number, row in zip(sheet.numbers, sheet.rows, strict=True):
        at = number - 1
        if number in rows:
            severity, texts = rows[number]
            page.write_string(at, 0, "\n".join(texts)[:_LONGEST], fills[severity]["text"])
        for place, sent in enumerate(row[drop:]):
            marked = cells.get((number, place + drop))
            # a merged value is written out: what was merged falls apart here
            cell = filled.get((number, place + drop), sent) if sent in ("", None) else sent
            look = fills[marked[0] if marked else "plain"]
            _write_cell(page, at, place + 1, cell, look["text"] if marked else None, look["date"])
            if marked and comments < _MOST_COMMENTS:
                comments += 1
                page.write_comment(at, place + 1, "\n".join(marked[1])[:2_000], {"author": "portal"})
    if headings.row >= 0 and sheet.rows:
        page.write_string(sheet.numbers[headings.row] - 1, 0, front, book.add_format({"bold": True}))
        page.freeze_panes(sheet.numbers[headings.last], 1)
    book.close()
    return target.getvalue()


_FILLS: dict[str, dict[str, Any]] = {
    "error": {"bg_color": "#F9D5D3", "text_wrap": True, "valign": "top"},
    "warning": {"bg_color": "#FCEFC7", "text_wrap": True, "valign": "top"},
    "plain": {},
}
_SHAPES: dict[str, dict[str, Any]] = {"text": {}, "date": {"num_format": "yyyy-mm-dd"}}


def _has_ours(sheet: Sheet, headings: Headings) -> bool:
    """Whether the file sent is itself an annotated one: its front column is then written anew."""
    return bool(headings.found) and headings.row >= 0 and normalised(headings.found[0]) in _OURS


_Marked = tuple[str, list[str]]


def _by_row(
    problems: Iterable[Problem], labels: Mapping[str, str], headings: Headings
) -> tuple[dict[int, _Marked], dict[tuple[int, int], _Marked]]:
    """What to write in front of each row and beside each cell; an error weighs more than a warning."""
    rows: dict[int, _Marked] = {}
    cells: dict[tuple[int, int], _Marked] = {}
    for problem in problems:
        label = labels.get(problem.column or "", problem.column or "")
        text = message(
            problem.code, {**problem.params, "value": problem.params.get("value", problem.value)}, label
        )
        line = _("%(column)s: %(text)s", column=label, text=text) if label else text
        _add(rows, problem.row, problem.severity, line)
        place = headings.places.get(problem.column or "")
        if place is not None:
            _add(cells, (problem.row, place), problem.severity, text)
    return rows, cells


def _add(marks: dict[Any, _Marked], key: Any, severity: str, line: str) -> None:
    before, lines = marks.get(key, (severity, []))
    marks[key] = (ERROR if ERROR in (before, severity) else severity, [*lines, line])


def summary(
    columns: Sequence[Column], rows: Iterable[tuple[str, str, Sequence[Any]]], language: str, title: str = ""
) -> bytes:
    """A region's consolidated customers: (region, dealer, values in the order of `columns`) for each row."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {**_QUIET, "constant_memory": True})
    page = book.add_worksheet(_sheet_name(title) or _("Customers"))
    head = book.add_format({"bold": True, "bg_color": "#E8F1EC"})
    day = book.add_format({"num_format": "yyyy-mm-dd"})
    for place, column in enumerate(columns, 2):
        page.set_column(place, place, _WIDTHS.get(column.name, 14))
    page.freeze_panes(1, 0)
    for place, text in enumerate(summary_headings(columns, language)):
        page.write_string(0, place, text, head)
    for at, (region, dealer, values) in enumerate(rows, 1):
        for place, value in enumerate((region, dealer, *values)):
            _write_cell(page, at, place, value, None, day)
    book.close()
    return target.getvalue()


def summary_headings(columns: Sequence[Column], language: str) -> list[str]:
    """The headings of `summary` and of its csv."""
    return [_("Region"), _("Dealer"), *(column.label(language) for column in columns)]


def csv_file(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """A csv that Excel opens in Chinese (UTF-8 with its mark); texts that a spreadsheet would run begin with '."""
    target = io.StringIO(newline="")
    writer = csv.writer(target)
    writer.writerow([harmless(heading) for heading in headings])
    writer.writerows([[harmless(value) for value in row] for row in rows])
    return b"\xef\xbb\xbf" + target.getvalue().encode("utf-8", "replace")


def harmless(value: Any) -> str:
    """A value as csv text that no spreadsheet program carries out."""
    if value is None:
        return ""
    text = str(value)
    if isinstance(value, str) and text.lstrip(" ").startswith(_RISKY) and not _NUMBER.fullmatch(text):
        return "'" + text
    return text


def _write_cell(sheet: Worksheet, row: int, place: int, cell: Any, look: Format | None, day: Format) -> None:
    """One cell as its own type; text is always text."""
    if cell is None or cell == "":
        if look is not None:
            sheet.write_blank(row, place, None, look)
    elif isinstance(cell, bool):
        sheet.write_boolean(row, place, cell, look)
    elif isinstance(cell, (int, float, Decimal)):
        if isinstance(cell, int) and abs(cell) >= 10**15:
            sheet.write_string(row, place, str(cell), look)
        else:
            sheet.write_number(row, place, float(cell), look)
    elif isinstance(cell, (datetime, date)) and cell.year >= 1900:
        sheet.write_datetime(
            row, place, cell.replace(tzinfo=None) if isinstance(cell, datetime) else cell, day
        )
    elif isinstance(cell, Odd):
        sheet.write_string(row, place, _safe(cell.text), look)
    else:
        text = str(cell) if isinstance(cell, (str, time, timedelta)) else repr(cell)
        sheet.write_string(row, place, _safe(text), look)


def _safe(text: str) -> str:
    """Text that fits into a cell and into XML."""
    return re.sub("[\ud800-\udfff\ufffe\uffff]", "\ufffd", text[:_LONGEST])


def _sheet_name(name: str) -> str:
    """A name that Excel accepts for a sheet."""
    return re.sub(r"[\[\]:*?/\\\x00-\x1f]", " ", _safe(name)).strip().strip("'")[:31]
