"""Judge every row of a customer file (source R048; codes of API.md "Customer files").

Columns are judged one after the other: a chunk of clean cells by one look in C, each distinct value once, and only what
is odd by the slow way. Pure: the month and today are arguments.
"""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from operator import itemgetter
from typing import Any

from flask_babel import lazy_gettext as _l

from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.dates import Span, read_date, within
from portal.customer_files.rules.headings import Headings
from portal.customer_files.rules.leftovers import why_no_customer
from portal.customer_files.rules.phones import MOBILES, read_phone
from portal.customer_files.rules.problems import ERROR, WARNING, Code, FileRefused, Problem, nearest
from portal.customer_files.rules.quantities import read_number
from portal.customer_files.rules.sheet import Cell, Odd, Sheet
from portal.customer_files.rules.texts import (
    EXCEL_ERRORS,
    PLACEHOLDERS,
    all_clean,
    clean,
    damaged,
    placeholder,
    rounded,
    shown,
)

Value = str | int | Decimal | date | None
Note = tuple[Code, str, dict[str, Any]]
_Read = tuple[Value, list[Note]]

_CHUNK = 1_000
_SHOWN = 200
_ALLOWED_CODES = {"product_model": Code.UNKNOWN_PRODUCT, "purchase_region": Code.UNKNOWN_REGION}
_ERROR_CODES = {
    "phone": Code.INVALID_PHONE,
    "date": Code.INVALID_DATE,
    "whole": Code.INVALID_NUMBER,
    "decimal": Code.INVALID_NUMBER,
}
_HOUSE = re.compile("[0-9０-９一二三四五六七八九十号室栋幢楼组弄座村屯队苑园厦场]")
_SIGNS_ONLY = re.compile(r"(?:^| )[^\w ]+(?= |$)")


@dataclass
class Judged:
    """What a file came to. `values[i]` belongs to row `rows[i]`, in the order of `columns`.

    A cell that is empty or cannot be read is "" in text and phone columns, None in the others. `raw` keeps the cells' own texts wherever a value is bad or was changed:
    row -> column -> text. Rows in `left_out` (totals, signatures) and blank lines stand nowhere else.
    """

    columns: tuple[str, ...]
    rows: list[int]
    values: list[tuple[Value, ...]]
    bad: set[int]
    raw: dict[int, dict[str, str]]
    left_out: list[int]
    problems: list[Problem] = field(default_factory=list)

    @property
    def good(self) -> int:
        """How many rows are good."""
        return len(self.rows) - len(self.bad)

    @property
    def warned(self) -> int:
        """How many customers' rows carry at least one warning."""
        gone = {*self.left_out}
        return len({p.row for p in self.problems if p.severity == WARNING and p.row not in gone})


def judge(
    sheet: Sheet,
    headings: Headings,
    columns: Sequence[Column],
    month: date,
    today: date,
    *,
    days_back: int = 92,
    zone: tzinfo | None = None,
) -> Judged:
    """Judge all rows below the headings.

    `month` is the first day of the month, `today` the day in the network's zone. `days_back`: how many days before the
    month a customer may have been forgotten (a warning).
    """
    span = Span(month, today, days_back, zone, sheet.date1904)
    table = _Table(sheet, headings, columns)
    bench = _Bench(columns, span)
    read = [bench.read_column(column, table.column(column.name), table.count) for column in columns]
    bench.judge_records(table)
    out = _leave_out(table, bench, columns)
    keep = [i for i in range(table.count) if i not in out] if out else range(table.count)
    everything = list(zip(*read, strict=True)) if columns else []
    numbers = table.numbers
    rows = [numbers[i] for i in keep]
    values = [everything[i] for i in keep] if out else everything
    problems = [
        Problem(numbers[i], name, code, severity, params, bench.raw.get((i, name or ""), ""))
        for i, name, code, severity, params in bench.found
        if i not in out
    ]
    left_out = []
    for i, why in out.items():
        if why:
            left_out.append(numbers[i])
            problems.append(
                Problem(numbers[i], None, Code.NOT_A_CUSTOMER, WARNING, {"why": why}, table.text_of(i))
            )
    if not rows:
        raise FileRefused(
            "no_rows", _l("No customers below the headings: fill them in, or file a nil return")
        )
    bad = {p.row for p in problems if p.severity == ERROR}
    good = (
        ((n, v) for n, v in zip(rows, values, strict=True) if n not in bad)
        if bad
        else zip(rows, values, strict=True)
    )
    names = tuple(column.name for column in columns)
    problems += duplicates(good, names)
    problems += _file_notes(sheet, headings, rows)
    problems.sort(key=lambda p: p.row)
    bad = {p.row for p in problems if p.severity == ERROR}
    raw: dict[int, dict[str, str]] = {}
    for (i, name), text in bench.raw.items():
        if i not in out:
            raw.setdefault(numbers[i], {})[name] = text
    for p in problems:
        if p.row in bad and p.column and p.value:
            raw.setdefault(p.row, {}).setdefault(p.column, p.value)
    return Judged(names, rows, values, bad, raw, sorted(left_out), problems)


