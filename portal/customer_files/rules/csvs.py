"""Text files of cells: which encoding, which delimiter, and no row swallowed by a quotation mark."""

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from flask_babel import lazy_gettext as _l

from portal.customer_files.rules.columns import Column, Limits
from portal.customer_files.rules.headings import fits
from portal.customer_files.rules.problems import FileRefused
from portal.customer_files.rules.sheet import Cell, Sheet

# One cell may be as long as the file: it is then named as too long, row and column, instead of an error from csv.
csv.field_size_limit(1 << 30)

_DELIMITERS = (",", "\t", ";", "|", "，", "、")
_ABOVE = 5  # a title and the headings are no customers
_HEAD = 20_000
_DAMAGED_SHARE = 0.2
_LONGEST_CELL_LINES = 30
_PATIENCE = 200
_GUARDED = re.compile(r'\A="([\w+ ./-]{0,100})"\Z')
_MOST_LINES = 1_048_576  # a sheet of Excel has no more


def read_csv(
    content: bytes, limits: Limits, columns: Sequence[Column], mapping: Mapping[str, str | None] | None
) -> Sheet:
    """The rows of a text file. Raises FileRefused: unreadable, unsupported_type, too_many_rows."""
    chosen: tuple[str, str, str] | None = None
    for encoding, text in _decodings(content):
        delimiter, known = _delimiter(text, columns, mapping)
        if chosen is None or known >= 2:
            chosen = (encoding, text, delimiter)
        if known >= 2 or not columns:
            break
    if chosen is None or (
        "\ufffd" in chosen[1] and columns and not fits(_sample(*chosen[1:]), columns, mapping)
    ):
        raise _undecodable(content)
    encoding, text, delimiter = chosen
    if _is_binary(text):
        raise unsupported()
    if text[:4].lower() == "sep=" and "\n" in text[:8].replace("\r", "\n"):
        text = (
            text.replace("\r\n", "\n", 1).replace("\r", "\n", 1).split("\n", 1)[1]
        )  # Excel's own first line
    if max(text.count("\n"), text.count("\r")) > _MOST_LINES:  # blank ones too: each is a list in memory
        raise too_many_rows(limits)
    rows, broken = _records(text, delimiter, limits.rows + _ABOVE)
    rows = _unguarded(rows, text)
    if rows and len(rows[0]) > limits.columns and any(rows[0][limits.columns :]):
        raise too_wide(limits)
    if sum(1 for row in rows if row) > limits.rows + _ABOVE:
        raise too_many_rows(limits)
    return Sheet("csv", rows, range(1, len(rows) + 1), broken=broken, encoding=encoding, delimiter=delimiter)


def _unguarded(rows: list[list[Cell]], text: str) -> list[list[Cell]]:
    """'="0012"', which programs write so that Excel keeps the digits as they are, is 0012."""
    if '="' not in text:
        return rows
    return [[_GUARDED.sub(r"\1", cell) if isinstance(cell, str) else cell for cell in row] for row in rows]


def _decodings(content: bytes) -> Iterator[tuple[str, str]]:
    """Text in every encoding that it can be, the likeliest first."""
    for mark, encoding in (
        (b"\xef\xbb\xbf", "utf-8-sig"),
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
    ):
        if content.startswith(mark):
            yield encoding, content.decode(encoding, "replace").removeprefix("\ufeff")
            return
    wide = _wide(content)
    if wide:
        yield wide, content.decode(wide, "replace")
        return
    for encoding in ("utf-8", "gb18030", "big5hkscs"):
        try:
            yield encoding, content.decode(encoding)
        except UnicodeDecodeError:
            continue
    guesses = [(encoding, content.decode(encoding, "replace")) for encoding in ("utf-8", "gb18030")]
    for encoding, text in sorted(guesses, key=lambda guess: guess[1].count("\ufffd")):
        if text.count("\ufffd") <= max(10, len(text) * _DAMAGED_SHARE):
            yield encoding, text  # the damaged cells are named one by one


def _wide(content: bytes) -> str | None:
    """UTF-16 without its mark: every other byte of digits and commas is NUL."""
    head = content[:4000]
    if head.count(0) * 20 < len(head) or len(content) % 2:
        return None
    best = max(
        ("utf-16-le", "utf-16-be"),
        key=lambda encoding: _commonness(head[: len(head) & ~1].decode(encoding, "replace")),
    )
    return best if _commonness(head[: len(head) & ~1].decode(best, "replace")) > 0.9 else None


def _commonness(text: str) -> float:
    """The share of characters that a Chinese table is made of."""
    common = sum(
        1
        for sign in text
        if " " <= sign <= "~"
        or sign in "\r\n\t"
        or "\u3000" <= sign <= "\u9fff"
        or "\uff00" <= sign <= "\uffee"
    )
    return common / max(1, len(text))


def _delimiter(
    text: str, columns: Sequence[Column], mapping: Mapping[str, str | None] | None
) -> tuple[str, int]:
    """The delimiter under which the headings are known best, and how many are."""
    head = text[:_HEAD]
    first = next((line for line in head.splitlines() if line.strip()), "")
    if first.lower().startswith("sep=") and len(first.strip()) == 5:
        return first.strip()[4], 2
    if "sep=\t" in first.lower():
        return "\t", 2
    scores = []
    for delimiter in _DELIMITERS:
        if delimiter not in head:
            continue
        known = fits(_sample(head, delimiter), columns, mapping) if columns else 0
        scores.append((known, first.count(delimiter), delimiter))
    known, _count, best = max(scores, key=lambda score: score[:2], default=(0, 0, ","))
    return best, known


