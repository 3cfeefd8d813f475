"""Random histories of the procedure and the books against a simple model: after each step all eleven invariants of
security.md (E1) hold."""

import os
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import text

from portal import ledger, sanctions
from portal.access import act_as
from portal.core.db import db, finish
from portal.core.errors import Conflict, Invalid, NotAllowed
from portal.core.scope import CLOSED, enter
from portal.ledger import Cause
from portal.sanctions import Decision, Measure, MeasureKind, Proposal
from tests.conftest import Hands
from tests.factories import World

AMOUNTS = st.integers(1, 1_500_000)
DEALERS = st.sampled_from(["D1", "D2"])
APPROVERS = ("approver", "approver2", "approver3")
EXAMPLES = int(os.environ.get("PORTAL_HISTORIES", "25"))  # 1000 of 100 steps each before a release
STEPS = int(os.environ.get("PORTAL_HISTORY_STEPS", "30"))
REACHED: set[str] = set()
REFUSALS = (Conflict, NotAllowed, Invalid)
INVARIANTS = text(
    """
    SELECT
      (SELECT count(*) FROM ledger_transaction WHERE amount_minor <= 0) AS amounts,
      (SELECT count(*) FROM ledger_transaction t JOIN ledger_posting p ON p.transaction_id = t.id
         WHERE p.network_id <> t.network_id) AS networks,
      (SELECT count(*) - count(DISTINCT idempotency_key) FROM ledger_transaction) AS keys,
      (SELECT count(*) FROM (SELECT t.case_id, sum(CASE WHEN r.id IS NULL THEN 1 ELSE 0 END) AS n
         FROM ledger_transaction t
         LEFT JOIN ledger_transaction r ON r.original_id = t.id AND r.purpose = 'reversal'
         WHERE t.purpose IN ('forfeit', 'charge') AND t.case_id IS NOT NULL GROUP BY t.case_id) x
         JOIN sanction_case c ON c.id = x.case_id WHERE n > jsonb_array_length(c.measures)) AS deductions,
      (SELECT count(*) FROM sanction_case WHERE approved_by = proposed_by OR first_approved_by = proposed_by
         OR (approvers_needed = 2 AND approved_at IS NOT NULL AND first_approved_by IS NULL)) AS eyes,
      (SELECT count(*) FROM sanction_case c WHERE c.state IN ('rejected', 'withdrawn', 'revoked', 'closed', 'executed')
         AND EXISTS (SELECT 1 FROM ledger_transaction h WHERE h.case_id = c.id AND h.purpose = 'hold'
           AND NOT EXISTS (SELECT 1 FROM ledger_transaction e WHERE e.original_id = h.id))) AS hanging,
      (SELECT coalesce(sum(balance_minor), 0) FROM ledger_account WHERE kind = 'margin_hold') AS held,
      (SELECT coalesce(sum(h.amount_minor), 0) FROM ledger_transaction h WHERE h.purpose = 'hold'
         AND NOT EXISTS (SELECT 1 FROM ledger_transaction e WHERE e.original_id = h.id)) AS open_holds
    """
)


