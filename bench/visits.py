"""The call desk at 10,000 and at 1,000,000 visits: next claim, save-and-next with 50 agents, queue and coverage pages.

Writes the visits past the walls, then lets 50 threads call through the room's own verbs; nobody may be called twice.
"""

import os
import sys
import threading
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from contextvars import Context
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("PORTAL_POOL_SIZE", "60")

import psycopg
from flask.testing import FlaskClient

from bench.ground import (
    MONTH,
    NOW,
    as_,
    data_folder,
    done,
    ground,
    median,
    more_dealers,
    ratio,
    signed_in,
    timed,
)
from portal import accounts, return_visits
from portal.access import Actor
from portal.accounts import PersonLine
from portal.app import Portal
from portal.core import clock
from portal.core.db import db, finish
from portal.return_visits import Outcome, Result, Said
from tests.factories import World, commander

SIZES = (10_000, 1_000_000)
AGENTS = 50
CALLS = 6
"""For each agent in each round: five rounds do not empty the smaller queue."""
CLAIMS = int(os.environ.get("BENCH_CLAIMS", "20000"))
"""So many in all at the larger size, none of them double and none lost."""
ROUNDS, PAGE_LOADS = 5, 15
PAGES = {"queue": "/calls?month=2026-10&state=waiting", "coverage": "/coverage/2026-10"}
OPEN_SHARE = 5  # one in five is still to be called

VISITS = """
    INSERT INTO consolidation (network_id, unit_path, region_id, month, number, submitted_at, judged_at, due_at,
                               receipt_number, dealers, customers, people, matched, excluded, quantity)
    SELECT network_id, unit_path, id, %(month)s, 0, %(now)s, %(now)s, %(now)s, 'B-1', 80, 1, 1, 0, 0, 1
    FROM unit WHERE network_id = %(network)s AND code = 'R2';
    INSERT INTO visit (network_id, unit_path, about_path, unit_id, region_id, filed_by, month, consolidation_id,
                       opened_at, name, phone, address, purchase_region, state, rank, next_at, visited, standing, closed_at)
    SELECT u.network_id, %(root)s, u.unit_path, u.id, c.region_id, u.id, %(month)s, c.id, %(now)s,
           '客户' || i, '13' || lpad(((i * 7919::bigint) %% 1000000000)::text, 9, '0'),
           '上海市浦东新区中山东路' || i || '号', '上海',
           CASE WHEN i %% %(share)s = 0 THEN 'waiting' ELSE 'closed' END, CASE WHEN i %% 100 = 0 THEN 3 ELSE 4 END,
           CASE WHEN i %% %(share)s = 0 THEN %(now)s - interval '1 day' * (i %% 20) END, i %% %(share)s <> 0,
           CASE WHEN i %% %(share)s = 0 THEN 'none' ELSE 'satisfied' END,
           CASE WHEN i %% %(share)s <> 0 THEN %(now)s::timestamptz END
    FROM (SELECT row_number() OVER (ORDER BY id) - 1 AS place, count(*) OVER () AS many, u.* FROM unit u
          WHERE network_id = %(network)s AND code LIKE 'X%%') u
    JOIN generate_series(0, %(count)s - 1) i ON i %% u.many = u.place
    CROSS JOIN consolidation c WHERE c.network_id = u.network_id AND c.receipt_number = 'B-1' ORDER BY u.unit_path, i;
    INSERT INTO visit_count (network_id, unit_path, month, unit_id, slot, region_id, people, visited, satisfied, closed)
    SELECT network_id, about_path, month, unit_id, -1, region_id, count(*), count(*) FILTER (WHERE visited),
           count(*) FILTER (WHERE visited), count(*) FILTER (WHERE state = 'closed')
    FROM visit GROUP BY network_id, about_path, month, unit_id, region_id;
    INSERT INTO visit_day (network_id, unit_path, month, kind, unit_id, day, slot, people, visited, satisfied, closed)
    SELECT u.network_id, u.unit_path, %(month)s, 'region', u.id, %(month)s::date + n, s, sum(c.people) / 20,
           sum(c.visited) / 20, sum(c.visited) / 20, sum(c.closed) / 20
    FROM visit_count c JOIN unit u ON u.id = c.region_id, generate_series(1, 20) n, generate_series(0, 7) s
    GROUP BY u.network_id, u.unit_path, u.id, n, s;
    ANALYZE visit; ANALYZE visit_count; ANALYZE visit_day
"""


def fill(url: str, world: World, count: int) -> None:
    given = {
        "network": world.network.id,
        "root": world.network.root_path,
        "month": MONTH,
        "now": NOW,
        "count": count,
        "share": OPEN_SHARE,
    }
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in filter(str.strip, VISITS.split(";")):
            connection.execute(statement, given)
        connection.execute("VACUUM visit")


