"""The steps that headquarters owes in cases, for the one table of clocks that stands above this room."""

from collections.abc import Sequence

from sqlalchemy import select

from portal.access import Actor, Role
from portal.core.db import db
from portal.sanctions.models import NEVER, Case
from portal.sanctions.rules import MONEY, REVIEWED, State

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
      AND c.listed_at < {NEVER})
"""  # noqa: S608 - states are constants of this room
"""SQL with `:network`: a row for each case in which somebody at headquarters owes the next step.

`subject` is case, state and how often it was proposed or kept on review: after that its steps are owed anew.
"""

_TOLD = "'proposed', 'served', 'appealed', 'upheld', 'varied', 'executed'"
LIVE = f"""EXISTS (SELECT 1 FROM sanction_case WHERE network_id = :network AND state IN ({_TOLD})) AS cases,
    EXISTS (SELECT 1 FROM sanction_effect WHERE network_id = :network AND undone_at IS NULL
            AND (short_minor > 0 OR kind = 'top_up' AND applied_at IS NOT NULL AND settled_at IS NULL)) AS short,
    EXISTS (SELECT 1 FROM sanction_effect WHERE network_id = :network AND act_due_at IS NOT NULL AND undone_at IS NULL)
        AS handed_on,
    EXISTS (SELECT 1 FROM sanction_effect WHERE network_id = :network AND kind = 'dealer_disqualified') AS barred"""  # noqa: S608
"""SQL columns with `:network`: whether there is any case beyond a draft, any measure that somebody still has to carry
out, any dealer that was ever barred; each by a thin index. Without them most of what stands below is not worth asking,
each minute."""
_SPEAKS = """CASE WHEN c.person_id IS NULL AND c.who = 'store' THEN (
        SELECT d.id FROM unit d WHERE d.network_id = c.network_id AND d.kind = 'dealer'
          AND d.id = ANY(string_to_array(rtrim(c.about_path, '.'), '.')::bigint[]))
    ELSE c.about_unit_id END"""
"""Where the party is told and answers: a store's case at its dealer."""

OWED_BY_CASES = f"""
    SELECT w.kind, u.id AS unit_id, u.unit_path, c.person_id, w.subject, c.rulebook_version, c.requirement AS source,
           w.opened_at, w.due_at
    FROM sanction_case c
    CROSS JOIN LATERAL (VALUES
        ('statement', CASE WHEN c.state = 'proposed' THEN c.number || ':' || (
             SELECT count(*) FROM sanction_step s
             WHERE s.network_id = c.network_id AND s.case_id = c.id AND s.move = 'propose') END, c.proposed_at,
         CASE WHEN c.state = 'proposed' AND c.stated_at IS NULL THEN c.statement_due_at END),
        ('acknowledgement', c.number, c.served_at,
         CASE WHEN c.state <> 'proposed' AND c.acknowledged_at IS NULL THEN c.acknowledge_due_at END),
        ('appeal', c.number, c.served_at,
         CASE WHEN c.state = 'served' AND c.appealed_at IS NULL THEN c.appeal_due_at END)
    ) AS w(kind, subject, opened_at, due_at)
    JOIN unit u ON u.network_id = c.network_id AND u.id = {_SPEAKS}
    WHERE c.network_id = :network AND c.state IN ({_TOLD})
      AND c.told_at IS NOT NULL AND w.due_at IS NOT NULL
    UNION ALL
    SELECT 'top_up', u.id, u.unit_path, NULL, c.number, c.rulebook_version, c.requirement, e.applied_at, e.until
    FROM sanction_effect e
    JOIN sanction_case c ON c.network_id = e.network_id AND c.id = e.case_id
    JOIN unit u ON u.network_id = e.network_id AND u.id = e.about_unit_id
    WHERE e.network_id = :network AND e.kind = 'top_up' AND e.applied_at IS NOT NULL AND e.settled_at IS NULL
      AND e.undone_at IS NULL AND e.until IS NOT NULL
    UNION ALL
    SELECT 'handed_on', u.id, u.unit_path, NULL, c.number || ':' || e.id, c.rulebook_version, c.requirement,
           e.applied_at, e.act_due_at
    FROM sanction_effect e
    JOIN sanction_case c ON c.network_id = e.network_id AND c.id = e.case_id
    JOIN unit u ON u.network_id = e.network_id AND u.unit_path = e.unit_path
    WHERE e.network_id = :network AND e.act_due_at IS NOT NULL AND e.acted_at IS NULL AND e.undone_at IS NULL
"""  # noqa: S608 - constants of this room
"""SQL with `:network`: what is owed or may be done now in cases, one row for each: the party's statement, its
acknowledgement and its appeal (until the case has gone on, also when their time is over), a margin to be topped up, a
measure handed to those who act. `subject` begins with the case's number; each proposal has a statement of its own.
"""

