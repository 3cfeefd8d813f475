"""Reading calendars and obligations. States are worked out from times; nothing here depends on the sweep."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, ColumnElement, and_, bindparam, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY

from portal import network, rulebook, sanctions
from portal.access import Actor
from portal.clocks import rules
from portal.clocks.models import ClockStep, MonthSeal, Obligation
from portal.clocks.rules import Kind, MonthCalendar, MonthState, Plan, State, Thresholds, WorkingTime
from portal.core import month as months
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import Page, paged
from portal.core.waiting import HIGH, LOW, NOW, UNIT, Waits
from portal.rulebook import Promise, Rulebook, Term


@dataclass(frozen=True)
class Ruled:
    """A month's calendar with what it was worked out from."""

    calendar: MonthCalendar
    book: Rulebook
    version: int
    zone: ZoneInfo


def windows_of(book: Rulebook) -> rules.Windows:
    """A rulebook's filing windows as the rules want them."""
    named = book.windows
    return rules.Windows(
        dealer=rules.Window(named.dealer.day, named.dealer.at),
        region=rules.Window(named.region.day, named.region.at),
        lock=rules.Window(named.lock.day, named.lock.at),
        inclusive=book.calendar.includes_named_day,
        shift=book.shifts_on_holidays,
        workdays=workdays_of(book),
    )


def workdays_of(book: Rulebook) -> frozenset[int]:
    """The weekdays that the network works, Monday is 0; Monday to Friday where the rulebook says nothing."""
    working = book.calendar.working
    if working is None:
        return rules.PLAIN_WEEK
    return frozenset(day for day, spans in enumerate(working.week) if spans)


def working_time_of(network_id: int, book: Rulebook) -> WorkingTime:
    """The network's working hours by its rulebook and its table of holidays; without hours nothing is worked."""
    of = network.get_network(network_id)
    working = book.calendar.working
    if working is None:
        return WorkingTime(ZoneInfo(of.time_zone))
    return WorkingTime(ZoneInfo(of.time_zone), working.week, network.holidays(network_id))


def working_time_at(network_id: int, version: int) -> WorkingTime:
    """The same by the rulebook that something was kept with."""
    return working_time_of(network_id, rulebook.at_version(network_id, version))


def plan_of(network_id: int, version: int) -> Plan:
    """When people are told of a clock, by the rulebook under which it was started."""
    calendar = rulebook.at_version(network_id, version).calendar
    reminders, escalation = calendar.reminders, calendar.escalation
    return Plan(
        before=reminders.before,
        before_holiday=reminders.before_holiday,
        from_time=reminders.from_time,
        to_time=reminders.to_time,
        levels=escalation.levels if escalation else (),
        on_days_off=escalation.on_days_off if escalation else True,
        time=working_time_at(network_id, version),
    )


def term_end(network_id: int, version: int, start: datetime, term: Term) -> datetime:
    """Until when (exclusive) something that begins at `start` is due by a version's rulebook: "48h", "8wh", "3wd"."""
    if term.calendar is not None:
        return start + term.calendar
    return rules.term_end(start, term, working_time_at(network_id, version))


def promise_end(network_id: int, version: int, start: datetime, promise: Promise) -> datetime:
    """Until when a promise of a version's rulebook is due that begins at `start`."""
    if promise.within is not None:
        return term_end(network_id, version, start, promise.within)
    zone = ZoneInfo(network.get_network(network_id).time_zone)
    return rules.months_end(start, promise.months or 0, zone)


def thresholds_of(
    book: Rulebook, *, since: datetime | None = None, until: datetime | None = None
) -> Thresholds:
    """From how much time left on a monthly limit is shown as a warning and as bad; of a promise that runs from `since`
    to `until`, by the share of its time."""
    levels = book.calendar.levels
    if since is None or until is None:
        return Thresholds(warn=levels.warn, bad=levels.bad)
    return rules.shared_thresholds(since, until, levels.promise_warn / 100, levels.promise_bad / 100)


def ruled(network_id: int, month: date) -> Ruled:
    """The month's calendar by the rulebook of that month, the network's zone and its holidays."""
    found = rulebook.in_force(network_id, month)
    zone = ZoneInfo(network.get_network(network_id).time_zone)
    windows = windows_of(found.book)
    holidays = network.holidays(network_id) if windows.shift else {}
    calendar = rules.month_calendar(month, windows, zone, holidays)
    return Ruled(calendar, found.book, found.version, zone)


def calendar(network_id: int, month: date) -> MonthCalendar:
    """When filing for `month` (its first day) opens, is due and is locked."""
    return ruled(network_id, month).calendar


def is_sealed(network_id: int, month: date) -> bool:
    found = select(MonthSeal.month).where(MonthSeal.network_id == network_id, MonthSeal.month == month)
    return db.session.scalar(found) is not None


