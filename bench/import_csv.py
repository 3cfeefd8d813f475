"""The whole import of 10,000 rows from csv, against django-import-export (use_bulk, dry run and import).

Usage: ./dev bench import_csv [--rows 10000] [--rounds 5]
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.ground import MONTH, as_, done, ground, median, timed, write_csv

from portal.customer_files.service import check, receive_sheet
from portal.core import clock

PEER = Path(__file__).with_name("peer_import_export.py")


def ours(app, world, content: bytes, name: str) -> float:
    """Receive and check one file as the dealer's clerk; its rows, problems and audit records are committed."""

    def work() -> None:
        actor = as_(world.actors["clerk"])
        got = receive_sheet(
            actor, month=MONTH, name=name, content=content, received_at=clock.now()
        )
        done()
        as_(world.actors["clerk"])
        check(actor, got.file.id)
        done()

    return timed(work)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--ours-only", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ground("bench_csv") as (app, world, url):
        path = write_csv(Path(folder) / "file.csv", asked.rows)
        mine = []
        for number in range(asked.rounds + 1):
            content = path.read_bytes() + (b"\n" * number)  # other bytes, or it would be the same file again
            spent = ours(app, world, content, "file.csv")
            if number:  # the first round warms up
                mine.append(spent)
        print(f"portal: median {median(mine):.3f} s, min {min(mine):.3f} s for {asked.rows} rows")
        if asked.ours_only:
            return
        peer = subprocess.run(
            [sys.executable, str(PEER), url, str(path)], check=True, capture_output=True, text=True
        )
        theirs = float(peer.stdout.split()[-1])
        print(f"django-import-export (use_bulk, dry run + import): {theirs:.3f} s")
        print(f"RATIO import_csv: {theirs / median(mine):.1f} times as fast (goal: at least 50)")


if __name__ == "__main__":
    main()
