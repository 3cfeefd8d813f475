"""What the pages say about a case: words for states and steps, what may be done now, what is still to come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _

from portal import accounts, ledger, rulebook
from portal.access import Actor, Permission
from portal.core.errors import NotAllowed
from portal.rulebook import Who
from portal.sanctions import queries
from portal.sanctions.models import Case, Effect, Step
from portal.sanctions.queries import pages as listed
from portal.sanctions.queries.pages import ENDED, MOST_COUNTED, Tab
from portal.sanctions.rules import (
    FROM_MARGIN,
    MONEY,
    MOVES,
    REVIEWED,
    MeasureKind,
    Move,
    State,
    at_stake,
    why,
)
from portal.sanctions.service.steps import refuse_hands

STATE_TAGS: Mapping[State, tuple[str, Any]] = {
    State.DRAFT: ("mute", _("Draft")),
    State.PROPOSED: ("warn", _("To be decided")),
    State.APPROVED: ("warn", _("To be served")),
    State.REJECTED: ("mute", _("No sanction")),
    State.SERVED: ("info", _("Served")),
    State.APPEALED: ("odd", _("Appealed")),
    State.UPHELD: ("warn", _("Upheld, to be executed")),
    State.VARIED: ("warn", _("Varied, to be executed")),
    State.REVOKED: ("ok", _("Revoked")),
    State.EXECUTED: ("ok", _("Measures in force")),
    State.CLOSED: ("mute", _("Closed")),
    State.WITHDRAWN: ("mute", _("Withdrawn by the officer")),
}
MOVE_WORDS: Mapping[str, Any] = {
    "draft": _("Case opened"),
    Move.PROPOSE: _("Sanction proposed, party told"),
    Move.STATE: _("The party stated its side"),
    Move.APPROVE: _("Approved"),
    Move.REJECT: _("No sanction"),
    Move.RETURN: _("Returned to the officer"),
    Move.SERVE: _("Decision served"),
    Move.ACKNOWLEDGE: _("Acknowledged by the party"),
    Move.APPEAL: _("Appealed"),
    Move.UPHOLD: _("Appeal heard: upheld"),
    Move.VARY: _("Appeal heard: varied"),
    Move.REVOKE: _("Appeal heard: revoked"),
    Move.EXECUTE: _("Measures executed"),
    Move.CARRY_OUT: _("Measure carried out"),
    Move.CLOSE: _("Case closed"),
    Move.REVIEW: _("Put up for review"),
    Move.KEEP: _("Reviewed: the decision stands"),
    Move.FALL: _("Reviewed: the decision is taken back"),
    Move.WITHDRAW: _("Withdrawn by the officer"),
}
DUE_WORDS: Mapping[State, Any] = {
    State.DRAFT: _("to be proposed by"),
    State.PROPOSED: _("to be decided by"),
    State.APPROVED: _("to be served by"),
    State.SERVED: _("to be executed by"),
    State.APPEALED: _("to be heard by"),
    State.UPHELD: _("to be executed by"),
    State.VARIED: _("to be executed by"),
}


def counted(count: int) -> str:
    """A count that was only counted so far: '999+'."""
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count)


def due_words(case: Case) -> Any:
    """Whose step the deadline of a case is."""
    if case.review_at is not None and case.at in REVIEWED:
        return _("to be reviewed by")
    return DUE_WORDS.get(case.at, "")


WHO_WORDS: Mapping[Who, Any] = {
    Who.DEALER: _("Dealer"),
    Who.STORE: _("Store"),
    Who.EMPLOYEE: _("Employee"),
    Who.REGIONAL_MANAGER: _("Regional manager"),
    Who.CHANNEL_MANAGER: _("Channel manager"),
    Who.CUSTOMER_SERVICE: _("HQ customer service"),
}
TAB_WORDS: Mapping[Tab, Any] = {
    Tab.TEND: _("For me to do"),
    Tab.JUDGE: _("For me to decide"),
    Tab.OPEN: _("Running"),
    Tab.DRAFT: _("Drafts"),
    Tab.PROPOSED: _("To be decided"),
    Tab.SERVE: _("To be served"),
    Tab.SERVED: _("May be appealed"),
    Tab.APPEALED: _("Appeals"),
    Tab.EXECUTE: _("To be executed"),
    Tab.SOON: _("Running out"),
    Tab.REVIEW: _("To be reviewed"),
    Tab.SHORT: _("Shortfalls and top-ups"),
    Tab.EXECUTED: _("Measures in force"),
    Tab.DONE: _("Ended"),
    Tab.ALL: _("All"),
}
REFUSED_WORDS: Mapping[tuple[str, bool], Any] = {
    ("four_eyes", True): _("You are the proposer and cannot decide on your own proposal."),
    ("four_eyes", False): _("You have decided in this case already: somebody else does this step."),
}


# --- what this person may do now ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """A form that this person has in front of it; `why`: the reason why it cannot be sent yet."""

    name: str
    why: Any = ""


@dataclass(frozen=True)
class Acts:
    main: list[Act] = field(default_factory=list)
    withdraw: bool = False


def acts_of(actor: Actor, case: Case, effects: Sequence[Effect], now: datetime) -> Acts:
    """Exactly what may be done now by whoever looks, in the order of weight."""
    found = [
        _as_party(actor, case, now),
        _adopting(actor, case),
        _deciding(actor, case, now),
        _hearing(actor, case),
        _reviewing(actor, case),
        _serving(actor, case),
        _executing(actor, case, effects, now),
        _closing(actor, case, effects),
    ]
    main = [act for part in found for act in part]
    may_withdraw = actor.may(Permission.SANCTION_WITHDRAW) and (case.at, Move.WITHDRAW) in MOVES
    return Acts(main, may_withdraw and not _refusal(actor, case, Move.WITHDRAW))


def _refusal(actor: Actor, case: Case, move: Move) -> Any:
    try:
        refuse_hands(actor, case, move)
    except NotAllowed as refused:
        own = case.proposed_by == actor.person_id and actor.person_id is not None
        return REFUSED_WORDS.get((refused.code, own), refused.detail)
    return ""


def _as_party(actor: Actor, case: Case, now: datetime) -> list[Act]:
    if not (actor.may(Permission.SANCTION_ANSWER) and queries.is_party(actor, case)):
        return []
    acts = []
    if case.at is State.PROPOSED and case.stated_at is None:
        acts.append(Act("statement"))
    if case.at is State.SERVED and (case.appeal_due_at is None or now < case.appeal_due_at):
        acts.append(Act("appeal"))
    if case.acknowledged_at is None and case.served_at and (case.at, Move.ACKNOWLEDGE) in MOVES:
        acts.insert(0, Act("acknowledge"))
    return acts


def _adopting(actor: Actor, case: Case) -> list[Act]:
    if case.at is not State.DRAFT or not actor.may(Permission.SANCTION_PROPOSE):
        return []
    return [Act("propose", _refusal(actor, case, Move.PROPOSE))]


def _deciding(actor: Actor, case: Case, now: datetime) -> list[Act]:
    if case.at is not State.PROPOSED:
        return []
    if not actor.may(Permission.SANCTION_APPROVE):
        mine = actor.person_id is not None and case.proposed_by == actor.person_id
        return [Act("approve", REFUSED_WORDS["four_eyes", True])] if mine else []
    why = _refusal(actor, case, Move.APPROVE)
    open_until = case.statement_due_at
    if not why and case.stated_at is None and open_until is not None and now < open_until:
        why = _("The party has not stated its side, and its time for that is not over.")
    return [Act("approve", why)]


def _hearing(actor: Actor, case: Case) -> list[Act]:
    if case.at is not State.APPEALED or not actor.may(Permission.SANCTION_DECIDE):
        return []
    return [Act("decide", _refusal(actor, case, Move.UPHOLD))]


def _reviewing(actor: Actor, case: Case) -> list[Act]:
    if case.review_at is None or case.at not in REVIEWED or not actor.may(Permission.SANCTION_DECIDE):
        return []
    return [Act("review", _refusal(actor, case, Move.KEEP))]


def _serving(actor: Actor, case: Case) -> list[Act]:
    if case.at is not State.APPROVED or not actor.may(Permission.SANCTION_SERVE):
        return []
    return [Act("serve", _refusal(actor, case, Move.SERVE))]


def _executing(actor: Actor, case: Case, effects: Sequence[Effect], now: datetime) -> list[Act]:
    if (case.at, Move.EXECUTE) not in MOVES or not actor.may(Permission.SANCTION_EXECUTE):
        return []
    left = [MeasureKind(each.kind) for each in effects if each.applied_at is None]
    why = _refusal(actor, case, Move.EXECUTE)
    if not actor.may(Permission.LEDGER_POST) and left and all(kind in MONEY for kind in left):
        why = _("Finance executes what moves money.")
    elif case.at is State.SERVED and case.appeal_due_at is not None and now < case.appeal_due_at:
        why = _("The time to appeal is not over.")
    elif case.review_at is not None:
        why = _("What this case hangs on fell: it is reviewed first.")
    return [Act("execute", why)]


def _closing(actor: Actor, case: Case, effects: Sequence[Effect]) -> list[Act]:
    if (case.at, Move.CLOSE) not in MOVES or not actor.may(Permission.SANCTION_CLOSE):
        return []
    waiting = any(each.applied_at is not None and each.settled_at is None for each in effects)
    why = _("Something is still to come: a top-up, or a month's statement.") if waiting else ""
    return [Act("close", why)]


# --- the way of a case ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """A line of the timeline; `at` None: still to come. `kind`: ok, now, bad or nothing yet."""

    words: Any
    kind: str = ""
    at: datetime | None = None
    doer: str = ""
    note: str = ""
    due_at: datetime | None = None
    sub: Any = ""


CLOCK = "clock"  # how the sweep signs
BAD_MOVES = {Move.RETURN, Move.WITHDRAW, Move.REJECT, Move.REVOKE, Move.REVIEW, Move.FALL}


def timeline(case: Case, steps: Sequence[Step]) -> list[Stage]:
    """Who did what when and why, the step that is due, and what follows if nothing comes between."""
    done = [
        Stage(
            MOVE_WORDS.get(each.move, each.move),
            "bad" if each.move in BAD_MOVES else "ok",
            each.at,
            str(_("the clock")) if each.doer in ("", CLOCK) else each.doer,
            why(each.note),
        )
        for each in steps
    ]
    return done + _to_come(case)


def _to_come(case: Case) -> list[Stage]:
    due = case.step_due_at
    later = [
        Stage(_("The decision is served")),
        Stage(_("Time to appeal"), sub=_("An appeal is heard by a third person")),
        Stage(_("The measures take effect"), sub=_("Finance executes what moves money")),
    ]
    first: dict[State, list[Stage]] = {
        State.DRAFT: [
            Stage(_("An officer proposes it"), "now", due_at=due),
            Stage(_("The party is told and states its side")),
            Stage(_("Somebody else decides")),
            *later,
        ],
        State.PROPOSED: [Stage(_("Somebody else decides"), "now", due_at=due), *later],
        State.APPROVED: [Stage(_("The decision is served"), "now", due_at=due), *later[1:]],
        State.SERVED: [Stage(_("Time to appeal"), "now", due_at=case.appeal_due_at), later[2]],
        State.APPEALED: [Stage(_("A third person hears the appeal"), "now", due_at=due), later[2]],
        State.UPHELD: [Stage(_("The measures take effect"), "now", due_at=due)],
        State.VARIED: [Stage(_("The measures take effect"), "now", due_at=due)],
        State.EXECUTED: [Stage(_("The case is closed"), "now", sub=_("when nothing is left to wait for"))],
        State.REVOKED: [Stage(_("The case is closed"), "now", sub=_("when nothing is left to wait for"))],
    }
    return first.get(case.at, [])


# --- beside the case ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Money:
    """The party's account beside its case. `planned`: what the case would still take; in minor units."""

    sums: Mapping[str, int]
    entries: Sequence[ledger.Entry]
    planned: int
    after: int
    required: int | None
    person: bool

    @property
    def gap(self) -> int:
        return max((self.required or 0) - self.after, 0)


