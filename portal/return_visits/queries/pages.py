"""What only the pages ask: counts for tabs, who works on what, what an agent saved last. All cost the same however
many visits there are: what is counted is counted up to MOST_COUNTED and no further."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from portal import clocks, network
from portal.access import Actor, Permission
from portal.clocks import Kind
from portal.core.db import db
from portal.core.waiting import Waits
from portal.return_visits.models import QUEUED, Attempt, Desk, Visit, VisitDay
from portal.return_visits.queries.visits import Filters, _in_state
from portal.return_visits.rules.outcomes import STORED, State

MOST_COUNTED = 999


def count_states(actor: Actor, asked: Filters, now: datetime) -> dict[State, int]:
    """How many visits of each state there are in the filter's month and unit, each up to MOST_COUNTED + 1."""
    where = [] if asked.month is None else [Visit.month == asked.month]
    if asked.unit:
        unit = network.unit_below(actor.unit_path, asked.unit)
        if unit is None:
            return dict.fromkeys(State, 0)
        where += [Visit.about_path >= unit.unit_path, Visit.about_path < f"{unit.unit_path[:-1]}/"]
    return {state: _capped([*where, *_in_state(state, now)]) for state in State}


def _capped(where: Sequence[ColumnElement[bool]]) -> int:
    some = select(Visit.id).where(*where).limit(MOST_COUNTED + 1)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def open_visits(month: date, many: int) -> Sequence[Visit]:
    """Of the month's visits that are not closed the first ones, in the order of the tree."""
    chosen = select(Visit).where(
        Visit.month == month, Visit.state.in_([each for each in STORED if each is not State.CLOSED])
    )
    return db.session.scalars(chosen.order_by(Visit.about_path, Visit.id).limit(many)).all()


def latest_months(most: int = 12) -> list[date]:
    """The months that have visits, the latest first."""
    return _months(Visit, most)


def counted_months(most: int = 12) -> list[date]:
    """The same for whoever may see coverage but no visits."""
    return _months(VisitDay, most)


def _months(model: type[Visit] | type[VisitDay], most: int) -> list[date]:
    """A walk along the index, one look for each month."""
    found: list[date] = []
    while len(found) < most:
        chosen = select(func.max(model.month))
        if found:
            chosen = chosen.where(model.month < found[-1])
        month = db.session.scalar(chosen)
        if month is None:
            break
        found.append(month)
    return found


# --- an agent's own ---------------------------------------------------------------------------------------


def promised(person_id: int, now: datetime, many: int = 3) -> Sequence[Visit]:
    """Call-backs that this agent promised and that are not due yet, the next one first."""
    chosen = select(Visit).where(
        text(QUEUED), Visit.pool == 0, Visit.rank == 0, Visit.next_at > now, Visit.for_agent == person_id
    )
    return db.session.scalars(chosen.order_by(Visit.next_at, Visit.id).limit(many)).all()


def saved_by(person_id: int, since: datetime, many: int = 3) -> Sequence[tuple[Attempt, Visit]]:
    """The calls that this agent saved last since then, the latest first; a corrected one is not among them."""
    later = select(Attempt.corrects).where(Attempt.corrects.is_not(None), Attempt.agent_id == person_id)
    chosen = (
        select(Attempt, Visit)
        .join(Visit, Visit.id == Attempt.visit_id)
        .where(
            Attempt.agent_id == person_id,
            Attempt.at >= since,
            ~Attempt.joined,
            Attempt.id.not_in(later.where(Attempt.at >= since)),
        )
        .order_by(Attempt.at.desc(), Attempt.id.desc())
        .limit(many)
    )
    return [(attempt, visit) for attempt, visit in db.session.execute(chosen)]


# --- who works on what ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeskLine:
    """A caller's desk: what is in hand, how many calls were saved today, how many were handed to this person."""

    person_id: int
    name: str
    desk: Desk | None
    visit: Visit | None
    calls: int
    handed: int

    @property
    def seen_at(self) -> datetime | None:
        return self.desk.seen_at if self.desk else None


_CALLS = text(
    """
    SELECT p.id, (SELECT count(*) FROM visit_attempt a WHERE a.network_id = :network AND a.agent_id = p.id
                  AND a.at >= :since AND NOT a.joined AND a.corrects IS NULL) AS calls,
           (SELECT count(*) FROM (SELECT FROM visit v WHERE v.network_id = :network AND v.pool = p.id
            AND v.state IN ('waiting', 'retry', 'revisit') AND v.next_at IS NOT NULL AND v.joined_to IS NULL
            LIMIT :most) AS first_ones) AS handed
    FROM unnest(:people) AS p(id)
    """
).bindparams(bindparam("people", type_=ARRAY(BigInteger)))


def desk_lines(network_id: int, people: Mapping[int, str], now: datetime, since: datetime) -> list[DeskLine]:
    """One line for each of these callers (id -> name)."""
    desks = {desk.person_id: desk for desk in db.session.scalars(select(Desk))}
    held = {
        visit.holder_id: visit
        for visit in db.session.scalars(
            select(Visit).join(Desk, Desk.visit_id == Visit.id).where(Visit.lease_until > now)
        )
    }
    given = {
        "network": network_id,
        "people": sorted(people),
        "since": since,
        "most": MOST_COUNTED + 1,
    }
    counts: dict[int, Any] = {row.id: row for row in db.session.execute(_CALLS, given)}
    return [
        DeskLine(key, name, desks.get(key), held.get(key), counts[key].calls, counts[key].handed)
        for key, name in people.items()
    ]


# --- rectifications ---------------------------------------------------------------------------------------


def count_overdue(now: datetime, month: date | None = None) -> int:
    """Of the own subtree: rounds that nobody reported in time, up to MOST_COUNTED + 1."""
    return clocks.count_breached(Kind.RECTIFICATION, now, month, MOST_COUNTED + 1)


def waits(granted: Collection[Permission]) -> Waits | None:
    """The rounds that wait for somebody with these permissions, for the rail: a report, or a region's comment."""
    if Permission.RECTIFICATION_REPORT in granted:
        return clocks.waits_for(Kind.RECTIFICATION, below=True)
    if Permission.RECTIFICATION_COMMENT in granted:
        return clocks.waits_for(Kind.RECTIFICATION_COMMENT, below=False)
    return None
