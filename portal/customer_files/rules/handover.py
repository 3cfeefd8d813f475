"""A large sheet that the request has read, on its way to the worker, which then need not read the workbook again.

Only sheets with nothing beside their values (`Sheet.plain`): rows as JSON, dates and times with their kind.
"""

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any

from portal.customer_files.rules.sheet import Cell, Sheet

_FORM = 1  # another release may write another one: then the workbook is read again
_READ: dict[str, Callable[[Any], Cell]] = {
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda micros: timedelta(microseconds=micros),
}


def packed(sheet: Sheet) -> bytes:
    """A plain sheet as bytes."""
    whole = {"form": _FORM, "name": sheet.name, "others": sheet.others, "rows": sheet.rows}
    return json.dumps(whole, ensure_ascii=False, default=_written, separators=(",", ":")).encode(
        errors="surrogatepass"
    )


def unpacked(content: bytes) -> Sheet:
    """What `packed` was given. Raises ValueError where the bytes are not whole, or of another release."""
    whole = json.loads(content.decode(errors="surrogatepass"), object_hook=_cell_or_whole)
    if not isinstance(whole, dict) or whole.get("form") != _FORM:
        raise ValueError("not a sheet that was handed over")
    rows = whole["rows"]
    others = tuple((name, count) for name, count in whole["others"])
    return Sheet("xlsx", rows, range(1, len(rows) + 1), name=whole["name"], others=others, plain=True)


@lru_cache(maxsize=1024)
def _written(cell: object) -> dict[str, Any]:
    if isinstance(cell, timedelta):
        return {"timedelta": cell // timedelta(microseconds=1)}
    if isinstance(cell, date | time):  # a datetime is a date
        return {type(cell).__name__: cell.isoformat()}
    raise TypeError(f"no cell holds {type(cell).__name__}")


def _cell_or_whole(found: dict[str, Any]) -> Any:
    for kind, value in found.items():  # a cell has this one entry, the whole none of these
        if kind in _READ:
            return _READ[kind](value)
    return found
