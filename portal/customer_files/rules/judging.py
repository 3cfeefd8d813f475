"""Judge every row of a customer file (source R048; codes of API.md "Customer files").

Pure: the month and today are arguments. Cells are judged in cells.py, what shows between rows in doubles.py.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time, timedelta, tzinfo
from itertools import compress
from typing import Any

from flask_babel import lazy_gettext as _l

from portal.customer_files.rules.cells import Bench
from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.dates import Span
from portal.customer_files.rules.doubles import duplicates
from portal.customer_files.rules.headings import Headings
from portal.customer_files.rules.leftovers import EXAMPLE_BEGINS, is_example, why_no_customer
from portal.customer_files.rules.problems import ERROR, WARNING, Code, FileRefused, Problem
from portal.customer_files.rules.sheet import Cell, Odd, Sheet, Value
from portal.customer_files.rules.table import Table
from portal.customer_files.rules.texts import clean, shown

__all__ = ["Above", "Judged", "Value", "duplicates", "from_records", "in_pieces", "judge", "judge_row"]

_SHOWN = 200


@dataclass
class Judged:
    """What a file came to. `cells[c][i]` belongs to the column `columns[c]` and the row `rows[i]`.

    A cell that is empty or cannot be read is "" in text and phone columns, None in the others. `raw` keeps
    the cells' own texts wherever a value is bad or was changed:
    row -> column -> text. Rows in `left_out` (totals, signatures) and blank lines stand nowhere else.
    """

    columns: tuple[str, ...]
    rows: list[int]
    cells: Sequence[Sequence[Value]]
    bad: set[int]
    raw: dict[int, dict[str, str]]
    left_out: list[int]
    problems: list[Problem] = field(default_factory=list)

    @property
    def values(self) -> list[tuple[Value, ...]]:
        """The same cells row by row."""
        return list(zip(*self.cells, strict=True))

    @property
    def good(self) -> int:
        """How many rows are good."""
        return len(self.rows) - len(self.bad)

    @property
    def warned(self) -> int:
        """How many customers' rows carry at least one warning."""
        gone = {*self.left_out}
        return len({p.row for p in self.problems if p.severity == WARNING and p.row not in gone})


@dataclass
class Above:
    """What stands above a piece of a sheet, for what only shows between rows."""

    rows: list[int] = field(default_factory=list)
    cells: list[list[Value]] = field(default_factory=list)
    bad: set[int] = field(default_factory=set)

    def add(self, judged: Judged) -> None:
        """The next piece."""
        self.rows += judged.rows
        self.bad |= judged.bad
        self.cells = self.cells or [[] for _ in judged.columns]
        for column, values in zip(self.cells, judged.cells, strict=True):
            column.extend(values)


def in_pieces(sheet: Sheet, headings: Headings, size: int) -> Iterator[tuple[Sheet, Headings]]:
    """The sheet in pieces of so many rows, from above; the first has the headings. In one where cells are merged."""
    if sheet.merged:
        yield sheet, headings
        return
    end = min(headings.last + 1 + size, len(sheet.rows))
    yield replace(sheet, rows=sheet.rows[:end], numbers=sheet.numbers[:end]), headings
    for start in range(end, len(sheet.rows), size):
        rows, numbers = sheet.rows[start : start + size], sheet.numbers[start : start + size]
        yield replace(sheet, rows=rows, numbers=numbers, others=()), below(headings)


def below(headings: Headings) -> Headings:
    """The headings of a piece that has none itself."""
    return replace(headings, row=-1, last=-1)


