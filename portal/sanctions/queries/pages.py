"""What only pages ask: a case by its number, the boards' tabs with their counts, the steps that are due first."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, text, true

from portal.access import Actor, Role
from portal.accounts import Membership, Person
from portal.core.db import db, within
from portal.core.errors import NotFound
from portal.core.paging import LIMIT, Page, paged
from portal.core.waiting import HIGH, LOW, NOW, PERSON, Waits
from portal.network import Unit
from portal.sanctions.models import SHORT, Case, Effect
from portal.sanctions.queries.cases import ANSWERS_FOR, CaseView, is_party, may_see, seen_by, views
from portal.sanctions.rules import MOVES, REVIEWED, Move, State

SOON = timedelta(hours=48)
ENDED = (State.CLOSED, State.REJECTED, State.REVOKED, State.WITHDRAWN)
OPEN = tuple(state for state in State if state not in ENDED)
RUNNING = tuple(state for state in OPEN if state is not State.EXECUTED)
"""What they are, not what they are not: by that an index finds them among all that have ended."""
MOST_COUNTED = 999


class Tab(StrEnum):
    """What a board can be asked for."""

    OPEN = "open"
    TEND = "tend"
    JUDGE = "judge"
    DRAFT = "draft"
    PROPOSED = "proposed"
    SERVE = "serve"
    SERVED = "served"
    APPEALED = "appealed"
    EXECUTE = "execute"
    SOON = "soon"
    REVIEW = "review"
    SHORT = "short"
    EXECUTED = "executed"
    DONE = "done"
    ALL = "all"


def _is(*states: State) -> ColumnElement[bool]:
    return Case.state.in_([each.value for each in states])


def tab_condition(tab: Tab, now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Which cases stand under a tab."""
    appeal_over = or_(Case.appeal_due_at.is_(None), Case.appeal_due_at <= now)
    reviewed = Case.review_at.is_not(None)
    conditions: Mapping[Tab, ColumnElement[bool]] = {
        Tab.OPEN: _is(*OPEN),
        Tab.TEND: or_(_is(State.DRAFT, State.APPROVED), and_(reviewed, ~_is(*REVIEWED))),
        Tab.JUDGE: or_(_is(State.PROPOSED, State.APPEALED), and_(reviewed, _is(*REVIEWED))),
        Tab.DRAFT: _is(State.DRAFT),
        Tab.PROPOSED: _is(State.PROPOSED),
        Tab.SERVE: _is(State.APPROVED),
        Tab.SERVED: and_(_is(State.SERVED), ~appeal_over),
        Tab.APPEALED: _is(State.APPEALED),
        Tab.EXECUTE: or_(_is(State.UPHELD, State.VARIED), and_(_is(State.SERVED), appeal_over)),
        Tab.SOON: and_(_is(*RUNNING), Case.listed_at <= now + SOON),
        Tab.REVIEW: reviewed,
        Tab.SHORT: exists().where(
            Effect.network_id == Case.network_id,
            Effect.case_id == Case.id,
            text(SHORT),
        ),
        Tab.EXECUTED: _is(State.EXECUTED),
        Tab.DONE: _is(*ENDED),
        Tab.ALL: true(),
    }
    return conditions[tab]


def by_number(actor: Actor, number: str) -> Case:
    """Raises NotFound, also for a case that this actor may not see."""
    found = db.session.scalar(select(Case).where(Case.number == number, may_see(actor)))
    if found is None:
        raise NotFound()
    return found


def numbered(actor: Actor, ids: Sequence[int]) -> Sequence[Case]:
    """Those of these cases that this actor may see."""
    return db.session.scalars(select(Case).where(Case.id.in_(ids), may_see(actor)).order_by(Case.id)).all()


def views_of(actor: Actor, *, ids: Collection[int], numbers: Collection[str]) -> Sequence[CaseView]:
    """The cases of these ids or numbers that this actor may see, with their names."""
    wanted = or_(Case.id.in_(ids), Case.number.in_(numbers))
    return views(
        actor, db.session.scalars(select(Case).where(wanted, may_see(actor)).order_by(Case.id)).all()
    )


def board(
    actor: Actor,
    tab: Tab,
    now: datetime,
    *,
    number: str = "",
    unit: Unit | None = None,
    rule: str = "",
    cursor: str | None = None,
    limit: int = LIMIT,
) -> Page[Case]:
    """The cases under a tab, the least time left first; what owes no step stands last."""
    chosen = select(Case).where(may_see(actor), tab_condition(tab, now))
    if number:
        chosen = chosen.where(Case.number.istartswith(number, autoescape=True))
    if unit is not None:
        chosen = chosen.where(Case.about_path >= unit.unit_path, Case.about_path < f"{unit.unit_path[:-1]}/")
    if rule:
        chosen = chosen.where(or_(Case.rule == rule, Case.requirement == rule))
    return paged(chosen, [Case.listed_at, Case.id], cursor, limit)


def counts(actor: Actor, tabs: Sequence[Tab], now: datetime) -> Mapping[Tab, int]:
    """How many cases stand under each tab, in one look; of what only ever grows up to MOST_COUNTED + 1."""
    columns = []
    for tab in tabs:
        found = select(Case.id).where(may_see(actor), tab_condition(tab, now))
        if tab in (Tab.DONE, Tab.ALL):
            found = found.order_by(Case.id).limit(MOST_COUNTED + 1)
        columns.append(select(func.count()).select_from(found.subquery()).scalar_subquery().label(tab.value))
    return dict(zip(tabs, db.session.execute(select(*columns)).one(), strict=True))


