"""Small tables from csv or xlsx files, for commands: a dict for each line, with the row that a person sees."""

import csv
import io
from pathlib import Path
from zipfile import BadZipFile

from python_calamine import CalamineError, CalamineWorkbook

from portal.core.errors import Invalid

LARGEST = 20 * 1024 * 1024
ENCODINGS = ("utf-8-sig", "gb18030")


def read_table(
    path: Path, columns: tuple[str, ...], optional: tuple[str, ...] = ()
) -> list[tuple[int, dict[str, str]]]:
    """(row number, {column: text}) of each line that is not blank; an optional column only where the file has it.

    Raises Invalid with a sentence.
    """
    if not path.is_file():
        raise Invalid("unreadable", f"There is no file {path}.")
    rows = read_rows(path.read_bytes(), path.name)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    missing = [column for column in columns if column not in header]
    if missing:
        raise Invalid(
            "missing_columns", f"{path.name} lacks the columns {', '.join(missing)}; it has {header}."
        )
    columns += tuple(column for column in optional if column in header)
    places = [header.index(column) for column in columns]
    lines = []
    for number, row in enumerate(rows[1:], 2):
        cells = [row[place].strip() if place < len(row) else "" for place in places]
        if any(cells):
            lines.append((number, dict(zip(columns, cells, strict=True))))
    return lines


def read_rows(content: bytes, name: str) -> list[list[str]]:
    """Every row of a csv or xlsx file as texts, its first sheet. Raises Invalid with a sentence."""
    if len(content) > LARGEST:
        raise Invalid("too_large", f"{name} is larger than 20 MB.")
    return _sheet(content, name) if content[:2] == b"PK" else _csv(content, name)


def _csv(content: bytes, name: str) -> list[list[str]]:
    for encoding in ENCODINGS:
        try:
            return list(csv.reader(io.StringIO(content.decode(encoding), newline=""), strict=True))
        except UnicodeDecodeError:
            continue
        except csv.Error as error:
            raise Invalid("unreadable", f"{name} is not a csv file: {error}.") from error
    raise Invalid("unreadable", f"{name} is neither UTF-8 nor GB18030.")


def _sheet(content: bytes, name: str) -> list[list[str]]:
    try:
        rows = (
            CalamineWorkbook.from_filelike(io.BytesIO(content))
            .get_sheet_by_index(0)
            .to_python(skip_empty_area=False)
        )
    except (CalamineError, BadZipFile, IndexError, ValueError) as error:
        raise Invalid("unreadable", f"{name} cannot be read: {error}.") from error
    return [[_text(cell) for cell in row] for row in rows]


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return "" if cell is None else str(cell)