def money_of(actor: Actor, case: Case, effects: Sequence[Effect]) -> Money | None:
    """The margin of a dealer or store, a person's commissions; None where the case is about neither."""
    if case.person_id is not None:
        owner = ledger.person_owner(case.network_id, case.person_id, case.about_unit_id)
    elif case.against in (Who.DEALER, Who.STORE):
        owner = ledger.Owner(case.about_unit_id, case.about_path)
    else:
        owner = None
    if owner is None:
        return None
    sums = {each.kind.value: each.balance for each in ledger.balances(owner)}
    total = sums.get("margin", 0) + sums.get("margin_hold", 0)
    planned = 0
    if case.at not in (*ENDED, State.EXECUTED) and case.person_id is None:
        applied = {MeasureKind(each.kind) for each in effects if each.applied_at is not None}
        left = [each for each in case.planned if each.kind in FROM_MARGIN and each.kind not in applied]
        planned = min(at_stake(left, total), total)
    book = rulebook.at_version(case.network_id, case.rulebook_version)
    required = book.sanctions.procedure.margin_required if case.against is Who.DEALER else None
    page = ledger.entries(owner, limit=6, newest_first=True)
    return Money(sums, page.items, planned, total - planned, required, case.person_id is not None)


def advice(case: Case) -> tuple[Any, Sequence[rulebook.Measure]]:
    """What the rulebook says for this step of the ladder: the consequence in words, and its measures."""
    book = rulebook.at_version(case.network_id, case.rulebook_version)
    answers = book.answerable(case.rule, case.who)
    return (answers.consequence, answers.step(case.step)) if answers else (None, ())


def names_in(case: Case) -> Mapping[int, str]:
    hands = (
        case.proposed_by,
        case.first_approved_by,
        case.approved_by,
        case.served_by,
        case.appealed_by,
        case.heard_by,
        case.executed_by,
        case.acknowledged_by,
    )
    return accounts.names_of(each for each in hands if each is not None)


def evidence(ids: Sequence[str]) -> list[tuple[int, str]]:
    """(place, id) of documents, to be named by their place: the party reads no other room's file names."""
    return list(enumerate(ids, 1))


def linked_cases(actor: Actor, ids: Sequence[int]) -> Sequence[queries.CaseView]:
    return queries.views(actor, listed.numbered(actor, ids)) if ids else []