def month_state(network_id: int, month: date, now: datetime, owed: Obligation | None = None) -> MonthState:
    """What `month` takes now; with `owed`, for that unit: an extension or exception may lie past the lock."""
    return rules.month_state(
        now,
        calendar(network_id, month),
        sealed=is_sealed(network_id, month),
        unlocked_until=owed.takes_until if owed else None,
    )


def running_month(network_id: int, now: datetime) -> date:
    """The reporting month that is filed now: the one before the calendar month, in the network's zone."""
    zone = ZoneInfo(network.get_network(network_id).time_zone)
    return months.before(rules.local_month(now, zone))


# --- obligations ------------------------------------------------------------------------------------------


def subject_of(subject: date | str | int) -> str:
    """A month (its first day) or an id, as obligations name what they are about."""
    return months.text(subject) if isinstance(subject, date) else str(subject)


def _one(kind: Kind, unit_id: int, subject: date | str | int) -> list[ColumnElement[bool]]:
    return [Obligation.kind == kind, Obligation.unit_id == unit_id, Obligation.subject == subject_of(subject)]


def find(kind: Kind, unit_id: int, subject: date | str | int) -> Obligation | None:
    return db.session.scalar(select(Obligation).where(*_one(kind, unit_id, subject)))


def list_about(kind: Kind, about: Iterable[tuple[str, str]]) -> dict[str, Obligation]:
    """The clocks that run about these (path, subject), by subject: each held by the path's unit or one above it."""
    wanted = list(about)
    if not wanted:
        return {}
    holders = {int(part) for path, _subject in wanted for part in path.rstrip(".").split(".")}
    chosen = select(Obligation).where(
        Obligation.kind == kind,
        Obligation.unit_id.in_(sorted(holders)),
        Obligation.subject.in_(sorted({subject for _path, subject in wanted})),
        Obligation.closed_at.is_(None),
    )
    return {each.subject: each for each in db.session.scalars(chosen.order_by(Obligation.id))}


def count_breached(kind: Kind, now: datetime, month: date | None, most: int) -> int:
    """How many of a kind are past due and still owed, of a month or of all; counted up to `most`."""
    chosen = select(Obligation.id).where(Obligation.kind == kind, in_state(State.BREACHED, now))
    if month is not None:
        chosen = chosen.where(Obligation.month == month)
    return db.session.scalar(select(func.count()).select_from(chosen.limit(most).subquery())) or 0


def filing_duty(unit_id: int, month: date) -> Obligation | None:
    """The unit's own filing of a month, whichever kind it owes."""
    chosen = select(Obligation).where(
        Obligation.unit_id == unit_id, Obligation.month == month, Obligation.kind.in_(rules.MONTHLY)
    )
    return db.session.scalar(chosen)


def lock_row(kind: Kind, unit_id: int, subject: date | str | int) -> Obligation | None:
    """The obligation, locked until the transaction ends and read anew; None where the unit owes no such thing.

    Whoever files, withdraws or returns takes this lock first: two at once come one after the other.
    """
    chosen = select(Obligation).where(*_one(kind, unit_id, subject)).with_for_update()
    return db.session.scalar(chosen, execution_options={"populate_existing": True})


def get_obligation(actor: Actor, obligation_id: int, *, lock: bool = False) -> Obligation:
    """Raises NotFound, also for a row of somebody else's unit and for a step of a case that is not to be seen."""
    chosen = select(Obligation).where(Obligation.id == obligation_id, visible_to(actor))
    if lock:
        chosen = chosen.with_for_update()
    found = db.session.scalar(chosen, execution_options={"populate_existing": lock})
    if found is None:
        raise NotFound()
    return found


def by_ids(ids: Iterable[int]) -> dict[int, Obligation]:
    wanted = sorted(set(ids))
    found = db.session.scalars(select(Obligation).where(Obligation.id.in_(wanted)))
    return {each.id: each for each in found}


_BRIEFLY = text("SELECT id, unit_id, kind, month, due_at FROM obligation WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(BigInteger))
)
_NAMES = text("SELECT id, name, kind FROM unit WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(BigInteger))
)
"""Thousands at once: as one array each, for a list of parameters takes longer to write than to answer."""


def briefly(ids: Iterable[int]) -> dict[int, Any]:
    """Of many clocks only what words say of them: id, unit_id, kind, month, due_at."""
    return {row.id: row for row in db.session.execute(_BRIEFLY, {"ids": sorted(set(ids))}).all()}


def unit_names(ids: Iterable[int]) -> dict[int, Any]:
    """Of many units only name and kind."""
    return {row.id: row for row in db.session.execute(_NAMES, {"ids": sorted(set(ids))}).all()}


def missed_below(duties: Iterable[Obligation]) -> dict[int, str]:
    """For the clocks of superiors among these: whose duty was missed, by name."""
    origins = {each.id: each.origin_id for each in duties if each.origin_id is not None}
    if not origins:
        return {}
    missed = briefly(origins.values())
    names = unit_names(each.unit_id for each in missed.values())
    return {key: names[missed[origin].unit_id].name for key, origin in origins.items() if origin in missed}


