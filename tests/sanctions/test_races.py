"""Many at once on real connections: one approval, one execution, one deduction (security.md E2)."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from portal import clocks, ledger, sanctions
from portal.access import Actor, act_as
from portal.app import Portal
from portal.core import clock
from portal.core.db import db, finish, look_as
from portal.core.errors import PortalError
from portal.core.scope import CLOSED, enter
from portal.sanctions import Measure, MeasureKind, Proposal
from tests.conftest import NOW, an_app
from tests.factories import World, a_world

Stage = tuple[Portal, World]
AT_ONCE, EACH = 10, 5
FORFEIT = [Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=300_000)]


@pytest.fixture
def stage(cloned: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A database of its own, where what is committed stays."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    app = an_app(cloned(f"court_{tmp_path.name[-20:]}".lower()), tmp_path)
    with app.app_context():
        world = a_world("ct", now=NOW)
        db.session.remove()
    act_as(None)
    enter(CLOSED)
    yield app, world
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)


def done(app: Portal, actor: Actor, verb: Callable[..., object], *args: object, **kwargs: object) -> object:
    """One verb in a transaction of its own; gives its answer, or the code of its refusal."""
    with app.app_context():
        act_as(actor)
        look_as(actor.scope)
        try:
            answer = verb(actor, *args, **kwargs)
            finish(good=True)
        except PortalError as refusal:
            finish(good=False)
            return refusal.code
        finally:
            db.session.remove()
        return answer


def fifty(app: Portal, actor: Actor, verb: Callable[..., object], case: int) -> Counter[str]:
    """The same verb fifty times, ten at once; gives how often it was done, and how often refused with what."""
    at_once = threading.Barrier(AT_ONCE)
    found: Counter[str] = Counter()

    def press() -> list[str]:
        at_once.wait()
        answers = [done(app, actor, verb, case) for _ in range(EACH)]
        return [each if isinstance(each, str) else "done" for each in answers]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for run in [pool.submit(press) for _ in range(AT_ONCE)]:
            found.update(run.result(timeout=120))
    return found


@pytest.mark.slow
def test_fifty_approvals_and_fifty_executions_have_one_effect(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, world = stage
    actors = world.actors
    done(app, actors["finance"], ledger.deposit, world.units["D1"], 500_000, "B-1")
    made = done(app, actors["officer"], sanctions.propose, Proposal("R033", "x", unit="D1", measures=FORFEIT))
    assert isinstance(made, sanctions.Case)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=3))
    assert fifty(app, actors["approver"], sanctions.approve, made.id) == {"done": 1, "wrong_state": 49}
    done(app, actors["officer"], sanctions.serve, made.id)
    monkeypatch.setattr(clock, "now", lambda: NOW + timedelta(days=10))
    assert fifty(app, actors["finance"], sanctions.execute, made.id) == {"done": 1, "wrong_state": 49}

    def proven(actor: Actor) -> tuple[bool, dict[str, int]]:
        owner = ledger.unit_owner(world.units["D1"])
        return ledger.prove().sound, {each.kind.value: each.balance for each in ledger.balances(owner)}

    assert done(app, actors["finance"], proven) == (
        True,
        {"margin": 200_000, "margin_hold": 0, "receivable": 0},
    )


@pytest.mark.slow
def test_deposits_of_eight_at_once_lose_nothing(stage: Stage) -> None:
    app, world = stage

    def pay(number: int) -> None:
        for turn in range(10):
            unit = world.units["D1" if turn % 2 else "D2"]
            done(app, world.actors["finance"], ledger.deposit, unit, 100, f"B-{number}-{turn}")
            done(
                app, world.actors["finance"], ledger.deposit, unit, 100, f"B-{turn}"
            )  # the same for all eight

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pay, range(8)))

    def proven(actor: Actor) -> tuple[bool, int]:
        owners = [ledger.unit_owner(world.units[code]) for code in ("D1", "D2")]
        return ledger.prove().sound, sum(ledger.balances(owner)[0].balance for owner in owners)

    assert done(app, world.actors["finance"], proven) == (True, (80 + 10) * 100)


@pytest.mark.slow
def test_sweeps_at_once_draft_each_case_once(stage: Stage) -> None:
    app, world = stage
    moment = NOW + timedelta(days=6)
    at_once = threading.Barrier(4)

    def swept() -> None:
        with app.app_context():
            at_once.wait()
            clocks.sweep_all(moment)
            finish(good=True)
            db.session.remove()

    for _ in range(2):
        with ThreadPoolExecutor(4) as pool:
            for run in [pool.submit(swept) for _ in range(4)]:
                run.result(timeout=60)

    def listed(actor: Actor) -> list[tuple[str, str]]:
        return [(each.who, each.number) for each in sanctions.list_cases(actor, limit=200).items]

    found = done(app, world.actors["officer"], listed)
    assert isinstance(found, list)
    assert Counter(who for who, _ in found) == {"dealer": 4, "regional_manager": 3, "channel_manager": 2}
    assert sorted(number for _, number in found) == [f"CF-2026-{n:04d}" for n in range(1, 10)]
