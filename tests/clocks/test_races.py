"""Two at once, on real connections: each breach exactly once, and nobody who is filing is told off (F2)."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from portal import clocks
from portal.access import act_as
from portal.app import Portal
from portal.clocks import Kind, Swept
from portal.core import clock
from portal.core.db import db, finish
from portal.core.scope import CLOSED, enter
from tests.conftest import NOW, an_app
from tests.factories import World, a_world, commander

DUE = datetime(2026, 11, 5, 16, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
Stage = tuple[Portal, World]


@pytest.fixture
def stage(cloned: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A database of its own, where what is committed stays."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    app = an_app(cloned(f"race_{tmp_path.name[-20:]}".lower()), tmp_path)
    with app.app_context():
        world = a_world("rc", now=NOW)
        db.session.remove()
    act_as(None)
    enter(CLOSED)
    yield app, world
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)


def swept(app: Portal, at_once: threading.Barrier | None = None, now: datetime = DUE) -> list[Swept]:
    with app.app_context():
        if at_once:
            at_once.wait()
        found = clocks.sweep_all(now)
        finish(good=True)
        db.session.remove()
        return found


def marks(app: Portal, world: World) -> Counter[str]:
    with app.app_context():
        commander(world.network)
        rows = db.session.execute(db.text("SELECT object_id FROM event WHERE action = 'obligation:breached'"))
        found = Counter(str(row.object_id) for row in rows)
        db.session.remove()
        return found


def test_two_sweeps_at_once_mark_each_breach_once(stage: Stage) -> None:
    app, world = stage
    at_once = threading.Barrier(4)
    with ThreadPoolExecutor(4) as pool:
        runs = [pool.submit(swept, app, at_once) for _ in range(4)]
        found = [network for run in runs for network in run.result()]
    swept(app)  # what the others had locked and this one skipped is looked at again
    total = Counter[str]()
    for each in found:
        assert not each.failed
        total.update(each.breached)
    assert total["customer_file"] <= 4
    assert marks(app, world) == dict.fromkeys(marks(app, world), 1)
    assert len(marks(app, world)) == 7


def test_whoever_is_filing_at_that_moment_is_not_told_off(stage: Stage) -> None:
    app, world = stage
    unit_id = world.units["D1"].id
    with app.app_context():
        actor = commander(world.network)
        locked = clocks.lock_row(Kind.CUSTOMER_FILE, unit_id, OCTOBER)
        assert locked is not None
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(swept, app).result(timeout=20)
        assert found[0].breached == {"customer_file": 3, "part_file": 3}  # skipped, not waited for
        clocks.meet(actor, Kind.CUSTOMER_FILE, unit_id, OCTOBER, NOW)
        finish(good=True)
        db.session.remove()
    assert swept(app)[0].breached == {}
    assert str(locked.id) not in marks(app, world)


def test_a_superiors_clock_waits_while_the_duty_below_is_being_done(stage: Stage) -> None:
    """The next superior is not told of what is being filed at this moment; and neither waits for the other."""
    app, world = stage
    unit_id, morning = world.units["D1"].id, datetime(2026, 11, 6, 0, tzinfo=UTC)
    for moment in (DUE, morning):
        swept(app, now=moment)

    def levels() -> list[int]:
        commander(world.network)
        found = db.session.scalars(
            db.text("SELECT level FROM obligation WHERE origin_id = :id ORDER BY level"), {"id": duty.id}
        )
        return list(found)

    with app.app_context():
        actor = commander(world.network)
        duty = clocks.lock_row(Kind.CUSTOMER_FILE, unit_id, OCTOBER)
        assert duty is not None
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(swept, app, None, morning + timedelta(days=1)).result(timeout=30)
        assert found[0].escalated > 0  # the others'
        assert levels() == [1]
        clocks.meet(actor, Kind.CUSTOMER_FILE, unit_id, OCTOBER, morning)
        finish(good=True)
        db.session.remove()
    swept(app, now=morning + timedelta(days=1, minutes=2))
    with app.app_context():
        assert levels() == [1]
        db.session.remove()


def test_months_opened_twice_at_once_are_opened_once(stage: Stage) -> None:
    app, world = stage
    december = datetime(2026, 11, 30, 16, tzinfo=UTC)
    at_once = threading.Barrier(3)

    def opened() -> int:
        with app.app_context():
            commander(world.network)
            at_once.wait()
            count = clocks.open_months(world.network, december)
            finish(good=True)
            db.session.remove()
            return count

    with ThreadPoolExecutor(3) as pool:
        counts = [run.result() for run in [pool.submit(opened) for _ in range(3)]]
    assert sum(counts) == 10
