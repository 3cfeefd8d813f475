"""The minute's sweep over 10,000 and over 1,000,000 open clocks: with none due, with 1,000 due, against an ORM loop.

Writes the clocks past the walls, then runs the room's own sweep; each run is rolled back, so that all begin alike. What
is due is due in every way: it is marked, its cases are drafted, its holders are told, the superiors' clocks begin. The
loop (peer_sweep.py) does the same, one clock after the other, through the ORM: both write as many rows of each kind
for a clock, which is counted.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from bench.ground import NOW, data_folder, ground, median, ratio
from bench.peer_sweep import Loop
from portal import clocks, network
from portal.access import act_as
from portal.core import clock
from portal.core.db import db, finish, within
from portal.core.scope import Scope
from portal.network import UnitLine
from tests.factories import World, commander

SIZES = (10_000, 1_000_000)
DUE, ROUNDS, REGIONS = 1_000, 5, 20
LOOPED = 200
"""The loop takes each clock as long as the one before it: so many are enough, and its time is multiplied."""
WRITTEN = {
    "obligation": "obligation WHERE breached_at IS NOT NULL OR kind = 'escalation'",
    "event": "event WHERE via = 'job'",
    "notice": "notice WHERE kind LIKE 'obligation:%'",
    **{name: name for name in ("clock_step", "breach", "sanction_case", "sanction_step")},
}
"""What a sweep writes, and which rows of it."""
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

    def measured(self, work: Callable[[], int], *, due: int) -> tuple[float, Counter[str]]:
        """Seconds of `work` up to its commit, and how many rows it wrote; then all of it is undone."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(COME_DUE, {"network": self.world.network.id, "now": NOW, "due": due})
        started = time.perf_counter()
        did = work()
        db.session.flush()
        passed = time.perf_counter() - started
        assert did == due, did
        wrote = self.written()
        finish(good=False)
        db.session.remove()
        with psycopg.connect(self.url, autocommit=True) as connection:  # what was undone is in nobody's way
            connection.execute("DELETE FROM obligation WHERE month = '2026-09-01'")
            connection.execute(f"VACUUM {', '.join(WRITTEN)}")
        return passed, wrote

    def written(self) -> Counter[str]:
        with within(self.root):
            counted = " UNION ALL ".join(
                f"SELECT '{name}', count(*) FROM {sql}" for name, sql in WRITTEN.items()
            )
            return Counter({name: count for name, count in db.session.execute(db.text(counted)) if count})

    def sweep(self) -> int:
        act_as(None)
        found = clocks.sweep(self.world.network, clock.now())
        return found.breached.get("customer_file", 0)

    def loop(self) -> int:
        with within(self.root):
            return Loop(self.world.network, clock.now(), version=1).run()


def main() -> None:
    print(f"{DUE:,} due of {SIZES[0]:,} and of {SIZES[1]:,} clocks, in {data_folder().name}", flush=True)
    with ExitStack() as stack:
        sizes = [Minute(stack, size) for size in SIZES]
        few, many = sizes
        times: dict[tuple[str, Minute], list[float]] = {}
        wrote: dict[str, Counter[str]] = {}
        for _ in range(ROUNDS):  # by turns: what else the machine does falls on all
            for name, due in (("none", 0), ("due", DUE)):
                for each in sizes:
                    with each.app.app_context():
                        passed, wrote[name] = each.measured(each.sweep, due=due)
                    times.setdefault((name, each), []).append(passed)
            with many.app.app_context():
                passed, looped = many.measured(many.loop, due=LOOPED)
            times.setdefault(("loop", many), []).append(passed * DUE / LOOPED)
        rows = {kind: count - wrote["none"][kind] for kind, count in wrote["due"].items()}
        loop_rows = {kind: (count - wrote["none"][kind]) * DUE // LOOPED for kind, count in looped.items()}
        assert rows == loop_rows, (rows, loop_rows)
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
