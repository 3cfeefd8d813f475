"""Read a customer file as dealers send it: xlsx, xls, ods or csv, told apart by its content and never by its name.

Nothing of the file is ever carried out: no formula, macro, external link or XML entity. Sizes are checked before
anything is parsed (security.md section 3).
"""

import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

import python_calamine
from flask_babel import lazy_gettext as _l
from python_calamine import CalamineSheet, CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

from portal.customer_files.rules.columns import Column, Limits
from portal.customer_files.rules.csvs import read_csv, too_many_rows, too_wide, unsupported
from portal.customer_files.rules.headings import fits
from portal.customer_files.rules.packages import Package
from portal.customer_files.rules.problems import FileRefused, unreadable, unsafe
from portal.customer_files.rules.sheet import Cell, Merged, Odd, Sheet
from portal.customer_files.rules.worksheets import Marks

_MOST_CELLS = 6_000_000  # what a reader may have to hold at once, filled or not
_SAMPLE = 60

_FOREIGN = (
    b"%PDF",
    b"Rar!",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"BM",
    b"MZ",
    b"\x7fELF",
    b"{\\rtf",
    b"II*\0",
    b"MM\0*",
    b"SQLite",
    b"ID3",
    b"OggS",
    b"RIFF",
    b"\xca\xfe\xba\xbe",
)
_MARKUP = re.compile(
    rb"^(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?\s*(?:<|MIME-Version:|From:|[{\[]\s*[\"{\[\]}])", re.I
)

_REPEATS = re.compile(
    rb"(?P<row><table:table-row\b[^<>]*+>)|(?P<end></table:table-row)|(?P<cell><table:table-cell\b[^<>]*+>)"
    rb"|(?P<filled>value|<text:)"
)
_ROWS_REPEATED = re.compile(rb"""number-rows-repeated\s*+=\s*+["'](\d++)["']""")
_COLUMNS_REPEATED = re.compile(rb"""number-columns-repeated\s*+=\s*+["'](\d++)["']""")


