"""Reading customers: a list by dealer, a search over all months, one with its purchases and links.

Each page costs the same at 10,000 and at 1,000,000 customers: ranges of indexes, never one query for each customer.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, TextClause, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from portal import network
from portal.access import Actor, Permission
from portal.core.db import db, plain_rows
from portal.core.errors import NotFound
from portal.core.paging import LIMIT, MOST, decode, encode
from portal.customers import rules
from portal.customers.models import Customer, CustomerLink
from portal.customers.rules import COMPLETE, SHOWN, Found, Person, Purchase

DRAFTS, CUSTOMERS = "d", "c"  # a filer's list begins with what is not submitted yet


def find(
    actor: Actor,
    *,
    q: str = "",
    month: date | None = None,
    unit: str | None = None,
    model: str | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Found:
    """The customers that I may see, with their purchases; with `q` those found by a part of name, address, order
    number or phone. A foreign or unknown unit gives an empty list. Raises Invalid for a cursor that is not ours."""
    below = actor.unit_path
    if unit:
        chosen = network.unit_below(actor.unit_path, unit)
        if chosen is None:
            return Found([])
        below = chosen.unit_path
    limit = min(limit, MOST)
    stage, _, place = (cursor or "").partition(".") if cursor else (DRAFTS, "", "")
    if stage not in (DRAFTS, CUSTOMERS):
        decode("", [int])  # raises: not ours
    drafts = Found([])
    if stage == DRAFTS and actor.may(Permission.CUSTOMER_FILE_SUBMIT):
        drafts = _drafts(below, q, month, model, place, limit)
        if drafts.next_cursor:
            return drafts
        place = ""
        if len(drafts.items) == limit:
            return Found(drafts.items, f"{CUSTOMERS}.")
    elif stage == DRAFTS and place:
        decode("", [int])
    room = limit - len(drafts.items)
    facet = rules.facet(month, model)
    found = _search(q, below, facet, place, room) if q.strip() else _by_unit(below, facet, place, room)
    following = f"{CUSTOMERS}.{found.next_cursor}" if found.next_cursor else None
    return Found([*drafts.items, *found.items], following, found.narrow)


_SHOWN = "c.network_id, c.id, c.name, c.phone, c.address, c.unit_id"
_BY_UNIT = f"""SELECT {_SHOWN}, c.unit_path FROM customer c
    WHERE c.unit_path >= :low AND c.unit_path < :high AND c.last_month IS NOT NULL
      AND (c.unit_path, c.id) > (:place, :after)
    ORDER BY c.unit_path, c.id LIMIT"""  # noqa: S608 - constants of this file, here and below
_BY_FACET = f"""SELECT {_SHOWN}, f.unit_path FROM customer_facet f JOIN customer c ON c.id = f.customer_id
    WHERE f.facet = :facet AND f.unit_path >= :low AND f.unit_path < :high
      AND (f.unit_path, f.customer_id) > (:place, :after)
    ORDER BY f.unit_path, f.customer_id LIMIT"""  # noqa: S608
_BY_ID = f"SELECT {_SHOWN}, '' AS unit_path FROM customer c WHERE c.id = ANY(:ids)"  # noqa: S608
_WHOLE = ", r.purchase_region, r.area, r.installed_on, r.installer"


@cache
def _people(page: str, more: str = "") -> TextClause:
    """The statement of a page of customers with their units and what they bought. Its limit stands in it as a number:
    with a parameter in its place PostgreSQL would plan it anew each time."""
    statement = text(
        f"""
        WITH people AS MATERIALIZED ({page})
        SELECT p.id, p.unit_path, p.name, p.phone, p.address, u.name, u.code, s.month, r.product_model, r.purchase_date,
               r.quantity, r.order_no, r.file_id, r.row_no{more}
        FROM people p
        JOIN unit u ON u.network_id = p.network_id AND u.id = p.unit_id
        LEFT JOIN (customer_file_row r JOIN customer_source s ON s.network_id = r.network_id AND s.file_id = r.file_id)
          ON r.network_id = p.network_id AND r.phone = p.phone AND r.customer_name = p.name AND r.status = 'good'
             AND s.unit_id = p.unit_id
        ORDER BY p.unit_path, p.id
        """  # noqa: S608
    )
    return statement.bindparams(bindparam("ids", type_=ARRAY(BigInteger))) if ":ids" in page else statement


def _asked(statement: TextClause, given: Mapping[str, Any]) -> tuple[list[Person], list[tuple[str, int]]]:
    """People in the statement's order, and the place of each in it."""
    told: dict[int, tuple[str, tuple[str, str, str, str, str]]] = {}
    bought: dict[int, list[Purchase]] = defaultdict(list)
    for key, place, name, phone, address, unit_name, unit_code, *values in plain_rows(statement, given):
        told[key] = place, (name, phone, address, unit_name, unit_code)
        if values[0] is not None:
            bought[key].append(Purchase(*values))
    people = [Person(str(key), *shown, rules.counted_once(bought[key])) for key, (_, shown) in told.items()]
    return people, [(place, key) for key, (place, _) in told.items()]


def _by_unit(below: str, facet: str, cursor: str, limit: int) -> Found:
    """By unit, the oldest of each first; with a facet by its own index."""
    place, after = decode(cursor, [str, int]) if cursor else ("", 0)
    given = {"low": below, "high": f"{below[:-1]}/", "place": place, "after": after}
    page = _BY_FACET if facet else _BY_UNIT
    people, places = _asked(_people(f"{page} {limit + 1}"), given | ({"facet": facet} if facet else {}))
    return Found(people[:limit], encode(places[limit - 1]) if len(people) > limit else None)


