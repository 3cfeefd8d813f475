"""Many at once in processes of their own, and kill -9 in between: one approval, one execution, one deduction, each
draft once (security.md E2, F2)."""

import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from sqlalchemy import text

from portal import clocks, ledger, sanctions
from portal.access import Actor, act_as
from portal.app import Portal
from portal.core import clock
from portal.core.db import db, finish, look_as
from portal.core.errors import PortalError
from portal.core.scope import CLOSED, enter
from portal.sanctions import Measure, MeasureKind, Proposal
from tests.conftest import NOW, Hands, an_app
from tests.factories import World, a_world
from tests.sanctions.processes import at_once, killed, moments, of

pytestmark = pytest.mark.slow
AT_ONCE = 50
SWEEPERS = 6
MOMENTS = moments(int(os.environ.get("PORTAL_KILLS", "4")))
"""`before` and `after` the commit, and at random; more before a release."""
FORFEIT = [Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=300_000)]
NOVEMBER = date(2026, 11, 1)


@dataclass
class Stage:
    """A database of its own, where what is committed stays."""

    app: Portal
    world: World
    hands: Hands

    def do(self, who: str, verb: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        """One verb in a transaction of its own; gives its answer, or the code of its refusal."""
        actor = self.world.actors[who]
        with self.app.app_context():
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

    def a_case(self, measures: list[Measure] = FORFEIT, rule: str = "R033") -> int:
        made = self.do("officer", sanctions.propose, Proposal(rule, "x", unit="D1", measures=measures))
        self.hands.forward(days=3)
        return int(made.id)

    def final(self, case: int) -> None:
        self.do("approver", sanctions.approve, case)
        self.do("officer", sanctions.serve, case)
        self.hands.forward(days=7)

    def margin(self) -> dict[str, int]:
        def look(actor: Actor) -> dict[str, int]:
            assert ledger.prove().sound
            owner = ledger.unit_owner(self.world.units["D1"])
            return {each.kind.value: each.balance for each in ledger.balances(owner) if each.balance}

        found: dict[str, int] = self.do("finance", look)
        return found

    def count(self, statement: str, **values: object) -> int:
        found: int = self.do("officer", lambda actor: db.session.scalar(text(statement), values))
        return found

    def sweep(self) -> None:
        """What the worker does each minute."""
        act_as(None)
        clocks.sweep_all(clock.now())


@pytest.fixture
def stage(cloned: Callable[[str], str], tmp_path: Path, at: Hands) -> Iterator[Stage]:
    app = an_app(cloned(f"court_{tmp_path.name[-20:]}".lower()), tmp_path)
    with app.app_context():
        world = a_world("ct", now=NOW)
        db.session.remove()
    act_as(None)
    enter(CLOSED)
    yield Stage(app, world, at)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)


# --- at once --------------------------------------------------------------------------------------------------------


def test_fifty_approvals_and_fifty_executions_have_one_effect(stage: Stage) -> None:
    actors = stage.world.actors
    stage.do("finance", ledger.deposit, stage.world.units["D1"], 500_000, "B-1")
    case = stage.a_case()
    approving = of(actors["approver"], sanctions.approve, case)
    assert at_once(stage.app, AT_ONCE, approving) == {"done": 1, "wrong_state": AT_ONCE - 1}
    assert stage.margin() == {"margin": 200_000, "margin_hold": 300_000}
    stage.do("officer", sanctions.serve, case)
    stage.hands.forward(days=7)
    executing = of(actors["finance"], sanctions.execute, case)
    assert at_once(stage.app, AT_ONCE, executing) == {"done": 1, "wrong_state": AT_ONCE - 1}
    assert stage.margin() == {"margin": 200_000}
    steps = "SELECT count(*) FROM sanction_step WHERE move IN ('approve', 'execute')"
    assert stage.count(steps) == 2
    assert stage.count("SELECT count(*) FROM ledger_transaction WHERE purpose = 'forfeit'") == 1


def test_fifty_hearings_of_one_appeal_give_back_once(stage: Stage) -> None:
    stage.do("finance", ledger.deposit, stage.world.units["D1"], 500_000, "B-1")
    case = stage.a_case()
    stage.do("approver", sanctions.approve, case)
    stage.do("officer", sanctions.serve, case)
    stage.do("principal", sanctions.appeal, case, "x")
    hearing = of(stage.world.actors["approver2"], sanctions.decide, case, sanctions.Decision.REVOKED, "heard")
    assert at_once(stage.app, AT_ONCE, hearing) == {"done": 1, "wrong_state": AT_ONCE - 1}
    assert stage.margin() == {"margin": 500_000}
    assert stage.count("SELECT count(*) FROM ledger_transaction WHERE purpose = 'release'") == 1


