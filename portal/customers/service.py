"""People of filed files become customers, and stop being shown when a file is taken back. Set-based throughout."""

from collections.abc import Sequence

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from portal.access import Actor
from portal.core import clock
from portal.core.db import db, within
from portal.core.jobs import later
from portal.customers.rules import SMALL

_FILES = bindparam("files", type_=ARRAY(BigInteger))


def take_in(actor: Actor, file_ids: Sequence[int]) -> None:
    """A dealer's file and its stores' parts were submitted: their good rows are purchases from now on.

    In the caller's transaction; a large file's people follow in a job. Twice is the same as once. What these versions
    replace for the month gives way, unless it was consolidated: an amendment stands beside that.
    """
    given = {"network": actor.network_id, "files": list(file_ids)}
    _one_at_a_time(given)
    gone = list(db.session.scalars(_REPLACE, given))
    db.session.execute(_TAKE, given)
    affected = [*file_ids, *gone]
    rows = db.session.scalar(_COUNT, {**given, "files": affected}) or 0
    if rows > SMALL:
        later("customers.refresh", file_ids=affected)
    else:
        refresh(actor, affected)


def let_go(actor: Actor, file_ids: Sequence[int]) -> None:
    """These files were withdrawn or returned: their rows, and those of the parts in them, are no purchases any more.

    Asked after the file's state has changed; what was consolidated before stays.
    """
    given = {"network": actor.network_id, "files": list(file_ids)}
    _one_at_a_time(given)
    gone = list(db.session.scalars(_FORGET, given))
    if gone:
        refresh(actor, gone)


def refresh(actor: Actor, file_ids: Sequence[int]) -> None:
    """Work out anew, from all filed rows, everybody who stands in these files; then look for links."""
    given = {"network": actor.network_id, "files": list(file_ids)}
    _one_at_a_time(given)
    db.session.execute(_REFRESH, given)
    later("customers.link", file_ids=list(file_ids))


def link(actor: Actor, file_ids: Sequence[int]) -> None:
    """Find who of these files has a phone that other dealers filed too. Acts for headquarters, which keeps it."""
    given = {
        "network": actor.network_id,
        "files": list(file_ids),
        "root": actor.root_path,
        "now": clock.now(),
    }
    with within(actor.whole_network):
        db.session.execute(_UNLINK, given)
        db.session.execute(_LINK, given)


def _one_at_a_time(given: dict[str, object]) -> None:
    """Two months of a dealer may be filed at once: the second has to see the first one's people."""
    db.session.flush()
    db.session.execute(_LOCK, given)


_LOCK = text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended('customers:' || unit_id, 0))
    FROM (SELECT DISTINCT unit_id FROM customer_file
          WHERE network_id = :network AND id = ANY(:files) ORDER BY unit_id) AS units
    """
).bindparams(_FILES)

_LET_GO = """
    DELETE FROM customer_source s USING customer_file f, customer_file n
    WHERE n.network_id = :network AND n.id = ANY(:files) AND s.network_id = :network AND s.month = n.month
      AND s.unit_path >= n.unit_path AND s.unit_path < rtrim(n.unit_path, '.') || '/'
      AND f.network_id = :network AND f.id = s.file_id AND f.state <> 'consolidated' {others}
    RETURNING s.file_id
