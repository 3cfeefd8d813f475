"""The states of a case, who takes which step when, and the facts in words. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _

from portal.core.errors import Conflict
from portal.rulebook import Who


class State(StrEnum):
    DRAFT = "draft"
    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"
    SERVED = "served"
    APPEALED = "appealed"
    UPHELD = "upheld"
    VARIED = "varied"
    REVOKED = "revoked"
    EXECUTED = "executed"
    CLOSED = "closed"
    WITHDRAWN = "withdrawn"


class Move(StrEnum):
    PROPOSE = "propose"
    STATE = "state"
    APPROVE = "approve"
    REJECT = "reject"
    RETURN = "return"
    SERVE = "serve"
    ACKNOWLEDGE = "acknowledge"
    APPEAL = "appeal"
    UPHOLD = "uphold"
    VARY = "vary"
    REVOKE = "revoke"
    EXECUTE = "execute"
    CARRY_OUT = "carry_out"  # what was handed on: the case's state does not change by it
    CLOSE = "close"
    REVIEW = "review"
    KEEP = "keep"
    FALL = "fall"
    WITHDRAW = "withdraw"


class Decision(StrEnum):
    """What the hearing of an appeal ends in."""

    UPHELD = "upheld"
    VARIED = "varied"
    REVOKED = "revoked"

    @property
    def move(self) -> Move:
        return {"upheld": Move.UPHOLD, "varied": Move.VARY, "revoked": Move.REVOKE}[self.value]


REVIEWED = (State.APPROVED, State.SERVED, State.UPHELD, State.VARIED, State.EXECUTED, State.CLOSED)
"""A decision that was made is looked at again where what it hangs on fell; an appeal that runs decides it by itself."""
MOVES: Mapping[tuple[State, Move], State] = {
    (State.DRAFT, Move.PROPOSE): State.PROPOSED,
    (State.PROPOSED, Move.STATE): State.PROPOSED,
    (State.PROPOSED, Move.APPROVE): State.APPROVED,
    (State.PROPOSED, Move.REJECT): State.REJECTED,
    (State.PROPOSED, Move.RETURN): State.DRAFT,
    (State.APPROVED, Move.SERVE): State.SERVED,
    (State.SERVED, Move.ACKNOWLEDGE): State.SERVED,
    (State.SERVED, Move.APPEAL): State.APPEALED,
    (State.APPEALED, Move.ACKNOWLEDGE): State.APPEALED,
    (State.APPEALED, Move.UPHOLD): State.UPHELD,
    (State.APPEALED, Move.VARY): State.VARIED,
    (State.APPEALED, Move.REVOKE): State.REVOKED,
    (State.UPHELD, Move.ACKNOWLEDGE): State.UPHELD,
    (State.VARIED, Move.ACKNOWLEDGE): State.VARIED,
    (State.EXECUTED, Move.ACKNOWLEDGE): State.EXECUTED,
    (State.SERVED, Move.EXECUTE): State.EXECUTED,
    (State.UPHELD, Move.EXECUTE): State.EXECUTED,
    (State.VARIED, Move.EXECUTE): State.EXECUTED,
    (State.EXECUTED, Move.CLOSE): State.CLOSED,
    (State.REVOKED, Move.CLOSE): State.CLOSED,
    **{(state, Move.KEEP): state for state in REVIEWED},
    **{(state, Move.FALL): State.REVOKED for state in REVIEWED},
    (State.DRAFT, Move.WITHDRAW): State.WITHDRAWN,
    (State.PROPOSED, Move.WITHDRAW): State.WITHDRAWN,
    (State.APPROVED, Move.WITHDRAW): State.WITHDRAWN,
    (State.SERVED, Move.WITHDRAW): State.WITHDRAWN,
    (State.APPEALED, Move.WITHDRAW): State.WITHDRAWN,
    (State.UPHELD, Move.WITHDRAW): State.WITHDRAWN,
    (State.VARIED, Move.WITHDRAW): State.WITHDRAWN,
}
STANDS = (
    State.APPROVED,
    State.SERVED,
    State.APPEALED,
    State.UPHELD,
    State.VARIED,
    State.EXECUTED,
    State.CLOSED,
)
"""A decision that stands counts on the ladder; `revoked` and what was closed after it never does (R015)."""


def after(state: State, move: Move) -> State:
    """The state that follows. Raises Conflict `wrong_state`."""
    if (state, move) not in MOVES:
        raise Conflict(
            "wrong_state", _("This step is not possible in the case's present state."), state=state.value
        )
    return MOVES[state, move]


@dataclass(frozen=True)
class Times:
    """The rulebook's times of a case."""

    statement: timedelta
    approval: timedelta
    appeal: timedelta


