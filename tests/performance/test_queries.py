"""A page asks the database the same number of times, whatever it shows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from portal import clocks, network, notices
from portal.core import clock
from portal.core.db import db, finish
from portal.network import UnitLine
from tests.customer_files.filing import received, row, submit
from tests.factories import World, commander

MOST = 30
"""More than this no page needs; most need half of it."""
PAGES = [
    ("clerk", "/"),
    ("clerk", "/files"),
    ("clerk", "/files/2026-10"),
    ("clerk3", "/files/2026-10/check"),
    ("clerk", "/customers"),
    ("clerk", "/search?q=王"),
    ("clerk", "/notices"),
    ("region", "/"),
    ("region", "/region/2026-10"),
    ("region", "/region/2026-10/D1"),
    ("region", "/customers"),
    ("channel", "/regions/2026-10"),
    ("supervisor", "/"),
    ("supervisor", "/regions/2026-10"),
    ("supervisor", "/customers"),
    ("supervisor", "/search?q=王"),
    ("admin", "/audit"),
]
API = [
    ("clerk", "/customer-files"),
    ("clerk", "/customers"),
    ("clerk", "/obligations"),
    ("region", "/consolidations/2026-10"),
    ("supervisor", "/customers?q=王"),
]


@contextmanager
def counted() -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(" ".join(statement.split())[:100])

    engine = db.engine.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def asked(look: Callable[[], Any]) -> list[str]:
    """What a page asks for, with what a process reads only once already read, and nothing kept from before."""
    look()
    db.session.remove()
    with counted() as sent:
        look()
    return sent


def file_october(world: World, who: str, count: int, first: int) -> None:
    """A new version with this many customers; every third has an unusual address, so there are warnings."""
    actor = world.as_(who)
    given = [row(first + i, **({"address": "上海"} if i % 3 == 0 else {})) for i in range(count)]
    submit(actor, received(actor, given))
    finish(good=True)


def draft(world: World, count: int) -> None:
    """What is not submitted yet, because each second row has to be mended."""
    actor = world.as_("clerk3")
    received(actor, [row(300 + i, **({"phone": "1"} if i % 2 == 0 else {})) for i in range(count)])
    finish(good=True)


def grow(world: World) -> None:
    """Ten dealers, a hundred customers, sixty notices more."""
    admin = commander(world.network)
    lines = [UnitLine(line, "dealer", f"N{line}", f"新店{line}", "R1") for line in range(1, 11)]
    network.import_units(admin, world.network.root_path, lines, clock.now() - timedelta(days=400))
    clocks.open_months(world.network, clock.now())
    finish(good=True)
    file_october(world, "clerk", 60, 100)
    file_october(world, "clerk2", 40, 200)
    draft(world, 80)
    actor = world.as_("supervisor")
    for _ in range(30):
        units = [world.units["D1"].id, world.units["R1"].id]
        notices.tell(actor, unit_ids=units, kind="customer_file:reminded", subject="File received")
    finish(good=True)


def small(world: World) -> None:
    file_october(world, "clerk", 1, 0)
    file_october(world, "clerk2", 1, 50)
    draft(world, 2)


def test_pages(world: World, browser_as: Callable[..., Any]) -> None:
    browsers = {who: browser_as(world.actors[who]) for who, _ in PAGES}
    small(world)
    before = {(who, path): asked(lambda: browsers[who].page(path)) for who, path in PAGES}  # noqa: B023
    grow(world)
    for who, path in PAGES:
        after = asked(lambda: browsers[who].page(path))  # noqa: B023
        assert len(after) == len(before[who, path]), (who, path, before[who, path], after)
        assert len(after) <= MOST, (who, path, len(after))


@pytest.mark.parametrize(("who", "path"), API)
def test_api(world: World, api_as: Callable[..., Any], who: str, path: str) -> None:
    program = api_as(world.actors[who])

    def look() -> None:
        assert program.get(path).status_code == 200

    small(world)
    before = asked(look)
    grow(world)
    after = asked(look)
    assert len(after) == len(before), (before, after)
    assert len(after) <= MOST
