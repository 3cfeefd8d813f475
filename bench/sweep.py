"""The minute's sweep over 10,000 and over 1,000,000 open clocks: with none due, with 1,000 due, against an ORM loop.

Writes the clocks past the walls, then runs the room's own sweep; each run is rolled back, so that all begin alike. What
is due is due in every way: it is marked, its cases are drafted, its holders are told, the superiors' clocks begin. The
loop does the same, one clock after the other, through the ORM; its cases are drafted by the room of sanctions, too.
"""

import sys
import time
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from bench.ground import NOW, data_folder, ground, median, ratio
from portal import clocks, network
from portal.access import act_as
from portal.accounts import Membership, Person
from portal.clocks import Obligation
from portal.clocks.models import ClockStep
from portal.clocks.service import breaching
from portal.clocks.service.sweeping import Clockwork
from portal.core import clock, events
from portal.core.db import db, finish, within
from portal.core.scope import Scope
from portal.network import Unit, UnitLine
from portal.notices.models import Notice
from tests.factories import World, commander

SIZES = (10_000, 1_000_000)
DUE, ROUNDS, REGIONS = 1_000, 5, 20
LOOPED = 200
"""The loop takes each clock as long as the one before it: so many are enough, and its time is multiplied."""
WRITTEN = "obligation, clock_step, notice, event, breach, sanction_case, sanction_step"
OPEN = """
    INSERT INTO obligation (network_id, unit_path, unit_id, kind, rule, rulebook_version, source, subject, month,
                            opened_at, due_at, first_due_at, planned_at, next_at)
    SELECT u.network_id, u.unit_path, u.id, 'returned_file', 'customer_file.returned_within', 1, 'R048', 'b' || i, NULL,
           %(now)s - interval '5 days', d.due_at, d.due_at, %(now)s - interval '5 days', d.due_at - interval '2 days'
    FROM (SELECT row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS many, u.* FROM unit u
          WHERE network_id = %(network)s AND code LIKE 'X%%') u
    JOIN generate_series(0, %(count)s - 1) i ON i %% u.many = u.place
    CROSS JOIN LATERAL (SELECT %(now)s + interval '10 days' + i * interval '1 second' AS due_at) d
"""
COME_DUE = """
    INSERT INTO obligation (network_id, unit_path, unit_id, kind, rule, rulebook_version, source, subject, month,
                            opened_at, due_at, first_due_at, planned_at, next_at)
    SELECT network_id, unit_path, id, 'customer_file', 'windows.dealer', 1, 'R041', '2026-09', '2026-09-01',
           %(now)s - interval '5 days', %(now)s - interval '1 minute', %(now)s - interval '1 minute',
           %(now)s - interval '5 days', %(now)s - interval '1 minute'
    FROM unit WHERE network_id = %(network)s AND code LIKE 'X%%' ORDER BY id LIMIT %(due)s
"""
CLERKS = """
    WITH person AS (
        INSERT INTO person (email, name, stamp, status, created_at)
        SELECT 'x' || id || '@b.example', 'X' || id, 'x', 'active', %(now)s FROM unit
        WHERE network_id = %(network)s AND code LIKE 'X%%' RETURNING id, email)
    INSERT INTO membership (network_id, person_id, unit_id, unit_path, role, status, created_at)
    SELECT u.network_id, p.id, u.id, u.unit_path, 'dealer_clerk', 'active', %(now)s
    FROM person p JOIN unit u ON p.email = 'x' || u.id || '@b.example'
"""


def dealers(world: World) -> None:
    """A dealer for each clock that comes due, in some regions."""
    admin = commander(world.network)
    lines = [UnitLine(row, "region", f"Y{row:02d}", f"大区{row:02d}", "C1") for row in range(REGIONS)]
    lines += [
        UnitLine(row, "dealer", f"X{row:04d}", f"经销商{row:04d}", f"Y{row % REGIONS:02d}")
        for row in range(DUE)
    ]
    network.import_units(admin, world.network.root_path, lines, clock.now() - timedelta(days=900))
    finish(good=True)


