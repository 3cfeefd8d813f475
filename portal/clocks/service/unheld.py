"""Duties that nobody holds are reported once, before their deadlines: a dealer without a clerk, a step of a case that
nobody at headquarters may take, a party without anybody who speaks for it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from portal import notices, sanctions
from portal.access import Role
from portal.clocks import rules
from portal.clocks.rules import Kind
from portal.clocks.service import escalating, telling
from portal.clocks.service.escalating import HOLDERS
from portal.clocks.service.looking import Looking
from portal.core.db import db

OF_OFFICE = {
    Kind.HANDED_ON: Role.EXECUTIVE,
    Kind.REFUND: Role.FINANCE,
    Kind.ESCALATION: Role.HQ_SUPERVISOR,
}
"""What headquarters owes apart from steps of cases, and who holds it there."""
_COLUMNS = (
    "o.id, o.unit_path, o.unit_id, o.kind, o.subject, o.month, o.rulebook_version, o.due_at, o.first_due_at"
)
_NOT_YET = """NOT EXISTS (SELECT 1 FROM clock_step s WHERE s.network_id = o.network_id AND s.obligation_id = o.id
                         AND s.step = 'unheld')"""
_LAST = "ORDER BY o.due_at, o.id LIMIT :batch FOR NO KEY UPDATE OF o SKIP LOCKED"
_APART = ", ".join(f"'{kind.value}'" for kind in (*OF_OFFICE, Kind.CASE_STEP, *rules.RIGHTS))
_RIGHTS = ", ".join(f"'{kind.value}'" for kind in rules.RIGHTS)
_SPEAKERS = ", ".join(f"'{role.value}'" for role in sanctions.ANSWERS_FOR)

AT_UNITS = text(
    f"""SELECT {_COLUMNS} FROM obligation o
       WHERE o.network_id = :network AND o.unit_id = ANY(:units) AND o.closed_at IS NULL AND o.opened_at <= :now
         AND o.due_at > :now AND o.kind NOT IN ({_APART}) AND {_NOT_YET} {_LAST}"""  # noqa: S608 - constants of this room
).bindparams(bindparam("units", type_=ARRAY(BigInteger)))

AT_OFFICE = text(
    f"""SELECT {_COLUMNS} FROM obligation o
       WHERE o.network_id = :network AND o.unit_id = :office AND o.closed_at IS NULL
         AND o.due_at > :now AND (o.kind = ANY(:kinds) OR o.kind = 'case_step' AND o.subject = ANY(:subjects))
         AND {_NOT_YET} {_LAST}"""  # noqa: S608
).bindparams(bindparam("subjects", type_=ARRAY(Text)), bindparam("kinds", type_=ARRAY(Text)))

PARTIES = text(
    f"""SELECT {_COLUMNS} FROM obligation o
       WHERE o.network_id = :network AND o.kind IN ({_RIGHTS}) AND o.closed_at IS NULL AND o.due_at > :now
         AND {_NOT_YET} AND NOT EXISTS (
            SELECT 1 FROM membership m JOIN person p ON p.id = m.person_id
            WHERE m.network_id = o.network_id AND m.status = 'active' AND p.status = 'active' AND CASE
                WHEN o.person_id IS NOT NULL THEN m.person_id = o.person_id
                ELSE m.unit_id = o.unit_id AND m.role IN ({_SPEAKERS}) END)
       {_LAST}"""  # noqa: S608
)

ROLES = text(
    """SELECT DISTINCT m.role FROM membership m JOIN person p ON p.id = m.person_id
       WHERE m.network_id = :network AND m.unit_id = :office AND m.status = 'active' AND p.status = 'active'"""
)


def steps_unheld(network_id: int, office: int, now: datetime) -> set[str]:
    """The steps of cases (their subjects) that nobody at headquarters may take."""
    values = {"network": network_id, "office": office, "now": now}
    return {row.subject for row in db.session.execute(text(sanctions.UNHELD_STEPS), values)}


def look(looking: Looking, *, cases: bool) -> None:
    """Report each once: what a unit owes to its superior, a step of a case to executives and whoever names people, a
    party that nobody speaks for to the officers.

    Within the hours in which people may be told; where the deadline comes sooner, at once. `cases`: there are some
    beyond drafts; a draft any officer adopts.
    """
    of, now = looking.of, looking.now
    empty = escalating.unheld(of.id)
    if empty:
        rows = _fresh(looking, db.session.execute(AT_UNITS, looking.values(units=sorted(empty))).all())
        above = escalating.superiors_that_act(of.id, [row.unit_path for row in rows])
        superiors = looking.unit_names(to for to, _name in above.values())
        held_by = {path: (to, HOLDERS[superiors[to].kind]) for path, (to, _name) in above.items()}
        _tell(looking, [(row, *held_by[row.unit_path]) for row in rows])
    office = int(of.root_path.rstrip("."))
    held = set(db.session.scalars(ROLES, {"network": of.id, "office": office}))
    kinds = [kind.value for kind, role in OF_OFFICE.items() if role.value not in held]
    subjects: set[str] = set()
    if cases or Role.SANCTION_OFFICER.value not in held:
        subjects = steps_unheld(of.id, office, now)
    if subjects or kinds:
        values = looking.values(office=office, subjects=sorted(subjects), kinds=kinds)
        found = db.session.execute(AT_OFFICE, values).all()
        rows = _fresh(looking, found)
        _tell(looking, [(row, office, (Role.EXECUTIVE,)) for row in rows])
        _tell(looking, [(row, office, (Role.ADMINISTRATOR,)) for row in rows], link="")
    if not cases:
        return
    rows = _fresh(looking, db.session.execute(PARTIES, looking.values()).all())
    _tell(looking, [(row, office, (Role.SANCTION_OFFICER,)) for row in rows])


def _fresh(looking: Looking, found: Sequence[Any]) -> Sequence[Any]:
    """Those of these rows that may be told of now and were not before."""
    rows = [
        row
        for row in found
        if (told_at := rules.next_allowed(looking.now, looking.plan(row.rulebook_version))) <= looking.now
        or told_at >= row.due_at
    ]
    fresh = looking.fresh(rows, rules.UNHELD)
    looking.found.unheld += len(fresh)
    return fresh


def _tell(looking: Looking, rows: Sequence[tuple[Any, int, Sequence[Role]]], link: str | None = None) -> None:
    """Each row with the unit and the roles that are told."""
    units = looking.unit_names(row.unit_id for row, _to, _roles in rows)
    letters = telling.Letters("obligation:unheld", telling.UNHELD)
    for row, to, roles in rows:
        where = f"/clock/{row.id}" if link is None else link
        params = {"unit": units[row.unit_id].name}
        letters.add(
            telling.About(row.kind, row.month, row.due_at),
            roles,
            {"unit_id": to, "link": where, "params": params},
        )
    notices.tell_many(looking.who, letters.all(looking.zone))
