"""Results, outcomes and states of a return visit, and what follows an attempt. Pure (R039, R040, R045)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from typing import Any

from flask_babel import lazy_gettext as _

from portal.core.errors import Conflict, FieldError
from portal.return_visits.rules import plan
from portal.return_visits.rules.plan import Hours, Plan


class State(StrEnum):
    """As API.md has them; `claimed` is read from the lease and never stored."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    RETRY = "retry"
    WITH_DEALER = "with_dealer"
    REVISIT = "revisit"
    CLOSED = "closed"


CALLABLE = (State.WAITING, State.RETRY, State.REVISIT)
STORED = tuple(state for state in State if state is not State.CLAIMED)


class Result(StrEnum):
    REACHED = "reached"
    NO_ANSWER = "no_answer"
    BUSY = "busy"
    WRONG_NUMBER = "wrong_number"
    REFUSED = "refused"
    CALLBACK = "callback"
    NOT_INSTALLED = "not_installed"


IN_VAIN = (Result.NO_ANSWER, Result.BUSY)


class Outcome(StrEnum):
    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    SUSPICIOUS = "suspicious"


class Reason(StrEnum):
    """Why a visit goes back to the dealer."""

    UNSATISFIED = "unsatisfied"
    SUSPICIOUS = "suspicious"
    WRONG_NUMBER = "wrong_number"
    UNREACHABLE = "unreachable"


class RectificationState(StrEnum):
    OPEN = "open"
    REPORTED = "reported"
    CLOSED = "closed"


class Standing(StrEnum):
    """How a person counts in the coverage."""

    NONE = "none"
    SATISFIED = "satisfied"
    UNSATISFIED = "unsatisfied"
    SUSPICIOUS = "suspicious"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


class Rank(IntEnum):
    """The queue's order (domain.md): what was promised, what was put right, then the rest."""

    CALLBACK = 0
    REVISIT = 1
    RETRY = 2
    SUSPICIOUS = 3
    OLDEST = 4


class Move(StrEnum):
    SATISFY = "satisfy"
    SEND_BACK = "send_back"
    PUT_OFF = "put_off"
    REPORT = "report"
    WAIVE = "waive"


MOVES: dict[tuple[State, Move], State] = {
    **{(state, Move.SATISFY): State.CLOSED for state in CALLABLE},
    **{(state, Move.SEND_BACK): State.WITH_DEALER for state in CALLABLE},
    **{(state, Move.PUT_OFF): State.RETRY for state in CALLABLE},
    (State.WITH_DEALER, Move.REPORT): State.REVISIT,
    **{(state, Move.WAIVE): State.CLOSED for state in (*CALLABLE, State.WITH_DEALER)},
}


def after(state: State, move: Move) -> State:
    """Raises Conflict where the table has no such move."""
    found = MOVES.get((State(state), move))
    if found is None:
        raise Conflict("visit_state", _("This visit is not in the state that this needs."), state=str(state))
    return found


@dataclass(frozen=True)
class Tried:
    """One attempt as the rules see it."""

    at: datetime
    result: Result
    outcome: Outcome | None = None
    callback_at: datetime | None = None
    not_before: datetime | None = None


@dataclass(frozen=True)
class Step:
    """What follows an attempt; `next_at` None: not to be called by itself (closed, with the dealer, or refused)."""

    move: Move
    next_at: datetime | None = None
    rank: Rank = Rank.OLDEST
    rectify: Reason | None = None


def next_step(tried: Tried, in_vain: Sequence[datetime], ruled: Plan, hours: Hours) -> Step:
    """`in_vain`: when nobody answered in this round before. A refusal waits for a supervisor's signed reason."""
    match tried.result:
        case Result.REACHED if tried.outcome is Outcome.SATISFIED:
            return Step(Move.SATISFY)
        case Result.REACHED:
            return Step(Move.SEND_BACK, rectify=Reason(tried.outcome or Outcome.UNSATISFIED))
        case Result.WRONG_NUMBER:
            return Step(Move.SEND_BACK, rectify=Reason.WRONG_NUMBER)
        case Result.REFUSED:
            return Step(Move.PUT_OFF)
        case Result.CALLBACK:
            return Step(Move.PUT_OFF, tried.callback_at, Rank.CALLBACK)
        case Result.NOT_INSTALLED:
            return Step(Move.PUT_OFF, tried.not_before, Rank.RETRY)
    tries = [*in_vain, tried.at]
    if plan.is_unreachable(tries, ruled, hours):
        return Step(Move.SEND_BACK, rectify=Reason.UNREACHABLE)
    return Step(Move.PUT_OFF, plan.next_attempt_at(tries, ruled, hours), Rank.RETRY)


