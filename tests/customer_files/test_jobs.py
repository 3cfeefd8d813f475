"""Large files are checked by a job; run twice, or by two workers at once, it comes out the same."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from portal.access import act_as
from portal.app import Portal
from portal.core import clock
from portal.core.db import db, finish, look_as
from portal.core.errors import Conflict
from portal.core.scope import CLOSED, enter
from portal.customer_files import queries, service
from portal.customer_files.jobs import check
from portal.customer_files.models import CustomerFile
from portal.customer_files.service import receiving
from tests.conftest import NOW, an_app
from tests.customer_files.filing import OCTOBER, csv_of, row, rows
from tests.factories import World, a_world


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three rows are a large file."""
    monkeypatch.setattr(receiving, "SMALL_ROWS", 2)


def jobs_waiting() -> int:
    statement = (
        "SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'customer_files.check' AND status = 'todo'"
    )
    return db.session.execute(text(statement)).scalar() or 0


def test_a_large_file_is_checked_by_the_job(world: World, large: None) -> None:
    actor = world.as_("clerk2")
    content = csv_of(row(1), row(2), row(3, phone="12"))
    file = service.receive_sheet(
        actor, month=OCTOBER, name="a.csv", content=content, received_at=clock.now()
    ).file
    assert (file.state, file.progress_done, file.progress_total, file.total) == ("checking", 0, 3, 0)
    assert jobs_waiting() == 1
    with pytest.raises(Conflict) as refused:
        service.submit(actor, file.id, requested_at=clock.now())
    assert refused.value.code == "still_checking"
    for _ in range(2):
        check(file.id)
        assert (file.state, file.total, file.good, file.bad) == ("needs_correction", 3, 2, 1)
        assert (file.progress_done, file.progress_total) == (3, 3)
        assert len(queries.list_rows(file, whole=True).items) == 3


def test_a_superseded_file_stays_so_when_its_check_ends(world: World, large: None) -> None:
    actor = world.as_("clerk2")
    first = service.receive_sheet(
        actor, month=OCTOBER, name="a.csv", content=csv_of(*rows(3)), received_at=clock.now()
    ).file
    service.receive_nil(actor, month=OCTOBER, reason="无", received_at=clock.now())
    check(first.id)
    assert (first.state, first.total) == ("superseded", 0)


def test_submit_true_waits_for_the_check(world: World, large: None) -> None:
    actor = world.as_("clerk3")
    file = service.receive_rows(
        actor, month=OCTOBER, customers=rows(3), received_at=clock.now(), submit=True
    ).file
    assert file.state == "checking"
    check(file.id)
    assert file.state == "submitted"
    assert file.judged_at == file.received_at


def test_progress_is_seen_from_outside(world: World, large: None, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(
        service.checking, "_report", lambda file_id: lambda done, total: seen.append((done, total))
    )
    monkeypatch.setattr(service.storing, "PIECE", 2)
    actor = world.as_("clerk2")
    file = service.receive_rows(actor, month=OCTOBER, customers=rows(5), received_at=clock.now()).file
    check(file.id)
    assert seen == [(0, 5), (0, 5), (2, 5), (4, 5)]


# --- two at once: real transactions on a database of their own --------------------------------------------------------


@pytest.fixture(scope="module")
def racing(
    cloned: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Portal, World]]:
    made = an_app(cloned("race"), tmp_path_factory.mktemp("race"))
    patch = pytest.MonkeyPatch()
    patch.setattr(clock, "now", lambda: NOW)
    with made.app_context():
        world = a_world("race", now=clock.now())
        db.session.remove()
    act_as(None)
    enter(CLOSED)
    yield made, world
    patch.undo()
    with made.app_context():
        db.engine.dispose()


def at_once(
    racing: tuple[Portal, World], who: str, work: Callable[[], object], times: int = 4
) -> list[object]:
    """Run `work` as this person in several threads at once, each in a transaction of its own."""
    app, world = racing

    def run(_: int) -> object:
        with app.app_context():
            actor = world.actors[who]
            act_as(actor)
            look_as(actor.scope)
            try:
                result = work()
                finish(good=True)
            except Conflict as refused:
                finish(good=False)
                return refused.code
            finally:
                db.session.remove()
                enter(CLOSED)
            return result

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))


def test_the_same_bytes_at_once_are_one_file(racing: tuple[Portal, World]) -> None:
    actor = racing[1].actors["clerk2"]
    content = csv_of(*rows(3))

    def upload() -> tuple[int, bool]:
        got = service.receive_sheet(actor, month=OCTOBER, name="a", content=content, received_at=clock.now())
        return got.file.id, got.again

    found = at_once(racing, "clerk2", upload)
    assert len({each[0] for each in found}) == 1  # type: ignore[index]
    assert sorted(each[1] for each in found) == [False, True, True, True]  # type: ignore[index]


def test_R041_submitted_at_once_gives_one_receipt(racing: tuple[Portal, World]) -> None:
    actor = racing[1].actors["clerk3"]
    (file_id, *_) = at_once(
        racing,
        "clerk3",
        lambda: (
            service.receive_rows(actor, month=OCTOBER, customers=rows(3), received_at=clock.now()).file.id
        ),
        1,
    )
    assert isinstance(file_id, int)
    found = at_once(racing, "clerk3", lambda: service.submit(actor, file_id, requested_at=clock.now()).number)
    assert set(found) == {"HZ-202610-D3-01"}


def test_R042_consolidated_at_once_counts_once(racing: tuple[Portal, World]) -> None:
    manager = racing[1].actors["region2"]
    region = racing[1].units["R2"]
    found = at_once(
        racing,
        "region2",
        lambda: service.consolidate(manager, OCTOBER, region, requested_at=clock.now()).number,
    )
    assert sorted(map(str, found)) == ["HQ-202610-R2-01", "nothing_new", "nothing_new", "nothing_new"]


def test_two_workers_at_once_check_once(
    racing: tuple[Portal, World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiving, "SMALL_ROWS", 2)
    actor = racing[1].actors["clerk9"]
    (file_id, *_) = at_once(
        racing,
        "clerk9",
        lambda: (
            service.receive_rows(actor, month=OCTOBER, customers=rows(30), received_at=clock.now()).file.id
        ),
        1,
    )
    assert isinstance(file_id, int)
    at_once(racing, "clerk9", lambda: service.check(actor, file_id))
    (state, *_) = at_once(racing, "clerk9", lambda: db.session.get_one(CustomerFile, file_id).total, 1)
    assert state == 30
