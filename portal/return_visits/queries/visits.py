"""Reading visits: lists by keyset, one with all that a caller needs, who works on what."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, any_, bindparam, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY

from portal import customers, network
from portal.access import Actor
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import MOST, Page, paged
from portal.return_visits.models import Attempt, Desk, Draft, Visit
from portal.return_visits.rules.outcomes import CALLABLE, IN_VAIN, State


def get_visit(visit_id: int, *, lock: bool = False) -> Visit:
    """Raises NotFound."""
    chosen = select(Visit).where(Visit.id == visit_id)
    if lock:
        chosen = chosen.with_for_update()
    found = db.session.scalar(chosen, execution_options={"populate_existing": lock})
    if found is None:
        raise NotFound()
    return found


def held_by(person_id: int, now: datetime) -> Visit | None:
    """The visit that this person holds now."""
    chosen = (
        select(Visit)
        .join(Desk, Desk.visit_id == Visit.id)
        .where(Desk.person_id == person_id, Visit.holder_id == person_id, Visit.lease_until > now)
    )
    return db.session.scalar(chosen)


def joined_with(visit: Visit) -> Sequence[Visit]:
    """The same person's visits of other months that are called together with this one, locked, by id."""
    chosen = select(Visit).where(
        Visit.phone == visit.phone,
        Visit.name == visit.name,
        Visit.unit_id == visit.unit_id,
        Visit.joined_to == visit.id,
    )
    return db.session.scalars(
        chosen.order_by(Visit.id).with_for_update(), execution_options={"populate_existing": True}
    ).all()


def called_with(visit: Visit) -> list[Visit]:
    """Those of them that a saved call of this visit answered too; the others are only held with it for the moment."""
    mates = joined_with(visit)
    chosen = select(Attempt.visit_id).where(
        Attempt.visit_id.in_([each.id for each in mates]), Attempt.joined.is_(True)
    )
    called = set(db.session.scalars(chosen)) if mates else set()
    return [each for each in mates if each.id in called]


def to_join(visit: Visit, now: datetime) -> Sequence[Visit]:
    """The same person's other visits under way that one call can answer too: nobody holds them, none is with the
    dealer. Locked; what another transaction holds is left for another call."""
    chosen = select(Visit).where(
        Visit.phone == visit.phone,
        Visit.name == visit.name,
        Visit.unit_id == visit.unit_id,
        Visit.id != visit.id,
        Visit.state.in_((State.WAITING, State.RETRY)),
        Visit.round
        == 0,  # what a dealer has put right has a rectification of its own, and is asked about by itself
        Visit.next_at.is_not(None),
        Visit.joined_to.is_(None),
        or_(Visit.lease_until.is_(None), Visit.lease_until <= now),
    )
    return db.session.scalars(chosen.order_by(Visit.id).with_for_update(skip_locked=True)).all()


# --- lists ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Filters:
    month: date | None = None
    state: State | None = None
    unit: str | None = None
    q: str = ""


def list_visits(
    actor: Actor, asked: Filters, now: datetime, *, cursor: str | None = None, limit: int = 50
) -> Page[Visit]:
    """Visits, the latest month first; a foreign or unknown unit gives an empty list."""
    chosen = select(Visit)
    if asked.month is not None:
        chosen = chosen.where(Visit.month == asked.month)
    if asked.state is not None:
        chosen = chosen.where(*_in_state(asked.state, now))
    if asked.unit:
        unit = network.unit_below(actor.unit_path, asked.unit)
        if unit is None:
            return Page([], None)
        chosen = chosen.where(
            Visit.about_path >= unit.unit_path, Visit.about_path < f"{unit.unit_path[:-1]}/"
        )
    if asked.q.strip():
        chosen = chosen.where(_found(actor, asked.q.strip()))
    return paged(chosen, [Visit.month, Visit.about_path, Visit.id], cursor, limit, newest_first=True)


def _in_state(state: State, now: datetime) -> list[ColumnElement[bool]]:
    if state is State.CLAIMED:
        # as an array the desks are asked once, and each of them leads to its visits by an index
        desks = select(Desk.visit_id).where(Desk.visit_id.is_not(None)).scalar_subquery()
        held = any_(func.array(desks, type_=ARRAY(BigInteger)))
        return [
            or_(Visit.id == held, Visit.joined_to == held),
            Visit.lease_until > now,
            Visit.state.in_(CALLABLE),
        ]
    if state not in CALLABLE:
        return [Visit.state == state]
    return [Visit.state == state, or_(Visit.lease_until.is_(None), Visit.lease_until <= now)]


def _found(actor: Actor, q: str) -> ColumnElement[bool]:
    """People by a part of their name, address, order number or phone: the customers' own search says who."""
    found = customers.find(actor, q=q, limit=MOST)
    people = sorted({(each.phone, each.name) for each in found.items})
    by_person = tuple_(Visit.phone, Visit.name).in_(people) if people else Visit.id == -1
    return or_(by_person, Visit.phone == q)


