"""The coverage's running counts, written in the transaction of what changes them.

A month's figures of a dealer are the sum of a few slots, chosen by who calls: fifty agents on one dealer's customers
don't wait for one row. Always counts before days, each in the order of month and unit: no two can lock each other out.
"""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date

from sqlalchemy import text

from portal import clocks
from portal.core.db import db
from portal.core.errors import Conflict
from portal.core.texts import lazy
from portal.return_visits.models import Visit
from portal.return_visits.rules.coverage import NAMES, Figures, counted_as
from portal.return_visits.rules.outcomes import Standing, State

SLOTS = 8
DAY_SLOTS = 8
OPENING_SLOT = -1
_COLUMNS = ", ".join(NAMES)
_VALUES = ", ".join(f":{name}" for name in NAMES)
_ADDED = ", ".join(f"{name} = c.{name} + excluded.{name}" for name in NAMES)
_COUNT = text(
    f"""
    INSERT INTO visit_count AS c (network_id, unit_path, month, unit_id, slot, region_id, {_COLUMNS})
    VALUES (:network, :path, :month, :unit, :slot, :region, {_VALUES})
    ON CONFLICT (network_id, month, unit_id, region_id, slot) DO UPDATE SET {_ADDED}
    """  # noqa: S608 - names of columns
)
_DAY = text(
    f"""
    INSERT INTO visit_day AS c (network_id, unit_path, month, kind, unit_id, day, slot, {_COLUMNS})
    SELECT :network, u.unit_path, :month, w.kind, u.id, :day, :slot, {_VALUES}
    FROM (VALUES ('dealer', CAST(:unit AS bigint)), ('region', CAST(:region AS bigint))) AS w(kind, id)
    JOIN unit u ON u.network_id = :network AND u.id = w.id
    ORDER BY w.kind
    ON CONFLICT (network_id, month, kind, unit_id, day, slot) DO UPDATE SET {_ADDED}
    """  # noqa: S608
)


_UNSEALED = text(
    """
    SELECT pg_advisory_xact_lock_shared(hashtextextended('seal:' || :network || ':' || m.month, 0))
    FROM (SELECT DISTINCT unnest(CAST(:months AS date[])) AS month ORDER BY 1) m
    """
)
_SEALING = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('seal:' || :network || ':' || CAST(:month AS date), 0))"
)


def keep_unsealed(network_id: int, months: Iterable[date]) -> None:
    """Nobody seals these months until the transaction ends; any number may hold this at once.

    Raises Conflict month_sealed where somebody has.
    """
    wanted = sorted(set(months))
    db.session.execute(_UNSEALED, {"network": str(network_id), "months": wanted})
    if any(
        clocks.is_sealed(network_id, each) for each in wanted
    ):  # a statement of its own: it sees who was first
        raise Conflict("month_sealed", lazy("This month is sealed."))


def hold_for_sealing(network_id: int, month: date) -> None:
    """Whatever changes the month's figures has ended, and begins no more until the transaction ends."""
    db.session.execute(_SEALING, {"network": str(network_id), "month": month})


def figures_of(visit: Visit) -> Figures:
    return counted_as(State(visit.state), visit.visited, Standing(visit.standing))


def add(changes: Iterable[tuple[Visit, Figures]], day: date, person_id: int | None) -> None:
    """Write what each visit's figures changed by; `day` in the network's zone. Headquarters' eyes."""
    sums: dict[tuple[date, int, int], Figures] = defaultdict(Figures)
    about: dict[tuple[date, int, int], Visit] = {}
    for visit, change in changes:
        key = (visit.month, visit.unit_id, visit.region_id)
        sums[key] += change
        about[key] = visit
    given = [
        {
            "network": about[key].network_id,
            "path": about[key].about_path,
            "month": key[0],
            "unit": key[1],
            "region": key[2],
            "day": day,
            **vars(change),
        }
        for key, change in sorted(sums.items())
        if change
    ]
    db.session.flush()
    for values in given:
        db.session.execute(_COUNT, {**values, "slot": (person_id or 0) % SLOTS})
    for values in given:
        db.session.execute(_DAY, {**values, "slot": (person_id or 0) % DAY_SLOTS})
