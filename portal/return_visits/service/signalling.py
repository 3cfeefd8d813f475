"""Signals of invention or carelessness, worked out set-based for headquarters (domain.md, Signals).

When a dealer's file is filed or taken back, and again when its month is consolidated: everybody of that month at that
dealer is looked at anew, and whoever shares a phone with them elsewhere. What was seen stands in `filed_signal` as
numbers and records; the words are made when it is read. Each weighs as the rulebook says, and double where it was seen
twice as often as makes it a signal. An open visit carries a copy, which sets its place in line.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from portal.access import Actor
from portal.core import month as months
from portal.core.db import db, within
from portal.core.jobs import later
from portal.return_visits import queries
from portal.return_visits.rules import signals as rules
from portal.return_visits.rules.outcomes import Rank
from portal.rulebook import ReturnVisits

SHORTEST_ADDRESS = 8  # letters: less is a street or a village, not a home
EARLIER_MONTHS = 6
KNOWN_FROM = 10  # people: a dealer that sold to so many has a territory; a jump is at least so many more
NEAR = 9  # phones in sequence: from one to the next
SHOWN_BESIDE = (
    3  # records before and after in the same row of phones, at the same address, with the same phone
)

_HOME = r"""lower(regexp_replace(translate(r.address, '０１２３４５６７８９', '0123456789'),
                                '[[:space:][:punct:]，。、（）－—·＃]', '', 'g'))"""
_BESIDE = f"""ROWS BETWEEN {SHOWN_BESIDE} PRECEDING AND {SHOWN_BESIDE} FOLLOWING EXCLUDE CURRENT ROW"""
_PHONE_CODES = "('phone_under_several_names', 'phone_at_several_dealers')"
# Temporary tables, each counted before it is joined: the planner knows nothing of rows that this transaction wrote,
# takes 200,000 of them for one, and joins by loops for minutes. A `record` is (file, row of the file).
_STEPS = {
    "house": """
        SELECT d.id AS dealer_id, u.unit_path
        FROM unit d
        JOIN unit u ON u.network_id = d.network_id AND (u.id = d.id OR (u.parent_id = d.id AND u.kind = 'store'))
        WHERE d.network_id = :network AND d.id = ANY(:dealers)""",
    "lately": f"""
        SELECT h.dealer_id, s.month, ARRAY[r.file_id, r.row_no] AS record, r.phone, r.customer_name AS name,
               r.purchase_region AS region, {_HOME} AS home
        FROM house h
        JOIN customer_source s ON s.network_id = :network AND s.unit_path = h.unit_path
                              AND s.month BETWEEN :since AND :month
        JOIN customer_file_row r ON r.network_id = :network AND r.file_id = s.file_id
        WHERE r.status = 'good'""",  # noqa: S608 - ours
    "fresh": """
        SELECT DISTINCT ON (dealer_id, phone, name) dealer_id, month, phone, name, record, region, home
        FROM lately WHERE month = :month ORDER BY dealer_id, phone, name, record""",
    "known_signal": """
        SELECT dealer_id, month, phone, name, ARRAY[file_id, row_no] AS record FROM filed_signal
        WHERE network_id = :network AND month = :month AND dealer_id = ANY(:dealers)""",
    "holder": """
        SELECT r.phone, CASE WHEN u.kind = 'store' THEN u.parent_id ELSE u.id END AS dealer_id, s.month,
               r.customer_name AS name, min(ARRAY[r.file_id, r.row_no]) AS record
        FROM (SELECT phone FROM fresh UNION SELECT phone FROM known_signal) n
        JOIN customer_file_row r ON r.network_id = :network AND r.phone = n.phone AND r.status = 'good'
        JOIN customer_source s ON s.network_id = :network AND s.file_id = r.file_id
        JOIN unit u ON u.network_id = :network AND u.id = s.unit_id
        GROUP BY 1, 2, 3, 4""",
    "shared_phone": """
        SELECT phone, count(DISTINCT name) AS names, count(DISTINCT dealer_id) AS dealers FROM holder
        GROUP BY phone HAVING count(DISTINCT name) > 1 OR count(DISTINCT dealer_id) > 1""",
    # everybody of the month at these dealers, now or when it was worked out last, and who shares a phone with them
    "looked_at": """
        SELECT dealer_id, month, phone, name, record, true AS anew FROM fresh
        UNION ALL
        SELECT k.dealer_id, k.month, k.phone, k.name, k.record, true FROM known_signal k
        WHERE NOT EXISTS (SELECT FROM fresh f
                          WHERE f.dealer_id = k.dealer_id AND f.phone = k.phone AND f.name = k.name)
        UNION ALL
        SELECT dealer_id, month, phone, name, record, false FROM holder
        WHERE month >= :since AND NOT (month = :month AND dealer_id = ANY(:dealers))""",
    "home": """
        SELECT dealer_id, home, count(*) AS people
        FROM (SELECT DISTINCT dealer_id, home, phone, name FROM lately) l
        WHERE length(home) >= :shortest GROUP BY dealer_id, home HAVING count(*) >= :address_from""",
    "sold": """
        SELECT dealer_id, region, count(DISTINCT (phone, name)) AS people FROM lately WHERE month < :month
        GROUP BY dealer_id, region""",
    "territory": """
        SELECT d.id AS dealer_id,
               (SELECT a.territory FROM unit a
                WHERE a.network_id = :network AND starts_with(d.unit_path, a.unit_path)
                  AND cardinality(a.territory) > 0
                ORDER BY length(a.unit_path) DESC LIMIT 1) AS regions,
               (SELECT sum(s.people) FROM sold s WHERE s.dealer_id = d.id) AS known
        FROM unit d WHERE d.network_id = :network AND d.id = ANY(:dealers)""",
    "jump": """
        SELECT n.dealer_id, n.people, round(e.usual) AS usual
        FROM (SELECT dealer_id, count(*) AS people FROM fresh GROUP BY dealer_id) n
        JOIN (SELECT m.unit_id, avg(m.people) AS usual
              FROM (SELECT unit_id, month, sum(people) AS people FROM visit_count
                    WHERE network_id = :network AND month >= :since AND month < :month AND unit_id = ANY(:dealers)
                    GROUP BY unit_id, month HAVING sum(people) > 0) m
              GROUP BY m.unit_id) e ON e.unit_id = n.dealer_id
        WHERE n.people * 100 >= e.usual * :jump_from AND n.people - e.usual >= :known_from""",
    "own_phone": """
        SELECT p.phone, min(u.name) AS unit
        FROM person p
        JOIN membership m ON m.person_id = p.id AND m.network_id = :network AND m.status = 'active'
        JOIN unit u ON u.network_id = :network AND u.id = m.unit_id
        WHERE p.phone IN (SELECT phone FROM fresh)
        GROUP BY p.phone""",
}
_FOUND = f"""
    WITH numbered AS (
        SELECT dealer_id, month, phone, name, record, CAST(phone AS bigint) AS number
        FROM fresh WHERE phone ~ '^1[0-9]{{10}}$'
    ), stepped AS (
        SELECT n.*, CASE WHEN number - lag(number) OVER (PARTITION BY dealer_id ORDER BY number) <= {NEAR}
                         THEN 0 ELSE 1 END AS starts
        FROM numbered n
    ), islands AS (
        SELECT s.*, sum(starts) OVER (PARTITION BY dealer_id ORDER BY number, name) AS island FROM stepped s
    ), runs AS (
        SELECT i.*, dense_rank() OVER lower_first + dense_rank() OVER higher_first - 1 AS run,
               array_agg(record) OVER (PARTITION BY dealer_id, island ORDER BY number, name {_BESIDE}) AS beside
        FROM islands i
        WINDOW lower_first AS (PARTITION BY dealer_id, island ORDER BY number),
               higher_first AS (PARTITION BY dealer_id, island ORDER BY number DESC)
    ), homes AS (
        SELECT l.dealer_id, l.month, l.phone, l.name, h.people,
               array_agg(l.record) OVER (PARTITION BY l.dealer_id, l.home ORDER BY l.month DESC, l.phone, l.name
                                         {_BESIDE}) AS beside
        FROM (SELECT DISTINCT ON (dealer_id, home, phone, name) * FROM lately
              ORDER BY dealer_id, home, phone, name, month DESC, record) l
        JOIN home h ON h.dealer_id = l.dealer_id AND h.home = l.home
    ), phones AS (
        SELECT h.dealer_id, h.month, h.phone, h.name, s.names, s.dealers,
               array_agg(h.record) OVER (PARTITION BY h.phone ORDER BY h.month DESC, h.dealer_id, h.name
                                         {_BESIDE}) AS beside
        FROM holder h JOIN shared_phone s ON s.phone = h.phone
    ), found AS (
        SELECT dealer_id, month, phone, name, 'phone_under_several_names' AS code,
               jsonb_build_object('names', names) AS params, to_jsonb(beside) AS beside, names >= 4 AS strong
        FROM phones WHERE names > 1
        UNION ALL
        SELECT dealer_id, month, phone, name, 'phone_at_several_dealers',
               jsonb_build_object('dealers', dealers), to_jsonb(beside), dealers >= 4
        FROM phones WHERE dealers > 1
        UNION ALL
        SELECT dealer_id, month, phone, name, 'phones_in_sequence', jsonb_build_object('run', run), to_jsonb(beside),
               run >= 2 * :sequence_from
        FROM runs WHERE run >= :sequence_from
        UNION ALL
        SELECT dealer_id, month, phone, name, 'address_repeated', jsonb_build_object('people', people),
               to_jsonb(beside), people >= 2 * :address_from
        FROM homes WHERE month = :month
        UNION ALL
        SELECT f.dealer_id, f.month, f.phone, f.name, 'region_outside_territory',
               jsonb_strip_nulls(jsonb_build_object('region', f.region, 'territory', t.regions)), NULL, false
        FROM fresh f JOIN territory t ON t.dealer_id = f.dealer_id
        WHERE f.region <> ''
          AND CASE WHEN t.regions IS NOT NULL
              THEN NOT EXISTS (SELECT FROM unnest(t.regions) AS one(region)
                               WHERE strpos(f.region, one.region) > 0 OR strpos(one.region, f.region) > 0)
              ELSE t.known >= :known_from
                   AND NOT EXISTS (SELECT FROM sold s WHERE s.dealer_id = f.dealer_id AND s.region = f.region) END
        UNION ALL
        SELECT f.dealer_id, f.month, f.phone, f.name, 'jump_in_customers',
               jsonb_build_object('people', j.people, 'usual', j.usual), NULL,
               j.people * 100 >= 2 * j.usual * :jump_from
        FROM fresh f JOIN jump j ON j.dealer_id = f.dealer_id
        UNION ALL
        SELECT f.dealer_id, f.month, f.phone, f.name, 'phone_of_own_people',
               jsonb_build_object('unit', o.unit), NULL, false
        FROM fresh f JOIN own_phone o ON o.phone = f.phone
        UNION ALL
        -- whoever merely shares a phone keeps what else was seen
        SELECT l.dealer_id, l.month, l.phone, l.name, e ->> 'code', e -> 'params', e -> 'records',
               coalesce(CAST(e -> 'strong' AS boolean), false)
        FROM looked_at l
        JOIN filed_signal s ON s.network_id = :network AND s.month = l.month AND s.dealer_id = l.dealer_id
                           AND s.phone = l.phone AND s.name = l.name
        CROSS JOIN LATERAL jsonb_array_elements(s.seen) AS e
        WHERE NOT l.anew AND e ->> 'code' NOT IN {_PHONE_CODES}
    ), weighed AS (
        SELECT f.dealer_id, f.month, f.phone, f.name,
               sum(CAST(w.value AS integer) * CASE WHEN f.strong THEN 2 ELSE 1 END) AS weight,
               jsonb_agg(jsonb_build_object('code', f.code, 'params', f.params, 'strong', f.strong,
                                            'records', coalesce(f.beside, '[]')) ORDER BY f.code) AS seen
        FROM found f JOIN jsonb_each_text(CAST(:weights AS jsonb)) AS w ON w.key = f.code
        WHERE CAST(w.value AS integer) > 0
        GROUP BY f.dealer_id, f.month, f.phone, f.name
    )
    SELECT l.dealer_id, l.month, l.phone, l.name, l.record, w.seen, coalesce(w.weight, 0) AS weight
    FROM looked_at l
    LEFT JOIN weighed w ON w.dealer_id = l.dealer_id AND w.month = l.month AND w.phone = l.phone AND w.name = l.name