DONE_AT = """CASE o.kind
    WHEN 'top_up' THEN (
        SELECT max(e.settled_at) FROM sanction_case c
        JOIN sanction_effect e ON e.network_id = c.network_id AND e.case_id = c.id
        WHERE c.network_id = o.network_id AND c.number = o.subject AND e.kind = 'top_up' AND e.undone_at IS NULL)
    WHEN 'handed_on' THEN (
        SELECT e.acted_at FROM sanction_effect e
        WHERE e.network_id = o.network_id AND e.id = split_part(o.subject, ':', 2)::bigint AND e.undone_at IS NULL)
    ELSE (
        SELECT CASE o.kind WHEN 'statement' THEN c.stated_at WHEN 'appeal' THEN c.appealed_at
               ELSE c.acknowledged_at END
        FROM sanction_case c
        WHERE c.network_id = o.network_id AND c.number = split_part(o.subject, ':', 1)) END"""
"""SQL of a clock `o` that was opened for a row of `OWED_BY_CASES`: when it was done; NULL where the case went on
without it."""

_MONEY = ", ".join(f"'{kind.value}'" for kind in sorted(MONEY))
_OTHERS = "h.person_id IS DISTINCT FROM c.person_id AND h.person_id IS DISTINCT FROM c.proposed_by"
_ANYBODY = "NOT EXISTS (SELECT 1 FROM hands h WHERE h.role = '{role}')"
UNHELD_STEPS = f"""
    WITH hands AS MATERIALIZED (
        SELECT m.person_id, m.role FROM membership m JOIN person p ON p.id = m.person_id
        WHERE m.network_id = :network AND m.unit_id = :office AND m.status = 'active' AND p.status = 'active')
    SELECT split_part(owed.subject, ':', 1)::bigint AS case_id, owed.subject
    FROM ({OWED_STEPS}) AS owed
    CROSS JOIN LATERAL (SELECT * FROM sanction_case WHERE network_id = :network
                        AND id = split_part(owed.subject, ':', 1)::bigint OFFSET 0) AS c
    WHERE owed.due_at > :now AND CASE split_part(owed.subject, ':', 2)
        WHEN 'draft' THEN {_ANYBODY.format(role=Role.SANCTION_OFFICER.value)}
        WHEN 'approved' THEN {_ANYBODY.format(role=Role.SANCTION_OFFICER.value)}
        WHEN 'proposed' THEN NOT EXISTS (
            SELECT 1 FROM hands h WHERE h.role = '{Role.SANCTION_APPROVER.value}' AND {_OTHERS}
              AND h.person_id IS DISTINCT FROM c.first_approved_by)
        WHEN 'appealed' THEN {{hearers}}
        WHEN 'review' THEN {{hearers}}
        ELSE {_ANYBODY.format(role=Role.FINANCE.value)} AND ({_ANYBODY.format(role=Role.SANCTION_OFFICER.value)}
            OR EXISTS (SELECT 1 FROM jsonb_array_elements(c.measures) m WHERE m ->> 'kind' IN ({_MONEY}))) END
    ORDER BY owed.due_at, owed.subject
""".format(  # noqa: S608 - constants of this room
    hearers=f"""NOT EXISTS (
            SELECT 1 FROM hands h WHERE h.role = '{Role.SANCTION_APPROVER.value}' AND {_OTHERS}
              AND h.person_id IS DISTINCT FROM c.first_approved_by AND h.person_id IS DISTINCT FROM c.approved_by)"""  # noqa: S608
)
"""SQL with `:network`, `:office`, `:now`: steps of cases that nobody at headquarters may take: the role is held by
nobody, or (four eyes) only by those who have had a hand in the case already, or whom it is about. OFFSET 0 keeps each
case's look-up by its key."""

BARRED = """
    SELECT c.about_path, c.number, e.applied_at, e.undone_at
    FROM sanction_effect e JOIN sanction_case c ON c.network_id = e.network_id AND c.id = e.case_id
    WHERE e.network_id = :network AND e.kind = 'dealer_disqualified' AND e.applied_at IS NOT NULL
"""
"""SQL with `:network`: dealers that may file nothing new, with the case that says so, and since when that fell."""

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
