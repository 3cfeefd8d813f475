"""The procedure, step by step (API.md, Sanctions and ledger). Each verb raises NotFound, NotAllowed, Invalid or
Conflict, in that order, and gives the case as it stands after it."""

from collections.abc import Sequence

from portal.access import Actor, Permission, Role
from portal.core import arrival
from portal.core.errors import Conflict, FieldError, Invalid, NotAllowed
from portal.core.texts import lazy
from portal.sanctions import queries, rules
from portal.sanctions.models import Case
from portal.sanctions.rules import MONEY, Decision, Measure, Move, State
from portal.sanctions.service import effects
from portal.sanctions.service.reporting import put_up_for_review
from portal.sanctions.service.steps import (
    Held,
    approvers_needed,
    holding,
    margin_of,
    milder,
    move_on,
    papers,
    stored,
    tell_office,
    tell_party,
)

UNSETTLED = "not_settled"


# --- the party's side -------------------------------------------------------------------------------------------


def state_side(actor: Actor, case_id: int, text: str, documents: Sequence[str] = ()) -> Case:
    """The party says its side, once, before the decision. Conflict: `wrong_state`, `already_stated`.

    What counts is when its request arrived (decision 15), here and below.
    """
    arrived = arrival.reached()
    queries.get_case(actor, case_id)
    kept = papers(documents)
    with holding(actor, case_id, Move.STATE) as held:
        case = held.case
        state = rules.after(case.at, Move.STATE)
        if case.stated_at is not None:
            raise Conflict("already_stated", lazy("Your side was stated already."))
        case.stated_at = max(arrived, case.proposed_at or arrived)
        case.statement, case.statement_documents = text, kept
        move_on(actor, held, Move.STATE, state, text)
        tell_office(
            actor, case, [Role.SANCTION_APPROVER], "The party of sanction case %(number)s has stated its side"
        )
        return case


def acknowledge(actor: Actor, case_id: int, note: str = "") -> Case:
    """The party has the decision. Conflict: `wrong_state`, `already_acknowledged`."""
    arrived = arrival.reached()
    with holding(actor, case_id, Move.ACKNOWLEDGE) as held:
        case = held.case
        state = rules.after(case.at, Move.ACKNOWLEDGE)
        if case.acknowledged_at is not None:
            raise Conflict("already_acknowledged", lazy("This decision was acknowledged already."))
        case.acknowledged_at = max(arrived, case.served_at or arrived)
        case.acknowledged_by = actor.person_id
        return move_on(actor, held, Move.ACKNOWLEDGE, state, note)


def appeal(actor: Actor, case_id: int, grounds: str) -> Case:
    """One appeal, with its grounds, in its time. Conflict: `already_appealed`, `wrong_state`, `appeal_over`."""
    arrived = arrival.reached()
    with holding(actor, case_id, Move.APPEAL) as held:
        case = held.case
        if case.appealed_at is not None:
            raise Conflict("already_appealed", lazy("There is one appeal, and it was made."))
        state = rules.after(case.at, Move.APPEAL)
        if case.appeal_due_at is not None and arrived >= case.appeal_due_at:
            raise Conflict(
                "appeal_over", lazy("The time to appeal is over."), appeal_due_at=case.appeal_due_at
            )
        case.appealed_at = max(arrived, case.served_at or arrived)
        case.appealed_by, case.grounds = actor.person_id, grounds
        move_on(actor, held, Move.APPEAL, state, grounds)
        tell_office(
            actor,
            case,
            [Role.SANCTION_APPROVER],
            "Sanction case %(number)s was appealed: somebody else hears it",
        )
        return case


# --- the decision -----------------------------------------------------------------------------------------------


def approve(actor: Actor, case_id: int, note: str = "", measures: Sequence[Measure] | None = None) -> Case:
    """Approve, as proposed or with milder measures; above the rulebook's amount a second one has to do so, too.

    Conflict: `wrong_state`, `statement_open`. NotAllowed: `four_eyes`, `own_case`. Invalid: `not_milder`.
    """
    with holding(actor, case_id, Move.APPROVE) as held:
        case = held.case
        wanted = milder(measures, case)
        state = rules.after(case.at, Move.APPROVE)
        _refuse_unheard(held)
        case.approvers_needed = _approvers_needed(held, wanted)
        case.measures = stored(wanted)
        case.approval_note = note or case.approval_note
        if case.approvers_needed > 1 and case.first_approved_by is None:
            case.first_approved_by, case.first_approved_at = actor.person_id, held.now
            move_on(actor, held, Move.APPROVE, State.PROPOSED, note)
            tell_office(
                actor, case, [Role.SANCTION_APPROVER], "Sanction case %(number)s needs a second approver"
            )
            return case
        case.approved_by, case.approved_at = actor.person_id, held.now
        move_on(actor, held, Move.APPROVE, state, note)
        effects.plan(actor, case, held)
        tell_office(
            actor, case, [Role.SANCTION_OFFICER], "Sanction case %(number)s is approved and to be served"
        )
        return case


