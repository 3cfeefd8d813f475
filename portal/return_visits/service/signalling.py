"""Signals of invention or carelessness, worked out set-based for headquarters (domain.md, Signals).

They weigh as the rulebook says, and stand on the visit with what was seen as numbers: the words are made when read.
"""

from datetime import date
from typing import Any

from sqlalchemy import text

from portal.access import Actor
from portal.core.db import db
from portal.return_visits.rules import signals as rules
from portal.return_visits.rules.outcomes import Rank
from portal.rulebook import ReturnVisits

SHORTEST_ADDRESS = 8  # letters: less is a street or a village, not a home
EARLIER_MONTHS = 6
KNOWN_FROM = 10  # people of the months before, from which on a dealer has a territory and a usual number

# Temporary tables, each counted before it is joined: the planner knows nothing of rows that this transaction wrote,
# takes 200,000 of them for one, and joins by loops for minutes.
_STEPS = {
    "fresh_visit": """
        SELECT v.id, v.unit_id, v.about_path, v.phone, v.name, v.purchase_region,
               regexp_replace(v.address, '[[:space:]]+', '', 'g') AS home
        FROM visit v
        WHERE v.network_id = :network AND v.month = :month AND v.consolidation_id = :id""",
    "shared_phone": """
        SELECT v.phone, count(DISTINCT v.name) AS names, count(DISTINCT v.unit_id) AS dealers
        FROM (SELECT DISTINCT phone FROM fresh_visit) f
        JOIN visit v ON v.network_id = :network AND v.phone = f.phone
        GROUP BY v.phone HAVING count(DISTINCT (v.name, v.unit_id)) > 1""",
    # an earlier record that is still open gets its signal too
    "touched_visit": """
        SELECT id, phone FROM fresh_visit
        UNION
        SELECT v.id, v.phone FROM shared_phone p
        JOIN visit v ON v.network_id = :network AND v.phone = p.phone AND v.state <> 'closed'""",
    "shared_home": """
        SELECT h.home, count(DISTINCT (h.phone, h.name)) AS people
        FROM (SELECT regexp_replace(v.address, '[[:space:]]+', '', 'g') AS home, v.phone, v.name
              FROM (SELECT DISTINCT about_path FROM fresh_visit) d
              JOIN visit v ON v.network_id = :network AND v.month = :month AND v.about_path = d.about_path) h
        WHERE length(h.home) >= :shortest GROUP BY h.home HAVING count(DISTINCT (h.phone, h.name)) >= :address_from""",
    "sold_before": """
        SELECT v.unit_id, v.purchase_region, count(*) AS people
        FROM (SELECT DISTINCT about_path FROM fresh_visit) d
        CROSS JOIN generate_series(CAST(:since AS date), CAST(:month AS date) - 1, interval '1 month') AS m(month)
        JOIN visit v ON v.network_id = :network AND v.month = CAST(m.month AS date) AND v.about_path = d.about_path
        GROUP BY v.unit_id, v.purchase_region""",
    "filed_before": """
        SELECT c.unit_id, c.month, sum(c.people) AS people FROM visit_count c
        WHERE c.network_id = :network AND c.month >= :since AND c.month <= :month
          AND c.unit_id IN (SELECT unit_id FROM fresh_visit)
        GROUP BY c.unit_id, c.month""",
}
_WEIGH = """
    WITH numbers AS (
        SELECT DISTINCT unit_id, phone, CAST(phone AS bigint) AS number FROM fresh_visit WHERE phone ~ '^1[0-9]{10}$'
    ), islands AS (
        SELECT unit_id, phone, number - row_number() OVER (PARTITION BY unit_id ORDER BY number) AS island FROM numbers
    ), runs AS (
        SELECT unit_id, phone, count(*) OVER (PARTITION BY unit_id, island) AS run FROM islands
    ), usual AS (
        SELECT unit_id FROM sold_before GROUP BY unit_id HAVING sum(people) >= :known_from
    ), jumps AS (
        SELECT n.unit_id, n.people, round(avg(e.people)) AS usual
        FROM filed_before n JOIN filed_before e ON e.unit_id = n.unit_id AND e.month < n.month
        WHERE n.month = :month
        GROUP BY n.unit_id, n.people
        HAVING avg(e.people) >= :known_from AND n.people * 100 >= avg(e.people) * :jump_from
    ), own AS (
        SELECT DISTINCT p.phone FROM person p JOIN membership m ON m.person_id = p.id
        WHERE m.network_id = :network AND m.status = 'active' AND p.phone IS NOT NULL
    ), found AS (
        SELECT t.id, 'phone_under_several_names' AS code, jsonb_build_object('names', p.names) AS params
        FROM touched_visit t JOIN shared_phone p ON p.phone = t.phone WHERE p.names > 1
        UNION ALL
        SELECT t.id, 'phone_at_several_dealers', jsonb_build_object('dealers', p.dealers)
        FROM touched_visit t JOIN shared_phone p ON p.phone = t.phone WHERE p.dealers > 1
        UNION ALL
        SELECT f.id, 'phones_in_sequence', jsonb_build_object('run', r.run)
        FROM fresh_visit f JOIN runs r ON r.unit_id = f.unit_id AND r.phone = f.phone
        WHERE r.run >= :sequence_from
        UNION ALL
        SELECT f.id, 'address_repeated', jsonb_build_object('people', h.people)
        FROM fresh_visit f JOIN shared_home h ON h.home = f.home
        UNION ALL
        SELECT f.id, 'region_outside_territory', jsonb_build_object('region', f.purchase_region)
        FROM fresh_visit f JOIN usual u ON u.unit_id = f.unit_id
        WHERE NOT EXISTS (SELECT FROM sold_before b
                          WHERE b.unit_id = f.unit_id AND b.purchase_region = f.purchase_region)
        UNION ALL
        SELECT f.id, 'jump_in_customers', jsonb_build_object('people', j.people, 'usual', j.usual)
        FROM fresh_visit f JOIN jumps j ON j.unit_id = f.unit_id
        UNION ALL
        SELECT t.id, 'phone_of_own_people', '{}' FROM touched_visit t JOIN own o ON o.phone = t.phone
    )
    SELECT f.id, jsonb_agg(jsonb_build_object('code', f.code, 'params', f.params) ORDER BY f.code) AS signals,
           sum(CAST(CAST(:weights AS jsonb) ->> f.code AS integer)) AS weight
    FROM found f WHERE CAST(CAST(:weights AS jsonb) ->> f.code AS integer) > 0 GROUP BY f.id
"""
_WRITE = text(
    """
    UPDATE visit v
    SET signals = w.signals, weight = w.weight,
        rank = CASE WHEN v.rank IN (:suspicious, :oldest)
                    THEN CASE WHEN w.weight >= :suspicious_from THEN :suspicious ELSE :oldest END ELSE v.rank END
    FROM weighed_visit w WHERE v.network_id = :network AND v.id = w.id
    """
)


