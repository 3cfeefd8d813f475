"""The steps that headquarters owes in cases, for the one table of clocks that stands above this room."""

from collections.abc import Sequence

from sqlalchemy import select

from portal.access import Actor, Role
from portal.core.db import db
from portal.sanctions.models import Case
from portal.sanctions.rules import REVIEWED, State

WAITING = (State.EXECUTED, State.REVOKED)
"""These wait to be closed by themselves: nobody is late."""

_DECIDED = ", ".join(f"'{state.value}'" for state in REVIEWED)
REVIEW = f"c.review_at IS NOT NULL AND c.state IN ({_DECIDED})"
OWED_STEPS = f"""
    SELECT c.id::text || ':' || CASE WHEN {REVIEW} THEN 'review' ELSE c.state END || ':' || (
               SELECT count(*) FROM sanction_step s
               WHERE s.network_id = c.network_id AND s.case_id = c.id AND s.move IN ('propose', 'keep')) AS subject,
           greatest(c.drafted_at, c.proposed_at, c.approved_at, c.served_at, c.appealed_at, c.decided_at,
                    c.review_at) AS opened_at,
           c.step_due_at AS due_at, c.rulebook_version, c.requirement AS source
    FROM sanction_case c
    WHERE c.network_id = :network AND c.step_due_at IS NOT NULL AND ({REVIEW} OR c.closed_at IS NULL
      AND c.state NOT IN ({", ".join(f"'{state.value}'" for state in WAITING)}))
"""  # noqa: S608 - states are constants of this room
"""SQL with `:network`: a row for each case in which somebody at headquarters owes the next step.

`subject` is case, state and how often it was proposed or kept on review: after that its steps are owed anew.
"""

TOP_UPS = """
    SELECT e.about_unit_id AS unit_id, u.unit_path, c.number, c.rulebook_version, c.requirement, e.applied_at, e.until,
           e.settled_at, e.undone_at
    FROM sanction_effect e
    JOIN sanction_case c ON c.network_id = e.network_id AND c.id = e.case_id
    JOIN unit u ON u.network_id = e.network_id AND u.id = e.about_unit_id
    WHERE e.network_id = :network AND e.kind = 'top_up' AND e.applied_at IS NOT NULL
"""
"""SQL with `:network`: every top-up that a dealer owed or owes, until when, and how it ended."""

BARRED = """
    SELECT c.about_path, c.number, e.applied_at
    FROM sanction_effect e JOIN sanction_case c ON c.network_id = e.network_id AND c.id = e.case_id
    WHERE e.network_id = :network AND e.kind = 'dealer_disqualified' AND e.applied_at IS NOT NULL
      AND e.undone_at IS NULL
"""
"""SQL with `:network`: dealers that may file nothing new, with the case that says so."""

NEXT = {
    State.DRAFT: (Role.SANCTION_OFFICER,),
    State.PROPOSED: (Role.SANCTION_APPROVER,),
    State.APPROVED: (Role.SANCTION_OFFICER,),
    State.APPEALED: (Role.SANCTION_APPROVER,),
}
"""Whose step is next; the others are executed by officer and finance."""


def whose_step(subject: str) -> tuple[Role, ...]:
    """Who at headquarters owes the step that `subject` of `OWED_STEPS` names."""
    step = subject.split(":")[1]
    if step == "review":
        return (Role.SANCTION_APPROVER,)
    return NEXT.get(State(step), (Role.SANCTION_OFFICER, Role.FINANCE))


def not_told(actor: Actor) -> Sequence[int]:
    """Cases about this person of which it was not told yet: it sees nothing of them, whatever its role."""
    chosen = select(Case.id).where(Case.person_id == (actor.person_id or 0), Case.told_at.is_(None))
    return db.session.scalars(chosen.order_by(Case.id)).all()


def case_of(subject: str) -> int:
    """The case's id."""
    return int(subject.partition(":")[0])
