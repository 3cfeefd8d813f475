"""The minute's sweep: what is past due is marked, told and reported, each exactly once."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import func, select, text

from portal import sanctions
from portal.clocks.models import RUNNING, Obligation
from portal.clocks.service import breaching
from portal.clocks.service.deciding import headquarters_of, open_months
from portal.core.db import db, within
from portal.network import Network, list_networks

log = structlog.get_logger("clocks")

BATCH = 5_000


@dataclass(frozen=True)
class Clockwork:
    """Who acts when nobody does: the sweep, in the audit trail."""

    network_id: int
    unit_path: str
    person_id: int | None = None
    membership_id: int | None = None
    name: str = "clock"
    via: str = "job"


@dataclass(frozen=True)
class Swept:
    """What one run of the sweep did in a network: duties opened, and by kind how many were found past due."""

    network: str
    opened: int = 0
    breached: Mapping[str, int] = field(default_factory=dict)
    failed: bool = False  # nothing was done in this network; the log says why

    def __str__(self) -> str:
        if self.failed:
            return f"{self.network}: FAILED, see the log"
        past = ", ".join(f"{count} {kind}" for kind, count in sorted(self.breached.items())) or "nothing"
        return f"{self.network}: {self.opened} duties opened; past due: {past}"


MARK = text(
    f"""
    WITH due AS MATERIALIZED (
        SELECT id FROM obligation
        WHERE network_id = :network_id AND {RUNNING} AND due_at <= :now
          AND (awaited_until IS NULL OR awaited_until <= :now)
        ORDER BY due_at LIMIT :batch FOR UPDATE SKIP LOCKED),
    marked AS (
        UPDATE obligation o SET breached_at = :now WHERE o.id = ANY (ARRAY(SELECT id FROM due))
        RETURNING o.id, o.unit_path, o.unit_id, o.kind, o.subject, o.rule, o.rulebook_version, o.due_at),
    trail AS (
        INSERT INTO event (network_id, unit_path, at, doer, via, action, kind, object_id, before, after)
        SELECT :network_id, unit_path, :now, :doer, :via, 'obligation:breached', 'obligation', id::text,
               jsonb_build_object('due_at', due_at),
               jsonb_build_object('kind', kind, 'subject', subject, 'rule', rule, 'version', rulebook_version)
        FROM marked)
    SELECT id, kind, unit_id, subject, rulebook_version, due_at FROM marked ORDER BY due_at, id
    """  # noqa: S608 - RUNNING is a constant of this room
)
"""Past due and still owed → breached, with one line in the trail for each; one statement, whoever else runs it too.

A row that somebody files at this moment is locked and skipped: the next run looks at it again. What is marked is
reported to sanctions in the same transaction. By an array of ids, not a join: without statistics (after an import)
the planner thinks that the wall leaves one row and compares every row with every due one.
"""


def sweep(network: Network, now: datetime) -> Swept:
    """Open what is to be opened and mark what is past due, each exactly once; may run late, twice, or twice at once."""
    opened = open_months(network, now)
    who = Clockwork(network.id, network.root_path)
    values = {"network_id": network.id, "now": now, "batch": BATCH, "doer": who.name, "via": who.via}
    breached: Counter[str] = Counter()
    with within(headquarters_of(network)):
        while True:
            marked = db.session.execute(MARK, values).all()
            breached.update(row.kind for row in marked)
            breaching.report(who, marked, now)
            if len(marked) < BATCH:
                break
    sanctions.tend(who, network, now)
    return Swept(network.code, opened, dict(breached))


def sweep_all(now: datetime) -> list[Swept]:
    """Every network, each in its own savepoint: one whose rulebook is broken does not stop the others' clocks."""
    swept = []
    for each in list_networks():
        code = each.code  # asked before a rollback makes the row stale
        try:
            with db.session.begin_nested():
                swept.append(sweep(each, now))
        except Exception:
            log.exception("sweep_failed", network=code)
            swept.append(Swept(code, failed=True))
    return swept


def count_waiting(network: Network, now: datetime) -> int:
    """How many are past due and not yet marked, for `flask check`: they grow where no sweep runs."""
    with within(headquarters_of(network)):
        late = select(func.count()).select_from(Obligation).where(text(RUNNING), Obligation.due_at <= now)
        return db.session.scalar(late) or 0
