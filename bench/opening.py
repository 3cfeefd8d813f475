"""A region of 80 dealers sends 200,000 people to headquarters: how soon the page answers, how long the visits take.

The rows are written past the walls; the consolidation goes through the API, its jobs through the room's own functions.
Figures, not goals: the page may not wait for the visits, and the jobs may take their time.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from bench.ground import MONTH, as_, done, ground, more_dealers, timed
from portal import return_visits
from portal.core import clock
from portal.core.db import db
from portal.core.jobs import JOBS
from tests.factories import World, a_token

FILED = """
    INSERT INTO customer_file (network_id, unit_path, unit_id, month, version, kind, state, sha256, size, received_at,
      total, good, customers, people, left_out, submitted_at, judged_at, due_at, receipt_number)
    SELECT network_id, unit_path, id, %(month)s, 1, 'rows', 'submitted', '', 1, now(), %(each)s, %(each)s, %(each)s,
           %(each)s, 0, %(now)s, %(now)s, %(now)s::timestamptz + interval '2 days', code || '-1'
    FROM unit WHERE network_id = %(network)s AND code LIKE 'X%%';
    INSERT INTO customer_source (network_id, unit_path, file_id, unit_id, month)
    SELECT network_id, unit_path, id, unit_id, month FROM customer_file WHERE state = 'submitted';
    INSERT INTO customer_file_row (network_id, unit_path, file_id, row_no, status, customer_name, phone, address,
      product_model, purchase_date, purchase_region, quantity)
    SELECT f.network_id, f.unit_path, f.id, i + 2, 'good', '客户' || f.id || '-' || i,
           '13' || lpad(((f.id * 1000003::bigint + i * 48611::bigint) %% 1000000000)::text, 9, '0'),
           '南京市玄武区中山东路' || i || '号' || f.id || '栋', 'KT-90A', f.month + i %% 28, '南京', 1
    FROM customer_file f, generate_series(1, %(each)s) i WHERE f.state = 'submitted';
    ANALYZE customer_file; ANALYZE customer_file_row; ANALYZE customer_source
"""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, default=200_000)
    people = asked.parse_args().people
    with ground("portal_bench_opening") as (app, world, url):
        more_dealers(world)
        given = {"network": world.network.id, "month": MONTH, "now": clock.now(), "each": people // 80}
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in filter(str.strip, FILED.split(";")):
                connection.execute(statement, given)
        token = a_token(world.actors["region2"], clock.now())
        client = app.test_client()
        answers = []

        def send() -> None:
            answers.append(
                client.post(
                    "/api/v1/consolidations/2026-10/submit",
                    json={"missing": [{"unit": "D3", "reason": "停业"}]},
                    headers={"Authorization": f"Bearer {token}"},
                )
            )

        seconds = timed(send)
        print(
            f"consolidation of {people:,} people answered {answers[0].status_code} in {seconds:.2f} s",
            flush=True,
        )
        for task in ("return_visits.open", "return_visits.signals"):
            print(f"{task}: {_run(world, task):.1f} s", flush=True)
        as_(world.actors["supervisor"])
        total = return_visits.total(MONTH, world.network.root_path)
        opened = db.session.execute(
            db.text("SELECT count(*), count(DISTINCT (phone, name, unit_id)) FROM visit")
        ).one()
        print(f"people {total.people:,}, visits {opened[0]:,}, of them different {opened[1]:,}")
        assert total.people == opened[0] == opened[1] == people


def _run(world: World, task: str) -> float:
    """The jobs of this name that wait, as the worker runs them."""
    as_(world.actors["supervisor"])
    chosen = db.text("SELECT args FROM procrastinate_jobs WHERE task_name = :task ORDER BY id")
    waiting = [
        {name: value for name, value in args.items() if name != "travels"}
        for args in db.session.scalars(chosen, {"task": task})
    ]

    def run() -> None:
        for ids in waiting:
            as_(world.actors["supervisor"])
            JOBS[task].run(**ids)
            done()

    return timed(run)


if __name__ == "__main__":
    main()
