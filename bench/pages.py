"""Pages with 10,000 and with 1,000,000 customers of the same brand: 80 dealers, two years.

Usage: ./dev bench pages [--small 10000] [--large 1000000] [--rounds 12]

The middle of each page's times through the application (WSGI, signed in, without a network), by turns in both brands.
What the pages show is equally long in both: fifty customers, a region's dealers, a file of 300 rows, 150 hits.
"""

import argparse
import tempfile
from collections import defaultdict
from contextlib import ExitStack
from contextvars import Context
from pathlib import Path

from flask.testing import FlaskClient

from bench.ground import (
    MONTH,
    NOW,
    RARE,
    World,
    as_,
    crowd,
    done,
    ground,
    median,
    more_dealers,
    ratio,
    signed_in,
    timed,
    write_csv,
)
from portal.app import Portal
from portal.core import clock
from portal.core.db import db
from portal.customer_files.service import receive_sheet, submit

PAGES = [
    ("board of a region", "region", "/region/2026-10"),
    ("board of all regions", "supervisor", "/regions/2026-10"),
    ("customers, all", "agent", "/customers"),
    ("customers of a month", "agent", "/customers?month=2026-05"),
    ("customers of a region", "region2", "/customers"),
    ("months of a dealer", "clerk", "/files"),
    ("a month's file", "clerk", "/files/2026-10"),
    ("rows to mend", "clerk", "/files/2026-10/check"),
    ("a dealer's file from above", "region", "/region/2026-10/D2"),
    ("search, 150 hits", "agent", f"/search?q={RARE}"),
    ("search, a common part", "agent", "/search?q=中山东路"),
    ("search, a whole phone", "agent", "/search?q=13003959500"),
]
PER_ROUND = 5


def two_files(world: World) -> None:
    """300 customers each: a dealer still mends its file, another one's is submitted."""
    with tempfile.TemporaryDirectory() as folder:
        for who, bad in (("clerk", 0.1), ("clerk2", 0.0)):
            actor = as_(world.actors[who])
            content = write_csv(Path(folder) / "file.csv", 300, bad=bad).read_bytes()
            got = receive_sheet(actor, month=MONTH, name="file.csv", content=content, received_at=clock.now())
            if not bad:
                submit(actor, got.file.id, requested_at=clock.now(), missing={"S3": "停业"})
            done()


def browsers(app: Portal, world: World) -> dict[str, FlaskClient]:
    return {who: signed_in(app, world.actors[who]) for _, who, _ in PAGES}


def time_of(browser: FlaskClient, address: str) -> float:
    """Milliseconds of one request, in a context of its own as a server gives it."""

    def ask() -> float:
        with clock.standing_at(NOW):
            answers = []
            spent = timed(lambda: answers.append(browser.get(address)))
        assert answers[0].status_code == 200, (address, answers[0].status_code)
        return spent * 1000

    return Context().run(ask)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=12)
    asked = parser.parse_args()
    with ExitStack() as stack:
        brands = []
        for count in (asked.small, asked.large):
            app, world, url = stack.enter_context(ground(f"bench_pages_{count}"))
            more_dealers(world)
            crowd(url, world, count)
            two_files(world)
            brands.append(browsers(app, world))
            db.session.remove()
        times: dict[tuple[str, int], list[float]] = defaultdict(list)
        for number in range(asked.rounds + 1):
            for _, who, address in PAGES:
                for place, brand in enumerate(brands):
                    found = [time_of(brand[who], address) for _ in range(PER_ROUND)]
                    if number:  # the first round warms up
                        times[address, place] += found
        worst = 0.0
        for name, _, address in PAGES:
            few, many = median(times[address, 0]), median(times[address, 1])
            worst = max(worst, many / few)
            print(f"{name:28} {few:7.1f} ms {many:7.1f} ms  {many / few:.2f}")
        ratio("pages", worst, "at most", 1.3, "times as long at a million customers, the worst page")


if __name__ == "__main__":
    main()
