"""The steps of cases, and margins to be topped up, as clocks like all others: sanctions stands below and cannot start
them, so the sweep keeps up. A dealer that is disqualified files nothing: what it owed of files it owes no more.

What is owed now is what sanctions says; its rows are opened, moved and closed to match, set-based and in the sweep's
transaction, before anybody is reminded: whoever took the step meanwhile hears nothing.
"""

from datetime import datetime

from sqlalchemy import text

from portal import sanctions
from portal.core import events
from portal.core.db import db
from portal.network import Network

_OWED = f"WITH owed AS MATERIALIZED ({sanctions.OWED_STEPS})"
_OPEN = "o.network_id = :network AND o.unit_id = :office AND o.kind = 'case_step' AND o.closed_at IS NULL"

KEEP_UP = (
    text(
        f"""{_OWED}
        UPDATE obligation o SET closed_at = :now, next_at = NULL, awaited_until = NULL, judged_at = least(:now, (
            SELECT coalesce(min(s.at), :now) FROM sanction_step s
            WHERE s.network_id = o.network_id AND s.case_id = split_part(o.subject, ':', 1)::bigint
              AND (s.at > o.opened_at OR s.at = o.opened_at AND split_part(o.subject, ':', 2) <> 'review')
              AND s.state <> split_part(o.subject, ':', 2)))
        WHERE {_OPEN} AND NOT EXISTS (SELECT 1 FROM owed WHERE owed.subject = o.subject)"""  # noqa: S608
    ),
    text(
        f"""{_OWED}
        UPDATE obligation o SET due_at = owed.due_at, first_due_at = least(o.first_due_at, owed.due_at),
            planned_at = :now, next_at = :now, breached_at = NULL
        FROM owed WHERE {_OPEN} AND o.subject = owed.subject AND o.due_at <> owed.due_at"""  # noqa: S608
    ),
    text(
        f"""{_OWED}
        INSERT INTO obligation (network_id, unit_path, unit_id, kind, rule, rulebook_version, source, subject,
                                opened_at, due_at, first_due_at, planned_at, next_at)
        SELECT :network, :root, :office, 'case_step', 'sanctions.procedure', rulebook_version, source, subject,
               least(opened_at, due_at), due_at, due_at, opened_at, :now
        FROM owed
        WHERE NOT EXISTS (SELECT 1 FROM obligation o WHERE o.network_id = :network AND o.kind = 'case_step'
                          AND o.unit_id = :office AND o.subject = owed.subject)
        ORDER BY due_at, subject ON CONFLICT DO NOTHING"""  # noqa: S608
    ),
)
"""Closed first: a step is judged by when it was taken, not by when the sweep saw it."""


_DUE = f"WITH due AS MATERIALIZED ({sanctions.TOP_UPS})"
TOP_UPS = (
    text(
        f"""{_DUE},
        ended AS (
            UPDATE obligation o SET closed_at = :now, next_at = NULL, awaited_until = NULL, paused_at = NULL,
                judged_at = due.settled_at, waived_at = CASE WHEN due.settled_at IS NULL THEN due.undone_at END,
                waiver_reason = CASE WHEN due.settled_at IS NULL THEN due.number END
            FROM due WHERE o.network_id = :network AND o.kind = 'top_up' AND o.closed_at IS NULL
              AND o.unit_id = due.unit_id AND o.subject = due.number
              AND coalesce(due.settled_at, due.undone_at) IS NOT NULL
            RETURNING o.id, o.judged_at)
        UPDATE obligation e SET closed_at = :now, judged_at = coalesce(ended.judged_at, :now), next_at = NULL,
            paused_at = NULL
        FROM ended WHERE e.network_id = :network AND e.origin_id = ended.id AND e.closed_at IS NULL"""  # noqa: S608
    ),
    text(
        f"""{_DUE}
        INSERT INTO obligation (network_id, unit_path, unit_id, kind, rule, rulebook_version, source, subject,
                                opened_at, due_at, first_due_at, planned_at, next_at)
        SELECT :network, unit_path, unit_id, 'top_up', 'sanctions.procedure.top_up', rulebook_version, requirement,
               number, least(applied_at, until), until, until, applied_at, :now
        FROM due WHERE settled_at IS NULL AND undone_at IS NULL
        ORDER BY until, number ON CONFLICT DO NOTHING"""  # noqa: S608
    ),
)
LET_OFF = text(
    f"""
    WITH barred AS MATERIALIZED ({sanctions.BARRED}),
    ended AS (UPDATE obligation o SET closed_at = :now, waived_at = :now, waiver_reason = barred.number, next_at = NULL,
        awaited_until = NULL, paused_at = NULL
    FROM barred WHERE o.network_id = :network AND o.closed_at IS NULL AND o.due_at > barred.applied_at
      AND o.kind IN ('customer_file', 'part_file', 'returned_file')
      AND o.unit_path >= barred.about_path AND o.unit_path < left(barred.about_path, -1) || '/'
    RETURNING o.id, o.unit_path, barred.number)
    INSERT INTO event (network_id, unit_path, at, doer, via, action, kind, object_id, before, after)
    SELECT :network, unit_path, :now, :doer, :via, 'obligation:waived', 'obligation', id::text, '{{}}',
           jsonb_build_object('case', number) FROM ended
    """  # noqa: S608 - constants of the room below
)
"""What was due before the dealer was disqualified stays what it is."""


def keep_up(who: events.Doer, of: Network, now: datetime) -> None:
    """Let the clocks be what sanctions says is owed now; twice is the same as once."""
    values = {"network": of.id, "root": of.root_path, "office": int(of.root_path.rstrip(".")), "now": now}
    values |= {"doer": who.name, "via": who.via}
    for statement in (*KEEP_UP, *TOP_UPS, LET_OFF):
        db.session.execute(statement, values)