def _sample(text: str, delimiter: str) -> list[list[str]]:
    """The first records, as far as they can be told."""
    return list(csv.reader(io.StringIO(text[:_HEAD], newline=""), delimiter=delimiter))[:40]


def _is_binary(text: str) -> bool:
    head = text[:4000]
    odd = sum(1 for sign in head if sign < " " and sign not in "\r\n\t\x1b")
    return odd * 10 > max(100, len(head))


def _records(text: str, delimiter: str, most: int) -> tuple[list[list[Cell]], dict[int, str]]:
    """The records, and which of them have a quotation mark that is never closed."""
    try:
        parsed = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error:
        return _one_by_one(text, delimiter, most)
    rows = cast("list[list[Cell]]", parsed)
    lines = text.count("\n") or text.count("\r")
    if '"' in text and len(rows) < lines and any(_swallowed(row, delimiter) for row in rows):
        return _one_by_one(text, delimiter, most)
    return rows, {}


def _swallowed(row: Sequence[Cell], delimiter: str) -> bool:
    """Whether a cell holds what looks like whole records, or more lines than anybody writes."""
    for cell in row:
        if isinstance(cell, str) and "\n" in cell:
            lines = cell.split("\n")
            if len(lines) > _LONGEST_CELL_LINES or any(line.count(delimiter) >= 5 for line in lines[1:]):
                return True
    return False


def _one_by_one(text: str, delimiter: str, most: int) -> tuple[list[list[Cell]], dict[int, str]]:
    """Line by line, where quotation marks are not in order: a record that cannot be closed is its own line only.

    It takes long: beyond `most` filled records, which are refused anyway, nothing is read.
    """
    lines = list(io.StringIO(text, newline=""))
    rows: list[list[Cell]] = []
    broken: dict[int, str] = {}
    at = filled = 0
    while at < len(lines) and filled <= most:
        row, used, whole = _next(lines, at, delimiter, _LONGEST_CELL_LINES if len(broken) < _PATIENCE else 1)
        rows.append(row)
        filled += bool(row)
        if not whole:
            broken[len(rows)] = "quote"
        at += used
    return rows, broken


def _next(lines: list[str], at: int, delimiter: str, longest: int) -> tuple[list[Cell], int, bool]:
    """The record that begins at line `at`: its cells, how many lines it took, whether its quotation marks close."""
    line = lines[at]
    if '"' not in line:
        return _split(line, delimiter), 1, True
    for used in range(1, min(longest, len(lines) - at) + 1):
        if used > 1 and _begins_record(lines[at + used - 1], delimiter):
            break
        try:
            parsed = list(csv.reader(lines[at : at + used], delimiter=delimiter, strict=True))
        except csv.Error:
            continue
        if len(parsed) == 1:
            return list(parsed[0]), used, True
        break
    parsed = list(csv.reader([line.rstrip("\r\n") + "\n", "x\n"], delimiter=delimiter))
    if len(parsed) == 2:  # closed, with something after the closing mark: "上海"市
        return list(parsed[0]), 1, True
    return _split(line, delimiter), 1, False


def _begins_record(line: str, delimiter: str) -> bool:
    """Whether a line is a record of its own, not the rest of a cell that goes on over several lines."""
    if line.count(delimiter) < 5:
        return False
    before, _mark, after = line.partition('"')
    return before.count(delimiter) >= 5 or (
        not before.strip() and after[:1] not in (delimiter, '"', "\r", "\n", "")
    )


def _split(line: str, delimiter: str) -> list[Cell]:
    return list(next(csv.reader([line], delimiter=delimiter, quoting=csv.QUOTE_NONE), []))


def _undecodable(content: bytes) -> FileRefused:
    good = content.decode("utf-8", "replace").split("\ufffd", 1)[0]
    return FileRefused(
        "unreadable",
        _l(
            "From row %(row)s on the text cannot be read: save the file as xlsx, or as CSV UTF-8, and send it again",
            row=good.count("\n") + 1,
        ),
        row=good.count("\n") + 1,
    )


def unsupported() -> FileRefused:
    """The refusal of a file that is no spreadsheet."""
    return FileRefused(
        "unsupported_type",
        _l("This is not a spreadsheet that can be read: save it as xlsx in Excel or WPS and send that"),
    )


def too_wide(limits: Limits) -> FileRefused:
    """The refusal of a sheet with more columns than the rulebook allows."""
    sentence = _l(
        "A cell beyond column %(columns)s is filled: delete what is right of the customers",
        columns=limits.columns,
    )
    return FileRefused("too_large", sentence)


def too_many_rows(limits: Limits, last: int = 0) -> FileRefused:
    """The refusal of a file with more rows than the rulebook allows; `last`: the last filled row, if far below."""
    if last:
        sentence = _l(
            "The last filled cell stands in row %(last)s, at most %(rows)s rows fit: "
            "delete all rows below the customers",
            last=f"{last:,}",
            rows=f"{limits.rows:,}",
        )
    else:
        sentence = _l(
            "More than %(rows)s rows: split the file, or delete what is below the customers",
            rows=f"{limits.rows:,}",
        )
    return FileRefused("too_many_rows", sentence)