def judge_row(
    cells: Mapping[str, Cell],
    columns: Sequence[Column],
    month: date,
    today: date,
    *,
    row: int = 1,
    days_back: int = 92,
    zone: tzinfo | None = None,
) -> Judged:
    """Judge one row by itself (mended in place, or typed in a form): canonical column -> cell.

    Never left out as a total. Duplicates need the other rows: call `duplicates` over all of them.
    """
    sheet, headings = from_records([cells], columns)
    table = _Table(sheet, headings, columns)
    bench = _Bench(columns, Span(month, today, days_back, zone))
    read = [bench.read_column(column, table.column(column.name), 1) for column in columns]
    problems = [
        Problem(row, name, code, severity, params, bench.raw.get((0, name or ""), ""))
        for _i, name, code, severity, params in bench.found
    ]
    bad = {p.row for p in problems if p.severity == ERROR}
    raw = {row: {name: text for (_i, name), text in bench.raw.items()}} if bench.raw else {}
    return Judged(
        tuple(c.name for c in columns), [row], list(zip(*read, strict=True)), bad, raw, [], problems
    )


def from_records(records: Sequence[Mapping[str, Any]], columns: Sequence[Column]) -> tuple[Sheet, Headings]:
    """JSON rows as a sheet; rows count from 1. Lists and objects become cells that cannot be read."""
    names = [column.name for column in columns]
    rows = [[_from_json(record.get(name)) for name in names] for record in records]
    places = {name: place for place, name in enumerate(names)}
    return (
        Sheet("json", rows, range(1, len(rows) + 1)),
        Headings(-1, -1, places, tuple(names), (), len(names)),
    )


def _from_json(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, (str, bool, int, float, date, time, timedelta, Odd)):
        return value
    return Odd("nested", str(value)[:_SHOWN])


def duplicates(rows: Iterable[tuple[int, Sequence[Value]]], names: Sequence[str]) -> list[Problem]:
    """The problems that only show between rows; `rows` are the good ones (number, values in the order of `names`).

    The later row is the bad one: duplicate_in_file (all but remarks equal). Warnings: near_duplicate, one order number
    or one phone under two customers. Call it again over all good rows whenever one was mended, left out or taken in.
    """
    index = {name: place for place, name in enumerate(names)}
    numbered = list(rows)
    every = [values for _number, values in numbered]
    found: list[Problem] = []
    rest = [place for name, place in index.items() if name != "remarks"]
    if rest == list(range(len(names) - 1)):
        keys: list[Hashable] = [values[:-1] for values in every]
    else:
        keys = [tuple([values[place] for place in rest]) for values in every]
    doubles = _repeated(keys)
    firsts: dict[Hashable, int] = {}
    gone: set[int] = set()
    for place in doubles:
        number = numbered[place][0]
        first = firsts.setdefault(keys[place], number)
        if first != number:
            gone.add(place)
            found.append(Problem(number, None, Code.DUPLICATE_IN_FILE, ERROR, {"row": first}, ""))
    del keys
    alike: set[int] = set()
    if {"phone", "product_model", "purchase_date"} <= index.keys():
        near = list(map(itemgetter(index["phone"], index["product_model"], index["purchase_date"]), every))
        firsts = {}
        for place in _repeated(near):
            number = numbered[place][0]
            if place not in gone and (first := firsts.setdefault(near[place], number)) != number:
                alike.add(place)
                found.append(Problem(number, None, Code.NEAR_DUPLICATE, WARNING, {"row": first}, ""))
    if {"phone", "customer_name"} <= index.keys():
        if "order_no" in index:
            found += _shared("order_no", "phone", Code.ORDER_NO_REUSED, numbered, index, gone)
        found += _shared("phone", "customer_name", Code.PHONE_REUSED, numbered, index, gone | alike)
    return found


