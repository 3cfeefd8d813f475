"""A consolidation opens the month's visits: one for each person at a dealer (R040). Set-based throughout."""

from datetime import date, datetime

from sqlalchemy import text

from portal.access import Actor
from portal.core import clock, events
from portal.core.db import db, within
from portal.core.jobs import later
from portal.return_visits import queries
from portal.return_visits.rules.outcomes import Rank
from portal.return_visits.service import counting, signalling
from portal.return_visits.service.counting import OPENING_SLOT

AT_ONCE = 5_000
"""More people than this open in a job, so that the page is not held; they are counted at once."""

_HOW_MANY = text("SELECT coalesce(sum(people), 0) FROM consolidation_file WHERE consolidation_id = :id")

# Like the consolidation's own count of people: whoever an earlier one of the month holds at this dealer has a visit.
_OPEN = text(
    """
    INSERT INTO visit (network_id, unit_path, about_path, unit_id, region_id, filed_by, month, consolidation_id,
                       opened_at, name, phone, address, purchase_region, state, rank, next_at)
    SELECT :network, :root, u.unit_path, p.dealer_id, c.region_id, p.filed_by, c.month, c.id, :now,
           p.customer_name, p.phone, p.address, p.purchase_region, 'waiting', :rank,
           CAST(p.ready_on AS timestamp) AT TIME ZONE :zone
    FROM consolidation c
    JOIN (SELECT f.dealer_id, r.customer_name, r.phone,
                 (array_agg(cf.unit_id ORDER BY r.file_id, r.row_no))[1] AS filed_by,
                 (array_agg(r.address ORDER BY r.file_id, r.row_no))[1] AS address,
                 (array_agg(r.purchase_region ORDER BY r.file_id, r.row_no))[1] AS purchase_region,
                 max(CAST(coalesce(r.installed_on + CAST(:after_installation AS interval),
                                   r.purchase_date + CAST(:after_purchase AS interval), c0.month) AS date)) AS ready_on
          FROM consolidation c0
          JOIN consolidation_file f ON f.network_id = c0.network_id AND f.consolidation_id = c0.id
          JOIN customer_file cf ON cf.network_id = f.network_id AND cf.id = f.file_id
          JOIN customer_file_row r ON r.network_id = f.network_id AND r.file_id = f.file_id
          WHERE c0.network_id = :network AND c0.id = :id AND r.status = 'good' AND NOT r.matched
          GROUP BY f.dealer_id, r.customer_name, r.phone) p ON true
    JOIN unit u ON u.network_id = :network AND u.id = p.dealer_id
    WHERE c.network_id = :network AND c.id = :id
    ORDER BY u.unit_path, p.phone, p.customer_name
    ON CONFLICT (network_id, phone, name, unit_id, month) DO NOTHING
    """
)
_DEALERS = text("SELECT DISTINCT dealer_id FROM consolidation_file WHERE consolidation_id = :id")
_PEOPLE = """
    FROM (SELECT f.dealer_id, f.month, sum(f.people) AS people FROM consolidation_file f
          WHERE f.network_id = :network AND f.consolidation_id = :id GROUP BY f.dealer_id, f.month) p
    JOIN consolidation c ON c.network_id = :network AND c.id = :id
"""
_COUNT = text(
    f"""
    INSERT INTO visit_count AS c (network_id, unit_path, month, unit_id, slot, region_id, people)
    SELECT :network, u.unit_path, p.month, u.id, {OPENING_SLOT}, c.region_id, p.people {_PEOPLE}
    JOIN unit u ON u.network_id = :network AND u.id = p.dealer_id
    WHERE p.people > 0 ORDER BY p.month, u.id
    ON CONFLICT (network_id, month, unit_id, region_id, slot) DO UPDATE SET people = c.people + excluded.people
    """
)
_DAY = text(
    f"""
    INSERT INTO visit_day AS c (network_id, unit_path, month, kind, unit_id, day, slot, people)
    SELECT :network, u.unit_path, p.month, w.kind, u.id, :day, {OPENING_SLOT}, sum(p.people) {_PEOPLE}
    CROSS JOIN LATERAL (VALUES ('dealer', p.dealer_id), ('region', c.region_id)) AS w(kind, id)
    JOIN unit u ON u.network_id = :network AND u.id = w.id
    WHERE p.people > 0 GROUP BY u.unit_path, p.month, w.kind, u.id ORDER BY w.kind, u.id
    ON CONFLICT (network_id, month, kind, unit_id, day, slot) DO UPDATE SET people = c.people + excluded.people
    """
)


def open_visits(actor: Actor, consolidation_id: int, month: date) -> int:
    """Open one visit for each person that this consolidation (or amendment) adds; gives how many people it adds.

    In the caller's transaction and for headquarters, which keeps the visits. A large one's visits follow in a job
    that the same transaction wants; its people count from now on.
    """
    now = clock.now()
    ruled = queries.calling_or_none(actor.network_id, month)
    if ruled is None:
        return 0
    given = {"network": actor.network_id, "id": consolidation_id}
    db.session.flush()
    with within(actor.whole_network):
        many = int(db.session.scalar(_HOW_MANY, {"id": consolidation_id}) or 0)
        if not many:
            return 0
        counting.keep_unsealed(actor.network_id, [month])
        db.session.execute(_COUNT, given)
        db.session.execute(_DAY, {**given, "day": ruled.hours.day_of(now)})
        if many <= AT_ONCE:
            write_visits(actor, consolidation_id, month, now)
        else:
            later(
                "return_visits.open",
                consolidation_id=consolidation_id,
                month=month.isoformat(),
                at=now.isoformat(),
            )
    return many


def write_visits(actor: Actor, consolidation_id: int, month: date, now: datetime) -> int:
    """Headquarters' eyes. Twice is the same as once."""
    ruled = queries.calling(actor.network_id, month)
    done = db.session.execute(
        _OPEN,
        {
            "network": actor.network_id,
            "root": actor.root_path,
            "id": consolidation_id,
            "now": now,
            "rank": int(Rank.OLDEST),
            "zone": ruled.hours.zone.key,
            "after_installation": ruled.book.after_installation,
            "after_purchase": ruled.book.after_purchase,
        },
    )
    opened: int = done.rowcount  # type: ignore[attr-defined]
    signalling.look_later(list(db.session.scalars(_DEALERS, {"id": consolidation_id})), month)
    events.record(
        actor,
        "visit:opened",
        kind="consolidation",
        object_id=consolidation_id,
        unit_path=actor.root_path,
        after={"visits": opened},
    )
    return opened