def judge(
    sheet: Sheet,
    headings: Headings,
    columns: Sequence[Column],
    month: date,
    today: date,
    *,
    days_back: int = 92,
    zone: tzinfo | None = None,
    above: Above | None = None,
) -> Judged:
    """Judge all rows below the headings.

    `month` is the first day of the month, `today` the day in the network's zone. `days_back`: how many days before the
    month a customer may have been forgotten (a warning). `above`: the sheet is a piece of one (in_pieces), whose pieces
    are judged in turn; what a row is does not hang on the rows below it. Raises FileRefused `no_rows`, of a piece not.
    """
    span = Span(month, today, days_back, zone, sheet.date1904)
    table = Table(sheet, headings, columns)
    bench = Bench(columns, span)
    read = [bench.read_column(column, table.column(column.name), table.count) for column in columns]
    bench.judge_records(table)
    out = _leave_out(table, bench, columns)
    numbers = table.numbers
    rows, cells = list(numbers), read
    if out:
        kept = [i not in out for i in range(table.count)]
        rows, cells = list(compress(rows, kept)), [list(compress(values, kept)) for values in read]
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
    if not rows and above is None:
        raise no_customers()
    names = tuple(column.name for column in columns)
    bad = {p.row for p in problems if p.severity == ERROR}
    if above is None or not above.rows:
        problems += duplicates(rows, dict(zip(names, cells, strict=True)), bad)
    else:
        both = [over + values for over, values in zip(above.cells, cells, strict=True)]
        whole = dict(zip(names, both, strict=True))
        problems += duplicates(above.rows + rows, whole, above.bad | bad, start=len(above.rows))
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
    return Judged(names, rows, cells, bad, raw, sorted(left_out), problems)


def no_customers() -> FileRefused:
    """The refusal of a file without a single customer."""
    return FileRefused("no_rows", _l("No customers below the headings: fill them in, or file a nil return"))


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
    table = Table(sheet, headings, columns)
    bench = Bench(columns, Span(month, today, days_back, zone))
    read = [bench.read_column(column, table.column(column.name), 1) for column in columns]
    problems = [
        Problem(row, name, code, severity, params, bench.raw.get((0, name or ""), ""))
        for _i, name, code, severity, params in bench.found
    ]
    bad = {p.row for p in problems if p.severity == ERROR}
    raw = {row: {name: text for (_i, name), text in bench.raw.items()}} if bench.raw else {}
    return Judged(tuple(c.name for c in columns), [row], read, bad, raw, [], problems)


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


def _dialled(cell: Cell) -> bool:
    """Whether a phone cell holds a digit: why_no_customer then has nothing to find but an example."""
    return isinstance(cell, str) and any(sign.isdigit() for sign in cell)


def _leave_out(table: Table, bench: Bench, columns: Sequence[Column]) -> dict[int, str]:
    """Rows that are no customers: index -> why; "" for blank lines. Only suspects are looked at."""
    phones, names = table.column("phone") or (), table.column("customer_name") or ()
    suspects = {i for i, _name, _code, severity, _params in bench.found if severity == ERROR}
    suspects.update(
        i
        for i, name in enumerate(names)
        if isinstance(name, str)
        and name[:1] in EXAMPLE_BEGINS
        and (not phones or not _dialled(phones[i]) or is_example(clean(name)[0]))
    )
    bands = {
        block.first_row
        for block in table.sheet.merged
        if block.first_row == block.last_row and block.last_column - block.first_column >= 2
    }
    out: dict[int, str] = {}
    for i in suspects:
        if phones and _dialled(phones[i]) and not (names and is_example(clean(shown(names[i]))[0])):
            continue  # a customer with a mistake, as most suspects are: told before anything else is cleaned
        cells = {
            name: clean(shown(table.rows[i][place]))[0]
            for name, place in table.headings.places.items()
            if place < len(table.rows[i])
        }
        filled = {name: text for name, text in cells.items() if text}
        why = why_no_customer(filled, [clean(shown(cell))[0] for cell in table.rows[i]], tuple(columns))
        if why is None and len(filled) == 1 and table.numbers[i] in bands:
            why = "signature"  # one text across the sheet: a title between the customers
        if why == "" and any(isinstance(cell, Odd) for cell in table.rows[i]):
            continue  # formulas without results are no blank line
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
