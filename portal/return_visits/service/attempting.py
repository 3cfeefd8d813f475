"""Logging a call: what was said, and what follows from it (R039, R040, R045)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import delete, update

from portal.access import Actor, Permission
from portal.core import clock, events
from portal.core.db import db
from portal.core.errors import Conflict, FieldError, Invalid
from portal.core.texts import lazy
from portal.return_visits import queries
from portal.return_visits.models import Attempt, Desk, Draft, Rectification, Visit
from portal.return_visits.queries import Calling
from portal.return_visits.rules import outcomes, plan, questions
from portal.return_visits.rules.coverage import Figures
from portal.return_visits.rules.outcomes import (
    IN_VAIN,
    Move,
    Outcome,
    Reason,
    Result,
    State,
    Step,
    Tried,
)
from portal.return_visits.service import claiming, counting, rectifying


@dataclass(frozen=True)
class Said:
    """One call as the agent saves it; `note` are the customer's words, `reason` why it is in doubt or refused."""

    result: Result
    outcome: Outcome | None = None
    answers: Mapping[str, Any] = field(default_factory=dict)
    score: int | None = None
    note: str = ""
    reason: str = ""
    wish: str = ""
    callback_at: datetime | None = None
    not_before: datetime | None = None
    seconds: int | None = None
    recording: str | None = None


@dataclass(frozen=True)
class Logged:
    visit: Visit
    attempt: Attempt
    rectification: Rectification | None


def log_attempt(actor: Actor, visit_id: int, said: Said) -> Logged:
    """Save the call of the customer that I hold; the next one is free to be claimed.

    Raises NotFound, Invalid (fields that do not fit), Conflict lease_lost with its `holder`.
    """
    now = clock.now()
    visit = queries.get_visit(visit_id)
    ruled = queries.calling(actor.network_id, visit.month)
    must_fit(said, ruled, now)
    claiming.desk_of(actor, now)
    visit = claiming.locked_main(visit_id)
    if not visit.held_by(actor.person_id, now):
        raise claiming.lease_lost(visit, now)
    party = [visit, *queries.joined_with(visit)]
    before = [counting.figures_of(each) for each in party]
    step = _step(visit, said, now, ruled)
    attempts = [_write(actor, each, said, now, ruled, joined=each is not visit) for each in party]
    for each in party:
        each.attempts += 1
        _move(each, step, said, now, actor.person_id, ruled)
    rectification = _follow(actor, party, step, said, ruled, now)
    _clear_desk(actor, visit)
    events.record(
        actor,
        "visit:attempted",
        visit,
        after={
            "result": said.result,
            "outcome": said.outcome,
            "state": visit.state,
            "next_at": visit.next_at,
            "round": visit.round,
            "with": [each.id for each in party[1:]],
        },
    )
    _count(actor, party, before, now, ruled)
    return Logged(visit, attempts[0], rectification)


def must_fit(said: Said, ruled: Calling, now: datetime) -> None:
    """Raises Invalid, field by field."""
    wrong: list[FieldError] = outcomes.misfits(
        said.result, said.outcome, said.callback_at, said.not_before, now, ruled.hours
    )
    wrong += questions.faults(said.answers, ruled.book)
    if wrong:
        raise Invalid("invalid", lazy("Some fields are not as they should be."), wrong)


def _step(visit: Visit, said: Said, now: datetime, ruled: Calling, but: int | None = None) -> Step:
    tried = Tried(now, said.result, said.outcome, said.callback_at, said.not_before)
    return outcomes.next_step(tried, queries.tried_in_vain(visit, but), ruled.plan, ruled.hours)


def _write(
    actor: Actor,
    visit: Visit,
    said: Said,
    now: datetime,
    ruled: Calling,
    *,
    joined: bool,
    corrects: int | None = None,
) -> Attempt:
    attempt = Attempt(
        network_id=visit.network_id,
        unit_path=visit.unit_path,
        about_path=visit.about_path,
        visit_id=visit.id,
        round=visit.round,
        at=now,
        agent_id=actor.person_id,
        agent=actor.name,
        result=said.result,
        outcome=said.outcome,
        answers=events.plain(dict(said.answers)),
        rulebook_version=ruled.version,
        score=said.score,
        note=said.note,
        reason=said.reason,
        wish=said.wish,
        callback_at=said.callback_at,
        not_before=said.not_before,
        seconds=said.seconds,
        recording=said.recording,
        joined=joined,
        corrects=corrects,
    )
    db.session.add(attempt)
    db.session.flush()
    return attempt


def _move(visit: Visit, step: Step, said: Said, now: datetime, agent_id: int | None, ruled: Calling) -> None:
    """The visit as it stands after this step; its figures from all attempts that count. `agent_id`: who called."""
    visit.state = outcomes.after(visit.state, step.move)
    visit.next_at, visit.rank = step.next_at, int(step.rank)
    visit.closed_at = now if step.move is Move.SATISFY else None
    visit.holder_id = visit.lease_until = None
    visit.last_agent = agent_id
    visit.not_agent = visit.not_until = visit.skipped_by = visit.skipped_until = None
    visit.for_agent = visit.for_until = None
    if said.callback_at is not None:
        visit.for_agent = agent_id
        visit.for_until = said.callback_at + ruled.book.callback_held
        visit.pool = 0  # promised to its agent for a while, then to anyone
    history = queries.effective(queries.attempts_of(visit.id))
    visit.unreachable = _was_unreachable(history, ruled)
    visit.visited, visit.standing = outcomes.standing(
        [(Result(each.result), each.outcome and Outcome(each.outcome)) for each in history],
        unreachable=visit.unreachable,
    )


