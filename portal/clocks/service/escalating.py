"""What is missed goes up, one superior after the other, each with a clock of its own (R037); and who holds a duty.

Set-based, with headquarters' eyes, in the sweep's transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, bindparam, text, update
from sqlalchemy.dialects.postgresql import ARRAY

from portal.access import Role
from portal.clocks.models import Obligation
from portal.core import events
from portal.core.db import db, within
from portal.core.scope import Scope
from portal.network import Network

HOLDERS: dict[str, tuple[Role, ...]] = {
    "store": (Role.STORE_CLERK,),
    "dealer": (Role.DEALER_PRINCIPAL, Role.DEALER_CLERK),
    "region": (Role.REGIONAL_MANAGER,),
    "channel": (Role.CHANNEL_MANAGER,),
    "headquarters": (Role.HQ_SUPERVISOR,),
}
"""Who does what a unit of this kind owes, and sees to what is missed below it."""
_PAIRS = ", ".join(f"('{kind}', '{role.value}')" for kind, roles in HOLDERS.items() for role in roles)
_HELD = f"""EXISTS (SELECT 1 FROM membership m JOIN person p ON p.id = m.person_id
    WHERE m.network_id = u.network_id AND m.unit_id = u.id AND m.status = 'active' AND p.status = 'active'
      AND (u.kind, m.role) IN ({_PAIRS}) OFFSET 0)"""  # noqa: S608 - constants of this room
"""OFFSET 0 keeps each unit's look-up by its key: without statistics (after an import) a join would read them all."""
_ABOVE = f"""(SELECT u.id, u.unit_path, u.name FROM unit u
    WHERE u.network_id = :network AND u.status = 'active'
      AND u.id = ANY(string_to_array(rtrim(r.above, '.'), '.')::bigint[])
      AND (u.kind = 'headquarters' OR {_HELD})
    ORDER BY u.unit_path DESC LIMIT 1)"""  # noqa: S608
"""Of the path `above` the nearest unit at which somebody holds the duty; headquarters at the end."""

UNHELD_UNITS = text(
    f"""SELECT u.id FROM unit u
    WHERE u.network_id = :network AND u.status = 'active' AND u.kind <> 'headquarters'
      AND (CAST(:units AS bigint[]) IS NULL OR u.id = ANY(:units)) AND NOT {_HELD}"""  # noqa: S608
).bindparams(bindparam("units", type_=ARRAY(BigInteger)))

SUPERIORS = text(
    f"""SELECT r.above, s.id, s.name FROM unnest(CAST(:paths AS text[])) AS r(above)
    CROSS JOIN LATERAL {_ABOVE} s"""  # noqa: S608
).bindparams(bindparam("paths", type_=ARRAY(Text)))

OPEN = text(
    f"""
    WITH missed AS MATERIALIZED (
        SELECT coalesce(o.origin_id, o.id) AS origin_id, o.due_at, regexp_replace(o.unit_path, '[^.]+[.]$', '') AS above
        FROM unnest(:ids) AS each(id)
        CROSS JOIN LATERAL (SELECT * FROM obligation WHERE network_id = :network AND id = each.id OFFSET 0) AS o),
    acting AS MATERIALIZED (
        SELECT r.above, s.id, s.unit_path FROM (SELECT DISTINCT above FROM missed) r CROSS JOIN LATERAL {_ABOVE} s),
    fresh AS (
        INSERT INTO obligation (network_id, unit_path, unit_id, kind, rule, rulebook_version, source, subject,
                                opened_at, due_at, first_due_at, planned_at, next_at, origin_id, level)
        SELECT :network, s.unit_path, s.id, 'escalation', 'calendar.escalation', :version, :source,
               r.origin_id || ':' || extract(epoch FROM r.due_at)::bigint, :now, :until, :until, :now, :now,
               r.origin_id, :level
        FROM missed r JOIN acting s ON s.above = r.above
        ON CONFLICT (network_id, kind, unit_id, subject) DO NOTHING
        RETURNING id, unit_path, unit_id, origin_id, level, due_at),
    trail AS (
        INSERT INTO event (network_id, unit_path, at, doer, via, action, kind, object_id, before, after)
        SELECT :network, unit_path, :now, :doer, :via, 'obligation:escalated', 'obligation', id::text, '{{}}',
               jsonb_build_object('origin', origin_id, 'level', level, 'due_at', due_at)
        FROM fresh)
    SELECT unit_id, origin_id FROM fresh ORDER BY id
    """  # noqa: S608
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)))
"""OFFSET 0, as above."""


def headquarters_of(network: Network) -> Scope:
    return Scope.below(network.id, network.root_path)


def unheld(network_id: int, units: Iterable[int] | None = None) -> set[int]:
    """The units, of these or of all, at which nobody is left who could do what they owe."""
    wanted = None if units is None else sorted(set(units))
    return set(db.session.scalars(UNHELD_UNITS, {"network": network_id, "units": wanted}))


def superiors_that_act(network_id: int, paths: Iterable[str]) -> dict[str, tuple[int, str]]:
    """Path of a unit → the nearest superior at which somebody acts: its id and name."""
    parents = {path: above(path) for path in paths}
    wanted = sorted(set(parents.values()))
    rows = db.session.execute(SUPERIORS, {"network": network_id, "paths": wanted})
    found = {row.above: (row.id, row.name) for row in rows}
    return {path: found[parent] for path, parent in parents.items() if parent in found}


def above(path: str) -> str:
    """The path of the unit above: '0003.0017.' of '0003.0017.0042.'."""
    return path[: path.rstrip(".").rfind(".") + 1]


def open_levels(
    who: events.Doer, ids: Sequence[int], level: int, ruled: tuple[int, str], until: datetime, now: datetime
) -> Sequence[Any]:
    """Start a clock of this level at the next superior of each of these missed duties or superiors' clocks.

    `ruled`: the rulebook's version and the requirement. The wall lets two sweeps meet at the unique key: only one gets
    the row back. Gives those that are new.
    """
    by = {"network": who.network_id, "now": now, "doer": who.name, "via": who.via}
    new = {"ids": ids, "level": level, "until": until, "version": ruled[0], "source": ruled[1]}
    return db.session.execute(OPEN, by | new).all()


def stop(owed: Obligation, judged_at: datetime, now: datetime) -> None:
    """What was missed is done, waived, or has a new limit: the superiors' clocks stop."""
    ended = {"closed_at": now, "judged_at": judged_at, "next_at": None, "paused_at": None}
    _levels(owed, Obligation.closed_at.is_(None), **ended)


def run_again(owed: Obligation, now: datetime) -> None:
    """What was done late is taken back: the superiors' clocks that stopped then go on, each with its limit."""
    _levels(owed, Obligation.closed_at == owed.closed_at, closed_at=None, judged_at=None, next_at=now)


def _levels(owed: Obligation, which: ColumnElement[bool], **values: datetime | None) -> None:
    root = owed.unit_path.partition(".")[0] + "."
    with within(Scope.below(owed.network_id, root)):
        db.session.execute(
            update(Obligation)
            .where(Obligation.origin_id == owed.id, which)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