class Minute:
    """One size: its application, and how long a sweep of it takes."""

    def __init__(self, stack: ExitStack, size: int) -> None:
        self.app, self.world, self.url = stack.enter_context(ground(f"portal_bench_sweep_{size}"))
        dealers(self.world)
        self.root = Scope.below(self.world.network.id, self.world.network.root_path)
        given = {"network": self.world.network.id, "now": NOW, "count": size, "due": DUE}
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DELETE FROM obligation WHERE month = '2026-10-01'")
            connection.execute(CLERKS, given)
            connection.execute(OPEN, given)
            connection.execute("VACUUM ANALYZE")
        act_as(None)
        clocks.sweep(self.world.network, clock.now())  # opens the running month; nothing of it is due
        clocks.sweep(self.world.network, clock.now())
        finish(good=True)

    def measured(self, work: Any, *, due: int) -> float:
        """Seconds of `work` with its commit's flush, then all of it undone."""
        if due:
            with within(self.root):
                db.session.execute(
                    db.text(COME_DUE.replace("%%", "%").replace("%(", ":").replace(")s", "")),
                    {"network": self.world.network.id, "now": NOW, "due": due},
                )
        started = time.perf_counter()
        did = work()
        db.session.flush()
        passed = time.perf_counter() - started
        finish(good=False)
        db.session.remove()
        with psycopg.connect(self.url, autocommit=True) as connection:  # what was undone is in nobody's way
            connection.execute(f"VACUUM {WRITTEN}")
        assert did == due, did
        return passed

    def sweep(self) -> int:
        act_as(None)
        found = clocks.sweep(self.world.network, clock.now())
        return found.breached.get("customer_file", 0)

    def tell(self, unit_id: int, kind: str, now: datetime) -> int:
        """A notice for each one who works there."""
        network_id = self.world.network.id
        chosen = db.select(Membership).join(Person, Person.id == Membership.person_id)
        holders = db.session.scalars(
            chosen.where(
                Membership.network_id == network_id,
                Membership.unit_id == unit_id,
                Membership.status == "active",
                Person.status == "active",
            )
        ).all()
        for each in holders:
            db.session.add(
                Notice(
                    network_id=network_id, unit_path=each.unit_path, membership_id=each.id, at=now, sender="clock",
                    kind=kind, subject="Overdue", params={}, note="", link="",
                )
            )  # fmt: skip
        return len(holders)

    def loop(self) -> int:
        """As it is written without sets: each clock by itself, with a flush for each."""
        now, network = clock.now(), self.world.network
        who = Clockwork(network.id, network.root_path)
        with within(self.root):
            chosen = db.select(Obligation).where(Obligation.next_at <= now).order_by(Obligation.next_at)
            late = db.session.scalars(chosen).all()
            for each in late:
                each.breached_at, each.next_at = now, None
                keys = {"network_id": network.id, "unit_path": each.unit_path}
                step = ClockStep(**keys, obligation_id=each.id, due_at=each.due_at, step="overdue", at=now)
                trail = events.Event(
                    **keys, at=now, doer="clock", via="job", action="obligation:breached", kind="obligation",
                    object_id=str(each.id), before={}, after={"kind": each.kind},
                )  # fmt: skip
                db.session.add_all([step, trail])
                self.tell(each.unit_id, "obligation:overdue", now)
                above = db.session.get_one(Unit, each.unit_id)
                while above.parent_id is not None:  # the nearest superior at which somebody acts
                    above = db.session.get_one(Unit, above.parent_id)
                    if self.tell(above.id, "obligation:escalated", now):
                        break
                db.session.add(
                    Obligation(
                        network_id=network.id, unit_path=above.unit_path, unit_id=above.id, kind="escalation",
                        rule="calendar.escalation", rulebook_version=1, source="R037", subject=f"{each.id}:1",
                        opened_at=now, due_at=now + timedelta(days=1), first_due_at=now + timedelta(days=1),
                        planned_at=now, next_at=now + timedelta(hours=1), origin_id=each.id, level=1,
                    )
                )  # fmt: skip
                db.session.flush()
                breaching.report(who, [each], now)
        return len(late)


def main() -> None:
    print(f"{DUE:,} due of {SIZES[0]:,} and of {SIZES[1]:,} clocks, in {data_folder().name}", flush=True)
    with ExitStack() as stack:
        sizes = [Minute(stack, size) for size in SIZES]
        few, many = sizes
        times: dict[tuple[str, Minute], list[float]] = {}
        for _ in range(ROUNDS):  # by turns: what else the machine does falls on all
            for name, due in (("none", 0), ("due", DUE)):
                for each in sizes:
                    with each.app.app_context():
                        times.setdefault((name, each), []).append(each.measured(each.sweep, due=due))
            with many.app.app_context():
                times.setdefault(("loop", many), []).append(
                    many.measured(many.loop, due=LOOPED) * DUE / LOOPED
                )
        took = {key: median(found) * 1000 for key, found in times.items()}
        loop, swept = took["loop", many], took["due", many]
        words = f"{loop:.0f} ms for the loop ({LOOPED} measured) to {swept:.0f} ms for {DUE:,} due of {SIZES[1]:,}"
        ratio("sweep_orm_loop", loop / swept, "at least", 40, words)
        for name, said in (("due", f"{DUE:,} due"), ("none", "none due")):
            small, large = took[name, few], took[name, many]
            words = f"{large:.1f} ms at {SIZES[1]:,} to {small:.1f} ms at {SIZES[0]:,}, {said}"
            ratio(f"sweep_{name}", large / small, "at most", 1.5, words)


if __name__ == "__main__":
    main()