def due_first(actor: Actor, *, limit: int) -> Sequence[CaseView]:
    """Cases in which somebody owes a step, the least time left first."""
    chosen = (
        select(Case)
        .where(may_see(actor), Case.step_due_at.is_not(None), _is(*RUNNING))
        .order_by(Case.listed_at, Case.id)
        .limit(limit)
    )
    return views(actor, db.session.scalars(chosen).all())


def _asks_party(now: datetime | ColumnElement[datetime]) -> ColumnElement[bool]:
    """Cases in which a party may still speak, acknowledge or appeal (`own_step`)."""
    served = [state.value for state, move in MOVES if move is Move.ACKNOWLEDGE]
    return or_(
        and_(_is(State.PROPOSED), Case.stated_at.is_(None), Case.statement_due_at > now),
        and_(_is(State.SERVED), Case.appeal_due_at > now),
        and_(Case.state.in_(served), Case.acknowledged_at.is_(None), Case.acknowledge_due_at > now),
    )


def own_step(case: Case, now: datetime) -> tuple[Move, datetime] | None:
    """What the party may do in its case and until when, the least time left first; None where nothing is open to it."""
    limits = {
        Move.STATE: case.statement_due_at if case.stated_at is None else None,
        Move.ACKNOWLEDGE: case.acknowledge_due_at if case.acknowledged_at is None else None,
        Move.APPEAL: case.appeal_due_at,
    }
    steps = [
        (due, move)
        for move, due in limits.items()
        if due is not None and due > now and (case.at, move) in MOVES
    ]
    due, move = min(steps, default=(None, None))
    return (move, due) if move is not None and due is not None else None


def _own_waiting(actor: Actor, now: datetime) -> list[Case]:
    chosen = select(Case).where(may_see(actor), _asks_party(now)).order_by(Case.id).limit(100)
    own = [each for each in db.session.scalars(chosen) if is_party(actor, each)]
    steps = {each.id: own_step(each, now) for each in own}
    return sorted(own, key=lambda each: ((step := steps[each.id]) is None, step[1] if step else now, each.id))


NEXT_STEP = {
    Role.SANCTION_OFFICER: Tab.TEND,
    Role.SANCTION_APPROVER: Tab.JUDGE,
    Role.FINANCE: Tab.EXECUTE,
}
"""Under which tab the cases stand whose next step is this role's; everybody else is a party."""


def waits(role: Role) -> Waits | None:
    """Cases that wait for this role, for the rail: those it decides, or as the party those in which it may still speak
    or appeal."""
    tab = NEXT_STEP.get(role)
    if tab is not None:
        return select(Case.step_due_at <= NOW).where(
            seen_by(role, PERSON, LOW, HIGH), tab_condition(tab, NOW)
        )
    if role not in ANSWERS_FOR:
        return None
    return select(false()).where(seen_by(role, PERSON, LOW, HIGH), _asks_party(NOW))


def count_waiting(actor: Actor, now: datetime) -> int:
    """All cases that wait for this actor: `waits` counts to a hundred."""
    tab = NEXT_STEP.get(actor.role)
    if tab is None:
        return len(_own_waiting(actor, now))
    chosen = select(func.count()).select_from(Case).where(may_see(actor), tab_condition(tab, now))
    return db.session.scalar(chosen) or 0


def to_do(
    actor: Actor, now: datetime, *, limit: int
) -> Sequence[tuple[CaseView, datetime | None, Move | None]]:
    """What `count_waiting` counts, the least time left first, each with when this actor's own time is over, and what a
    party may do until then."""
    tab = NEXT_STEP.get(actor.role)
    if tab is None:
        found = []
        for shown in views(actor, _own_waiting(actor, now)[:limit]):
            move, due = own_step(shown.case, now) or (None, None)
            found.append((shown, due, move))
        return found
    listed = board(actor, tab, now, limit=limit).items
    return [(shown, shown.case.step_due_at, None) for shown in views(actor, listed)]


def effects_in(actor: Actor, case: Case, *, undone: bool = False) -> Sequence[Effect]:
    """What a case that this actor may see holds and does; `undone`: with what fell since."""
    chosen = select(Effect).where(Effect.case_id == case.id)
    if not undone:
        chosen = chosen.where(Effect.undone_at.is_(None))
    with within(actor.whole_network):
        return db.session.scalars(chosen.order_by(Effect.round, Effect.place)).all()


def party_language(case: Case) -> str | None:
    """The language that the party has chosen: the person's, or that of the dealer's principal."""
    chosen = select(Person.language).join(Membership, Membership.person_id == Person.id)
    if case.person_id is not None:
        chosen = chosen.where(Person.id == case.person_id)
    else:
        principal = Membership.role == Role.DEALER_PRINCIPAL.value
        chosen = chosen.where(
            Membership.unit_id == case.about_unit_id, principal, Membership.status == "active"
        )
    return db.session.scalar(chosen.order_by(Membership.id).limit(1))