def read(
    content: bytes,
    name: str,
    limits: Limits,
    columns: Sequence[Column] = (),
    mapping: Mapping[str, str | None] | None = None,
) -> Sheet:
    """The first visible sheet that has the headings of `columns` (else the first that is filled).

    `name` is the name as sent, used for nothing but telling WPS's own format. Raises FileRefused (unreadable,
    encrypted, unsupported_type, no_rows, too_large, too_many_rows, unsafe_file).
    """
    if not content:
        raise FileRefused("unreadable", _l("The file is empty (0 bytes): choose the file again"))
    if len(content) > limits.bytes:
        raise FileRefused(
            "too_large",
            _l(
                "The file is larger than %(size)s MB: keep only the customers' sheet, without pictures",
                size=limits.bytes // 1_000_000,
            ),
        )
    if content[:4] in (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08"):
        return _read_zip(content, limits, columns, mapping)
    if content[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return _read_ole(content, name, limits, columns, mapping)
    if content.startswith(_FOREIGN) or content[4:8] == b"ftyp":
        raise unsupported()
    if _MARKUP.match(content[:200].replace(b"\0", b"")):
        raise FileRefused(
            "unsupported_type",
            _l(
                "This is a web page or markup, only named like a spreadsheet: "
                "open it in Excel or WPS and save it as xlsx"
            ),
        )
    return read_csv(content, limits, columns, mapping)


def _read_zip(
    content: bytes,
    limits: Limits,
    columns: Sequence[Column],
    mapping: Mapping[str, str | None] | None,
) -> Sheet:
    with _memory() as kept:
        package = Package(content, limits, kept)
        if "xl/workbook.xml" in package.parts:
            with ThreadPoolExecutor(1) as beside:  # the reader needs no interpreter, and no worksheet yet
                opening = beside.submit(python_calamine.load_workbook, _source(kept))
                package.look_at_sheets()
            marks, date1904 = _marks_by_sheet(package)
            return _read_workbook(opening.result, "xlsx", limits, columns, mapping, marks, date1904)
    if b"opendocument.spreadsheet" in package.parts.get("mimetype", b"") and "content.xml" in package.parts:
        _check_repeats(package.parts["content.xml"], limits)
        return _read_workbook(lambda: _opened(content), "ods", limits, columns, mapping)
    if b"EncryptedPackage" in content[:4096]:
        raise _encrypted()
    raise unsupported()


def _read_ole(
    content: bytes,
    name: str,
    limits: Limits,
    columns: Sequence[Column],
    mapping: Mapping[str, str | None] | None,
) -> Sheet:
    """Old Excel, an encrypted xlsx, or another program's file, told by the names in its directory."""

    def holds(stream: str) -> bool:
        return stream.encode("utf-16-le") in content

    if holds("EncryptedPackage") or holds("EncryptionInfo"):
        raise _encrypted()
    if name.lower().endswith((".et", ".ett", ".wps", ".wpt")):
        raise FileRefused(
            "unsupported_type",
            _l("This is WPS's own format: in WPS choose “Save as”, type xlsx, and send that"),
        )
    if not (holds("Workbook") or holds("Book")):
        raise unsupported()
    return _read_workbook(lambda: _opened(content), "xls", limits, columns, mapping)


def _encrypted() -> FileRefused:
    return FileRefused(
        "encrypted", _l("The file is protected by a password: save it without one and send it again")
    )


def _memory() -> IO[bytes]:
    """A file in memory: one that the system knows, where it can, so that the reader need not copy it."""
    if hasattr(os, "memfd_create") and Path("/proc/self/fd").exists():
        return os.fdopen(os.memfd_create("workbook"), "w+b")
    return io.BytesIO()


def _source(kept: IO[bytes]) -> str | IO[bytes]:
    """What the reader opens: the same bytes, at a place of its own."""
    return io.BytesIO(kept.getvalue()) if isinstance(kept, io.BytesIO) else f"/proc/self/fd/{kept.fileno()}"


def _opened(content: bytes) -> CalamineWorkbook:
    return python_calamine.load_workbook(io.BytesIO(content))


def _read_workbook(
    opened: Callable[[], CalamineWorkbook],
    kind: str,
    limits: Limits,
    columns: Sequence[Column],
    mapping: Mapping[str, str | None] | None,
    marks: Mapping[str, Marks] | None = None,
    date1904: bool = False,
) -> Sheet:
    try:
        return _choose(
            opened(),
            kind,
            limits,
            columns,
            mapping,
            marks,
            date1904,
        )
    except PasswordError:
        raise _encrypted() from None
    except (FileRefused, KeyboardInterrupt, SystemExit, MemoryError):
        raise
    except BaseException as broken:  # noqa: BLE001  # the reader is written in Rust: its panics are no Exception
        if "password" in str(broken).lower() or "encrypt" in str(broken).lower():
            raise _encrypted() from None
        raise unreadable() from None


def _choose(
    workbook: CalamineWorkbook,
    kind: str,
    limits: Limits,
    columns: Sequence[Column],
    mapping: Mapping[str, str | None] | None,
    marks: Mapping[str, Marks] | None,
    date1904: bool,
) -> Sheet:
    sheets = [m for m in workbook.sheets_metadata if m.typ == SheetTypeEnum.WorkSheet]
    visible = [m.name for m in sheets if m.visible == SheetVisibleEnum.Visible] or [m.name for m in sheets]
    fallback: Sheet | None = None
    chosen: Sheet | None = None
    best = 0
    others: list[tuple[str, int]] = []
    for name in visible:
        told = marks.get(name) if marks is not None else None
        if marks is not None:
            _fits_into_memory(told, limits)  # before the reader touches the sheet
        sheet = _load(workbook.get_sheet_by_name(name), name, kind, limits, told, date1904)
        if not sheet.rows:
            continue
        known = fits(sheet.rows[:_SAMPLE], columns, mapping) if columns else 2
        fallback = fallback or sheet
        if known < 2 or (chosen is not None and known < best):
            continue
        if chosen is None:
            chosen, best = sheet, known
            if not columns:
                break
        elif known > best and best < sum(column.required for column in columns):
            chosen, best = sheet, known
        elif (filled := _filled(sheet)) > 1:
            others.append((name, filled - 1))
    result = chosen or fallback
    if result is None:
        raise FileRefused("no_rows", _l("The sheet is empty: fill in the customers, or file a nil return"))
    result.others = tuple(others)
    return result


def _fits_into_memory(marks: Marks | None, limits: Limits) -> None:
    """Refuse a sheet whose cells lie about their places, or lie too far apart: the reader keeps what is between."""
    if marks is None:
        raise unsafe(_l("The file's sheets do not stand where they should"))
    if marks.trouble:
        raise unreadable()
    if marks.width > limits.columns:
        raise too_wide(limits)
    if marks.last_row > limits.rows + 1_000 or marks.last_row * marks.width > _MOST_CELLS:
        raise too_many_rows(limits, marks.last_row)


def _load(
    source: CalamineSheet, name: str, kind: str, limits: Limits, marks: Marks | None, date1904: bool
) -> Sheet:
    """One sheet with its marks."""
    rows = cast("list[list[Cell]]", source.to_python(skip_empty_area=False))
    if rows and len(rows[0]) > limits.columns:
        raise too_wide(limits)
    if len(rows) > limits.rows and sum(map(any, rows)) > limits.rows + 5:
        raise too_many_rows(limits)
    sheet = Sheet(kind, rows, range(1, len(rows) + 1), name=name, date1904=date1904)
    if marks is not None:
        _mark(sheet, marks)
    elif kind == "xls":
        sheet.merged = tuple(
            Merged(a[0] + 1, a[1], b[0] + 1, b[1]) for a, b in source.merged_cell_ranges or ()
        )
    if sheet.merged and _lie_over(sheet.merged, len(rows), len(rows[0]) if rows else 0):
        raise unsafe(_l("Merged cells lie over each other"))
    return sheet


def _lie_over(merged: Sequence[Merged], rows: int, width: int) -> bool:
    """Whether merged ranges cover more cells than there are: each of them is looked at as often as it is covered."""
    covered = sum(
        max(min(block.last_row, rows) - block.first_row + 1, 0)
        * max(min(block.last_column + 1, width) - block.first_column, 0)
        for block in merged
    )
    return covered > rows * width


def _mark(sheet: Sheet, marks: Marks) -> None:
    """What the XML told beside the values."""
    sheet.hidden = frozenset(marks.hidden)
    sheet.merged = tuple(marks.merged)
    for (row, place), text in marks.errors.items():
        _put(sheet.rows, row, place, Odd("error", text))
    for row, place in marks.formulas:
        _put(sheet.rows, row, place, Odd("formula", ""))


def _put(rows: list[list[Cell]], row: int, place: int, odd: Odd) -> None:
    if 0 < row <= len(rows) and place < len(rows[row - 1]) and rows[row - 1][place] in ("", None):
        rows[row - 1][place] = odd


def _filled(sheet: Sheet) -> int:
    return sum(1 for row in sheet.rows if any(cell not in ("", None) for cell in row))


def _marks_by_sheet(package: Package) -> tuple[dict[str, Marks], bool]:
    """Sheet name -> its marks, from workbook.xml and its relations; and whether dates count from 1904."""
    book = package.parts.get("xl/workbook.xml", b"").decode("utf-8", "replace")
    relations = package.parts.get("xl/_rels/workbook.xml.rels", b"").decode("utf-8", "replace")
    targets = {}
    for tag in re.findall(r"<(?:\w+:)?Relationship\b[^<>]*+>", relations):
        found = dict(re.findall(r"""\b(Id|Target)\s*=\s*["']([^"']*)["']""", tag))
        target = found.get("Target", "")
        targets[found.get("Id", "")] = (
            target.lstrip("/") if target.startswith("/") else "xl/" + target.removeprefix("./")
        )
    marks: dict[str, Marks] = {}
    for tag in re.findall(r"<(?:\w+:)?sheet\b[^<>]*+>", book):
        label = re.search(r"""\bname\s*=\s*("[^"]*"|'[^']*')""", tag)
        relation = re.search(r"""\b\w+:id\s*=\s*["']([^"']*)["']""", tag)
        if label and relation:
            part = package.sheets.get(targets.get(relation[1], ""))
            if part is None and "chartsheets" not in targets.get(relation[1], "chartsheets"):
                raise unsafe(_l("The file's sheets do not stand where they should"))
            if part is not None:
                marks[_unescaped(label[1][1:-1])] = part
    date1904 = (
        re.search(r"""<(?:\w+:)?workbookPr\b[^<>]*?\bdate1904\s*=\s*["'](?:1|true)["']""", book) is not None
    )
    return marks, date1904


def _unescaped(text: str) -> str:
    for escaped, plain in (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&apos;", "'"), ("&amp;", "&")):
        text = text.replace(escaped, plain)
    return text


def _check_repeats(content: bytes, limits: Limits) -> None:
    """An ods says “this row, a million times”: only blank ones may. One pass, whatever is left open."""
    total = waiting = 0
    for found in _REPEATS.finditer(content):
        if found["row"]:
            waiting += _times(_ROWS_REPEATED.search(found[0]))
        elif found["end"]:
            waiting = 0
        elif found["filled"] or b"value" in found[0]:
            total, waiting = total + waiting, 0
            if found["cell"] and _times(_COLUMNS_REPEATED.search(found[0])) > limits.columns:
                raise too_wide(limits)
    if total > limits.rows:
        raise too_many_rows(limits)


def _times(found: re.Match[bytes] | None) -> int:
    """How often a row or cell is to be repeated; more digits than anybody needs are many times."""
    return int(found[1].lstrip(b"0")[:10] or b"0") if found else 0
