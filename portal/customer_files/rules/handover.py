"""A large sheet that the request has read, on its way to the worker, which then need not read the file again.

MessagePack holds texts and numbers as they are, and nothing in it can run; dates, times and odd cells are extensions,
each distinct one written and read once.
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import msgpack

from portal.customer_files.rules.sheet import Cell, Merged, Odd, Sheet

_FORM = 2  # another release may write another one: then the file is read again
_DATE, _DATETIME, _TIME, _TIMEDELTA, _ODD = range(5)


def packed(sheet: Sheet) -> bytes:
    """A sheet as bytes; its rows are numbered from 1, as in every file that is read."""
    whole = {
        "form": _FORM,
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


def unpacked(content: bytes) -> Sheet:
    """What `packed` was given. Raises ValueError where the bytes are not whole, or of another release."""
    try:
        whole = msgpack.unpackb(content, ext_hook=_cell)
    except (msgpack.UnpackException, TypeError) as damaged:
        raise ValueError("not a sheet that was handed over") from damaged
    if not isinstance(whole, dict) or whole.pop("form", None) != _FORM:
        raise ValueError("not a sheet that was handed over")
    whole["numbers"] = range(1, len(whole["rows"]) + 1)
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
