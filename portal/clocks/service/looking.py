"""The looks of a sweep: each clock whose time has come is looked at once, whoever else sweeps too.

One range of `next_at` finds them, whatever else is stored. What is to be done is worked out by the rules and written
set-based: thousands in a handful of statements.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, groupby
from operator import attrgetter
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import BigInteger, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from portal import notices, rulebook
from portal.access import Role
from portal.clocks import queries, rules
from portal.clocks.models import Instant
from portal.clocks.rules import Kind, Look, Plan
from portal.clocks.service import breaching, escalating, telling
from portal.clocks.service.escalating import HOLDERS
from portal.core import events
from portal.core.db import db
from portal.network import Network

BATCH = 5_000
SOON = timedelta(minutes=1)
_TIMES = attrgetter("rulebook_version", "planned_at", "due_at", "awaited_until", "breached_at")
_BY_LIMIT = attrgetter("due_at", "id")

FIND = text(
    """SELECT id, unit_path, unit_id, person_id, kind, subject, month, rule, rulebook_version, planned_at, due_at,
              awaited_until, breached_at, origin_id, level
       FROM obligation WHERE network_id = :network AND next_at <= :now
       ORDER BY next_at, id LIMIT :batch FOR UPDATE SKIP LOCKED"""
)
"""A row that somebody files at this moment is locked and skipped: the next run looks at it again."""

ORIGINS = text(
    "SELECT id FROM obligation WHERE id = ANY(:ids) AND closed_at IS NULL ORDER BY id FOR KEY SHARE SKIP LOCKED"
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)))

SEEN = text(
    """UPDATE obligation SET next_at = CAST(CAST(:next AS jsonb) ->> id::text AS timestamptz)
       WHERE id = ANY(:ids)"""
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("next", type_=JSONB))
"""By an array of ids, not a join: without statistics (after an import) the planner thinks that the wall leaves one row
and compares every row with every one that is due."""

MARK = text(
    """
    WITH marked AS (
        UPDATE obligation SET breached_at = :now, next_at = :next WHERE id = ANY(:ids)
        RETURNING id, unit_path, kind, subject, rule, rulebook_version, due_at)
    INSERT INTO event (network_id, unit_path, at, doer, via, action, kind, object_id, before, after)
    SELECT :network, unit_path, :now, :doer, :via, 'obligation:breached', 'obligation', id::text,
           jsonb_build_object('due_at', due_at),
           jsonb_build_object('kind', kind, 'subject', subject, 'rule', rule, 'version', rulebook_version)
    FROM marked
    """
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)), bindparam("next", type_=Instant))

STEPS = text(
    """INSERT INTO clock_step (network_id, unit_path, obligation_id, due_at, step, at)
       SELECT network_id, unit_path, id, CASE WHEN :step = 'unheld' THEN first_due_at ELSE due_at END, :step, :now
       FROM obligation WHERE id = ANY(:ids)
       ON CONFLICT DO NOTHING RETURNING obligation_id"""
).bindparams(bindparam("ids", type_=ARRAY(BigInteger)))
"""Each step once for each limit, by the key: what another run has sent already comes back no more."""


@dataclass
class Found:
    """What one run did, for its words."""

    breached: Counter[str] = field(default_factory=Counter)
    reminded: int = 0
    escalated: int = 0
    unheld: int = 0


@dataclass
class Looking:
    """One sweep of one network, with what it has read already."""

    who: events.Doer
    of: Network
    now: datetime
    found: Found = field(default_factory=Found)
    plans: dict[int, Plan] = field(default_factory=dict)
    units: dict[int, Any] = field(default_factory=dict)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.of.time_zone)

    def plan(self, version: int) -> Plan:
        if version not in self.plans:
            self.plans[version] = queries.plan_of(self.of.id, version)
        return self.plans[version]

    def values(self, **more: Any) -> dict[str, Any]:
        who = {"doer": self.who.name, "via": self.who.via}
        return {"network": self.of.id, "now": self.now, "batch": BATCH, **who, **more}

    # --- what has come due ----------------------------------------------------------------------------------

    def look_at_all(self) -> None:
        """Batch after batch until nothing is due; each look sets the next one later than now."""
        while True:
            rows = db.session.execute(FIND, self.values()).all()
            if rows:
                self._batch(rows)
            if len(rows) < BATCH:
                break

    def _batch(self, rows: Sequence[Any]) -> None:
        looks = {row.id: look for look, alike in self._looks(rows) for row in alike}
        self._put_off(rows, looks)
        late: dict[Look, list[Any]] = defaultdict(list)
        seen, remind, overdue = {}, defaultdict(list), []
        for row in rows:
            look = looks[row.id]
            if look.breach:
                late[look].append(row)
            else:
                seen[str(row.id)] = look.next_at.isoformat() if look.next_at else None
            if look.remind:
                remind[look.remind].append(row)
            if look.overdue:
                overdue.append(row)
        if seen:
            db.session.execute(SEEN, {"ids": list(map(int, seen)), "next": seen})
        self._mark(late)
        for step, owed in remind.items():
            self._remind(step, owed)
        self._overdue(overdue)

    def _mark(self, late: Mapping[Look, Sequence[Any]]) -> None:
        """They are breached; the room below drafts what follows."""
        for look, rows in late.items():
            ids = [row.id for row in rows]
            db.session.execute(MARK, self.values(ids=ids, next=look.next_at))
            self.found.breached.update(row.kind for row in rows if row.kind != Kind.ESCALATION)
        if late:
            breaching.report(self.who, sorted(chain(*late.values()), key=_BY_LIMIT), self.now)

    def _looks(self, rows: Sequence[Any]) -> Iterator[tuple[Look, Iterable[Any]]]:
        """Rows that follow each other often share their times: a window's limit is that of all dealers."""
        for (version, *times, breached_at), alike in groupby(rows, key=_TIMES):
            yield rules.look(self.now, self.plan(version), *times, breached_at is not None), alike

    def _put_off(self, rows: Sequence[Any], looks: dict[int, Look]) -> None:
        """A superior's clock waits while the duty below it is just being done: nobody is told of what is done."""
        origins = [row.origin_id for row in rows if row.origin_id is not None]
        if not origins:
            return
        owed = set(db.session.scalars(ORIGINS, {"ids": sorted(set(origins))}))
        for row in rows:
            if row.origin_id is not None and row.origin_id not in owed:
                looks[row.id] = Look(next_at=self.now + SOON)

    def fresh(self, rows: Sequence[Any], step: str) -> list[Any]:
        """Those of these rows whose step was not sent before."""
        if not rows:
            return []
        fresh = set(db.session.scalars(STEPS, self.values(ids=[row.id for row in rows], step=step)).all())
        return [row for row in rows if row.id in fresh]

    # --- who is told ----------------------------------------------------------------------------------------

    def _remind(self, step: str, rows: Sequence[Any]) -> None:
        fresh = self.fresh(rows, step)
        self.found.reminded += len(fresh)
        self._tell_holders(fresh, "obligation:reminded", telling.REMINDER)

    def _overdue(self, rows: Sequence[Any]) -> None:
        """Its holder is told, and the next superior's clock begins; above headquarters stands nobody."""
        fresh = self.fresh(rows, rules.OVERDUE)
        self._tell_holders(
            [row for row in fresh if row.origin_id is None], "obligation:overdue", telling.OVERDUE
        )
        self._escalate(fresh)

    def _tell_holders(self, rows: Sequence[Any], kind: str, subject: str) -> None:
        if not rows:
            return
        units = self.unit_names(row.unit_id for row in rows)
        stands_in = self._stand_ins(rows)
        origins = self._origins(rows)
        letters = telling.Letters(kind, subject)
        for row in rows:
            unit = units[row.unit_id]
            roles = telling.roles_of(row, unit.kind, late=subject == telling.OVERDUE)
            to, roles = stands_in.get(row.id, (row.unit_id, roles))
            link = telling.link_of(row, unit.kind)
            about = telling.About(row.kind, row.month, row.due_at, after=origins.get(row.origin_id, ""))
            own = telling.own_params(row)
            letters.add(
                about, roles, {"unit_id": to, "link": link, "person_id": row.person_id, "params": own}
            )
        notices.tell_many(self.who, letters.all(self.zone))

    def unit_names(self, ids: Iterable[int]) -> dict[int, Any]:
        """Units by id with name and kind, each read once."""
        missing = set(ids) - self.units.keys()
        if missing:
            self.units |= queries.unit_names(missing)
        return self.units

    def _origins(self, rows: Sequence[Any]) -> dict[int, str]:
        """The missed duty's unit by its name, for the clocks of superiors."""
        wanted = [row.origin_id for row in rows if row.origin_id is not None]
        if not wanted:
            return {}
        owed = queries.briefly(wanted)
        units = self.unit_names(each.unit_id for each in owed.values())
        return {key: units[each.unit_id].name for key, each in owed.items()}

    def _stand_ins(self, rows: Sequence[Any]) -> dict[int, tuple[int, Sequence[Role]]]:
        """What a region without a manager owes its channel's does (API.md): that one is told in its place."""
        owed_by_regions = (Kind.CONSOLIDATION, Kind.RECTIFICATION_COMMENT)
        regions = [row for row in rows if row.kind in owed_by_regions]
        empty = escalating.unheld(self.of.id, [row.unit_id for row in regions]) if regions else set()
        if not empty:
            return {}
        above = escalating.superiors_that_act(
            self.of.id, [row.unit_path for row in regions if row.unit_id in empty]
        )
        roles = (Role.CHANNEL_MANAGER, Role.HQ_SUPERVISOR)
        return {row.id: (above[row.unit_path][0], roles) for row in regions if row.unit_path in above}

    # --- superiors ------------------------------------------------------------------------------------------

    def _escalate(self, rows: Sequence[Any]) -> None:
        known = {row.id: row for row in rows if row.origin_id is None}
        ranks: dict[tuple[int, int], list[int]] = defaultdict(list)
        for row in rows:
            if row.kind not in (Kind.CASE_STEP, Kind.HANDED_ON, Kind.REFUND):
                ranks[row.rulebook_version, row.level].append(row.id)
        for (version, level), ids in ranks.items():
            escalation = rulebook.at_version(self.of.id, version).calendar.escalation
            if escalation is None or level >= len(escalation.levels):
                continue
            until = self.now + escalation.levels[level]
            ruled = (version, escalation.source)
            opened = escalating.open_levels(self.who, ids, level + 1, ruled, until, self.now)
            self.found.escalated += len(opened)
            self._tell_superiors(opened, until, known)

    def _tell_superiors(self, opened: Sequence[Any], until: datetime, known: Mapping[int, Any]) -> None:
        """`known`: the missed duties that were read already."""
        others = [row.origin_id for row in opened if row.origin_id not in known]
        origins = {**known, **queries.briefly(others)} if others else known
        missed = [origins[row.origin_id] for row in opened]
        units = self.unit_names([row.unit_id for row in opened] + [each.unit_id for each in missed])
        letters = telling.Letters("obligation:escalated", telling.ESCALATED)
        for row, origin in zip(opened, missed, strict=True):
            letters.add(
                telling.About(origin.kind, origin.month, origin.due_at, until=until),
                HOLDERS[units[row.unit_id].kind],
                {
                    "unit_id": row.unit_id,
                    "link": f"/clock/{row.origin_id}",
                    "params": {"unit": units[origin.unit_id].name},
                },
            )
        notices.tell_many(self.who, letters.all(self.zone))
