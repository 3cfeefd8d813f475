"""Many agents at once, on real connections: never the same person twice, and two saves count once."""

import multiprocessing
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, wait
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from portal import accounts, return_visits
from portal.access import Actor, act_as
from portal.accounts import PersonLine
from portal.app import Portal
from portal.core import clock, jobs
from portal.core.db import db, finish, look_as
from portal.core.errors import Conflict
from portal.core.scope import CLOSED, enter
from portal.return_visits import jobs as visit_jobs
from portal.return_visits import queries, service
from tests.conftest import NOW, an_app
from tests.factories import World, a_world, commander
from tests.return_visits.calling import OCTOBER, consolidated, rows, said

AGENTS, PEOPLE = 8, 60
Stage = tuple[Portal, World, list[Actor]]


@pytest.fixture
def url(cloned: Callable[[str], str], tmp_path: Path) -> str:
    return cloned(f"visits_{tmp_path.name[-20:]}".lower())


@pytest.fixture
def stage(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A database of its own with a consolidated month and some agents; what is committed stays."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    app = an_app(url, tmp_path)
    with app.app_context():
        world = a_world("rc", now=NOW)
        admin = commander(world.network)
        lines = [
            PersonLine(n, f"caller{n}@rc.example", f"客服{n}", "HQ", "hq_agent", f"1370000{n:04d}")
            for n in range(AGENTS)
        ]
        accounts.import_people(admin, world.network.root_path, lines, NOW)
        agents = []
        for line in lines:
            person = accounts.person_by_identifier(line.email)
            assert person is not None
            actor = accounts.actor_of_membership(person.id, None)
            assert actor is not None
            agents.append(actor)
        consolidated(world, {"D1": rows(PEOPLE)})
        finish(good=True)
        db.session.remove()
    act_as(None)
    enter(CLOSED)
    yield app, world, agents
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)


def enter_as(actor: Actor) -> None:
    act_as(actor)
    look_as(actor.scope)


def test_R040_many_agents_never_call_the_same_person_twice(stage: Stage) -> None:
    app, world, agents = stage
    at_once = threading.Barrier(AGENTS)

    def work(actor: Actor) -> list[int]:
        called = []
        with app.app_context():
            at_once.wait()
            while True:
                enter_as(actor)
                visit = return_visits.claim_next(actor)
                finish(good=True)
                if visit is None:
                    db.session.remove()
                    return called
                called.append(visit.id)
                enter_as(actor)
                return_visits.log_attempt(actor, visit.id, said("reached", "satisfied"))
                finish(good=True)

    with ThreadPoolExecutor(AGENTS) as pool:
        called = [each for run in [pool.submit(work, actor) for actor in agents] for each in run.result(60)]
    assert Counter(called) == dict.fromkeys(called, 1)
    assert len(called) == PEOPLE
    with app.app_context():
        head = world.as_("supervisor")
        shown = queries.total(OCTOBER, head.unit_path)
        assert (shown.people, shown.visited, shown.open) == (PEOPLE, PEOPLE, 0)
        assert {line.unit.id: line.figures for line in queries.by_dealer(OCTOBER, head.unit_path)} == (
            queries.recount(OCTOBER)
        )
        db.session.remove()


PROCESSES = 4


def call_all(url: str, folder: str, person_ids: list[int], ready: Any) -> list[int]:
    """In a process of its own: these agents by turns, until nobody is left; gives the visits that were called."""
    clock.now = lambda: NOW
    app = an_app(url, Path(folder))
    called = []
    with app.app_context():
        actors = [accounts.actor_of_membership(each, None) for each in person_ids]
        db.session.remove()
        ready.wait()
        for actor in cycle(actors):
            assert actor is not None
            enter_as(actor)
            visit = return_visits.claim_next(actor)
            key = visit.id if visit else None
            finish(good=True)
            if key is None:
                break
            called.append(key)
            enter_as(actor)
            return_visits.log_attempt(actor, key, said("reached", "satisfied"))
            finish(good=True)
        db.session.remove()
        db.engine.dispose()
    return called


def test_R040_many_processes_never_call_the_same_person_twice(stage: Stage, url: str, tmp_path: Path) -> None:
    """Real processes, as web servers on several machines are: nothing but the database stands between them."""
    app, world, agents = stage
    ids = [agent.person_id or 0 for agent in agents]
    shares = [ids[place::PROCESSES] for place in range(PROCESSES)]
    spawning = multiprocessing.get_context("spawn")
    with spawning.Manager() as shared, ProcessPoolExecutor(PROCESSES, mp_context=spawning) as pool:
        ready = shared.Barrier(PROCESSES)
        runs = [pool.submit(call_all, url, str(tmp_path), share, ready) for share in shares]
        called = [run.result(120) for run in runs]
    everybody = [each for run in called for each in run]
    assert Counter(everybody) == dict.fromkeys(everybody, 1)
    assert len(everybody) == PEOPLE
    assert sum(1 for run in called if run) > 1  # they did get in each other's way
    with app.app_context():
        head = world.as_("supervisor")
        assert {line.unit.id: line.figures for line in queries.by_dealer(OCTOBER, head.unit_path)} == (
            queries.recount(OCTOBER)
        )
        assert queries.total(OCTOBER, head.unit_path).visited == PEOPLE
        db.session.remove()


