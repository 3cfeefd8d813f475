"""The minute's sweep: what has come due is reminded of, marked, told and reported, each exactly once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog
from sqlalchemy import func, select, text

from portal import sanctions
from portal.clocks.models import RUNNING, Obligation
from portal.clocks.service import casework, unheld
from portal.clocks.service.escalating import headquarters_of
from portal.clocks.service.looking import Looking
from portal.clocks.service.starting import open_months
from portal.core.db import db, within
from portal.network import Network, list_networks

log = structlog.get_logger("clocks")


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
    """What one run of the sweep did in a network: duties opened, by kind how many were found past due, and how many
    were reminded of, went up to a superior, or are held by nobody."""

    network: str
    opened: int = 0
    breached: Mapping[str, int] = field(default_factory=dict)
    reminded: int = 0
    escalated: int = 0
    unheld: int = 0
    failed: bool = False  # nothing was done in this network; the log says why

    @property
    def counts(self) -> Mapping[str, int]:
        """What there was to do, by name; what there was none of is left out."""
        done = {"opened": self.opened, "reminded": self.reminded, "escalated": self.escalated}
        counted = {**done, "unheld": self.unheld, **self.breached}
        return {name: count for name, count in counted.items() if count}

    def __str__(self) -> str:
        if self.failed:
            return f"{self.network}: FAILED, see the log"
        past = ", ".join(f"{count} {kind}" for kind, count in sorted(self.breached.items())) or "nothing"
        return (
            f"{self.network}: {self.opened} duties opened; past due: {past}; "
            f"{self.reminded} reminded of; {self.escalated} escalated; {self.unheld} held by nobody"
        )


def sweep(network: Network, now: datetime) -> Swept:
    """Do all that has come due, each exactly once; may run late, twice, or twice at once."""
    opened = open_months(network, now)
    who = Clockwork(network.id, network.root_path)
    sanctions.tend(who, network, now)  # what was paid in time is found before anybody is told off
    with within(headquarters_of(network)):
        cases = casework.keep_up(who, network, now)
        looking = Looking(who, network, now)
        looking.look_at_all()
        unheld.look(looking, cases=cases)
    did = looking.found
    return Swept(network.code, opened, dict(did.breached), did.reminded, did.escalated, did.unheld)


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
