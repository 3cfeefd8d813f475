"""Judge cells column by column: clean chunks by one look in C, each distinct value once, only odd ones slowly."""

import re
from collections.abc import Callable, Hashable, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from portal.customer_files.rules.columns import Column
from portal.customer_files.rules.dates import Span, read_date, within
from portal.customer_files.rules.phones import MOBILES, read_phone
from portal.customer_files.rules.problems import ERROR, WARNING, Code, nearest
from portal.customer_files.rules.quantities import read_number
from portal.customer_files.rules.sheet import Cell, Odd, Value
from portal.customer_files.rules.table import Table
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

Note = tuple[Code, str, dict[str, Any]]
_Read = tuple[Value, list[Note]]

_CHUNK = 1_000
_PARTS = 8
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


class Bench:
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
        """Values of columns where nearly every cell is another one: whole chunks where they are clean.

        Where one is not, its parts are looked at, so that a mistake costs a few looks and not one for each neighbour.
        """
        values: list[Value] = []

        def take(start: int, chunk: list[Any]) -> None:
            if is_clean(chunk, column):
                values.extend(chunk)
            elif len(chunk) == 1:
                values.append(self._note(start, column, chunk[0], read(chunk[0], column), empty))
            elif "" in chunk and is_clean([cell for cell in chunk if cell != ""], column):
                nothing = read("", column)
                for at, cell in enumerate(chunk, start):
                    values.append(cell if cell != "" else self._note(at, column, cell, nothing, empty))
            else:
                part = max(1, len(chunk) // _PARTS)
                for at in range(0, len(chunk), part):
                    take(start + at, chunk[at : at + part])

        for start in range(0, len(cells), _CHUNK):
            take(start, cells[start : start + _CHUNK])
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
        text = str(cell) if isinstance(cell, (datetime, time, timedelta)) else shown(cell)
        return text, [(Code.READ_AS, WARNING, {"expected": text})]

    def _dated(self, read: tuple[date | None, list[Note]], column: Column) -> _Read:
        day, notes = read
        if day is not None and column.name == "purchase_date":
            more = within(day, self.span)
            return day, [*notes, *more]
        return day, notes

    def judge_records(self, table: Table) -> None:
        """What concerns a row as a whole: merged cells, records that csv broke, fields beyond the headings."""
        for (i, name), (text, first_row) in table.merged.items():
            self.found.append((i, name, Code.MERGED, WARNING, {"row": first_row}))
            self.raw.setdefault((i, name), text)
        for i, name, first_row in table.covered:
            self.found.append((i, name, Code.MERGED, WARNING, {"why": "covered", "row": first_row}))
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