@pytest.fixture
def by_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """A month is large from two people on: its visits wait for the job."""
    monkeypatch.setattr("portal.return_visits.service.opening.AT_ONCE", 2)


def test_a_large_month_that_three_jobs_open_at_once_is_opened_once(by_a_job: None, stage: Stage) -> None:
    """One of them is killed before its commit: what it wrote is not there, and the others' is whole."""
    app, world, _ = stage
    with app.app_context():
        world.as_("supervisor")
        asked = db.text("SELECT args FROM procrastinate_jobs WHERE task_name = 'return_visits.open'")
        args = {key: value for key, value in db.session.scalars(asked).one().items() if key != "travels"}
        assert queries.total(OCTOBER, world.actors["supervisor"].unit_path).people == PEOPLE
        db.session.remove()
    at_once = threading.Barrier(3)

    def work(*, kept: bool) -> None:
        with app.app_context():
            enter_as(world.actors["region"])
            at_once.wait()
            visit_jobs.open_visits(**args)
            finish(good=kept)
            db.session.remove()

    with ThreadPoolExecutor(3) as pool:
        for run in [pool.submit(work, kept=kept) for kept in (False, True, True)]:
            run.result(60)
    with app.app_context():
        world.as_("supervisor")
        people = db.session.execute(db.text("SELECT phone, name FROM visit")).all()
        assert (len(people), len(set(people))) == (PEOPLE, PEOPLE)
        assert queries.total(OCTOBER, world.actors["supervisor"].unit_path).people == PEOPLE
        db.session.remove()


def test_one_agent_in_four_windows_holds_one_customer(stage: Stage) -> None:
    app, _, agents = stage
    at_once = threading.Barrier(4)

    def ask() -> int:
        with app.app_context():
            enter_as(agents[0])
            at_once.wait()
            visit = return_visits.claim_next(agents[0])
            assert visit is not None
            key = visit.id
            finish(good=True)
            db.session.remove()
            return key

    with ThreadPoolExecutor(4) as pool:
        assert len({run.result(60) for run in [pool.submit(ask) for _ in range(4)]}) == 1


def test_two_saves_at_once_count_once(stage: Stage) -> None:
    app, world, agents = stage
    with app.app_context():
        enter_as(agents[0])
        visit = return_visits.claim_next(agents[0])
        assert visit is not None
        key = visit.id
        finish(good=True)
        db.session.remove()
    at_once = threading.Barrier(4)

    def save() -> str:
        with app.app_context():
            enter_as(agents[0])
            at_once.wait()
            try:
                return_visits.log_attempt(agents[0], key, said("reached", "unsatisfied"))
                finish(good=True)
                return "saved"
            except Conflict as lost:
                finish(good=False)
                return lost.code
            finally:
                db.session.remove()

    with ThreadPoolExecutor(4) as pool:
        ends = Counter(run.result(60) for run in [pool.submit(save) for _ in range(4)])
    assert ends == {"saved": 1, "lease_lost": 3}
    with app.app_context():
        world.as_("supervisor")
        assert len(return_visits.attempts_of(key)) == 1
        assert queries.total(OCTOBER, world.actors["supervisor"].unit_path).visited == 1
        db.session.remove()