def _approvers_needed(held: Held, wanted: Sequence[Measure]) -> int:
    """Counted anew for what is approved: the margin may have grown since. One is enough where it was two only because
    what is approved is truly milder, not because the margin was used up meanwhile."""
    case = held.case
    needed = approvers_needed(case, held.procedure, wanted)
    truly_milder = not rules.is_milder(case.planned, wanted, margin_of(case))
    return needed if truly_milder else max(needed, case.approvers_needed)


def _refuse_unheard(held: Held) -> None:
    case = held.case
    if case.stated_at is None and case.statement_due_at is not None and held.now < case.statement_due_at:
        raise Conflict(
            "statement_open",
            lazy("The party has not stated its side, and its time for that is not over."),
            statement_due_at=case.statement_due_at,
        )


def reject(actor: Actor, case_id: int, note: str = "") -> Case:
    """No sanction: the case ends. Conflict: `wrong_state`."""
    with holding(actor, case_id, Move.REJECT) as held:
        state = rules.after(held.case.at, Move.REJECT)
        held.case.approval_note = held.case.end_note = note
        move_on(actor, held, Move.REJECT, state, note)
        tell_party(actor, held.case, "Sanction case %(number)s ended without a sanction")
        _review_those_that_hang_on(actor, held)
        return held.case


def give_back(actor: Actor, case_id: int, reason: str) -> Case:
    """Back to the officer, with what is lacking. Conflict: `wrong_state`."""
    with holding(actor, case_id, Move.RETURN) as held:
        state = rules.after(held.case.at, Move.RETURN)
        held.case.first_approved_by = held.case.first_approved_at = None
        move_on(actor, held, Move.RETURN, state, reason)
        tell_office(actor, held.case, [Role.SANCTION_OFFICER], "Sanction case %(number)s was returned to you")
        return held.case


def serve(actor: Actor, case_id: int, note: str = "") -> Case:
    """The decision goes to the party; from now on it has its time to appeal. Conflict: `wrong_state`."""
    with holding(actor, case_id, Move.SERVE) as held:
        case = held.case
        state = rules.after(case.at, Move.SERVE)
        case.served_at, case.served_by = held.now, actor.person_id
        case.appeal_due_at = held.now + held.times.appeal
        case.acknowledge_due_at = held.now + held.procedure.acknowledgement
        move_on(actor, held, Move.SERVE, state, note)
        tell_party(
            actor,
            case,
            "The decision in sanction case %(number)s is served: acknowledge it, or appeal in time",
        )
        return case


def decide(
    actor: Actor, case_id: int, decision: Decision, note: str = "", measures: Sequence[Measure] | None = None
) -> Case:
    """Hear the appeal: upheld, varied (with milder measures) or revoked, by neither proposer nor approver.

    What the approval held is given back where it falls. Conflict: `wrong_state`. NotAllowed: `four_eyes`, `own_case`.
    """
    with holding(actor, case_id, decision.move) as held:
        case = held.case
        wanted = _varied(case, decision, measures)
        state = rules.after(case.at, decision.move)
        case.decided_at, case.heard_by, case.decision = held.now, actor.person_id, decision.value
        case.decision_note, case.measures = note, stored(wanted)
        move_on(actor, held, decision.move, state, note)
        if decision is not Decision.UPHELD:
            effects.undo(actor, case, held, note or case.number)
        if decision is Decision.VARIED:
            effects.plan(actor, case, held)
        if decision is Decision.REVOKED:
            _review_those_that_hang_on(actor, held)
        tell_party(actor, case, "Your appeal in sanction case %(number)s is decided")
        return case