def under_review(state: State, decision: str | None) -> bool:
    """Whether a case in this state can be put up for review: it runs, or what was decided in it still binds."""
    if state in (State.REJECTED, State.REVOKED, State.WITHDRAWN):
        return False
    return state is not State.CLOSED or decision != Decision.REVOKED


def step_due(state: State, now: datetime, times: Times, *, stated: bool = False) -> datetime | None:
    """Until when (exclusive) the step that comes next is to be taken; None where none is owed.

    A draft is adopted, a proposal approved (after the party's time to speak), a decision served, an appeal heard and
    a decision executed within the approval's time; what was executed or revoked is closed after the appeal's time.
    """
    if state is State.PROPOSED:
        return now + times.approval + (timedelta() if stated else times.statement)
    if state is State.SERVED:
        return now + times.appeal + times.approval
    if state in (State.EXECUTED, State.REVOKED):
        return now + times.appeal
    if state in (State.REJECTED, State.CLOSED, State.WITHDRAWN):
        return None
    return now + times.approval


MONTH = re.compile(r"20\d\d-(0[1-9]|1[0-2])")


def kept_due(state: State, now: datetime, times: Times) -> datetime | None:
    """The same after a review in which the decision stood: its time to appeal is not given a second time."""
    return now + times.approval if state is State.SERVED else step_due(state, now, times)


# --- the facts in words --------------------------------------------------------------------------------------


def moment_words(at: datetime, zone: ZoneInfo) -> str:
    """'2026-11-06 09:30'; the end of a day is 24:00 of that day."""
    local = at.astimezone(zone)
    if local.hour == local.minute == local.second == 0:
        return f"{local - timedelta(days=1):%Y-%m-%d} 24:00"
    return f"{local:%Y-%m-%d %H:%M}"


FILED_IN_TIME = "filed_in_time"
"""Why the portal itself took a breach back; a row keeps the code, so that each reader has it in the own language."""

WHY = {FILED_IN_TIME: _("What was filed had come in before the deadline.")}


def why(text: str) -> Any:
    """A reason as its reader sees it: the portal's own in the reader's language, anybody else's as it was written."""
    return WHY.get(text, text)


def facts_words(facts: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> list[tuple[str, datetime | None, Any]]:
    """Each fact as (code, when, lazy words); facts of a code that we don't know are left out."""
    told: list[tuple[str, datetime | None, Any]] = []
    for fact in facts:
        code, text = str(fact.get("code")), str(fact.get("text", ""))
        at = datetime.fromisoformat(fact["at"]) if fact.get("at") else None
        when = moment_words(at, zone) if at else ""
        words = {
            "subject": _("Files of the month %(text)s", text=text)
            if MONTH.fullmatch(text)
            else _("Concerns %(text)s", text=text),
            "due": _("Due by %(when)s", when=when),
            "found": _("Not done when the deadline had passed; found at %(when)s", when=when),
            "cured": _("Done late, at %(when)s", when=when),
            "retracted": _("The breach was taken back at %(when)s: %(text)s", when=when, text=why(text)),
        }.get(code)
        if words is not None:
            told.append((code, at, words))
    return told


# --- whose hands ------------------------------------------------------------------------------------------------

DECIDING = frozenset({Move.APPROVE, Move.REJECT, Move.RETURN})
HEARING = frozenset({Move.UPHOLD, Move.VARY, Move.REVOKE, Move.KEEP, Move.FALL})
OF_PARTY = frozenset({Move.STATE, Move.ACKNOWLEDGE, Move.APPEAL})
RANK = (
    Who.STORE,
    Who.DEALER,
    Who.EMPLOYEE,
    Who.REGIONAL_MANAGER,
    Who.CHANNEL_MANAGER,
    Who.CUSTOMER_SERVICE,
)
"""Whose case hangs on whose: each on those before it."""


def hangs_on(who: Who, fallen: Who) -> bool:
    return RANK.index(who) > RANK.index(fallen)


def refused_hand(
    move: Move,
    person_id: int | None,
    *,
    party: int | None,
    proposed_by: int | None,
    first_approved_by: int | None,
    approved_by: int | None,
) -> str | None:
    """Why this person may not take this step: `four_eyes`, `own_case`, `no_person`; None where it may.

    Proposer, approvers and hearer are different persons, each of them somebody, and none of them is the party.
    """
    if move in OF_PARTY:
        return None
    if person_id is None:
        return "no_person" if move in DECIDING | HEARING | {Move.PROPOSE} else None
    if person_id == party:
        return "own_case"
    before = {proposed_by, first_approved_by} if move in DECIDING else set()
    if move in HEARING:
        before = {proposed_by, first_approved_by, approved_by}
    return "four_eyes" if person_id in before else None
