"""What is to be done in cases as clocks like all others: headquarters' steps, the party's statement, acknowledgement
and appeal, margins to be topped up or paid back, measures handed to those who act. The rooms below cannot start them,
so the sweep keeps up. A dealer that is disqualified files nothing: what it owed of files it owes no more.

What is owed now is what sanctions says; its rows are opened, moved and closed to match, set-based and in the sweep's
transaction, before anybody is reminded: whoever took the step meanwhile hears nothing.
"""

from datetime import datetime

from sqlalchemy import text

from portal import ledger, rulebook, sanctions
from portal.clocks import queries
from portal.clocks.models import OF_CASES
from portal.clocks.rules import RIGHTS
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


_BY_CASES = f"WITH owed AS MATERIALIZED ({sanctions.OWED_BY_CASES} UNION ALL {ledger.OWED_REFUNDS})"
_RIGHTS = ", ".join(f"'{kind.value}'" for kind in RIGHTS)
BY_CASES = (
    text(
        f"""{_BY_CASES},
        gone AS MATERIALIZED (
            SELECT o.id, CASE WHEN o.kind = 'refund' THEN {ledger.REFUNDED_AT} ELSE {sanctions.DONE_AT} END AS done_at
            FROM obligation o
            WHERE o.network_id = :network AND o.closed_at IS NULL AND o.kind IN ({OF_CASES})
              AND NOT EXISTS (SELECT 1 FROM owed WHERE owed.kind = o.kind AND owed.unit_id = o.unit_id
                              AND owed.subject = o.subject)),
        ended AS (
            UPDATE obligation o SET closed_at = :now, next_at = NULL, awaited_until = NULL, paused_at = NULL,
                judged_at = gone.done_at,
                waived_at = CASE WHEN gone.done_at IS NOT NULL THEN NULL
                                 WHEN o.kind IN ({_RIGHTS}) THEN least(:now, o.due_at) ELSE :now END,
                waiver_reason = CASE WHEN gone.done_at IS NULL THEN split_part(o.subject, ':', 1) END
            FROM gone WHERE o.id = gone.id AND o.closed_at IS NULL
            RETURNING o.id, o.judged_at)
        UPDATE obligation e SET closed_at = :now, judged_at = coalesce(ended.judged_at, :now), next_at = NULL,
            paused_at = NULL
        FROM ended WHERE e.network_id = :network AND e.origin_id = ended.id AND e.closed_at IS NULL"""  # noqa: S608
    ),
    text(
        f"""{_BY_CASES}
        INSERT INTO obligation (network_id, unit_path, unit_id, person_id, kind, rule, rulebook_version, source,
                                subject, opened_at, due_at, first_due_at, planned_at, next_at)
        SELECT :network, unit_path, unit_id, person_id, kind, 'sanctions.procedure.' || kind, rulebook_version, source,
               subject, least(opened_at, due_at), due_at, due_at, opened_at, :now
        FROM owed
        WHERE NOT EXISTS (SELECT 1 FROM obligation o WHERE o.network_id = :network AND o.kind = owed.kind
                          AND o.unit_id = owed.unit_id AND o.subject = owed.subject)
        ORDER BY due_at, subject, kind ON CONFLICT DO NOTHING"""  # noqa: S608
    ),
    text(
        f"""UPDATE obligation SET next_at = NULL
            WHERE network_id = :network AND next_at <= :now AND due_at <= :now AND kind IN ({_RIGHTS})"""  # noqa: S608
    ),
)
"""Closed first, as above. A right whose time is over is looked at no more: nothing was missed, the case goes on."""

