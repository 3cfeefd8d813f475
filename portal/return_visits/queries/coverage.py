"""Coverage from the running counts: the same cost whatever the number of visits. And the recount to prove it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate
from typing import Any

from sqlalchemy import Select, func, select, text

from portal import network
from portal.core.db import db
from portal.network import Unit
from portal.return_visits.models import SealedMonth, VisitCount, VisitDay
from portal.return_visits.rules.coverage import NAMES, Figures
from portal.return_visits.rules.coverage import total as total_of


@dataclass(frozen=True)
class Line:
    """Figures of a dealer, a region, or a day (then as they stood at its end).

    A dealer's people count in the month of the region that consolidated them (`regions`); `elsewhere` are those whom
    a region outside of what was asked for consolidated, before the dealer moved.
    """

    unit: Unit
    figures: Figures
    day: date | None = None
    regions: Sequence[Unit] = ()
    elsewhere: Figures = field(default_factory=Figures)


def _chosen(model: type[VisitCount] | type[VisitDay], month: date, below: str, *by: Any) -> Select[Any]:
    """Sums of the figures of everything at `below` and under it, by these columns."""
    sums = [func.coalesce(func.sum(getattr(model, name)), 0) for name in NAMES]
    return (
        select(*by, *sums)
        .where(model.month == month, model.unit_path >= below, model.unit_path < f"{below[:-1]}/")
        .group_by(*by)
        .order_by(*by)
    )


def _figures(values: Iterable[int]) -> Figures:
    return Figures(*(int(each) for each in values))


def by_dealer(month: date, below: str) -> list[Line]:
    """Every dealer at `below` and under it that has people in the month, in the order of the tree."""
    rows = db.session.execute(
        _chosen(VisitCount, month, below, VisitCount.unit_id, VisitCount.region_id)
    ).all()
    units = network.units_by_id(each for row in rows for each in row[:2])
    parts: dict[int, list[tuple[Unit, Figures]]] = defaultdict(list)
    for row in rows:
        parts[row[0]].append((units[row[1]], _figures(row[2:])))
    lines = [
        Line(
            units[unit_id],
            total_of(figures for _, figures in each),
            regions=[region for region, _ in each],
            elsewhere=total_of(figures for region, figures in each if not region.unit_path.startswith(below)),
        )
        for unit_id, each in parts.items()
    ]
    return sorted(lines, key=lambda line: line.unit.unit_path)


def by_region(month: date, below: str) -> list[Line]:
    """Regions at `below` and under it, each with what it consolidated, wherever its dealers are now; a dealer's people
    see none. Together they are what `by_day` ends with."""
    rows = db.session.execute(
        _chosen(VisitDay, month, below, VisitDay.unit_id).where(VisitDay.kind == "region")
    ).all()
    units = network.units_by_id(row[0] for row in rows)
    return [Line(units[row[0]], _figures(row[1:])) for row in rows]


def by_day(month: date, unit: Unit) -> list[Line]:
    """How the figures of everything below `unit` stood at the end of each day on which something changed."""
    kind = "dealer" if unit.kind in ("dealer", "store") else "region"
    chosen = _chosen(VisitDay, month, unit.unit_path, VisitDay.day).where(VisitDay.kind == kind)
    rows = db.session.execute(chosen).all()
    running = accumulate((_figures(row[1:]) for row in rows), Figures.__add__)
    return [Line(unit, figures, row[0]) for row, figures in zip(rows, running, strict=True)]


def total(month: date, below: str) -> Figures:
    """The month's figures of headquarters or of a dealer; a region's own are the last ones of `by_day`."""
    return _figures(db.session.execute(_chosen(VisitCount, month, below)).one())


# --- the proof --------------------------------------------------------------------------------------------

_RECOUNT = text(
    """
    SELECT unit_id, count(*) AS people, count(*) FILTER (WHERE visited) AS visited,
           count(*) FILTER (WHERE standing = 'satisfied') AS satisfied,
           count(*) FILTER (WHERE standing = 'unsatisfied') AS unsatisfied,
           count(*) FILTER (WHERE standing = 'suspicious') AS suspicious,
           count(*) FILTER (WHERE standing = 'unreachable') AS unreachable,
           count(*) FILTER (WHERE standing = 'refused') AS refused,
           count(*) FILTER (WHERE state = 'closed') AS closed
    FROM visit WHERE month = :month GROUP BY unit_id
    """
)
_CONSOLIDATED = text(
    """
    SELECT f.dealer_id, count(DISTINCT (r.phone, r.customer_name))
    FROM consolidation_file f
    JOIN customer_file_row r ON r.network_id = f.network_id AND r.file_id = f.file_id AND r.status = 'good'
    WHERE f.month = :month GROUP BY f.dealer_id
    """
)


def recount(month: date) -> dict[int, Figures]:
    """Headquarters' eyes: each dealer's figures from the visits themselves, by unit id."""
    rows = db.session.execute(_RECOUNT, {"month": month}).all()
    return {row[0]: _figures(row[1:]) for row in rows}


def consolidated_people(month: date) -> dict[int, int]:
    """Headquarters' eyes: the denominator from what was consolidated, by dealer's id."""
    rows = db.session.execute(_CONSOLIDATED, {"month": month})
    return {dealer: people for dealer, people in rows if people}


def sealed(month: date) -> SealedMonth | None:
    """A sealed month's figures as they were; headquarters' eyes."""
    return db.session.scalar(select(SealedMonth).where(SealedMonth.month == month))