def levels_of(origin_id: int) -> Sequence[Obligation]:
    """The superiors' clocks of a missed duty that this scope may see, the nearest first."""
    chosen = select(Obligation).where(Obligation.origin_id == origin_id)
    return db.session.scalars(chosen.order_by(Obligation.level, Obligation.id)).all()


def steps_of(obligation_id: int) -> Sequence[ClockStep]:
    """What was sent of a clock, the oldest first."""
    chosen = select(ClockStep).where(ClockStep.obligation_id == obligation_id)
    return db.session.scalars(chosen.order_by(ClockStep.at, ClockStep.step)).all()


OF_CASES = (Kind.CASE_STEP, Kind.HANDED_ON, Kind.REFUND, *rules.RIGHTS)
"""Clocks that only those see who see the case."""
DECIDED = (*OF_CASES, Kind.TOP_UP)
"""Their limits are the case's own: nobody moves them here."""


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Steps of cases are seen by those who see cases, but nobody sees one about oneself before being told; the party
    sees its own."""
    plain: ColumnElement[bool] = Obligation.kind.not_in(OF_CASES)
    if actor.role not in sanctions.ALL_CASES:
        own: ColumnElement[bool] = Obligation.person_id == (actor.person_id or 0)
        if actor.role in sanctions.ANSWERS_FOR:
            own = or_(own, and_(Obligation.person_id.is_(None), Obligation.unit_id == actor.unit_id))
        return or_(plain, and_(Obligation.kind.in_(rules.RIGHTS), own))
    plain = Obligation.kind != Kind.CASE_STEP
    hidden = [str(each) for each in sanctions.not_told(actor)]
    return or_(plain, func.split_part(Obligation.subject, ":", 1).not_in(hidden)) if hidden else true()


def in_state(state: State, now: datetime) -> ColumnElement[bool]:
    """`rules.state_of` as a condition."""
    owed = Obligation.closed_at.is_(None)
    stopped = Obligation.paused_at.is_not(None)
    right, past = Obligation.kind.in_(rules.RIGHTS), Obligation.due_at <= now
    conditions = {
        State.WAIVED: or_(Obligation.waived_at.is_not(None), and_(owed, past, right)),
        State.MET: Obligation.judged_at < Obligation.due_at,
        State.LATE: Obligation.judged_at >= Obligation.due_at,
        State.OPEN: and_(owed, or_(stopped, Obligation.due_at > now)),
        State.BREACHED: and_(owed, ~stopped, past, ~right),
    }
    return conditions[state]


def list_obligations(
    actor: Actor,
    now: datetime,
    *,
    state: State | None = None,
    kind: Kind | None = None,
    unit_id: int | None = None,
    month: date | None = None,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[Obligation]:
    """The clocks that I may see, the earliest limit first."""
    chosen = select(Obligation).where(visible_to(actor))
    if state is not None:
        chosen = chosen.where(in_state(state, now))
    if kind is not None:
        chosen = chosen.where(Obligation.kind == kind)
    if unit_id is not None:
        chosen = chosen.where(Obligation.unit_id == unit_id)
    if month is not None:
        chosen = chosen.where(Obligation.month == month)
    return paged(chosen, [Obligation.due_at, Obligation.id], cursor, limit)


def duties_of(unit_id: int, month: date | None = None, *, limit: int | None = None) -> Sequence[Obligation]:
    """What the unit still owes, the earliest limit first; with `month`, for that month alone; with `limit`, so many at
    the most. What is to be done in cases apart."""
    chosen = select(Obligation).where(
        Obligation.unit_id == unit_id, Obligation.closed_at.is_(None), Obligation.kind.not_in(OF_CASES)
    )
    if month is not None:
        chosen = chosen.where(Obligation.month == month)
    return db.session.scalars(chosen.order_by(Obligation.due_at, Obligation.id).limit(limit)).all()


_LATE = and_(Obligation.due_at <= NOW, Obligation.paused_at.is_(None))


def waits(*apart: Kind) -> Waits:
    """What `duties_of` gives, for the rail: but for the kinds that have a place of their own there."""
    here = Obligation.kind.not_in((*OF_CASES, *apart))
    return select(_LATE).where(Obligation.unit_id == UNIT, Obligation.closed_at.is_(None), here)


def waits_for(kind: Kind, *, below: bool) -> Waits:
    """The clocks of one kind that run: at the own unit, or at all below it too."""
    subtree = and_(Obligation.unit_path >= LOW, Obligation.unit_path < HIGH)
    here = subtree if below else Obligation.unit_id == UNIT
    return select(_LATE).where(Obligation.kind == kind, Obligation.closed_at.is_(None), here)


def month_duties(month: date, *kinds: Kind) -> Sequence[Obligation]:
    """Every unit's obligation of these kinds for the month, in the order of the tree: a board's one query."""
    chosen = select(Obligation).where(Obligation.month == month, Obligation.kind.in_(kinds or rules.MONTHLY))
    return db.session.scalars(chosen.order_by(Obligation.unit_path, Obligation.kind)).all()