"""  # noqa: S608 - constants of this module
_SET = """signals = f.seen, weight = f.weight,
        rank = CASE WHEN v.rank = :oldest AND f.weight >= :suspicious_from THEN :suspicious
                    WHEN v.rank = :suspicious AND f.weight < :suspicious_from AND v.weight >= :suspicious_from
                    THEN :oldest ELSE v.rank END"""
_FORGET = text(
    """
    DELETE FROM filed_signal s USING weighed_person w
    WHERE s.network_id = :network AND s.month = w.month AND s.dealer_id = w.dealer_id AND s.phone = w.phone
      AND s.name = w.name AND w.seen IS NULL
    """
)
_KEEP = text(
    """
    INSERT INTO filed_signal AS s (network_id, unit_path, month, dealer_id, phone, name, file_id, row_no, seen, weight)
    SELECT :network, :root, month, dealer_id, phone, name, record[1], record[2], seen, weight
    FROM weighed_person WHERE seen IS NOT NULL
    ON CONFLICT (network_id, month, dealer_id, phone, name) DO UPDATE
    SET file_id = excluded.file_id, row_no = excluded.row_no, seen = excluded.seen, weight = excluded.weight
    WHERE (s.file_id, s.row_no, s.seen) IS DISTINCT FROM (excluded.file_id, excluded.row_no, excluded.seen)
    """
)
# A visit that is being saved at this moment is left out and gets its turn in a job of its own (_LEFT_OUT): this one
# holds many visits, and would wait for an agent who waits for another of them.
_PUT_IN_ORDER = text(
    f"""
    WITH free AS (
        SELECT v.id, w.seen, w.weight
        FROM weighed_person w
        JOIN visit v ON v.network_id = :network AND v.phone = w.phone AND v.name = w.name
                    AND v.unit_id = w.dealer_id AND v.month = w.month
        WHERE v.state <> 'closed' AND v.signals IS DISTINCT FROM w.seen
        FOR UPDATE OF v SKIP LOCKED)
    UPDATE visit v SET {_SET}
    FROM free f WHERE v.network_id = :network AND v.id = f.id
    """  # noqa: S608 - constants of this module
)
_LEFT_OUT = text(
    """
    SELECT v.id FROM weighed_person w
    JOIN visit v ON v.network_id = :network AND v.phone = w.phone AND v.name = w.name AND v.unit_id = w.dealer_id
                AND v.month = w.month
    WHERE v.state <> 'closed' AND v.signals IS DISTINCT FROM w.seen ORDER BY v.id
    """
)
_ONE = text(
    f"""
    WITH free AS (
        SELECT v.id, s.seen, coalesce(s.weight, 0) AS weight
        FROM visit v
        LEFT JOIN filed_signal s ON s.network_id = v.network_id AND s.month = v.month AND s.dealer_id = v.unit_id
                                AND s.phone = v.phone AND s.name = v.name
        WHERE v.network_id = :network AND v.id = :id AND v.state <> 'closed')
    UPDATE visit v SET {_SET}
    FROM free f WHERE v.network_id = :network AND v.id = f.id
    """  # noqa: S608
)
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('signals:' || :network, 0))")


def look_later(dealer_ids: Sequence[int], month: date) -> None:
    """These dealers' month was filed, taken back or consolidated: a job of this transaction looks at its people.

    Never `once`: a job that waits already may run before this transaction is committed, and would miss it.
    """
    if dealer_ids:
        later("return_visits.signals", dealer_ids=sorted(dealer_ids), month=month.isoformat())


def look(actor: Actor, dealer_ids: Sequence[int], month: date) -> None:
    """Work out the signals of everybody whom these dealers filed for the month. Twice is the same as once."""
    ruled = queries.calling_or_none(actor.network_id, month)
    if ruled is not None and dealer_ids:
        with within(actor.whole_network):
            work_out(actor, dealer_ids, month, ruled.book)


def work_out(actor: Actor, dealer_ids: Sequence[int], month: date, book: ReturnVisits) -> None:
    """The same with headquarters' eyes."""
    weighed = book.signals
    given = {
        "network": actor.network_id,
        "root": actor.root_path,
        "dealers": list(dealer_ids),
        "month": month,
        "since": months.earlier(month, EARLIER_MONTHS),
        "shortest": SHORTEST_ADDRESS,
        "known_from": KNOWN_FROM,
        "address_from": weighed.address_from,
        "sequence_from": weighed.sequence_from,
        "jump_from": weighed.jump_from,
        **_order(book),
        "weights": rules.weights_json(book),
    }
    db.session.execute(_ONE_AT_A_TIME, {"network": str(actor.network_id)})
    for name, rows in _STEPS.items():
        _keep(name, rows, given)
    _keep("weighed_person", _FOUND, given)
    for statement in (_FORGET, _KEEP, _PUT_IN_ORDER):
        db.session.execute(statement, given)
    for visit_id in db.session.scalars(_LEFT_OUT, given):
        later("return_visits.signals_of_visit", visit_id=visit_id)


