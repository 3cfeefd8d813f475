"""The steps of cases as clocks like all others: sanctions stands below and cannot start them, so the sweep keeps up.

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
              AND s.at >= o.opened_at AND s.state <> split_part(o.subject, ':', 2)))
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


def keep_up(who: events.Doer, of: Network, now: datetime) -> None:
    """Let the clocks of cases' steps be what sanctions owes now; twice is the same as once."""
    values = {"network": of.id, "root": of.root_path, "office": int(of.root_path.rstrip(".")), "now": now}
    for statement in KEEP_UP:
        db.session.execute(statement, values)