def _repeated(keys: Sequence[Hashable]) -> list[int]:
    """The places of all keys that stand there more than once, in order."""
    if len(set(keys)) == len(keys):
        return []
    counts = Counter(keys)
    return [place for place, key in enumerate(keys) if counts[key] > 1]


def _shared(
    name: str,
    owner: str,
    code: Code,
    numbered: list[tuple[int, Sequence[Value]]],
    index: Mapping[str, int],
    gone: set[int],
) -> list[Problem]:
    """Where one value of `name` stands under two of `owner`: a warning at the later row."""
    column = [values[index[name]] for _number, values in numbered]
    found = []
    firsts: dict[Value, tuple[int, Value]] = {}
    for place in _repeated(column):
        value = column[place]
        if not value or place in gone or placeholder(str(value)):
            continue
        number, values = numbered[place]
        first, other = firsts.setdefault(value, (number, values[index[owner]]))
        if other != values[index[owner]]:
            found.append(Problem(number, name, code, WARNING, {"why": "row", "row": first}, str(value)))
    return found


class _Table:
    """The rows below the headings, by column, with merged cells filled downwards."""

    def __init__(self, sheet: Sheet, headings: Headings, columns: Sequence[Column]) -> None:
        self.sheet = sheet
        self.headings = headings
        self.start = headings.last + 1
        self.rows = sheet.rows[self.start :]
        self.numbers = sheet.numbers[self.start :]
        self.count = len(self.rows)
        self.kinds = {column.name: column.kind for column in columns}
        self.merged: dict[tuple[int, str], tuple[str, int]] = {}
        self._cells: dict[str, list[Cell]] = {}
        places = headings.places
        shortest = min(map(len, self.rows), default=0)
        for name, place in places.items():
            if place < shortest:
                self._cells[name] = [row[place] for row in self.rows]
            else:
                self._cells[name] = [row[place] if place < len(row) else "" for row in self.rows]
        if sheet.merged:
            self._fill()

    def _fill(self) -> None:
        """Fill merged cells downwards. Not numbers: one quantity over three rows is not three times that quantity."""
        by_place = {place: name for name, place in self.headings.places.items()}
        position = {number: i for i, number in enumerate(self.numbers)} if self.sheet.merged else {}
        for block in self.sheet.merged:
            name = by_place.get(block.first_column)
            first = position.get(block.first_row)
            if name is None or first is None or block.first_row == block.last_row:
                continue
            value = self._cells[name][first]
            for number in range(block.first_row + 1, block.last_row + 1):
                i = position.get(number)
                if i is None or value in ("", None) or self._cells[name][i] not in ("", None):
                    continue
                if not any(cell not in ("", None) for cell in self.rows[i]):
                    continue
                if self.kinds.get(name) in ("whole", "decimal"):
                    self._cells[name][i] = Odd("merged_number", "")
                else:
                    self._cells[name][i] = value
                    self.merged[i, name] = (shown(value), block.first_row)

    def column(self, name: str) -> list[Cell] | None:
        """The cells of a canonical column, None where the file has no such column."""
        return self._cells.get(name)

    def text_of(self, i: int) -> str:
        """The row's filled cells in one line."""
        return " ".join(text for cell in self.rows[i] if (text := clean(shown(cell))[0]))[:_SHOWN]


