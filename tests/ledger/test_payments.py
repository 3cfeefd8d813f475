"""What goes out: commissions paid, margins paid back to a dealer that leaves; what is given back after it was taken."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal import ledger, network, rulebook
from portal.access import Actor
from portal.core.db import db
from portal.core.errors import Conflict
from portal.ledger import Cause, Order, Owner, paid_of
from portal.ledger.rules import Repayment, may_pay_back, repayment
from portal.network import workdays_after
from tests.conftest import Hands
from tests.factories import World
from tests.ledger.test_service import dealer, finance, manager, standing, statement_file

NOVEMBER = date(2026, 11, 1)
ZONE = ZoneInfo("Asia/Shanghai")
START = datetime(2026, 11, 1, tzinfo=UTC)


def stated(world: World, amount: str = "100.00") -> tuple[Actor, Owner]:
    actor, owner = finance(world), manager(world)
    ledger.import_commissions(actor, NOVEMBER, statement_file(world, ("region", amount)), "c.csv")
    return actor, owner


def test_commission_is_paid_out_once_for_each_bank_reference(world: World) -> None:
    actor, owner = stated(world)
    paid = ledger.pay(actor, owner, 6_000, "PAY-1")
    assert (paid.purpose, paid.amount_minor, paid.reference) == ("pay", 6_000, "PAY-1")
    assert standing(owner) == {"commission_due": 4_000}
    with pytest.raises(Conflict, match="reference_used"):
        ledger.pay(actor, owner, 1, "PAY-1")
    with pytest.raises(Conflict, match="insufficient"):
        ledger.pay(actor, owner, 4_001, "PAY-2")
    ledger.reverse(actor, paid.id, "wrong person")
    assert standing(owner) == {"commission_due": 10_000}
    assert ledger.prove().sound


def test_a_share_of_what_was_paid_out_already_stays_short(world: World) -> None:
    actor, owner = stated(world)
    ledger.pay(actor, owner, 9_500, "PAY-1")
    order = ledger.withhold(actor, owner, NOVEMBER, 10, key="k", cause=Cause("CF-1"))
    assert (order.short_minor, standing(owner)) == (500, {"commission_withheld": 500})
    assert ledger.withheld([order.id])[order.id].short == 500


def test_where_debts_are_allowed_it_is_owed_and_paid_from_the_next_month(
    world: World, at: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.ledger.service.commissions.debt_allowed", lambda actor: True)
    actor, owner = stated(world)
    ledger.pay(actor, owner, 10_000, "PAY-1")
    ledger.withhold(actor, owner, NOVEMBER, 10, key="k", cause=Cause("CF-1"))
    assert standing(owner) == {"commission_withheld": 1_000, "receivable": 1_000}
    at("2026-12-01 00:00:00")
    ledger.import_commissions(actor, date(2026, 12, 1), statement_file(world, ("region", "50.00")), "d.csv")
    assert standing(owner) == {"commission_due": 4_000, "commission_withheld": 1_000}
    assert ledger.prove().sound


def test_what_was_forfeited_is_free_again_when_the_decision_falls(world: World) -> None:
    actor, owner = finance(world), dealer(world)
    ledger.deposit(actor, world.units["D1"], 1_000, "B-1")
    held = ledger.hold(actor, owner, 600, key="h", cause=Cause("CF-1"))
    assert held is not None
    taken = ledger.take(actor, owner, 800, hold_id=held.id, key="t", cause=Cause("CF-1")).transaction
    assert taken is not None
    assert standing(owner) == {"margin": 200}
    back = ledger.reverse(actor, taken.id, "the decision fell")
    assert (back.purpose, back.original_id, back.amount_minor) == ("reversal", taken.id, 800)
    assert standing(owner) == {"margin": 1_000}  # nothing is on hold: that hold has ended
    assert ledger.reverse(actor, taken.id, "again").id == back.id
    assert ledger.prove().sound


def test_a_debt_that_a_fallen_decision_left_is_struck(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.ledger.service.margins.debt_allowed", lambda actor: True)
    actor, owner = finance(world), dealer(world)
    ledger.deposit(actor, world.units["D1"], 300, "B-1")
    taken = ledger.take(actor, owner, 1_000, hold_id=None, key="t", cause=Cause("CF-1")).transaction
    ledger.deposit(actor, world.units["D1"], 200, "B-2")
    assert standing(owner) == {"receivable": 500}
    assert taken is not None
    ledger.reverse(actor, taken.id, "the decision fell")
    assert standing(owner) == {"margin": 500}
    assert ledger.prove().sound


def test_the_database_refuses_to_give_back_more_or_to_another(world: World) -> None:
    """A reversal of a deduction never exceeds it, and goes to whom it was taken from (security.md E1, 4)."""
    actor, owner = finance(world), dealer(world)
    ledger.deposit(actor, world.units["D1"], 1_000, "B-1")
    ledger.deposit(actor, world.units["D2"], 1_000, "B-2")
    taken = ledger.take(actor, owner, 800, hold_id=None, key="t", cause=Cause("CF-1")).transaction
    assert taken is not None
    ids = {
        (row.code, row.kind): row.id
        for row in db.session.execute(
            text("SELECT u.code, a.kind, a.id FROM ledger_account a JOIN unit u ON u.id = a.unit_id")
        )
    }
    for to, amount in ((ids["D1", "margin"], 900), (ids["D2", "margin"], 800)):
        with pytest.raises(DBAPIError, match="is not the opposite"), db.session.begin_nested():
            _posted_by_hand(world, taken.id, ids["HQ", "forfeited"], to, amount)


def _posted_by_hand(world: World, original: int, debit: int, credit: int, amount: int) -> None:
    values: dict[str, Any] = {
        "n": world.network.id,
        "path": world.network.root_path,
        "o": original,
        "a": amount,
    }
    made = db.session.scalar(
        text(
            "INSERT INTO ledger_transaction (network_id, unit_path, at, purpose, currency, amount_minor, postings, "
            "idempotency_key, reason, original_id) "
            "VALUES (:n, :path, now(), 'reversal', 'CNY', :a, 2, 'by hand', 'x', :o) RETURNING id"
        ),
        values,
    )
    for account, side in ((debit, "debit"), (credit, "credit")):
        db.session.execute(
            text(
                "INSERT INTO ledger_posting (network_id, unit_path, transaction_id, account_id, unit_id, side, "
                "amount_minor, currency, at, balance_minor, version) "
                "VALUES (:n, :path, :t, :account, 0, :side, :a, 'CNY', now(), 0, 0)"
            ),
            values | {"t": made, "account": account, "side": side},
        )
    db.session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


# --- a dealer leaves --------------------------------------------------------------------------------------------


def test_half_within_thirty_working_days_and_the_rest_after_a_year(world: World, at: Hands) -> None:
    actor, unit = finance(world), world.units["D1"]
    ledger.deposit(actor, unit, 2_000_001, "B-1")
    left_at = datetime(2026, 11, 2, tzinfo=ZONE)
    made = ledger.leave(actor, unit, left_at, "contract ended")
    assert made is not None
    assert made.first_due_at.astimezone(ZONE) == datetime(2026, 12, 15, tzinfo=ZONE)  # 30 working days
    assert made.rest_at.astimezone(ZONE) == datetime(2027, 11, 3, tzinfo=ZONE)
    assert ledger.leave(actor, unit, left_at, "again") == made
    with pytest.raises(Conflict, match="not_yet_due"):
        ledger.refund(actor, unit, 1_000_001, "R-1", "first part")
    ledger.refund(actor, unit, 1_000_000, "R-1", "first part")
    with pytest.raises(Conflict, match="not_yet_due"):
        ledger.refund(actor, unit, 1, "R-2", "rest")
    at("2027-11-03 00:00")
    finance(world)
    held = ledger.hold(actor, dealer(world), 100, key="h", cause=Cause("CF-1"))
    with pytest.raises(Conflict, match="not_yet_due"):  # a claim
        ledger.refund(actor, unit, 1, "R-2", "rest")
    assert held is not None
    ledger.release(actor, held.id, cause=Cause("CF-1"))
    ledger.refund(actor, unit, 1_000_001, "R-2", "rest")
    assert standing(dealer(world)) == {}


def test_what_is_forfeited_after_it_left_makes_the_first_part_smaller(world: World) -> None:
    actor, unit = finance(world), world.units["D1"]
    ledger.deposit(actor, unit, 1_000, "B-1")
    leaving = ledger.leave(actor, unit, datetime(2026, 11, 2, tzinfo=ZONE), "x")
    assert leaving is not None
    ledger.take(actor, dealer(world), 600, hold_id=None, key="t", cause=Cause("CF-1"))
    with pytest.raises(Conflict, match="not_yet_due"):
        ledger.refund(actor, unit, 201, "R-1", "first part")
    ledger.refund(actor, unit, 200, "R-1", "first part")
    ledger.stay(actor, unit, "it stays")
    ledger.refund(actor, unit, 200, "R-2", "too much was deposited")


def test_working_days_follow_the_network_s_holiday_table(world: World) -> None:
    finance(world)
    days = network.holidays(world.network.id)
    assert workdays_after(date(2026, 9, 30), 1, days) == date(2026, 10, 8)  # the week of the National Day
    assert workdays_after(date(2026, 10, 9), 1, days) == date(2026, 10, 10)  # a Saturday on which one works
    six = frozenset(range(6))
    assert workdays_after(date(2026, 11, 6), 2, days, six) == date(
        2026, 11, 9
    )  # a network that works on Saturdays
    terms = rulebook.RefundTerms(first_share=50, first_within_workdays=1, rest_after_months=12)
    plan = repayment(datetime(2028, 2, 29, tzinfo=ZONE), days, ZONE, terms)
    assert plan.rest_at.astimezone(ZONE).date() == date(2029, 3, 1)  # the end of the 28th


@given(
    free=st.integers(0, 10**6),
    held=st.integers(0, 10**6),
    owed=st.integers(0, 10**6),
    refunded=st.integers(0, 10**6),
    share=st.integers(1, 100),
    over=st.booleans(),
)
def test_never_more_than_is_free(
    free: int, held: int, owed: int, refunded: int, share: int, over: bool
) -> None:
    plan = Repayment(share, START, START + timedelta(days=365))
    now = plan.rest_at if over else START
    found = may_pay_back(plan, free=free, held=held, owed=owed, refunded=refunded, now=now)
    assert 0 <= found <= free
    assert may_pay_back(None, free=free, held=held, owed=owed, refunded=refunded, now=now) == free
    if over and not held and not owed:
        assert found == free


@given(
    orders=st.lists(st.tuples(st.integers(0, 20), st.integers(1, 50)), max_size=5),
    deposits=st.lists(st.tuples(st.integers(0, 25), st.integers(1, 60)), max_size=8),
)
def test_no_fen_pays_two_top_ups(orders: list[tuple[int, int]], deposits: list[tuple[int, int]]) -> None:
    """Against a model that hands out each fen by itself."""
    number = count()
    asked = [Order(next(number), START + timedelta(days=day), amount) for day, amount in orders]
    came = [(START + timedelta(days=day), amount) for day, amount in deposits]
    left = {order.id: order.amount for order in asked}
    for at, amount in sorted(came):
        for _ in range(amount):
            fit = [order for order in asked if order.since <= at and left[order.id]]
            if fit:
                left[min(fit, key=lambda order: (order.since, order.id)).id] -= 1
    found = paid_of(asked, came)
    assert {key: each.amount for key, each in found.items()} == {
        order.id: order.amount - left[order.id] for order in asked
    }
    assert all((each.whole_at is not None) is (left[key] == 0) for key, each in found.items())


# --- by the pages and the API -----------------------------------------------------------------------------------


def test_finance_pays_a_manager_and_notes_that_a_dealer_leaves(world: World, browser_as: Any) -> None:
    _, owner = stated(world)
    ledger.deposit(finance(world), world.units["D1"], 100_000, "B-1")
    books = browser_as(world.actors["finance"])
    mine = f"/commission?person={owner.person_id}"
    assert "/commission/payments" in books.page(mine).html
    address = f"/commission/payments?person={owner.person_id}"
    form = {"p-amount": "40.00", "p-reference": "P-1"}
    assert books.send(address, form | {"p-amount": "x", "p-reference": ""}, page=mine).status_code == 422
    assert books.send(address, form | {"p-amount": "100.01"}, page=mine).status_code == 409
    assert books.send(address, form, page=mine).status_code == 302
    assert "¥60.00" in books.page(mine).headings[0]
    form = {"l-day": "2026-11-02", "l-reason": "合同到期"}
    assert (
        books.send("/margin/D1/leave", form | {"l-day": "2030-01-01"}, page="/margin/D1").status_code == 422
    )
    assert books.send("/margin/D1/leave", form, page="/margin/D1").status_code == 302
    assert "¥500.00" in books.page("/margin/D1").html
    assert "/margin/D1" in books.page("/posting").html
    back = {"r-amount": "600", "r-reference": "R", "r-reason": "x"}
    assert books.send("/margin/D1/refund", back, page="/margin/D1").status_code == 409
    assert books.send("/margin/D1/stay", {}, page="/margin/D1").status_code == 302
    assert "¥500.00" not in books.page("/margin/D1").html
    assert "/commission/payments" not in browser_as(world.actors["region"]).page("/commission").html


def test_payments_by_the_api(world: World, api_as: Any) -> None:
    _, owner = stated(world)
    ledger.deposit(finance(world), world.units["D1"], 100_000, "B-1")
    api = api_as(world.actors["finance"])
    paid = api.post(f"/ledger/people/{owner.person_id}/payments", json={"amount": 4_000, "reference": "P-1"})
    assert (paid.status_code, paid.json["person"], paid.json["unit"]) == (201, str(owner.person_id), None)
    body = {"amount": 1_000, "reference": "R-1", "reason": "too much"}
    back = api.post("/ledger/D1/refunds", json=body)
    assert (back.status_code, back.json["unit"]) == (201, "D1")
    assert api.post("/ledger/D1/refunds", json=body).json["code"] == "reference_used"
    for who in ("region", "principal", "executive"):
        assert api_as(world.actors[who]).post("/ledger/D1/refunds", json=body).status_code == 403
