"""Signals of invention or carelessness, worked out for headquarters in one statement (domain.md, Signals).

They weigh as the rulebook says, and stand on the visit with what was seen as numbers: the words are made when read.
"""

from datetime import date

from sqlalchemy import text

from portal.access import Actor
from portal.core.db import db
from portal.return_visits.rules import signals as rules
from portal.return_visits.rules.outcomes import Rank
from portal.rulebook import ReturnVisits

SHORTEST_ADDRESS = 8  # letters: less is a street or a village, not a home
EARLIER_MONTHS = 6
KNOWN_FROM = 10  # people of the months before, from which on a dealer has a territory and a usual number

_WORK_OUT = text(
    """
    WITH fresh AS MATERIALIZED (
        SELECT id, unit_id, phone, name, address, purchase_region FROM visit
        WHERE network_id = :network AND month = :month AND consolidation_id = :id
    ), phones AS MATERIALIZED (
        SELECT v.phone, count(DISTINCT v.name) AS names, count(DISTINCT v.unit_id) AS dealers
        FROM (SELECT DISTINCT phone FROM fresh) f
        JOIN visit v ON v.network_id = :network AND v.phone = f.phone
        GROUP BY v.phone HAVING count(DISTINCT (v.name, v.unit_id)) > 1
    ), touched AS MATERIALIZED (  -- an earlier record that is still open gets its signal too
        SELECT id, unit_id, phone, name, address, purchase_region FROM fresh
        UNION
        SELECT v.id, v.unit_id, v.phone, v.name, v.address, v.purchase_region
        FROM phones p JOIN visit v ON v.network_id = :network AND v.phone = p.phone AND v.state <> 'closed'
    ), numbers AS (
        SELECT DISTINCT unit_id, CAST(phone AS bigint) AS number FROM fresh WHERE phone ~ '^1[0-9]{10}$'
    ), islands AS (
        SELECT unit_id, number, number - row_number() OVER (PARTITION BY unit_id ORDER BY number) AS island FROM numbers
    ), runs AS (
        SELECT unit_id, number, count(*) OVER (PARTITION BY unit_id, island) AS run FROM islands
    ), homes AS (
        SELECT home, count(DISTINCT (phone, name)) AS people
        FROM (SELECT regexp_replace(address, '[[:space:]]+', '', 'g') AS home, phone, name FROM visit
              WHERE network_id = :network AND month = :month) a
        WHERE length(home) >= :shortest GROUP BY home HAVING count(DISTINCT (phone, name)) >= :address_from
    ), before AS (
        SELECT unit_id, purchase_region, count(*) AS people FROM visit
        WHERE network_id = :network AND month >= :since AND month < :month
          AND unit_id IN (SELECT unit_id FROM fresh)
        GROUP BY unit_id, purchase_region
    ), usual AS (
        SELECT unit_id, sum(people) AS people FROM before GROUP BY unit_id HAVING sum(people) >= :known_from
    ), filed AS (
        SELECT unit_id, month, sum(people) AS people FROM visit_count
        WHERE network_id = :network AND month >= :since AND month <= :month
          AND unit_id IN (SELECT unit_id FROM fresh)
        GROUP BY unit_id, month
    ), jumps AS (
        SELECT n.unit_id, n.people, round(avg(e.people)) AS usual
        FROM filed n JOIN filed e ON e.unit_id = n.unit_id AND e.month < :month
        WHERE n.month = :month
        GROUP BY n.unit_id, n.people
        HAVING avg(e.people) >= :known_from AND n.people * 100 >= avg(e.people) * :jump_from
    ), own AS (
        SELECT DISTINCT p.phone FROM person p JOIN membership m ON m.person_id = p.id
        WHERE m.network_id = :network AND m.status = 'active' AND p.phone IS NOT NULL
    ), found AS (
        SELECT t.id, 'phone_under_several_names' AS code, jsonb_build_object('names', p.names) AS params
        FROM touched t JOIN phones p ON p.phone = t.phone WHERE p.names > 1
        UNION ALL
        SELECT t.id, 'phone_at_several_dealers', jsonb_build_object('dealers', p.dealers)
        FROM touched t JOIN phones p ON p.phone = t.phone WHERE p.dealers > 1
        UNION ALL
        SELECT f.id, 'phones_in_sequence', jsonb_build_object('run', r.run)
        FROM fresh f JOIN runs r ON r.unit_id = f.unit_id AND CAST(r.number AS text) = f.phone
        WHERE r.run >= :sequence_from
        UNION ALL
        SELECT f.id, 'address_repeated', jsonb_build_object('people', h.people)
        FROM fresh f JOIN homes h ON h.home = regexp_replace(f.address, '[[:space:]]+', '', 'g')
        UNION ALL
        SELECT f.id, 'region_outside_territory', jsonb_build_object('region', f.purchase_region)
        FROM fresh f JOIN usual u ON u.unit_id = f.unit_id
        WHERE NOT EXISTS (SELECT FROM before b WHERE b.unit_id = f.unit_id AND b.purchase_region = f.purchase_region)
        UNION ALL
        SELECT f.id, 'jump_in_customers', jsonb_build_object('people', j.people, 'usual', j.usual)
        FROM fresh f JOIN jumps j ON j.unit_id = f.unit_id
        UNION ALL
        SELECT t.id, 'phone_of_own_people', '{}' FROM touched t JOIN own o ON o.phone = t.phone
    ), weighed AS (
        SELECT f.id, jsonb_agg(jsonb_build_object('code', f.code, 'params', f.params) ORDER BY f.code) AS signals,
               sum(CAST(CAST(:weights AS jsonb) ->> f.code AS integer)) AS weight
        FROM found f WHERE CAST(CAST(:weights AS jsonb) ->> f.code AS integer) > 0 GROUP BY f.id
    )
    UPDATE visit v
    SET signals = w.signals, weight = w.weight,
        rank = CASE WHEN v.rank IN (:suspicious, :oldest)
                    THEN CASE WHEN w.weight >= :suspicious_from THEN :suspicious ELSE :oldest END ELSE v.rank END
    FROM weighed w WHERE v.network_id = :network AND v.id = w.id
    """
)


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
    db.session.execute(_WORK_OUT, given)


def _months_before(month: date, many: int) -> date:
    place = month.year * 12 + month.month - 1 - many
    return date(place // 12, place % 12 + 1, 1)
