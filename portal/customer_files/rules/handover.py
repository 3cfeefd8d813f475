"""A large sheet that the request has read, on its way to the worker, which then need not read the file again.

MessagePack holds texts and numbers as they are, and nothing in it can run; dates, times and odd cells are extensions,
each distinct one written and read once.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgpack

from portal.customer_files.rules.sheet import Cell, Merged, Odd, Sheet

_FORM = 3  # another release may write another one: then the file is read again
_LENGTH = 4  # bytes that say how long the head is
_DATE, _DATETIME, _TIME, _TIMEDELTA, _ODD = range(5)


class Handed(NamedTuple):
    """A sheet piece by piece. `more` are the pieces below the first, unpacked as they are asked for."""

    first: Sheet
    more: Iterator[Sheet]
    rows: int
    """Of all pieces together."""


def packed(pieces: Iterable[Sheet]) -> bytes:
    """A sheet's pieces as bytes: how many bytes and rows each has, then one after the other.

    Rows are numbered from 1 on, as in every file that is read.
    """
    parts, rows = [], []
    for piece in pieces:
        parts.append(_packed(piece))
        rows.append(len(piece.rows))
    head = msgpack.packb([_FORM, [len(part) for part in parts], rows])
    return b"".join([len(head).to_bytes(_LENGTH), head, *parts])


def unpacked(content: bytes) -> Handed:
    """What `packed` was given. Raises ValueError where the bytes are not whole, or of another release."""
    begin = _LENGTH + int.from_bytes(content[:_LENGTH])
    try:
        form, sizes, rows = msgpack.unpackb(content[_LENGTH:begin])
        whole = form == _FORM and sizes and begin + sum(sizes) == len(content)
    except (msgpack.UnpackException, ValueError, TypeError) as damaged:
        raise ValueError("not a sheet that was handed over") from damaged
    if not whole:
        raise ValueError("not a sheet that was handed over")

    def pieces() -> Iterator[Sheet]:
        place, number = begin, 1
        for size, count in zip(sizes, rows, strict=True):
            yield _unpacked(memoryview(content)[place : place + size], number)
            place, number = place + size, number + count

    more = pieces()
    return Handed(next(more), more, sum(rows))


def _packed(sheet: Sheet) -> bytes:
    whole = {
        "kind": sheet.kind,
        "rows": sheet.rows,
        "name": sheet.name,
        "hidden": list(sheet.hidden),
        "merged": list(map(list, sheet.merged)),
        "broken": list(map(list, sheet.broken.items())),
        "others": list(map(list, sheet.others)),
        "date1904": sheet.date1904,
        "encoding": sheet.encoding,
        "delimiter": sheet.delimiter,
    }
    content: bytes = msgpack.packb(whole, default=_written, strict_types=True)
    return content


def _unpacked(content: memoryview, number: int) -> Sheet:
    whole = msgpack.unpackb(content, ext_hook=_cell)
    whole["numbers"] = range(number, number + len(whole["rows"]))
    whole["hidden"] = frozenset(whole["hidden"])
    whole["merged"] = tuple(Merged(*each) for each in whole["merged"])
    whole["broken"] = dict(whole["broken"])
    whole["others"] = tuple((name, count) for name, count in whole["others"])
    return Sheet(**whole)


@lru_cache(maxsize=1024)
def _written(cell: object) -> msgpack.ExtType:
    if isinstance(cell, Odd):
        return msgpack.ExtType(_ODD, msgpack.packb([cell.why, cell.text]))
    if isinstance(cell, timedelta):
        return msgpack.ExtType(_TIMEDELTA, str(cell // timedelta(microseconds=1)).encode())
    if isinstance(cell, datetime):  # which is a date, too
        return msgpack.ExtType(_DATETIME, cell.isoformat().encode())
    if isinstance(cell, date):
        return msgpack.ExtType(_DATE, cell.isoformat().encode())
    if isinstance(cell, time):
        return msgpack.ExtType(_TIME, cell.isoformat().encode())
    raise TypeError(f"no cell holds {type(cell).__name__}")


@lru_cache(maxsize=1024)
def _cell(kind: int, written: Any) -> Cell:
    if kind == _ODD:
        return Odd(*msgpack.unpackb(written))
    text = bytes(written).decode()
    if kind == _TIMEDELTA:
        return timedelta(microseconds=int(text))
    if kind == _DATETIME:
        return datetime.fromisoformat(text)
    if kind == _DATE:
        return date.fromisoformat(text)
    if kind == _TIME:
        return time.fromisoformat(text)
    raise ValueError(f"no cell is of kind {kind}")
