"""Reading signals. Headquarters keeps them; of its own subtree a superior sees them too, a dealer never."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import BigInteger, Integer, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from portal.access import Actor, Permission
from portal.core.db import db, within
from portal.network import Unit
from portal.return_visits.models import FiledSignal
from portal.return_visits.queries.calling import calling_or_none
from portal.return_visits.rules import signals as rules
from portal.return_visits.rules.signals import Record, Seen, Signal


@dataclass(frozen=True)
class Recorded:
    """Another record that a signal was seen in, as far as the reader's own eyes reach; `visit_id` once it is opened."""

    name: str
    dealer: str
    dealer_code: str
    month: date
    row_no: int
    visit_id: int | None


@dataclass(frozen=True)
class Person:
    """Somebody of a dealer's month with what was seen; `record` is where the person stands in its file."""

    name: str
    record: Record
    seen: Sequence[Seen]


_COUNTS = text(
    """
    SELECT s.dealer_id, e ->> 'code' AS code, count(*)
    FROM filed_signal s CROSS JOIN LATERAL jsonb_array_elements(s.seen) AS e
    WHERE s.month = :month AND s.dealer_id = ANY(:dealers)
    GROUP BY s.dealer_id, e ->> 'code' ORDER BY s.dealer_id, code
    """
).bindparams(bindparam("dealers", type_=ARRAY(BigInteger)))
_PEOPLE = text(
    """
    SELECT s.dealer_id, count(*) FROM filed_signal s
    WHERE s.month = :month AND s.dealer_id = ANY(:dealers) AND s.weight >= :least
    GROUP BY s.dealer_id ORDER BY s.dealer_id
    """
).bindparams(bindparam("dealers", type_=ARRAY(BigInteger)))
_OF_ROWS = text(
    """
    SELECT r.row_no, s.seen
    FROM customer_file_row r
    JOIN filed_signal s ON s.network_id = r.network_id AND s.month = :month AND s.dealer_id = :dealer
                       AND s.phone = r.phone AND s.name = r.customer_name
    WHERE r.file_id = :file AND r.row_no = ANY(:rows)
    """
).bindparams(bindparam("rows", type_=ARRAY(Integer)))
_RECORDS = text(
    """
    SELECT r.file_id, r.row_no, r.customer_name, d.name, d.code, s.month, v.id
    FROM unnest(CAST(:files AS bigint[]), CAST(:rows AS integer[])) AS t(file_id, row_no)
    JOIN customer_file_row r ON r.file_id = t.file_id AND r.row_no = t.row_no
    JOIN customer_source s ON s.network_id = r.network_id AND s.file_id = r.file_id
    JOIN unit u ON u.network_id = s.network_id AND u.id = s.unit_id
    JOIN unit d ON d.network_id = u.network_id AND d.id = CASE WHEN u.kind = 'store' THEN u.parent_id ELSE u.id END
    LEFT JOIN visit v ON v.network_id = r.network_id AND v.phone = r.phone AND v.name = r.customer_name
                     AND v.unit_id = d.id AND v.month = s.month
    """
)


def _below(actor: Actor, dealers: Iterable[Unit]) -> list[int]:
    """The dealers of these whose signals this actor may see."""
    if not actor.may(Permission.SIGNAL_READ):
        return []
    return sorted({each.id for each in dealers if each.unit_path.startswith(actor.unit_path)})


def signals_by_dealer(actor: Actor, month: date, dealers: Iterable[Unit]) -> dict[int, dict[Signal, int]]:
    """How many people of each dealer carry which signal."""
    found: dict[int, dict[Signal, int]] = {}
    allowed = _below(actor, dealers)
    if allowed:
        with within(actor.whole_network):
            for dealer_id, code, many in db.session.execute(_COUNTS, {"month": month, "dealers": allowed}):
                found.setdefault(dealer_id, {})[Signal(code)] = many
    return found


def doubtful_people(actor: Actor, month: date, dealers: Iterable[Unit]) -> dict[int, int]:
    """How many people of each dealer weigh so much that they are called before the oldest: for a board of dealers."""
    allowed, ruled = _below(actor, dealers), calling_or_none(actor.network_id, month)
    if not allowed or ruled is None:
        return {}
    least = ruled.book.signals.suspicious_from
    with within(actor.whole_network):
        rows = db.session.execute(_PEOPLE, {"month": month, "dealers": allowed, "least": least}).all()
    return {row[0]: row[1] for row in rows}


def heaviest(actor: Actor, month: date, dealer: Unit, most: int = 20) -> list[Person]:
    """The people of a dealer's month with the heaviest signals first."""
    if not _below(actor, [dealer]):
        return []
    chosen = (
        select(FiledSignal)
        .where(FiledSignal.month == month, FiledSignal.dealer_id == dealer.id)
        .order_by(FiledSignal.weight.desc(), FiledSignal.file_id, FiledSignal.row_no)
        .limit(most)
    )
    with within(actor.whole_network):
        listed = db.session.scalars(chosen).all()
    return [Person(each.name, (each.file_id, each.row_no), rules.read(each.seen)) for each in listed]


def signals_of_rows(
    actor: Actor, month: date, dealer: Unit, file_id: int, rows: Sequence[int]
) -> dict[int, list[Seen]]:
    """What was seen of the people in these rows of a dealer's file, by row."""
    if not rows or not _below(actor, [dealer]):
        return {}
    given = {"month": month, "dealer": dealer.id, "file": file_id, "rows": list(rows)}
    with within(actor.whole_network):
        found = db.session.execute(_OF_ROWS, given).all()
    return {row_no: rules.read(seen) for row_no, seen in found}


def records(seen: Iterable[Seen]) -> dict[Record, Recorded]:
    """The other records of these signals, seen with the reader's own eyes: another region's are left out."""
    wanted = sorted({record for each in seen for record in each.records})
    if not wanted:
        return {}
    given = {"files": [each[0] for each in wanted], "rows": [each[1] for each in wanted]}
    return {
        (row[0], row[1]): Recorded(row[2], row[3], row[4], row[5], row[1], row[6])
        for row in db.session.execute(_RECORDS, given)
    }