class _Bench:
    """Collects what is found while the columns are read, one after the other."""

    def __init__(self, columns: Sequence[Column], span: Span) -> None:
        self.span = span
        self.columns = {column.name: column for column in columns}
        self.found: list[tuple[int, str | None, Code, str, dict[str, Any]]] = []
        self.raw: dict[tuple[int, str], str] = {}

    def read_column(self, column: Column, cells: list[Cell] | None, count: int) -> list[Value]:
        """The typed values of a column."""
        empty: Value = "" if column.kind in ("text", "phone") else None
        if cells is None:
            return [empty] * count
        if column.kind == "phone":
            return self._by_chunk(column, cells, empty, _clean_phones, self._read_phone)
        if column.kind == "text" and not column.allowed and column.name not in _ALLOWED_CODES:
            return self._by_chunk(column, cells, empty, _clean_texts, self._read_text)
        return self._by_distinct(column, cells, empty)

    def _by_chunk(
        self,
        column: Column,
        cells: list[Cell],
        empty: Value,
        is_clean: Callable[[list[Any], Column], bool],
        read: Callable[[Cell, Column], _Read],
    ) -> list[Value]:
        """Values of columns where nearly every cell is another one: whole chunks where they are clean."""
        values: list[Value] = []
        for start in range(0, len(cells), _CHUNK):
            chunk = cells[start : start + _CHUNK]
            if is_clean(chunk, column):
                values += chunk  # type: ignore[arg-type]
                continue
            for i, cell in enumerate(chunk, start):
                if is_clean([cell], column):
                    values.append(cell)  # type: ignore[arg-type]
                else:
                    values.append(self._note(i, column, cell, read(cell, column), empty))
        return values

    def _by_distinct(self, column: Column, cells: list[Cell], empty: Value) -> list[Value]:
        """Values of columns where few distinct cells stand in many rows: each is read once."""
        known: dict[Hashable, Value] = {}
        odd: dict[Hashable, _Read] = {}
        mixed = bool in set(map(type, cells))  # True == 1 == 1.0 as keys
        keys: list[Hashable] = [(cell is True or cell is False, cell) for cell in cells] if mixed else cells  # type: ignore[assignment]
        for key in set(keys):
            cell: Cell = key[1] if mixed else key  # type: ignore[index, assignment]
            value, notes = self._read(cell, column)
            known[key] = empty if value is None else value
            if notes or (
                column.kind == "text"
                and isinstance(cell, str)
                and value != cell.strip()
                and value is not None
            ):
                odd[key] = (value, notes)
        values = [known[key] for key in keys]
        if odd:
            for i, key in enumerate(keys):
                if key in odd:
                    self._note(i, column, cells[i], odd[key], empty)
        return values

    def _note(self, i: int, column: Column, cell: Cell, read: _Read, empty: Value) -> Value:
        value, notes = read
        for code, severity, params in notes:
            self.found.append((i, column.name, code, severity, params))
        text = shown(cell)[:_SHOWN] if notes else shown(cell)[: 2 * column.limit]
        if text and (notes or (isinstance(cell, str) and cell.strip() != value)):
            self.raw[i, column.name] = text
        return empty if value is None else value

    def _read(self, cell: Cell, column: Column) -> _Read:
        """One cell of any kind: what it is worth, and what to say about it."""
        if isinstance(cell, str):
            if cell.strip().upper() in EXCEL_ERRORS or (cell.startswith("###") and not cell.strip("#")):
                cell = Odd("error", cell.strip())
            else:
                return self._read_written(cell, column)
        if cell is None:
            return self._empty(column)
        if isinstance(cell, Odd):
            return self._read_odd(cell, column)
        if column.kind == "text":
            return self._read_typed_text(cell, column)
        if column.kind == "date":
            return self._dated(read_date(cell, self.span), column)
        if column.kind == "phone":
            if isinstance(cell, (int, float)) and not isinstance(cell, bool):
                if isinstance(cell, float) and (not cell.is_integer() or abs(cell) >= 1e15):
                    return None, [(Code.INVALID_PHONE, ERROR, {"why": "digits_lost" if cell > 1e15 else ""})]
                return _phone(str(int(cell)))
            return None, [(Code.INVALID_PHONE, ERROR, {})]
        return read_number(cell, column.kind == "whole")

    _read_phone = _read_text = _read

    def _read_written(self, cell: str, column: Column) -> _Read:
        text, controls = clean(cell)
        notes: list[Note] = [(Code.CLEANED, WARNING, {})] if controls else []
        if not text:
            value, more = self._empty(column)
            return value, notes + more
        if damaged(text):
            code = _ERROR_CODES.get(column.kind, Code.INVALID_TEXT)
            why = {"why": "damaged"} if code is Code.INVALID_TEXT else {"expected": self.span.example()}
            return None, [*notes, (code, ERROR, why)]
        if column.required and placeholder(text):
            return None, [*notes, (Code.MISSING, ERROR, {"why": "placeholder", "value": text[:20]})]
        value, more = self._read_clean(text, column)
        return value, notes + more

    def _read_clean(self, text: str, column: Column) -> _Read:
        if column.kind == "phone":
            return _phone(text)
        if column.kind == "date":
            return self._dated(read_date(text, self.span), column)
        if column.kind != "text":
            return read_number(text, column.kind == "whole")
        if len(text) > column.limit:
            return None, [(Code.TOO_LONG, ERROR, {"limit": column.limit, "count": len(text)})]
        if column.name == "order_no" and rounded(text):
            return None, [(Code.INVALID_TEXT, ERROR, {"why": "digits_lost"})]
        notes: list[Note] = []
        if column.name == "address" and _incomplete(text):
            notes.append((Code.INCOMPLETE_ADDRESS, WARNING, {}))
        if column.allowed and text not in column.allowed:
            return self._outside_list(text, column)
        return text, notes

    def _outside_list(self, text: str, column: Column) -> _Read:
        """A value that is not in the rulebook's list, unless only case, width or blanks differ."""
        bare = _bare(text)
        for allowed in column.allowed:
            if _bare(allowed) == bare:
                return allowed, []
        code = _ALLOWED_CODES.get(column.name, Code.INVALID_TEXT)
        if code is Code.INVALID_TEXT and not column.strict:
            return text, []
        params: dict[str, Any] = {"value": text[:60], "nearest": nearest(text[:100], column.allowed)}
        if code is Code.INVALID_TEXT:
            params["why"] = "not_allowed"
        return (None if column.strict else text), [(code, ERROR if column.strict else WARNING, params)]

    def _empty(self, column: Column) -> _Read:
        return None, [(Code.MISSING, ERROR, {})] if column.required else []

    def _read_odd(self, cell: Odd, column: Column) -> _Read:
        if cell.why == "nested":
            return None, [
                (
                    _ERROR_CODES.get(column.kind, Code.INVALID_TEXT),
                    ERROR,
                    {"why": "nested"} if column.kind == "text" else {},
                )
            ]
        if not column.required:
            return None, [(Code.CLEANED, WARNING, {"why": cell.why, "value": cell.text})]
        if cell.why != "error":
            return None, [(Code.MISSING, ERROR, {"why": cell.why})]
        params = {"why": "error", "value": cell.text, "expected": self.span.example()}
        return None, [(_ERROR_CODES.get(column.kind, Code.INVALID_TEXT), ERROR, params)]

    def _read_typed_text(self, cell: Cell, column: Column) -> _Read:
        """A number, a date or yes/no where text belongs."""
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            if cell != cell or abs(cell) >= 1e15:
                return None, [(Code.INVALID_TEXT, ERROR, {"why": "digits_lost"})]
            return self._read_clean(shown(cell), column)
        why = "yes_no" if isinstance(cell, bool) else "date"
        if column.required or column.name == "order_no":
            return None, [(Code.INVALID_TEXT, ERROR, {"why": why})]
        if isinstance(cell, (datetime, time, timedelta)):
            text = str(cell)
        else:
            text = shown(cell)
        return text, [(Code.READ_AS, WARNING, {"expected": text})]

    def _dated(self, read: tuple[date | None, list[Note]], column: Column) -> _Read:
        day, notes = read
        if day is not None and column.name == "purchase_date":
            more = within(day, self.span)
            return day, [*notes, *more]
        return day, notes

    def judge_records(self, table: _Table) -> None:
        """What concerns a row as a whole: merged cells, records that csv broke, fields beyond the headings."""
        for (i, name), (text, first_row) in table.merged.items():
            self.found.append((i, name, Code.MERGED, WARNING, {"row": first_row}))
            self.raw.setdefault((i, name), text)
        sheet, width = table.sheet, table.headings.width
        for number, why in sheet.broken.items():
            i = number - table.numbers[0] if table.count else -1
            if 0 <= i < table.count:
                self.found.append((i, None, Code.INVALID_TEXT, ERROR, {"why": why}))
        if sheet.kind == "csv":
            for i, row in enumerate(table.rows):
                if (
                    len(row) > width
                    and any(str(cell).strip() for cell in row[width:])
                    and table.numbers[i] not in sheet.broken
                ):
                    filled = max(place for place, cell in enumerate(row) if str(cell).strip()) + 1
                    self.found.append(
                        (i, None, Code.TOO_MANY_FIELDS, ERROR, {"count": filled, "limit": width})
                    )