def test_a_visit_that_is_being_saved_gets_its_signals_too(stage: Stage) -> None:
    """The job that works signals out waits for no agent; what it had to leave out is put right once the save is in."""
    app, world, agents = stage
    with app.app_context():
        held = []
        for agent in agents[:3]:
            enter_as(agent)
            visit = return_visits.claim_next(agent)
            assert visit is not None
            held.append((visit.id, visit.phone))
            finish(good=True)
        # the person of another unit has each one's phone: a signal that nobody has worked out yet
        admin = commander(world.network)
        people = [
            PersonLine(n, f"own{n}@rc.example", "店员", "D2", "dealer_clerk", phone)
            for n, (_, phone) in enumerate(held)
        ]
        accounts.import_people(admin, world.network.root_path, people, NOW)
        finish(good=True)
        db.session.remove()
    saved, go_on = threading.Barrier(4), threading.Event()

    def save(agent: Actor, key: int, result: str, outcome: str | None) -> None:
        with app.app_context():
            enter_as(agent)
            return_visits.log_attempt(agent, key, said(result, outcome))
            saved.wait(30)  # the visit is locked, nothing is committed
            assert go_on.wait(30)
            finish(good=True)
            db.session.remove()

    how: list[tuple[str, str | None]] = [
        ("no_answer", None),
        ("reached", "unsatisfied"),
        ("reached", "satisfied"),
    ]
    with ThreadPoolExecutor(6) as pool:
        calls = [
            pool.submit(save, agent, key, *each)
            for agent, (key, _), each in zip(agents, held, how, strict=False)
        ]
        saved.wait(30)
        head = world.actors["supervisor"]
        with app.app_context():
            enter_as(head)
            service.look(head, [world.units["D1"].id], OCTOBER)
            finish(good=True)
            left_out = db.session.execute(LEFT_OUT).all()
            db.session.remove()
        assert [row.args["visit_id"] for row in left_out] == sorted(key for key, _ in held)
        later = [pool.submit(jobs.run, app, row.task_name, **row.args) for row in left_out]
        assert not wait(later, timeout=0.5).done  # they wait for the saves, not the saves for them
        go_on.set()
        for each in (*calls, *later):
            each.result(60)
    with app.app_context():
        enter_as(head)
        codes = [[one["code"] for one in queries.get_visit(key).signals or []] for key, _ in held]
        assert ["phone_of_own_people" in each for each in codes] == [True, True, False]  # the third is closed
        assert queries.get_visit(held[0][0]).weight >= 40
        db.session.remove()


LEFT_OUT = db.text(
    "SELECT task_name, args FROM procrastinate_jobs WHERE task_name = 'return_visits.signals_of_visit' ORDER BY id"
)


def test_a_month_is_not_sealed_while_a_save_of_it_is_put_right(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who puts right and who seals come one after the other; a sealed month never holds an open visit."""
    app, world, agents = stage
    with app.app_context():
        for _ in range(PEOPLE):
            enter_as(agents[0])
            visit = return_visits.claim_next(agents[0])
            assert visit is not None
            key = visit.id
            return_visits.log_attempt(agents[0], key, said("reached", "satisfied"))
            finish(good=True)
        db.session.remove()
    monkeypatch.setattr(clock, "now", lambda: NOW.replace(month=12, day=1))
    corrected, go_on = threading.Barrier(2), threading.Event()

    def put_right() -> None:
        with app.app_context():
            enter_as(agents[0])
            return_visits.correct(agents[0], key, said("no_answer"))
            corrected.wait(30)
            assert go_on.wait(30)
            finish(good=True)
            db.session.remove()

    def seal() -> str:
        with app.app_context():
            enter_as(world.actors["supervisor"])
            try:
                return_visits.seal(world.actors["supervisor"], OCTOBER)
                finish(good=True)
                return "sealed"
            except Conflict as refused:
                finish(good=False)
                return refused.code
            finally:
                db.session.remove()

    with ThreadPoolExecutor(2) as pool:
        righting = pool.submit(put_right)
        corrected.wait(30)
        sealing = pool.submit(seal)
        assert not wait([sealing], timeout=0.5).done  # it waits for the save
        go_on.set()
        righting.result(30)
        assert sealing.result(30) == "open_visits"


def test_a_draft_and_a_save_at_once_come_one_after_the_other(stage: Stage) -> None:
    app, _world, agents = stage
    agent = agents[0]
    kept, out = threading.Event(), {}
    with app.app_context():
        enter_as(agent)
        visit = return_visits.claim_next(agent)
        assert visit
        visit_id = visit.id
        service.save_draft(agent, visit_id, {"note": "x"})
        finish(good=True)
        db.session.remove()

    def tried(name: str, *steps: Any) -> None:
        with app.app_context():
            enter_as(agent)
            try:
                for step in steps:
                    step()
                finish(good=True)
                out[name] = "done"
            except (Conflict, OperationalError) as error:
                finish(good=False)
                out[name] = type(error).__name__
            db.session.remove()

    def draft() -> None:
        tried(
            "draft",
            lambda: service.save_draft(agent, visit_id, {"note": "y"}),
            kept.set,
            lambda: time.sleep(0.5),
            lambda: service.renew(agent, visit_id),
        )

    def save() -> None:
        kept.wait(10)
        tried("save", lambda: return_visits.log_attempt(agent, visit_id, said("reached", "satisfied")))

    both = [threading.Thread(target=each) for each in (draft, save)]
    for each in both:
        each.start()
    for each in both:
        each.join(30)
    assert out == {"draft": "done", "save": "done"}