"""
_REPLACE = text(_LET_GO.format(others="AND s.file_id <> ALL(:files)")).bindparams(_FILES)
_FORGET = text(_LET_GO.format(others="")).bindparams(_FILES)
_TAKE = text(
    """
    INSERT INTO customer_source (network_id, unit_path, file_id, unit_id, month)
    SELECT network_id, unit_path, id, unit_id, month FROM customer_file WHERE network_id = :network AND id = ANY(:files)
    ON CONFLICT DO NOTHING
    """
).bindparams(_FILES)
_COUNT = text(
    "SELECT coalesce(sum(good), 0) FROM customer_file WHERE network_id = :network AND id = ANY(:files)"
).bindparams(_FILES)
# A temporary result has no statistics: nothing here joins two of them, or the planner would compare all with all.
_REFRESH = text(
    """
    WITH people AS MATERIALIZED (
        SELECT DISTINCT f.unit_id, f.unit_path, r.phone, r.customer_name AS name
        FROM customer_file f
        JOIN customer_file_row r ON r.network_id = f.network_id AND r.file_id = f.id
        WHERE f.network_id = :network AND f.id = ANY(:files) AND r.status = 'good'
    )
    INSERT INTO customer AS c
        (network_id, unit_path, unit_id, name, phone, address, first_month, last_month, orders, facets)
    SELECT :network, p.unit_path, p.unit_id, p.name, p.phone,
           coalesce((array_agg(b.address ORDER BY b.month DESC, b.file_id DESC, b.row_no DESC)
                     FILTER (WHERE b.month IS NOT NULL))[1], ''),
           min(b.month), max(b.month),
           coalesce(array_agg(DISTINCT b.order_no) FILTER (WHERE b.order_no <> ''), '{}'),
           coalesce(array_agg(DISTINCT b.in_month || '|') FILTER (WHERE b.month IS NOT NULL)
                    || array_agg(DISTINCT '|' || b.product_model) FILTER (WHERE b.month IS NOT NULL)
                    || array_agg(DISTINCT b.in_month || '|' || b.product_model) FILTER (WHERE b.month IS NOT NULL),
                    '{}')
    FROM people p
    LEFT JOIN LATERAL (
        SELECT s.month, to_char(s.month, 'YYYY-MM') AS in_month, r.file_id, r.row_no, r.address, r.order_no,
               r.product_model
        FROM customer_file_row r
        JOIN customer_source s ON s.network_id = :network AND s.file_id = r.file_id AND s.unit_id = p.unit_id
        WHERE r.network_id = :network AND r.phone = p.phone AND r.customer_name = p.name AND r.status = 'good'
    ) b ON true
    GROUP BY p.unit_id, p.phone, p.name, p.unit_path
    ORDER BY p.unit_id, p.phone, p.name
    ON CONFLICT ON CONSTRAINT uq_customer_person DO UPDATE
    SET address = CASE WHEN excluded.last_month IS NULL THEN c.address ELSE excluded.address END,
        first_month = excluded.first_month, last_month = excluded.last_month,
        orders = excluded.orders, facets = excluded.facets
    WHERE (c.first_month, c.last_month, c.orders, c.facets, c.address) IS DISTINCT FROM
          (excluded.first_month, excluded.last_month, excluded.orders, excluded.facets, excluded.address)
    """
).bindparams(_FILES)

# A store and its dealer are one house: only another dealer's customer is worth a link.
_SHARING = """
    WITH phones AS MATERIALIZED (
        SELECT DISTINCT r.phone FROM customer_file_row r
        WHERE r.network_id = :network AND r.file_id = ANY(:files) AND r.status = 'good' AND r.phone <> ''
    ), housed AS (
        SELECT c.id, c.phone, c.name,
               CASE WHEN u.kind = 'store' THEN regexp_replace(u.unit_path, '[^.]+[.]$', '')
                    ELSE u.unit_path END AS dealer
        FROM phones p
        JOIN customer c ON c.network_id = :network AND c.phone = p.phone AND c.last_month IS NOT NULL
        JOIN unit u ON u.network_id = :network AND u.id = c.unit_id
    ), compared AS (
        SELECT id, phone, min(dealer) OVER one_phone <> max(dealer) OVER one_phone AS shared,
               min(dealer) OVER one_person <> max(dealer) OVER one_person AS same_name
        FROM housed WINDOW one_phone AS (PARTITION BY phone), one_person AS (PARTITION BY phone, name)
    )
"""
_UNLINK = text(
    _SHARING  # noqa: S608 - ours
    + """
    DELETE FROM customer_link l USING phones p
    WHERE l.network_id = :network AND l.phone = p.phone
      AND l.customer_id NOT IN (SELECT id FROM compared WHERE shared)
    """
).bindparams(_FILES)
_LINK = text(
    _SHARING  # noqa: S608 - ours
    + """
    INSERT INTO customer_link AS l (network_id, unit_path, phone, customer_id, same_name, found_at)
    SELECT :network, :root, phone, id, same_name, :now FROM compared WHERE shared ORDER BY phone, id
    ON CONFLICT (network_id, phone, customer_id) DO UPDATE SET same_name = excluded.same_name
    WHERE l.same_name <> excluded.same_name
    """
).bindparams(_FILES)
