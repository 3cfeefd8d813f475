"""The whole import of 10,000 rows from csv, against django-import-export (use_bulk, dry run and import).

Usage: ./dev bench import_csv [--rows 10000] [--rounds 5] [--ours-only]

Both begin with empty tables each round, read the same file, refuse the same bad rows (required, phone, date in the
month, twice in the file), look in the database for what is there already, and store the good rows. The portal stores
the bad ones too, each problem, and the audit records, under row-level security.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from bench.ground import MONTH, World, as_, done, ground, median, ratio, timed, write_csv
from portal.core import clock
from portal.core.db import db
from portal.customer_files.service import check, receive_sheet

PEER = Path(__file__).with_name("peer_import_export.py")


def ours(world: World, content: bytes, name: str) -> tuple[float, float]:
    """Receive a file as the dealer's clerk, and check it where the request leaves that to the worker: seconds of each."""
    received = []

    def receive() -> None:
        actor = as_(world.actors["clerk"])
        received.append(
            receive_sheet(actor, month=MONTH, name=name, content=content, received_at=clock.now()).file.id
        )
        done()

    def work() -> None:
        check(as_(world.actors["clerk"]), received[0])
        done()

    return timed(receive), timed(work)


def empty(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("TRUNCATE customer_file_row, customer_file_problem")
        connection.execute("CHECKPOINT")


def stored(url: str) -> str:
    with psycopg.connect(url) as connection:
        counts = connection.execute(
            "SELECT (SELECT count(*) FROM customer_file_row WHERE status = 'good'), "
            "(SELECT count(*) FROM customer_file_row WHERE status <> 'good'), (SELECT count(*) FROM customer_file_problem)"
        ).fetchone()
    assert counts is not None
    return "stored {} good rows, {} bad ones, {} problems".format(*counts)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ours-only", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ground("bench_csv") as (_, world, url):
        # other customers each round, or it would be the same file again; the peer reads the first one
        files = [
            write_csv(Path(folder) / f"{seed}.csv", asked.rows, seed) for seed in range(asked.rounds + 1)
        ]
        mine = []
        for number, path in enumerate(files):
            empty(url)
            db.session.remove()
            spent = sum(ours(world, path.read_bytes(), "file.csv"))
            if number:  # the first round warms up
                mine.append(spent)
        print(
            f"portal: median {median(mine):.3f} s, best {min(mine):.3f} s for {asked.rows} rows; {stored(url)}"
        )
        if asked.ours_only:
            return
        peer = subprocess.run(
            [sys.executable, str(PEER), url, str(files[-1])], check=True, capture_output=True, text=True
        )
        again = sum(
            ours(world, files[0].read_bytes() + b"\n", "file.csv")
        )  # the machine may have changed meanwhile
        theirs = float(peer.stdout.split()[-1])
        print(f"django-import-export: {theirs:.3f} s; {peer.stderr.strip().splitlines()[-1]}")
        print(f"portal once more, after the peer: {again:.3f} s")
        ratio("import_csv", theirs / median(mine), "at least", 50, "times as fast as django-import-export")


if __name__ == "__main__":
    main()
