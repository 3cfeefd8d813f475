"""Nothing lost: whatever is killed with kill -9 at whatever moment, what was acknowledged is there and whole.

PORTAL_KILLS=200 for the figure of the closing note; the suite kills six times.
"""

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from psycopg.rows import dict_row

from tests.reliability.filing import TRIED, Ledger, Program, sha
from tests.reliability.house import TARGETS, House, until

KILLS = int(os.environ.get("PORTAL_KILLS", "5"))
LARGE = int(os.environ.get("PORTAL_KILL_ROWS", "10500"))
CLIENTS = 4
STUCK_AFTER = 60.0
SEED = 20_261_103


@dataclass
class Findings:
    lost: list[str]
    unexpected: list[str]
    doubled: list[str]
    half: list[str]
    stuck: list[str]

    def all(self) -> dict[str, list[str]]:
        return {name: found for name, found in vars(self).items() if found}


def killed_at_random(house: House, kills: int, chance: random.Random) -> Counter[str]:
    """Kill one thing after the other; the parent is started again, all else comes back by itself."""
    done: Counter[str] = Counter()
    while done.total() < kills:
        time.sleep(chance.uniform(0.05, 1.2))
        target = chance.choice(TARGETS)
        if not house.kill(target, chance):
            continue
        done[target] += 1
        if target == "supervisor":
            house.start()
        elif chance.random() < 0.5:  # else the next blow falls while it is still getting up
            until(house.well, 60, f"well again after the {target} was killed\n{house.log()}")
    return done


@pytest.mark.slow
def test_what_was_acknowledged_is_there_and_whole(house: House) -> None:
    ledger, over, failed = Ledger(), threading.Event(), []

    def live(number: int) -> None:
        try:
            program = Program(house, f"D{number:03d}", ledger)
            program.live(random.Random(SEED + number), over, LARGE)
        except BaseException as error:
            failed.append(error)
            raise

    clients = [threading.Thread(target=live, args=[number]) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    try:
        kills = killed_at_random(house, KILLS, random.Random(SEED))
    finally:
        over.set()
        for each in clients:
            each.join()
    assert not failed
    house.kill("supervisor", random.Random(SEED))
    kills["supervisor"] += 1
    house.start()
    waited = settled(house)
    found = compared(house, ledger)
    print(
        f"\n{kills.total()} kills {dict(kills)}; {ledger.requests} requests, {len(ledger.files)} files and "
        f"{len(ledger.receipts)} receipts acknowledged, {ledger.repeated} sent twice; settled {waited:.1f} s after the "
        f"restart; { ({name: len(each) for name, each in vars(found).items()}) }"
    )
    assert not found.all()
    assert house.people_in_logs() == []
    assert not ledger.refused
    assert ledger.receipts


WAITING = """
    SELECT 'file ' || id || ' ' || state FROM customer_file WHERE state = 'checking'
    UNION ALL
    SELECT j.id || ' ' || task_name || ' ' || status || ', attempts ' || attempts || ', in '
        || coalesce((scheduled_at - now())::text, '-') || ', worker seen '
        || coalesce((now() - w.last_heartbeat)::text, '-')
    FROM procrastinate_jobs j LEFT JOIN procrastinate_workers w ON w.id = j.worker_id
    WHERE (task_name = 'customer_files.check' AND status IN ('todo', 'doing'))
       OR (status = 'doing' AND coalesce(w.last_heartbeat < now() - interval '20 s', true))
"""


def settled(house: House) -> float:
    """Seconds until nothing is being checked any more."""
    left: list[str] = []

    def quiet() -> bool:
        with house.database() as there:
            left[:] = [row[0] for row in there.execute(WAITING)]
        return not left

    try:
        return until(quiet, STUCK_AFTER, "nothing is stuck")
    except AssertionError as error:
        raise AssertionError(f"{error}: {left}\n{house.log()}") from error


FILES = """
    SELECT f.id::text, f.sha256, f.state, f.receipt_number, f.total, f.good, f.bad, f.excluded, r.*, s.sources
    FROM customer_file f
    CROSS JOIN LATERAL (SELECT count(*) AS rows, count(*) FILTER (WHERE status = 'good') AS good_rows,
        count(*) FILTER (WHERE status = 'bad') AS bad_rows, count(*) FILTER (WHERE status = 'excluded') AS excluded_rows
        FROM customer_file_row WHERE file_id = f.id) r
    CROSS JOIN LATERAL (SELECT count(*) AS sources FROM customer_source WHERE file_id = f.id) s
"""
DUTIES = """
    SELECT u.code,
        (SELECT count(*) FROM obligation o WHERE o.unit_id = u.id AND o.month = '2026-10-01'
         AND o.kind = 'customer_file' AND o.closed_at IS NOT NULL) AS closed,
        (SELECT count(*) FROM customer_file f WHERE f.unit_id = u.id AND f.state = 'submitted') AS standing
    FROM unit u WHERE u.kind = 'dealer'
"""


def compared(house: House, ledger: Ledger) -> Findings:
    """The set check: what was acknowledged, what was tried, what is there."""
    with house.database() as there:
        jobs = house.jobs_left(there)
        there.row_factory = dict_row
        files = {row["id"]: row for row in there.execute(FILES)}
        duties = there.execute(DUTIES).fetchall()
    digests = Counter(row["sha256"] for row in files.values())
    numbers = Counter(row["receipt_number"] for row in files.values() if row["receipt_number"])
    return Findings(
        lost=[*_lost_files(house, ledger, files), *_lost_receipts(ledger, files)],
        unexpected=[row["id"] for row in files.values() if row["sha256"] not in TRIED],
        doubled=[
            *(f"bytes {digest}" for digest, times in digests.items() if times > 1),
            *(f"receipt {number}" for number, times in numbers.items() if times > 1),
            *(f"{duty['standing']} files of {duty['code']} stand" for duty in duties if duty["standing"] > 1),
        ],
        half=[
            *(f"{row}" for row in files.values() if not _whole(row, TRIED.get(row["sha256"]))),
            *(f"{duty}" for duty in duties if bool(duty["closed"]) != bool(duty["standing"])),
        ],
        stuck=[
            *(f"file {row['id']}" for row in files.values() if row["state"] == "checking"),
            *(f"job {job}" for job in jobs),
        ],
    )


def _lost_files(house: House, ledger: Ledger, files: dict[str, Any]) -> Iterator[str]:
    for file_id, digest in ledger.files.items():
        place = house.stored(digest)
        if file_id not in files or files[file_id]["sha256"] != digest:
            yield f"file {file_id}"
        elif not place.exists() or sha(place.read_bytes()) != digest:
            yield f"bytes of file {file_id}"


def _lost_receipts(ledger: Ledger, files: dict[str, Any]) -> Iterator[str]:
    for file_id, receipt in ledger.receipts.items():
        if file_id not in files or files[file_id]["receipt_number"] != receipt["number"]:
            yield f"receipt {receipt['number']}"


def _whole(row: dict[str, Any], rows: int | None) -> bool:
    """Counts are those of the rows, all rows of the file are in or none, and what stands filed has its customers."""
    counts = (row["total"], row["good"], row["bad"], row["excluded"])
    fits = counts == (row["rows"], row["good_rows"], row["bad_rows"], row["excluded_rows"])
    given_way = row["state"] == "superseded" and row["total"] == 0  # before its check had begun
    stands = row["state"] == "submitted"
    return (
        fits
        and (row["total"] == rows or given_way)
        and (not stands or bool(row["receipt_number"] and row["sources"]))
    )