FILES = "('customer_file', 'part_file', 'returned_file')"
LET_OFF = text(
    f"""
    WITH barred AS MATERIALIZED (SELECT * FROM ({sanctions.BARRED}) AS b WHERE undone_at IS NULL),
    ended AS (UPDATE obligation o SET closed_at = :now, waived_at = :now, waiver_reason = barred.number, next_at = NULL,
        awaited_until = NULL, paused_at = NULL
    FROM barred WHERE o.network_id = :network AND o.closed_at IS NULL AND o.due_at > barred.applied_at
      AND o.kind IN {FILES} AND o.unit_path >= barred.about_path AND o.unit_path < left(barred.about_path, -1) || '/'
    RETURNING o.id, o.unit_path, barred.number),
    chased AS (UPDATE obligation e SET closed_at = :now, waived_at = :now, waiver_reason = barred.number,
        next_at = NULL, paused_at = NULL
    FROM barred JOIN obligation o ON o.network_id = :network AND o.closed_at IS NULL AND o.kind IN {FILES}
      AND o.unit_path >= barred.about_path AND o.unit_path < left(barred.about_path, -1) || '/'
    WHERE e.network_id = :network AND e.origin_id = o.id AND e.closed_at IS NULL
    RETURNING e.id, e.unit_path, barred.number),
    quiet AS (UPDATE obligation o SET next_at = NULL
    FROM barred WHERE o.network_id = :network AND o.next_at IS NOT NULL AND o.due_at <= barred.applied_at
      AND o.breached_at IS NOT NULL AND o.kind IN {FILES}
      AND o.unit_path >= barred.about_path AND o.unit_path < left(barred.about_path, -1) || '/')
    INSERT INTO event (network_id, unit_path, at, doer, via, action, kind, object_id, before, after)
    SELECT :network, unit_path, :now, :doer, :via, 'obligation:waived', 'obligation', id::text, '{{}}',
           jsonb_build_object('case', number) FROM (SELECT * FROM ended UNION ALL SELECT * FROM chased) AS let_off
    """  # noqa: S608 - constants of the room below
)
"""What was due before the dealer was disqualified stays what it is, but nobody is chased for what it may not do any
more: its superiors' clocks end, and what was missed goes up to no further one."""

OWED_AGAIN = text(
    f"""
    WITH freed AS MATERIALIZED (SELECT * FROM ({sanctions.BARRED}) AS b WHERE undone_at IS NOT NULL),
    again AS (UPDATE obligation o SET closed_at = NULL, waived_at = NULL, waiver_reason = NULL, next_at = :now
    FROM freed WHERE o.network_id = :network AND o.due_at > :now AND o.waived_at IS NOT NULL AND o.waived_by IS NULL
      AND o.waiver_reason = freed.number AND o.kind IN {FILES}
      AND o.unit_path >= freed.about_path AND o.unit_path < left(freed.about_path, -1) || '/'
    RETURNING o.id, o.unit_path, freed.number)
    INSERT INTO event (network_id, unit_path, at, doer, via, action, kind, object_id, before, after)
    SELECT :network, unit_path, :now, :doer, :via, 'obligation:reopened', 'obligation', id::text, '{{}}',
           jsonb_build_object('case', number) FROM again
    """  # noqa: S608
)
"""The disqualification fell: what is not due yet is owed again."""


LIVE = text(
    f"""SELECT {sanctions.LIVE},
        EXISTS (SELECT 1 FROM obligation WHERE network_id = :network AND closed_at IS NULL
                AND kind IN ({OF_CASES})) AS clocks,
        EXISTS (SELECT 1 FROM ledger_leaving WHERE network_id = :network AND cancelled_at IS NULL) AS leaving"""  # noqa: S608
)


def keep_up(who: events.Doer, of: Network, now: datetime) -> bool:
    """Let the clocks be what sanctions says is owed now; twice is the same as once. Gives whether there is any case
    beyond a draft."""
    values = {"network": of.id, "root": of.root_path, "office": int(of.root_path.rstrip(".")), "now": now}
    terms = rulebook.current(of.id, queries.running_month(of.id, now)).sanctions.procedure.source
    values |= {"doer": who.name, "via": who.via, "terms": terms}
    live = db.session.execute(LIVE, {"network": of.id}).one()
    by_cases = BY_CASES if any(live) else ()
    for statement in (*KEEP_UP, *by_cases, *((OWED_AGAIN, LET_OFF) if live.barred else ())):
        db.session.execute(statement, values)
    return bool(live.cases)