def _clean_texts(chunk: list[Any], column: Column) -> bool:
    if set(map(type, chunk)) != {str}:
        return False
    filled = list(filter(None, chunk))
    if len(filled) < len(chunk) and column.required:
        return False
    if not filled:
        return True
    if max(map(len, filled)) > column.limit or not all_clean(filled):
        return False
    if column.required:
        if column.name == "address":
            return min(map(len, filled)) >= 6 and all(map(_HOUSE.search, filled))
        return (
            PLACEHOLDERS.isdisjoint(filled)
            and PLACEHOLDERS.isdisjoint(map(str.casefold, filled))
            and _SIGNS_ONLY.search(" ".join(filled)) is None
        )
    return column.name != "order_no" or not any("E+" in text or "e+" in text for text in filled)


def _clean_phones(chunk: list[Any], column: Column) -> bool:
    if set(map(type, chunk)) != {str}:
        return False
    joined = " ".join(chunk) + " "
    return (
        len(joined) == 12 * len(chunk) and MOBILES.fullmatch(joined) is not None
    )  # 11 digits and a blank each


def _phone(text: str) -> _Read:
    number, notes = read_phone(text)
    return number, [(code, code.severity, params) for code, params in notes]


def _incomplete(text: str) -> bool:
    """An address that ends before the house: no number or building in it, or too short to find."""
    return len(text) < 6 or _HOUSE.search(text) is None