@pytest.mark.parametrize("verb", [sanctions.reject, sanctions.withdraw])
def test_two_who_end_linked_cases_at_once_do_not_stop_each_other(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, verb: Callable[..., Any]
) -> None:
    """Each step looks at the other's case, too: whoever comes second waits, and then does its own."""
    mine = stage.do("officer", sanctions.propose, Proposal("R036", "x", unit="R1"))

    def linked(actor: Actor) -> list[tuple[int, str]]:
        found = sanctions.list_cases(actor, breach_id=mine.breach_id).items
        return [(each.id, each.state) for each in found]

    first, above = (case for case, _ in stage.do("officer", linked))
    stage.do("officer", sanctions.adopt, above)
    stage.hands.forward(days=3)
    both_hold_theirs = Barrier(2, timeout=2)

    def told(*_: object) -> None:
        with suppress(BrokenBarrierError):  # one waits for the other's lock: that is the order
            both_hold_theirs.wait()

    monkeypatch.setattr("portal.sanctions.service.procedure.tell_party", told)
    hands = ("approver", "approver2") if verb is sanctions.reject else ("officer", "officer")
    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(stage.do, who, verb, case, "x")
            for who, case in zip(hands, (first, above), strict=True)
        ]
        assert [each.result().id for each in done] == [first, above]
    ended = "rejected" if verb is sanctions.reject else "withdrawn"
    assert stage.do("officer", linked) == [(first, ended), (above, ended)]


def test_the_same_bank_reference_fifty_times_is_one_deposit_and_one_payment(stage: Stage) -> None:
    actors, unit = stage.world.actors, stage.world.units["D1"]
    depositing = of(actors["finance"], ledger.deposit, unit, 100, "B-1")
    assert at_once(stage.app, AT_ONCE, depositing) == {"done": 1, "reference_used": AT_ONCE - 1}
    content = f"person,amount_fen\n{stage.world.email('region')},5000".encode()
    stating = of(actors["finance"], ledger.import_commissions, NOVEMBER, content, "c.csv")
    assert at_once(stage.app, 8, stating) == {"done": 1, "already_imported": 7}
    person = actors["region"].person_id
    assert person is not None
    owner = stage.do("finance", lambda actor: ledger.person_owner(actor.network_id, person))
    paying = of(actors["finance"], ledger.pay, owner, 3_000, "P-1")
    found = at_once(stage.app, 20, paying)
    assert found["done"] == 1
    assert found["reference_used"] + found["insufficient"] == 19
    balances = stage.do("finance", lambda actor: ledger.balances(owner))
    assert balances[0].balance == 2_000
    assert stage.margin() == {"margin": 100}


def test_deposits_of_eight_at_once_lose_nothing(stage: Stage) -> None:
    def pay(number: int) -> None:
        for turn in range(10):
            unit = stage.world.units["D1" if turn % 2 else "D2"]
            stage.do("finance", ledger.deposit, unit, 100, f"B-{number}-{turn}")
            stage.do("finance", ledger.deposit, unit, 100, f"B-{turn}")  # the same for all eight

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pay, range(8)))

    def paid(actor: Actor) -> int:
        assert ledger.prove().sound
        owners = [ledger.unit_owner(stage.world.units[code]) for code in ("D1", "D2")]
        return sum(ledger.balances(owner)[0].balance for owner in owners)

    assert stage.do("finance", paid) == (80 + 10) * 100


def test_sweeps_at_once_draft_each_case_once(stage: Stage) -> None:
    stage.hands.forward(days=6)
    for _ in range(2):
        assert at_once(stage.app, SWEEPERS, stage.sweep) == {"done": SWEEPERS}
    _each_draft_once(stage)


def _each_draft_once(stage: Stage) -> None:
    def listed(actor: Actor) -> list[tuple[str, str]]:
        return [(each.who, each.number) for each in sanctions.list_cases(actor, limit=200).items]

    found = stage.do("officer", listed)
    assert Counter(who for who, _ in found) == {"dealer": 4, "regional_manager": 3, "channel_manager": 2}
    assert sorted(number for _, number in found) == [f"CF-2026-{n:04d}" for n in range(1, 10)]