class Histories(RuleBasedStateMachine):
    """Deposits, refunds, reversals, commissions, cases in every order, by hands that may and hands that may not."""

    world: World
    hands: Hands
    cases = Bundle("cases")
    deposits = Bundle("deposits")

    def __init__(self) -> None:
        super().__init__()
        self.savepoint = db.session.begin_nested()
        self.number = 0
        self.past: list[tuple[Any, str, int]] = []
        self.hands("2026-11-03 10:00")

    def teardown(self) -> None:
        self.savepoint.rollback()
        db.session.expire_all()
        act_as(None)
        enter(CLOSED)

    def done(self, who: str, verb: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The verb's answer, or None where it was refused; a refusal leaves nothing behind."""
        actor = self.world.as_(who)
        try:
            with db.session.begin_nested():
                return verb(actor, *args, **kwargs)
        except REFUSALS:
            db.session.expire_all()
            return None

    def fresh(self) -> str:
        self.number += 1
        return f"K-{self.number}"

    @rule(target=deposits, unit=DEALERS, amount=AMOUNTS)
    def deposit(self, unit: str, amount: int) -> Any:
        made = self.done("finance", ledger.deposit, self.world.units[unit], amount, self.fresh())
        assert made is not None
        return made.id

    @rule(unit=DEALERS, amount=AMOUNTS)
    def refund(self, unit: str, amount: int) -> None:
        self.done("finance", ledger.refund, self.world.units[unit], amount, self.fresh(), "leaves")

    @rule(made=consumes(deposits))
    def take_a_deposit_back(self, made: int) -> None:
        self.done("finance", ledger.reverse, made, "wrong dealer")

    @rule(amount=AMOUNTS, month=st.sampled_from([date(2026, 11, 1), date(2026, 12, 1)]))
    def state_commissions(self, amount: int, month: date) -> None:
        content = f"person,amount_fen\n{self.world.email('region')},{amount}".encode()
        self.done("finance", ledger.import_commissions, month, content, "c.csv")

    @rule(target=cases, unit=DEALERS, amount=st.one_of(st.none(), AMOUNTS), more=st.booleans())
    def propose(self, unit: str, amount: int | None, more: bool) -> Any:
        measures = [Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=amount)]
        if more:
            measures.append(Measure(kind=MeasureKind.FINE, amount=5_000))
        made = self.done("officer", sanctions.propose, Proposal("R033", "x", unit=unit, measures=measures))
        return made.id if made else multiple()

    @rule(target=cases, share=st.integers(1, 100))
    def propose_against_a_manager(self, share: int) -> Any:
        measures = [Measure(kind=MeasureKind.COMMISSION_WITHHELD, share=share, month="2026-11")]
        made = self.done("officer", sanctions.propose, Proposal("R038", "x", unit="R1", measures=measures))
        return made.id if made else multiple()

    @rule(case=cases)
    def adopt(self, case: int) -> None:
        self.done("officer", sanctions.adopt, case)

    @rule(case=cases, who=st.sampled_from(["principal", "region", "clerk2"]))
    def speak(self, case: int, who: str) -> None:
        if self.seen(who, case):
            self.done(who, sanctions.state_side, case, "x")

    @rule(case=cases, who=st.sampled_from(APPROVERS), amount=st.one_of(st.none(), AMOUNTS))
    def approve(self, case: int, who: str, amount: int | None) -> None:
        milder = None if amount is None else [Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=amount)]
        self.done(who, sanctions.approve, case, "", milder)

    @rule(case=cases, verb=st.sampled_from([sanctions.serve, sanctions.execute]))
    def officer_acts(self, case: int, verb: Callable[..., Any]) -> None:
        self.done("officer", verb, case)

    @rule(case=cases, who=st.sampled_from(["principal", "region"]))
    def appeal(self, case: int, who: str) -> None:
        if self.seen(who, case):
            self.done(who, sanctions.appeal, case, "x")

    @rule(
        case=cases, who=st.sampled_from(APPROVERS), decision=st.sampled_from(list(Decision)), amount=AMOUNTS
    )
    def decide(self, case: int, who: str, decision: Decision, amount: int) -> None:
        milder = [Measure(kind=MeasureKind.MARGIN_FORFEITED, amount=amount)]
        self.done(who, sanctions.decide, case, decision, "", milder if decision is Decision.VARIED else None)

    @rule(case=cases)
    def execute(self, case: int) -> None:
        self.done("finance", sanctions.execute, case)

    @rule(case=cases, verb=st.sampled_from([sanctions.withdraw, sanctions.close]))
    def end(self, case: int, verb: Callable[..., Any]) -> None:
        self.done("officer", verb, case, "x")

    @rule(case=cases, verb=st.sampled_from([sanctions.reject, sanctions.give_back]))
    def refuse(self, case: int, verb: Callable[..., Any]) -> None:
        self.done("approver", verb, case, "x")

    @rule(
        case=cases, steps=st.integers(1, 6), appealing=st.booleans(), decision=st.sampled_from(list(Decision))
    )
    def onward(self, case: int, steps: int, appealing: bool, decision: Decision) -> None:
        """The steps that come next, by the right hands and in their time: so that histories reach their ends."""
        for _ in range(steps):
            self.next_step(case, appealing, decision)
            REACHED.add(self.state_of(case))

    def next_step(self, case: int, appealing: bool, decision: Decision) -> None:
        state = self.state_of(case)
        if state == "proposed":
            self.wait(3)
            for who in ("approver", "approver2"):
                self.done(who, sanctions.approve, case)
        elif state == "approved":
            self.done("officer", sanctions.serve, case)
        elif state == "served" and appealing:
            party = next((who for who in ("principal", "region") if self.seen(who, case)), "principal")
            self.done(party, sanctions.appeal, case, "x")
        elif state == "appealed":
            milder = [Measure(kind=MeasureKind.WARNING)] if decision is Decision.VARIED else None
            self.done("approver3", sanctions.decide, case, decision, "", milder)
        elif state in ("served", "upheld", "varied"):
            self.wait(7)
            self.done("finance", sanctions.execute, case)

    def state_of(self, case: int) -> str:
        found: str = sanctions.get_case(self.world.as_("officer"), case).state
        return found

    @rule(days=st.integers(1, 10))
    def wait(self, days: int) -> None:
        self.remember()
        self.hands.forward(days=days)
        actor = self.world.as_("officer")
        sanctions.tend(actor, self.world.network, self.hands.moment)

    @precondition(lambda self: self.past)
    @rule()
    def look_back(self) -> None:
        """(10) The balance as of any past moment can be rebuilt."""
        self.world.as_("finance")
        for moment, unit, balance in self.past:
            found = ledger.balances(ledger.unit_owner(self.world.units[unit]), moment)
            assert found[0].balance == balance

    def remember(self) -> None:
        self.world.as_("finance")
        for unit in ("D1", "D2"):
            owner = ledger.unit_owner(self.world.units[unit])
            self.past.append((self.hands.moment, unit, ledger.balances(owner)[0].balance))

    def seen(self, who: str, case: int) -> bool:
        return any(each.id == case for each in sanctions.list_cases(self.world.as_(who), limit=200).items)

    @invariant()
    def the_books_are_true(self) -> None:
        self.world.as_("officer")
        proof = (
            ledger.prove()
        )  # (1) balanced, (2) sum 0, (3) balances, (4) opposites, (5) never below zero, (6) ends
        assert proof.sound, proof
        row = db.session.execute(INVARIANTS).one()
        assert row.held == row.open_holds  # (6) a hold ends exactly once
        counted = {name: value for name, value in row._mapping.items() if name not in ("held", "open_holds")}
        assert not any(counted.values()), (
            counted
        )  # (7) one deduction, (8) one network, (9) amounts, (11) four eyes


@pytest.mark.slow
def test_random_histories_keep_every_invariant(world: World, at: Hands) -> None:
    world.as_("officer")
    made = type("Machine", (Histories,), {"world": world, "hands": at})
    run_state_machine_as_test(
        made,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )
    finish(good=False)
    assert {"approved", "served", "appealed", "revoked", "executed"} <= REACHED


def test_a_hold_that_was_given_back_is_not_taken_by_another_key(world: World) -> None:
    """One sanction, one deduction: an effect of a case that fell leaves nothing to take."""
    finance = world.as_("finance")
    owner = ledger.unit_owner(world.units["D1"])
    ledger.deposit(finance, world.units["D1"], 100, "B")
    held = ledger.hold(finance, owner, 60, key="h", cause=Cause("x"))
    assert held is not None
    ledger.release(finance, held.id, cause=Cause("x"))
    for key in ("a", "b"):
        with pytest.raises(Conflict, match="already_undone"):
            ledger.take(finance, owner, None, hold_id=held.id, key=key, cause=Cause("x"))
    assert ledger.prove().sound