def agents(world: World) -> list[Actor]:
    admin = commander(world.network)
    lines = [
        PersonLine(n, f"a{n}@b.example", f"客服{n}", "HQ", "hq_agent", f"1360000{n:04d}")
        for n in range(AGENTS)
    ]
    accounts.import_people(admin, world.network.root_path, lines, clock.now())
    found = []
    for line in lines:
        person = accounts.person_by_identifier(line.email)
        assert person is not None
        actor = accounts.actor_of_membership(person.id, None)
        assert actor is not None
        found.append(actor)
    done()
    return found


def call(
    app: Portal, actor: Actor, ready: threading.Barrier, calls: int = CALLS
) -> tuple[list[int], list[float], list[float]]:
    """One agent: the next call, save it, the next one; ids, seconds of each claim, seconds of each save-and-next."""
    called, claims, turns = [], [], []
    with app.app_context(), clock.standing_at(NOW):
        ready.wait()
        for _ in range(calls):
            as_(actor)
            started = time.perf_counter()
            visit = return_visits.claim_next(actor)
            assert visit is not None
            key = visit.id
            finish(good=True)
            claimed = time.perf_counter()
            called.append(key)
            as_(actor)
            return_visits.log_attempt(actor, key, Said(Result.REACHED, Outcome.SATISFIED))
            finish(good=True)
            claims.append(claimed - started)
            turns.append(time.perf_counter() - started)
        db.session.remove()
    return called, claims, turns


def p95(values: list[float]) -> float:
    return sorted(values)[int(len(values) * 0.95)]


@dataclass
class Desk:
    """One size: its application, its agents, and what was measured on it so far."""

    app: Portal
    callers: list[Actor]
    browser: FlaskClient
    url: str
    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    called: Counter[int] = field(default_factory=Counter)

    def all_at_once(self, calls: int) -> list[tuple[list[int], list[float], list[float]]]:
        """So many calls by each agent."""
        ready = threading.Barrier(AGENTS)
        with ThreadPoolExecutor(AGENTS) as pool:
            agents = [pool.submit(call, self.app, who, ready, calls) for who in self.callers]
            return [each.result() for each in agents]

    def rush(self, claims: int) -> None:
        """Calls by all agents until there were `claims` in all, for the count alone."""
        for end in self.all_at_once(max(0, -(-(claims - self.called.total()) // AGENTS))):
            self.called.update(end[0])

    def round(self) -> None:
        """Some calls by all agents at once, and by one alone; then both pages."""
        ends = self.all_at_once(CALLS)
        alone = call(self.app, self.callers[0], threading.Barrier(1))
        for end in (*ends, alone):
            self.called.update(end[0])
        self.times["claim_p95"].append(p95([each for end in ends for each in end[1]]))
        self.times["turn_p95"].append(p95([each for end in ends for each in end[2]]))
        self.times["claim_alone"].append(median(alone[1]))
        for name, address in PAGES.items():
            for _ in range(PAGE_LOADS):
                self.times[name].append(Context().run(self.look, address))

    def saved(self) -> int:
        """How many calls the database has."""
        with self.app.app_context():
            db.engine.dispose()  # fifty callers' connections leave no room for one more
        with psycopg.connect(self.url) as connection:
            row = connection.execute("SELECT count(*) FROM visit_attempt").fetchone()
        assert row is not None
        return int(row[0])

    def look(self, address: str) -> float:
        """Seconds of a page for a supervisor, through the application, in a context of its own as a server gives it."""
        with clock.standing_at(NOW):
            answers = []
            spent = timed(lambda: answers.append(self.browser.get(address)))
        assert answers[0].status_code == 200, (address, answers[0].status_code)
        return spent


def furnish(stack: ExitStack, size: int) -> Desk:
    app, world, url = stack.enter_context(ground(f"portal_bench_visits_{size}"))
    more_dealers(world)
    callers = agents(world)
    fill(url, world, size)
    return Desk(app, callers, signed_in(app, world.actors["supervisor"]), url)


def main() -> None:
    print(f"{AGENTS} agents, {ROUNDS} rounds of {CALLS} calls, in {data_folder().name}", flush=True)
    with ExitStack() as stack:
        small, large = (furnish(stack, size) for size in SIZES)
        for _ in range(ROUNDS):  # by turns: what else the machine does falls on both
            small.round()
            large.round()
        for name in small.times:
            few, many = (median(desk.times[name]) * 1000 for desk in (small, large))
            words = f"{many:.1f} ms at {SIZES[1]:,} to {few:.1f} ms at {SIZES[0]:,} visits"
            ratio(f"visits_{name}", many / few, "at most", 1.3, words)
        large.rush(CLAIMS)
        claims = small.called.total() + large.called.total()
        double = claims - len(small.called) - len(large.called)
        ratio("visits_double", double, "at most", 0, f"people called twice in {claims:,} claims")
        lost = claims - small.saved() - large.saved()
        ratio("visits_lost", lost, "at most", 0, f"calls that were saved and are not there, of {claims:,}")


if __name__ == "__main__":
    main()