_PURCHASES = text(
    """
    SELECT v.id, r.product_model, r.purchase_date, r.purchase_region, r.quantity, r.area, r.order_no, r.installer,
           r.installed_on, r.remarks, r.file_id, r.row_no
    FROM visit v
    JOIN customer_file_row r ON r.network_id = v.network_id AND r.phone = v.phone AND r.customer_name = v.name
    JOIN consolidation_file f ON f.network_id = r.network_id AND f.file_id = r.file_id
    WHERE v.id = ANY(:ids) AND f.month = v.month AND f.dealer_id = v.unit_id AND r.status = 'good' AND NOT r.matched
    ORDER BY r.file_id, r.row_no
    """
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)))


@dataclass(frozen=True)
class Purchase:
    product_model: str
    purchase_date: date | None
    purchase_region: str
    quantity: int | None
    area: Decimal | None
    order_no: str
    installer: str
    installed_on: date | None
    remarks: str
    file_id: int
    row_no: int


def purchases_of(visits: Iterable[Visit]) -> dict[int, list[Purchase]]:
    """What each of these people bought, as consolidated: one query for a page."""
    ids = [visit.id for visit in visits]
    found: dict[int, list[Purchase]] = defaultdict(list)
    if ids:
        for key, *values in db.session.execute(_PURCHASES, {"ids": ids}):
            found[key].append(Purchase(*values))
    return found


# --- one visit --------------------------------------------------------------------------------------------


def attempts_of(*visit_ids: int) -> Sequence[Attempt]:
    """Every attempt, the first one first; a corrected one stays in sight."""
    chosen = select(Attempt).where(Attempt.visit_id.in_(visit_ids))
    return db.session.scalars(chosen.order_by(Attempt.id)).all()


def effective(attempts: Sequence[Attempt]) -> list[Attempt]:
    """Those that count: without the ones that a later attempt corrects."""
    corrected = {each.corrects for each in attempts}
    return [each for each in attempts if each.id not in corrected]


def tried_in_vain(visit: Visit, but: int | None = None) -> list[datetime]:
    """When nobody answered in the visit's present round; `but` is an attempt that is being put right."""
    history = effective(attempts_of(visit.id))
    return [
        each.at for each in history if each.round == visit.round and each.result in IN_VAIN and each.id != but
    ]


def same_person(visit: Visit) -> Sequence[Visit]:
    """This person's visits of all months at this dealer, the latest first."""
    chosen = select(Visit).where(
        Visit.phone == visit.phone, Visit.name == visit.name, Visit.unit_id == visit.unit_id
    )
    return db.session.scalars(chosen.order_by(Visit.month.desc(), Visit.id)).all()


def same_phone(visit: Visit, most: int = 20) -> Sequence[Visit]:
    """Other records with this phone, under whatever name and at whatever dealer."""
    chosen = select(Visit).where(Visit.phone == visit.phone, Visit.id != visit.id)
    return db.session.scalars(chosen.order_by(Visit.month.desc(), Visit.id.desc()).limit(most)).all()


def draft_of(visit_id: int, person_id: int) -> Draft | None:
    return db.session.scalar(
        select(Draft).where(Draft.visit_id == visit_id, Draft.person_id == person_id),
        execution_options={"populate_existing": True},
    )


# --- who works on what ------------------------------------------------------------------------------------


def list_desks() -> Sequence[Desk]:
    """Every desk that was ever used, by person; `held_by` says what one holds now."""
    return db.session.scalars(select(Desk).order_by(Desk.person_id)).all()


def queue_ahead(person_id: int, now: datetime, many: int = 12) -> Sequence[Visit]:
    """A look at what comes next for this person, in the queue's order; nothing is claimed by looking."""
    found: list[Visit] = []
    for rank in range(5):
        for pool in (person_id, 0):
            if len(found) < many:
                found += db.session.scalars(
                    select(Visit)
                    .where(*_callable_by(person_id, now), Visit.pool == pool, Visit.rank == rank)
                    .order_by(Visit.next_at, Visit.id)
                    .limit(many - len(found))
                )
    return found


def _callable_by(person_id: int, now: datetime) -> list[ColumnElement[bool]]:
    return [
        Visit.state.in_(CALLABLE),
        Visit.joined_to.is_(None),
        Visit.next_at <= now,
        or_(Visit.lease_until.is_(None), Visit.lease_until <= now),
        or_(Visit.for_agent.is_(None), Visit.for_agent == person_id, Visit.for_until <= now),
        or_(
            Visit.not_agent.is_(None),
            Visit.not_agent != person_id,
            Visit.not_until <= now,
            Visit.pool == person_id,
        ),
        or_(Visit.skipped_by.is_(None), Visit.skipped_by != person_id, Visit.skipped_until <= now),
    ]


_TODAY: Any = text(
    "SELECT count(*) FROM visit_attempt WHERE agent_id = :person AND at >= :since AND NOT joined AND corrects IS NULL"
)


def calls_since(person_id: int, since: datetime) -> int:
    """How many calls a person has saved since then: beside the daily goal."""
    return db.session.scalar(_TODAY, {"person": person_id, "since": since}) or 0
