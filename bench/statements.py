"""Statements at 10,000 and at 1,000,000 postings: an account of 250 entries, its page, its statement as xlsx and PDF,
a page of the API, the balance of a past moment, and finance's boards.

What is shown is the same at both sizes; the goal is that the cost is, too.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import psycopg

from bench.ground import NOW, as_, data_folder, done, ground, median, ratio, signed_in, timed
from portal import ledger
from portal.core import clock
from tests.factories import World, a_token
from tests.ledger.crowd import fill

SIZES = (10_000, 1_000_000)
ROUNDS = 15
SPAN = "since=2025-11-04&until=2026-11-03"
PAGES = {
    "page": f"/margin/D1?{SPAN}",
    "xlsx": f"/margin/D1/statement.xlsx?{SPAN}",
    "pdf": f"/margin/D1/statement.pdf?{SPAN}",
    "margins": "/margin",
    "queue": "/posting",
}
CALLS = {
    "entries": "/api/v1/ledger/D1/entries?limit=200",
    "past": "/api/v1/ledger/D1?until=2025-12-31T12:00:00%2B08:00",
}


@dataclass
class Books:
    """One size: its clients, and what was measured on it so far."""

    browser: Any
    client: Any
    headers: dict[str, str]
    times: dict[str, list[float]] = field(default_factory=dict)

    def round(self) -> None:
        with clock.standing_at(NOW):
            for name, address in PAGES.items():
                self._load(name, partial(self.browser.get, address))
            for name, address in CALLS.items():
                self._load(name, partial(self.client.get, address, headers=self.headers))

    def _load(self, name: str, load: Any) -> None:
        answered = load()
        assert answered.status_code == 200, (name, answered.status_code)
        self.times.setdefault(name, []).append(timed(load))


def furnish(stack: ExitStack, size: int) -> Books:
    app, world, url = stack.enter_context(ground(f"portal_bench_statements_{size}"))
    with psycopg.connect(url, autocommit=True) as connection:
        fill(connection, world.network.id, size, NOW)
    _prove(world, size)
    token = a_token(world.actors["finance"], clock.now())
    books = Books(
        signed_in(app, world.actors["finance"]), app.test_client(), {"Authorization": f"Bearer {token}"}
    )
    done()
    return books


def _prove(world: World, size: int) -> None:
    """The postings that were written past the triggers are what the triggers would have made."""
    as_(world.actors["finance"])
    assert ledger.prove().sound, size
    done()


def main() -> None:
    print(f"{ROUNDS} rounds, in {data_folder().name}", flush=True)
    with ExitStack() as stack:
        small, large = (furnish(stack, size) for size in SIZES)
        for _ in range(ROUNDS):  # by turns: what else the machine does falls on both
            small.round()
            large.round()
        for name in small.times:
            few, many = (median(books.times[name]) * 1000 for books in (small, large))
            words = f"{many:.1f} ms at {SIZES[1]:,} to {few:.1f} ms at {SIZES[0]:,} postings"
            ratio(f"statements_{name}", many / few, "at most", 1.5, words)


if __name__ == "__main__":
    main()