def _keep(name: str, rows: str, given: dict[str, Any]) -> None:
    """Rows in a temporary table of this transaction, counted for the planner."""
    db.session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{name}"))
    db.session.execute(text(f"CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS {rows}"), given)
    db.session.execute(text(f"ANALYZE pg_temp.{name}"))


def work_out(actor: Actor, consolidation_id: int, month: date, book: ReturnVisits) -> None:
    """Signals of the visits that a consolidation opened, and of open ones with the same phone. Headquarters' eyes."""
    weighed = book.signals
    given = {
        "network": actor.network_id,
        "id": consolidation_id,
        "month": month,
        "since": _months_before(month, EARLIER_MONTHS),
        "shortest": SHORTEST_ADDRESS,
        "known_from": KNOWN_FROM,
        "address_from": weighed.address_from,
        "sequence_from": weighed.sequence_from,
        "jump_from": weighed.jump_from,
        "suspicious_from": weighed.suspicious_from,
        "suspicious": int(Rank.SUSPICIOUS),
        "oldest": int(Rank.OLDEST),
        "weights": rules.weights_json(book),
    }
    for name, rows in _STEPS.items():
        _keep(name, rows, given)
    _keep("weighed_visit", _WEIGH, given)
    db.session.execute(_WRITE, given)


def _months_before(month: date, many: int) -> date:
    place = month.year * 12 + month.month - 1 - many
    return date(place // 12, place % 12 + 1, 1)