def look_at_visit(actor: Actor, visit_id: int) -> None:
    """A visit that was being saved when its signals were worked out gets them now; waits for whoever saves it."""
    with within(actor.whole_network):
        visit = queries.get_visit(visit_id, lock=True)
        ruled = queries.calling_or_none(actor.network_id, visit.month)
        if ruled is not None:  # a statement of its own: it sees what was worked out while this one waited
            db.session.execute(_ONE, {"network": actor.network_id, "id": visit_id, **_order(ruled.book)})


def _order(book: ReturnVisits) -> dict[str, int]:
    """What puts a visit in its place."""
    return {
        "suspicious_from": book.signals.suspicious_from,
        "suspicious": int(Rank.SUSPICIOUS),
        "oldest": int(Rank.OLDEST),
    }


def _keep(name: str, rows: str, given: dict[str, Any]) -> None:
    """Rows in a temporary table of this transaction, counted for the planner."""
    db.session.execute(text(f"DROP TABLE IF EXISTS pg_temp.{name}"))
    made = text(f"CREATE TEMPORARY TABLE {name} ON COMMIT DROP AS {rows}")
    if ":dealers" in rows:
        made = made.bindparams(bindparam("dealers", type_=ARRAY(BigInteger)))
    db.session.execute(made, given)
    db.session.execute(text(f"ANALYZE pg_temp.{name}"))
