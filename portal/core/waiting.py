"""What waits for whoever acts, as the rail of every page counts it: one statement for all rooms, built once a role.

A room gives a query of the rows that wait, with one column: whether the row's limit has passed. In place of the actor
and the clock it has the parameters below.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    DateTime,
    Executable,
    Select,
    Text,
    bindparam,
    func,
    literal,
    select,
    union_all,
)

from portal.core.db import plain_rows

PERSON = bindparam("person", type_=BigInteger)
MEMBERSHIP = bindparam("membership", type_=BigInteger)
UNIT = bindparam("unit", type_=BigInteger)
LOW = bindparam("low", type_=Text)
"""From here on (`HIGH`: up to there) are the paths of the unit and all below it."""
HIGH = bindparam("high", type_=Text)
NOW = bindparam("now", type_=DateTime(timezone=True))
MOST = 100
"""Counted is up to here: what is shown is "99+" at the most."""

Waits = Select[bool]


@dataclass(frozen=True)
class Waiting:
    """How many wait, and whether one of them is overdue."""

    count: int
    late: bool


def statement(places: Mapping[str, Waits]) -> Executable:
    """The query of `waiting`, by place in the rail. To be kept: building it costs more than asking."""
    parts = []
    for place, rows in places.items():
        kept = rows.limit(MOST).subquery()
        late = func.coalesce(func.bool_or(next(iter(kept.c))), False)
        parts.append(
            select(literal(place).label("place"), func.count().label("rows"), late.label("late")).select_from(
                kept
            )
        )
    return union_all(*parts)


def waiting(
    asked: Executable,
    person: int | None,
    membership: int | None,
    unit: int,
    low: str,
    high: str,
    now: datetime,
) -> dict[str, Waiting]:
    """Where something waits, and how much of it."""
    given: dict[str, Any] = {
        "person": person or 0,
        "membership": membership or 0,
        "unit": unit,
        "low": low,
        "high": high,
        "now": now,
    }
    return {row.place: Waiting(row.rows, row.late) for row in plain_rows(asked, given) if row.rows}
