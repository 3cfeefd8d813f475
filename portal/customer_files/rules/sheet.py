"""A sheet as it was read: cells in rows, and what the cells alone do not tell."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import NamedTuple


class Odd(NamedTuple):
    """A cell without a usable value: an Excel error (`why` "error") or a formula never worked out ("formula")."""

    why: str
    text: str


Value = str | int | Decimal | date | None
"""What a cell is worth once it is judged."""

Cell = str | float | int | bool | date | datetime | time | timedelta | Odd | None


class Merged(NamedTuple):
    """A merged range; rows as the person counts them (from 1), columns from 0, both ends included."""

    first_row: int
    first_column: int
    last_row: int
    last_column: int


@dataclass
class Sheet:
    """One sheet. `numbers[i]` is the row number that a person sees for `rows[i]`; blank rows stand in it too."""

    kind: str
    rows: list[list[Cell]]
    numbers: Sequence[int]
    name: str = ""
    hidden: frozenset[int] = frozenset()
    merged: tuple[Merged, ...] = ()
    broken: dict[int, str] = field(default_factory=dict)
    """Row number -> what is wrong with the record as a whole ("quote")."""
    others: tuple[tuple[str, int], ...] = ()
    """Other visible sheets with the same headings, which were not read: name, filled rows."""
    date1904: bool = False
    encoding: str = ""
    delimiter: str = ""