def test_sweeps_at_once_tell_settle_and_close_once(stage: Stage) -> None:
    """A late step, a top-up that was not paid, one that was, a share whose statement came, a case to be closed."""
    top_up = [Measure(kind=MeasureKind.TOP_UP, amount=500)]
    unpaid = stage.a_case(top_up)
    stage.final(unpaid)
    stage.do("finance", sanctions.execute, unpaid)
    stage.a_case([Measure(kind=MeasureKind.WARNING)])  # nobody decides it
    stage.hands.forward(days=30)
    for _ in range(2):
        assert at_once(stage.app, SWEEPERS, stage.sweep) == {"done": SWEEPERS}
    told = "SELECT count(*) FROM event WHERE action = :action"
    assert stage.count(told, action="top_up:overdue") == 1
    late = "action = 'obligation:breached' AND after->>'kind' = 'case_step'"
    step = f"SELECT max(n) FROM (SELECT count(*) n FROM event WHERE {late} GROUP BY object_id) x"
    assert stage.count(step) == 1
    stage.do("finance", ledger.deposit, stage.world.units["D1"], 500, "B-1")
    stage.hands.forward(days=1)
    for _ in range(2):
        assert at_once(stage.app, SWEEPERS, stage.sweep) == {"done": SWEEPERS}
    closed = "SELECT count(*) FROM sanction_step WHERE case_id = :case AND move = 'close'"
    assert stage.count(closed, case=unpaid) == 1


# --- kill -9 in between ---------------------------------------------------------------------------------------------


def test_a_killed_step_is_done_whole_or_not_at_all(stage: Stage) -> None:
    actors = stage.world.actors
    stage.do("finance", ledger.deposit, stage.world.units["D1"], 1_000_000, "B-1")
    part, left = [Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=1_000)], 1_000_000
    for moment in MOMENTS:
        case = stage.a_case(part)
        killed(stage.app, of(actors["approver"], sanctions.approve, case), moment)
        half = stage.margin()
        assert half in ({"margin": left}, {"margin": left - 1_000, "margin_hold": 1_000}), moment
        again = stage.do("approver", sanctions.approve, case)
        assert (again == "wrong_state") is ("margin_hold" in half), moment
        assert stage.margin() == {"margin": left - 1_000, "margin_hold": 1_000}
        stage.do("officer", sanctions.serve, case)
        stage.hands.forward(days=7)
        killed(stage.app, of(actors["finance"], sanctions.execute, case), moment)
        stage.do("finance", sanctions.execute, case)
        left -= 1_000
        assert stage.margin() == {"margin": left}, moment
        moved = "SELECT string_agg(move, ' ' ORDER BY id) FROM sanction_step WHERE case_id = :case"
        assert stage.count(moved, case=case) == "propose approve serve execute", moment


def test_a_killed_sweep_is_caught_up_by_the_next(stage: Stage) -> None:
    """Month by month: what the killed run left is drafted by the next one, once, in numbers without a gap."""
    for number, moment in enumerate(MOMENTS):
        year, month = divmod(2026 * 12 + 10 + number, 12)
        stage.hands(f"{year}-{month + 1:02d}-09 10:00")
        killed(stage.app, stage.sweep, moment)
        for _ in range(2):
            assert at_once(stage.app, 1, stage.sweep) == {"done": 1}
        assert stage.count("SELECT count(*) FROM sanction_case") == 9 * (number + 1), moment
        gap = "SELECT count(*) FROM (SELECT number FROM sanction_case GROUP BY number HAVING count(*) > 1) x"
        assert stage.count(gap) == 0
    last = "SELECT sum(last) FROM sanction_number"
    assert stage.count(last) == 9 * len(MOMENTS)


def test_a_killed_import_of_commissions_is_whole_or_not_there(stage: Stage) -> None:
    for number, moment in enumerate(MOMENTS):
        month = date(2025, 1 + number, 1)
        lines = [f"{stage.world.email(who)},5000" for who in ("region", "channel")]
        content = "\n".join(["person,amount_fen", *lines]).encode()
        importing = of(stage.world.actors["finance"], ledger.import_commissions, month, content, "c.csv")
        killed(stage.app, importing, moment)
        stage.do("finance", ledger.import_commissions, month, content, "c.csv")
        due = "SELECT sum(balance_minor) FROM ledger_account WHERE kind = 'commission_due'"
        assert stage.count(due) == 10_000 * (number + 1), moment
        assert stage.margin() == {}