def standing(history: Sequence[tuple[Result, Outcome | None]], *, unreachable: bool) -> tuple[bool, Standing]:
    """(visited, how it counts): the latest outcome of whoever was reached; else a refusal, else unreachable."""
    outcomes = [outcome for result, outcome in history if result is Result.REACHED and outcome]
    if outcomes:
        return True, Standing(outcomes[-1])
    if history and history[-1][0] is Result.REFUSED:
        return False, Standing.REFUSED
    return False, Standing.UNREACHABLE if unreachable else Standing.NONE


# --- does it fit? -----------------------------------------------------------------------------------------

FURTHEST_CALLBACK = timedelta(days=60)
FURTHEST_INSTALLATION = timedelta(days=366)
_ONLY = {
    "outcome": (Result.REACHED, _("Choose an outcome if and only if the customer was reached.")),
    "callback_at": (Result.CALLBACK, _("Name the time of the next call if and only if one was agreed on.")),
    "not_before": (Result.NOT_INSTALLED, _("Name the day if and only if the floor is not laid yet.")),
}


def misfits(
    result: Result,
    outcome: Outcome | None,
    callback_at: datetime | None,
    not_before: datetime | None,
    now: datetime,
    hours: Hours,
) -> list[FieldError]:
    """What does not go together in an attempt, field by field."""
    given: Mapping[str, Any] = {"outcome": outcome, "callback_at": callback_at, "not_before": not_before}
    wrong = [
        FieldError(f"/{name}", "required" if result is owner else "not_allowed", words)
        for name, (owner, words) in _ONLY.items()
        if (given[name] is not None) is not (result is owner)
    ]
    if wrong:
        return wrong
    if callback_at is not None:
        wrong += _callback_faults(callback_at, now, hours)
    if not_before is not None and not now < not_before <= now + FURTHEST_INSTALLATION:
        words = _("Name a day in the future, within a year.")
        wrong.append(FieldError("/not_before", "out_of_range", words))
    return wrong


def _callback_faults(callback_at: datetime, now: datetime, hours: Hours) -> list[FieldError]:
    if not now < callback_at <= now + FURTHEST_CALLBACK:
        return [FieldError("/callback_at", "out_of_range", _("Name a time in the future, within 60 days."))]
    if not hours.includes(callback_at):
        return [
            FieldError("/callback_at", "outside_calling_hours", _("Name a time within the calling hours."))
        ]
    return []


# --- words ------------------------------------------------------------------------------------------------

STATE_WORDS: dict[State, Any] = {
    State.WAITING: _("waiting for its call"),
    State.CLAIMED: _("being called"),
    State.RETRY: _("to be called again"),
    State.WITH_DEALER: _("with the dealer"),
    State.REVISIT: _("to be visited again"),
    State.CLOSED: _("closed"),
}
RESULT_WORDS: dict[Result, Any] = {
    Result.REACHED: _("reached"),
    Result.NO_ANSWER: _("no answer"),
    Result.BUSY: _("busy"),
    Result.WRONG_NUMBER: _("wrong number"),
    Result.REFUSED: _("refused"),
    Result.CALLBACK: _("call-back agreed"),
    Result.NOT_INSTALLED: _("not installed yet"),
}
OUTCOME_WORDS: dict[Outcome, Any] = {
    Outcome.SATISFIED: _("satisfied"),
    Outcome.UNSATISFIED: _("unsatisfied"),
    Outcome.SUSPICIOUS: _("suspicious"),
}
REASON_WORDS: dict[Reason, Any] = {
    Reason.UNSATISFIED: _("The customer is not satisfied"),
    Reason.SUSPICIOUS: _("The record is in doubt"),
    Reason.WRONG_NUMBER: _("The phone number is wrong"),
    Reason.UNREACHABLE: _("The customer could not be reached"),
}