def _varied(case: Case, decision: Decision, measures: Sequence[Measure] | None) -> list[Measure]:
    if decision is Decision.VARIED and not measures:
        detail = lazy("Say the measures that take their place.")
        raise Invalid("invalid", detail, [FieldError("/measures", "required", detail)])
    if decision is not Decision.VARIED and measures:
        detail = lazy("Only a varied decision has new measures.")
        raise Invalid("invalid", detail, [FieldError("/measures", "not_allowed", detail)])
    return milder(measures or None, case)


def _review_those_that_hang_on(actor: Actor, held: Held) -> None:
    """The cases of the same breach that hang on this one: if the dealer's falls, its manager's is looked at again."""
    fallen = held.case
    for each in queries.cases_of_breach(fallen.breach_id, lock=True):
        if rules.hangs_on(each.against, fallen.against):
            put_up_for_review(actor, each, fallen.number, held.now)


def review(actor: Actor, case_id: int, decision: Decision, note: str) -> Case:
    """A decision that was made hangs on something that fell: it stands (upheld), or falls too (revoked) and all that it
    did is undone, with reversals in the ledger. By neither proposer nor approver.

    Conflict: `wrong_state`, `no_review`. NotAllowed: `four_eyes`, `own_case`.
    """
    falls = decision is Decision.REVOKED
    move = Move.FALL if falls else Move.KEEP
    with holding(actor, case_id, move) as held:
        case = held.case
        state = rules.after(case.at, move)
        if case.review_at is None:
            raise Conflict("no_review", lazy("Nothing that this case hangs on has fallen."))
        if falls:
            case.decided_at, case.heard_by, case.closed_at = held.now, actor.person_id, None
            case.decision, case.decision_note = decision.value, note
        move_on(actor, held, move, state, note)
        if falls:
            effects.undo(actor, case, held, note or case.number)
            _review_those_that_hang_on(actor, held)
            tell_party(actor, case, "The decision in sanction case %(number)s was taken back")
        return case


# --- its effects and its end ------------------------------------------------------------------------------------


def execute(actor: Actor, case_id: int, note: str = "") -> Case:
    """Let the measures take effect, each once. An officer does what is not money; finance does the money, and with it
    whatever the case has left. Conflict: `appeal_open`, `wrong_state`, `under_review`. NotAllowed: `money`."""
    with holding(actor, case_id, Move.EXECUTE) as held:
        case = held.case
        pays = actor.may(Permission.LEDGER_POST)
        left = effects.left_to_apply(case)
        if not pays and left and all(kind in MONEY for kind in left):
            raise NotAllowed("money", lazy("Finance executes what moves money."))
        if case.at is State.APPEALED or _may_still_appeal(held):
            raise Conflict(
                "appeal_open", lazy("The time to appeal is not over."), appeal_due_at=case.appeal_due_at
            )
        state = rules.after(case.at, Move.EXECUTE)
        if case.review_at is not None:
            raise Conflict("under_review", lazy("What this case hangs on fell: it is reviewed first."))
        effects.apply(actor, case, held, money=pays)
        if effects.left_to_apply(case):
            return move_on(actor, held, Move.EXECUTE, case.at, note)
        case.executed_at, case.executed_by = held.now, actor.person_id
        move_on(actor, held, Move.EXECUTE, state, note)
        tell_party(actor, case, "The measures of sanction case %(number)s have taken effect")
        return case


def _may_still_appeal(held: Held) -> bool:
    due = held.case.appeal_due_at
    return held.case.at is State.SERVED and due is not None and held.now < due


def withdraw(actor: Actor, case_id: int, reason: str) -> Case:
    """Take the case back, from any state before it was executed; what was held is given back, and those that hang on
    it are looked at again."""
    with holding(actor, case_id, Move.WITHDRAW) as held:
        case = held.case
        state = rules.after(case.at, Move.WITHDRAW)
        case.end_note = reason
        move_on(actor, held, Move.WITHDRAW, state, reason)
        effects.undo(actor, case, held, reason)
        if case.told_at is not None:
            tell_party(actor, case, "Sanction case %(number)s was withdrawn")
        _review_those_that_hang_on(actor, held)
        return case


def close(actor: Actor, case_id: int, note: str = "") -> Case:
    """Nothing is left to do. Conflict: `wrong_state`, `not_settled`."""
    with holding(actor, case_id, Move.CLOSE) as held:
        state = rules.after(held.case.at, Move.CLOSE)
        if not effects.all_settled(held.case):
            raise Conflict(UNSETTLED, lazy("Something is still to come: a top-up, or a month's statement."))
        return move_on(actor, held, Move.CLOSE, state, note)