def _bare(text: str) -> str:
    return "".join(text.split()).casefold()


def _leave_out(table: _Table, bench: _Bench, columns: Sequence[Column]) -> dict[int, str]:
    """Rows that are no customers: index -> why; "" for blank lines. Only rows with an error, or an example, are looked at."""
    suspects = {i for i, _name, _code, severity, _params in bench.found if severity == ERROR}
    suspects.update(
        i
        for i, name in enumerate(table.column("customer_name") or ())
        if isinstance(name, str) and name[:1] in "示样例Ee（(【"
    )
    out: dict[int, str] = {}
    for i in suspects:
        cells = {
            name: clean(shown(table.rows[i][place]))[0]
            for name, place in table.headings.places.items()
            if place < len(table.rows[i])
        }
        filled = {name: text for name, text in cells.items() if text}
        if any(isinstance(cell, Odd) for cell in table.rows[i]) and filled:
            continue
        why = why_no_customer(filled, [clean(shown(cell))[0] for cell in table.rows[i]], tuple(columns))
        if why is not None:
            out[i] = why
    return out


def _file_notes(sheet: Sheet, headings: Headings, rows: list[int]) -> list[Problem]:
    """Rows hidden in the sheet, and other sheets that were not read (named at the headings' row)."""
    counted = set(rows) if sheet.hidden else set()
    notes = [Problem(n, None, Code.HIDDEN_ROWS, WARNING, {}, "") for n in sorted(sheet.hidden & counted)]
    at = sheet.numbers[headings.row] if headings.row >= 0 and sheet.rows else 1
    for name, count in sheet.others:
        params = {"why": "other_sheet", "name": name, "count": count}
        notes.append(Problem(at, None, Code.HIDDEN_ROWS, WARNING, params, ""))
    return notes