_FIND = text("SELECT id FROM find_customers(:q, :below, :facet, :most) AS id")


def _search(q: str, below: str, facet: str, cursor: str, limit: int) -> Found:
    """Hits by id; more than COMPLETE of them: SHOWN, and the words should be narrowed."""
    given = {"q": q, "below": below, "facet": facet, "most": COMPLETE + 1}
    ids = sorted(db.session.scalars(_FIND, given))
    narrow = len(ids) > COMPLETE
    if narrow:
        ids = ids[:SHOWN]
    after = decode(cursor, [int])[0] if cursor else 0
    ids = [each for each in ids if each > after]
    here, rest = ids[:limit], ids[limit:]
    people = _asked(_people(f"{_BY_ID} AND c.last_month IS NOT NULL"), {"ids": here})[0] if here else []
    return Found(people, encode([here[-1]]) if rest else None, narrow)


def with_purchases(customer: Customer) -> Person:
    """A customer with everything that is known of each purchase, also of one whom no filed file holds now."""
    return _asked(_people(_BY_ID, _WHOLE), {"ids": [customer.id]})[0][0]


# --- what is not submitted yet: to whoever files it, and to nobody else ---------------------------------------------

_LATEST = text(
    """
    SELECT f.id FROM customer_file f
    WHERE f.unit_path >= :low AND f.unit_path < :high AND f.state NOT IN ('superseded', 'consolidated')
      AND (CAST(:month AS date) IS NULL OR f.month = :month)
      AND NOT EXISTS (SELECT FROM customer_file n WHERE n.network_id = f.network_id AND n.unit_id = f.unit_id
                      AND n.month = f.month AND n.version > f.version)
      AND NOT EXISTS (SELECT FROM customer_source s WHERE s.network_id = f.network_id AND s.file_id = f.id)
    ORDER BY f.id DESC LIMIT 60
    """
)
_ROWS = text(
    """
    SELECT r.file_id, r.row_no, r.customer_name, r.phone, r.address, u.name, u.code, f.month, r.product_model,
           r.purchase_date, r.quantity, r.order_no, r.purchase_region, r.area, r.installed_on, r.installer
    FROM customer_file_row r JOIN customer_file f ON f.network_id = r.network_id AND f.id = r.file_id
    JOIN unit u ON u.network_id = f.network_id AND u.id = f.unit_id
    WHERE r.file_id = ANY(:files) AND r.status IN ('good', 'bad') AND (r.file_id, r.row_no) > (:file, :row)
      AND (CAST(:model AS text) IS NULL OR r.product_model = :model)
      AND (:q = '' OR position(:q IN customer_fold(r.customer_name)) > 0 OR position(:q IN customer_fold(r.address)) > 0
           OR position(:q IN customer_fold(r.order_no)) > 0
           OR (:digits <> '' AND (position(:digits IN r.phone) = 1 OR right(r.phone, length(:digits)) = :digits
                                  OR (length(:digits) >= 4 AND position(:digits IN r.phone) > 0))))
    ORDER BY r.file_id, r.row_no LIMIT :most
    """
).bindparams(bindparam("files", type_=ARRAY(BigInteger)))


def _drafts(below: str, q: str, month: date | None, model: str | None, cursor: str, limit: int) -> Found:
    """The rows of my own latest versions that are not (or no longer) filed."""
    file, row = decode(cursor, [int, int]) if cursor else (0, 0)
    within = {"low": below, "high": f"{below[:-1]}/", "month": month}
    files = list(db.session.scalars(_LATEST, within))
    if not files:
        return Found([])
    folded = db.session.scalar(text("SELECT customer_fold(:q)"), {"q": q}) if q.strip() else ""
    given = {
        "files": files,
        "file": file,
        "row": row,
        "model": model,
        "q": folded,
        "digits": folded if folded.isdigit() else "",
        "most": limit + 1,
    }
    rows = db.session.execute(_ROWS, given).all()
    items = [
        Person(
            f"d{r.file_id}-{r.row_no}",
            r.customer_name,
            r.phone,
            r.address,
            r.name,
            r.code,
            [
                Purchase(
                    r.month,
                    r.product_model,
                    r.purchase_date,
                    r.quantity,
                    r.order_no,
                    r.file_id,
                    r.row_no,
                    r.purchase_region,
                    r.area,
                    r.installed_on,
                    r.installer,
                )
            ],
            draft=True,
        )
        for r in rows[:limit]
    ]
    last = rows[limit - 1] if len(rows) > limit else None
    return Found(items, f"{DRAFTS}.{encode([last.file_id, last.row_no])}" if last else None)


# --- one customer ---------------------------------------------------------------------------------------------------


def get_customer(customer_id: int) -> Customer:
    """Raises NotFound, also for a customer of somebody else's unit."""
    found = db.session.get(Customer, customer_id, populate_existing=True)
    if found is None:
        raise NotFound()
    return found


@dataclass(frozen=True)
class Link:
    """The same phone at another dealer; `same_name`: and the same name."""

    customer: Customer
    same_name: bool


def links_of(customer: Customer) -> list[Link]:
    """Who has the same phone at other dealers; kept by headquarters, empty for everybody else."""
    rows = db.session.scalars(
        select(Customer)
        .join(CustomerLink, CustomerLink.customer_id == Customer.id)
        .where(CustomerLink.phone == customer.phone, Customer.id != customer.id)
        .order_by(Customer.unit_path, Customer.id)
        .limit(MOST)
    )
    return [Link(each, each.name == customer.name) for each in rows]
