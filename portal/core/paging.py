"""Lists by keyset: the cursor is the last row's place in the order, never an offset."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, tuple_

from portal.core.db import db
from portal.core.errors import FieldError, Invalid
from portal.core.texts import lazy

T = TypeVar("T")
LIMIT = 50
MOST = 200


@dataclass(frozen=True)
class Page(Generic[T]):
    items: list[T]
    next_cursor: str | None


def encode(values: Sequence[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([_written(v) for v in values]).encode()).decode().rstrip("=")


def _written(value: Any) -> Any:
    return (
        value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value
    )


def decode(cursor: str, kinds: Sequence[type]) -> list[Any]:
    """The values of a cursor that we gave. Raises Invalid for anything else."""
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if not isinstance(values, list) or len(values) != len(kinds):
            raise ValueError(cursor)
        return [_read(value, kind) for value, kind in zip(values, kinds, strict=True)]
    except (ValueError, TypeError, binascii.Error, ArithmeticError, RecursionError) as error:
        detail = lazy("This cursor was not given by us. Start again without it.")
        raise Invalid("invalid_cursor", detail, [FieldError("/cursor", "invalid_cursor", detail)]) from error


def _read(value: Any, kind: type) -> Any:
    if value is None:
        raise ValueError("a cursor holds no empty place")
    if kind is bool or isinstance(value, bool):
        if kind is bool and isinstance(value, bool):
            return value
        raise ValueError(value)
    if kind is int:
        if not isinstance(value, int) or not -(2**63) <= value < 2**63:
            raise ValueError(value)
        return value
    if not isinstance(value, str) or "\x00" in value:
        raise ValueError(value)
    value.encode()  # half a character is a ValueError here, and not later in the driver
    readers: dict[type, Callable[[str], Any]] = {
        datetime: datetime.fromisoformat,
        date: date.fromisoformat,
        Decimal: Decimal,
    }
    return readers.get(kind, str)(value)


def paged(
    chosen: Select[Any],
    columns: Sequence[ColumnElement[Any] | Any],
    cursor: str | None,
    limit: int = LIMIT,
    *,
    newest_first: bool = False,
) -> Page[Any]:
    """One page of `chosen` in the order of `columns` (none of them null, together unique), all one direction."""
    if cursor:
        values = decode(cursor, [column.type.python_type for column in columns])
        place = tuple_(*columns)
        after = tuple_(*values, types=[column.type for column in columns])
        chosen = chosen.where(place < after if newest_first else place > after)
    order = [column.desc() if newest_first else column.asc() for column in columns]
    width = (
        len(chosen.selected_columns) if not chosen.column_descriptions else len(chosen.column_descriptions)
    )
    keyed = chosen.add_columns(*(column.label(f"k{i}") for i, column in enumerate(columns)))
    rows = db.session.execute(keyed.order_by(*order).limit(min(limit, MOST) + 1)).all()
    more = len(rows) > min(limit, MOST)
    rows = rows[: min(limit, MOST)]
    following = encode(rows[-1][width:]) if more else None
    return Page([row[0] if width == 1 else row for row in rows], following)