def _was_unreachable(history: Sequence[Attempt], ruled: Calling) -> bool:
    """In one of its rounds nobody answered as often as the plan asks for."""
    rounds = {each.round for each in history}
    return any(
        plan.is_unreachable(
            [each.at for each in history if each.round == number and each.result in IN_VAIN],
            ruled.plan,
            ruled.hours,
        )
        for number in rounds
    )


def _follow(
    actor: Actor, party: Sequence[Visit], step: Step, said: Said, ruled: Calling, now: datetime
) -> Rectification | None:
    """Open the dealer's next round, one for all months that were called, or close what is satisfied."""
    if step.rectify is not None:
        return rectifying.open_round(actor, party[0], step.rectify, said.note, said.wish, ruled, now)
    if step.move is Move.SATISFY:
        closed = [rectifying.close(actor, each, "satisfied", now) for each in party]
        return closed[0]
    return None


def _clear_desk(actor: Actor, visit: Visit) -> None:
    db.session.execute(
        update(Desk)
        .where(Desk.person_id == actor.person_id, Desk.visit_id == visit.id)
        .values(visit_id=None, claimed_at=None)
    )
    db.session.execute(delete(Draft).where(Draft.visit_id == visit.id, Draft.person_id == actor.person_id))


def _count(
    actor: Actor, party: Sequence[Visit], before: Sequence[Figures], now: datetime, ruled: Calling
) -> None:
    """Last of all: the rows that others may wait for are held as short as can be."""
    changes = [(each, counting.figures_of(each) - was) for each, was in zip(party, before, strict=True)]
    counting.add(changes, ruled.hours.day_of(now), actor.person_id)


# --- a wrong save is put right ----------------------------------------------------------------------------


def correct(actor: Actor, visit_id: int, said: Said) -> Logged:
    """Put my last save of this customer right (a supervisor: anybody's); the first one stays in sight.

    Raises NotFound, Invalid, Conflict: nothing_to_correct, not_yours, already_reported, visit_closed, month_sealed,
    claimed.
    """
    now = clock.now()
    visit = queries.get_visit(visit_id)
    ruled = queries.calling(actor.network_id, visit.month)
    must_fit(said, ruled, now)
    claiming.desk_of(actor, now)
    visit = claiming.locked_main(visit_id)
    history = queries.effective(queries.attempts_of(visit.id))
    last = _correctable(actor, visit, history, now)
    party = [visit, *queries.called_with(visit)]
    counting.keep_unsealed(actor.network_id, (each.month for each in party))
    before = [counting.figures_of(each) for each in party]
    step = _step(visit, said, now, ruled, but=last.id)
    first: Attempt | None = None
    for each in party:
        latest = queries.effective(queries.attempts_of(each.id))[-1]
        attempt = _write(actor, each, said, now, ruled, joined=each is not visit, corrects=latest.id)
        first = first or attempt
        each.state = _state_before(each)
        _move(each, step, said, now, last.agent_id, ruled)
    assert first is not None
    rectification = _mend(actor, party, last, step, said, ruled, now)
    events.record(
        actor,
        "visit:corrected",
        visit,
        before={"attempt": last.id, "result": last.result, "outcome": last.outcome},
        after={"attempt": first.id, "result": said.result, "outcome": said.outcome, "state": visit.state},
    )
    _count(actor, party, before, now, ruled)
    return Logged(visit, first, rectification)


def _correctable(actor: Actor, visit: Visit, history: Sequence[Attempt], now: datetime) -> Attempt:
    if not history:
        raise Conflict("nothing_to_correct", lazy("Nothing has been saved for this customer yet."))
    last = history[-1]
    if last.agent_id != actor.person_id and not actor.may(Permission.VISIT_ASSIGN):
        raise Conflict("not_yours", lazy("Only whoever saved this call, or a supervisor, can put it right."))
    if visit.waived_at is not None:
        raise Conflict("visit_closed", lazy("A supervisor closed this visit."))
    if visit.held_at(now):
        raise Conflict(
            "claimed", lazy("This customer is being called."), holder=claiming.holder_of(visit, now)
        )
    if last.round != visit.round:
        raise Conflict(
            "already_reported", lazy("The dealer has reported since. The next call says how it is.")
        )
    return last


def _state_before(visit: Visit) -> State:
    """As it stood before the call that is put right; to be called again is all the same to the moves."""
    return State.REVISIT if visit.round else State.RETRY


def _mend(
    actor: Actor, party: Sequence[Visit], last: Attempt, step: Step, said: Said, ruled: Calling, now: datetime
) -> Rectification | None:
    """What the wrong save had started at the dealer is changed, taken back, or started now."""
    visit = party[0]
    opened = rectifying.opened_by_last_call(visit)
    if step.rectify is not None and opened is not None:
        return rectifying.reword(opened, Reason(step.rectify), said.note, said.wish)
    if opened is not None:
        rectifying.withdraw(actor, opened, now)
    else:
        rectifying.reopen(actor, visit, last.at)
    return _follow(actor, party, step, said, ruled, now)
