"""A large sheet that the request has read, on its way to the worker, which then need not read the workbook again.

Only sheets with nothing beside their values (`Sheet.plain`). MessagePack holds texts and numbers as they are, and
nothing in it can run; dates and times are extensions, each distinct one written and read once.
"""

from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

import msgpack

from portal.customer_files.rules.sheet import Cell, Sheet

_FORM = 2  # another release may write another one: then the workbook is read again
_DATE, _DATETIME, _TIME, _TIMEDELTA = range(4)
_SURROGATES = "surrogatepass"  # half a character, which a sheet may hold


def packed(sheet: Sheet) -> bytes:
    """A plain sheet as bytes."""
    whole = {"form": _FORM, "name": sheet.name, "others": sheet.others, "rows": sheet.rows}
    content: bytes = msgpack.packb(whole, default=_written, unicode_errors=_SURROGATES)
    return content


def unpacked(content: bytes) -> Sheet:
    """What `packed` was given. Raises ValueError where the bytes are not whole, or of another release."""
    try:
        whole = msgpack.unpackb(content, ext_hook=_cell, unicode_errors=_SURROGATES)
    except (msgpack.UnpackException, TypeError) as damaged:
        raise ValueError("not a sheet that was handed over") from damaged
    if not isinstance(whole, dict) or whole.get("form") != _FORM:
        raise ValueError("not a sheet that was handed over")
    rows = whole["rows"]
    others = tuple((name, count) for name, count in whole["others"])
    return Sheet("xlsx", rows, range(1, len(rows) + 1), name=whole["name"], others=others, plain=True)


@lru_cache(maxsize=1024)
def _written(cell: object) -> msgpack.ExtType:
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
