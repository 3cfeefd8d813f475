"""The books on the real database: balanced, append-only, never below zero, undone by opposites, true at any moment."""

import io
from datetime import date, timedelta

import pytest
import xlsxwriter
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal import ledger
from portal.access import Actor
from portal.core.db import db, look_as
from portal.core.errors import Conflict, Invalid
from portal.ledger import AccountKind, Cause, Owner, rules
from portal.ledger.queries.accounts import Withheld
from tests.conftest import Hands
from tests.factories import World

NOVEMBER = date(2026, 11, 1)
WHY = Cause("because", case_number="CF-2026-0001", clause="R033")


def dealer(world: World, code: str = "D1") -> Owner:
    return ledger.unit_owner(world.units[code])


def finance(world: World) -> Actor:
    return world.as_("finance")


def standing(owner: Owner) -> dict[str, int]:
    assert ledger.prove().sound
    return {each.kind.value: each.balance for each in ledger.balances(owner) if each.balance}


def manager(world: World, who: str = "region") -> Owner:
    found = ledger.person_owner(world.network.id, world.actors[who].person_id or 0)
    assert found is not None
    return found


def test_a_deposit_is_two_sided_and_once_for_each_bank_reference(world: World) -> None:
    actor = finance(world)
    made = ledger.deposit(actor, world.units["D1"], 2_000_000, "B-1")
    assert (made.amount_minor, made.reference, made.posted_by) == (2_000_000, "B-1", actor.person_id)
    assert standing(dealer(world)) == {"margin": 2_000_000}
    counters = {each.kind.value: each.balance for each in ledger.counter_balances(dealer(world, "HQ"))}
    assert counters == {"cash": 2_000_000, "forfeited": 0, "commission_expense": 0}
    with pytest.raises(Conflict, match="reference_used"):
        ledger.deposit(actor, world.units["D2"], 5, "B-1")
    with pytest.raises(Conflict, match="no_margin_account"):
        ledger.deposit(actor, world.units["R1"], 5, "B-2")


def test_a_hold_is_given_back_once_by_the_reversal_that_names_it(world: World) -> None:
    actor = finance(world)
    ledger.deposit(actor, world.units["D1"], 900, "B-1")
    held = ledger.hold(actor, dealer(world), 500, key="h1", cause=WHY)
    assert held is not None
    again = ledger.hold(actor, dealer(world), 500, key="h1", cause=WHY)
    assert again is not None
    assert again.id == held.id
    assert standing(dealer(world)) == {"margin": 400, "margin_hold": 500}
    back = ledger.release(actor, held.id, cause=WHY)
    assert (back.purpose, back.original_id) == ("release", held.id)
    assert ledger.release(actor, held.id, cause=WHY).id == back.id
    assert standing(dealer(world)) == {"margin": 900}
    with pytest.raises(Conflict, match="already_undone"):
        ledger.take(actor, dealer(world), None, hold_id=held.id, key="t1", cause=WHY)


def test_a_hold_that_was_taken_is_not_given_back(world: World) -> None:
    actor = finance(world)
    ledger.deposit(actor, world.units["D1"], 900, "B-1")
    held = ledger.hold(actor, dealer(world), None, key="h1", cause=WHY)
    assert held is not None
    taken = ledger.take(actor, dealer(world), None, hold_id=held.id, key="t1", cause=WHY)
    assert taken.split.taken == 900
    assert (
        ledger.take(actor, dealer(world), None, hold_id=held.id, key="t1", cause=WHY).transaction
        == taken.transaction
    )
    assert standing(dealer(world)) == {}
    with pytest.raises(Conflict, match="already_undone"):
        ledger.release(actor, held.id, cause=WHY)


def test_what_is_not_there_stays_short_where_no_debt_is_allowed(world: World) -> None:
    actor = finance(world)
    ledger.deposit(actor, world.units["D1"], 300, "B-1")
    held = ledger.hold(actor, dealer(world), 500, key="h1", cause=WHY)
    assert held is not None
    assert held.amount_minor == 300
    found = ledger.take(actor, dealer(world), 500, hold_id=held.id, key="t1", cause=WHY)
    assert (found.split.taken, found.split.short, found.split.owed) == (300, 200, 0)
    assert ledger.take(actor, dealer(world), 10, hold_id=None, key="t2", cause=WHY).transaction is None
    assert standing(dealer(world)) == {}


def test_a_debt_stands_as_a_receivable_and_is_paid_first(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.ledger.service.margins.debt_allowed", lambda actor: True)
    actor = finance(world)
    ledger.deposit(actor, world.units["D1"], 300, "B-1")
    ledger.take(actor, dealer(world), 500, hold_id=None, key="t1", cause=WHY)
    assert standing(dealer(world)) == {"receivable": 200}
    ledger.deposit(actor, world.units["D1"], 250, "B-2")
    assert standing(dealer(world)) == {"margin": 50}


def test_a_reversal_is_the_exact_opposite_and_once(world: World) -> None:
    actor = finance(world)
    made = ledger.deposit(actor, world.units["D1"], 900, "B-1")
    undone = ledger.reverse(actor, made.id, "wrong dealer")
    assert undone.original_id == made.id
    assert ledger.reverse(actor, made.id, "again").id == undone.id
    assert standing(dealer(world)) == {}
    with pytest.raises(Conflict, match="not_reversible"):
        ledger.reverse(actor, undone.id, "the reversal")
    with pytest.raises(Invalid, match="required"):
        ledger.reverse(actor, made.id, " ")


def test_what_was_used_since_is_not_reversed(world: World) -> None:
    actor = finance(world)
    made = ledger.deposit(actor, world.units["D1"], 900, "B-1")
    ledger.hold(actor, dealer(world), 500, key="h1", cause=WHY)
    with pytest.raises(Conflict, match="insufficient"):
        ledger.reverse(actor, made.id, "wrong dealer")
    with pytest.raises(Conflict, match="insufficient"):
        ledger.refund(actor, world.units["D1"], 401, "P-1", "left")
    ledger.refund(actor, world.units["D1"], 400, "P-1", "left")
    assert standing(dealer(world)) == {"margin_hold": 500}


def test_the_balance_as_of_any_past_moment(world: World, at: Hands) -> None:
    actor, owner = finance(world), dealer(world)
    moments = []
    for number, amount in enumerate((100, 200, 300)):
        ledger.deposit(actor, world.units["D1"], amount, f"B-{number}")
        moments.append(at.moment)
        at.forward(hours=1)
    then = [next(b.balance for b in ledger.balances(owner, moment)) for moment in moments]
    assert then == [100, 300, 600]
    assert next(b.balance for b in ledger.balances(owner, moments[0] - timedelta(seconds=1))) == 0
    found = ledger.statement(owner, moments[1], at.moment)
    assert [each.amount for each in found.entries] == [200, 300]
    assert (found.opening[0].balance, found.closing[0].balance) == (100, 600)
    content = ledger.statement_xlsx("D1", found)
    assert content[:2] == b"PK"


# --- the database keeps the books ------------------------------------------------------------------------------


def refused(statement: str, match: str, **values: object) -> None:
    with pytest.raises(DBAPIError, match=match), db.session.begin_nested():  # noqa: PT012
        db.session.execute(text(statement), values)
        db.session.execute(
            text(
                "SET CONSTRAINTS ledger_transaction_whole, ledger_posting_whole, ledger_account_true IMMEDIATE"
            )
        )


TRANSACTION = """INSERT INTO ledger_transaction (network_id, unit_path, at, purpose, currency, amount_minor, postings,
    idempotency_key, reason, original_id) VALUES (:n, :p, now(), :purpose, 'CNY', :amount, 2, 'x', 'x', :original)
    RETURNING id"""
POSTING = """INSERT INTO ledger_posting (network_id, unit_path, transaction_id, account_id, unit_id, side, amount_minor,
    currency, at, balance_minor, version)
    VALUES (:n, :p, {of}, :{account}, 1, '{side}', :{amount}, 'CNY', now(), 0, 0)"""
NEWEST = "(SELECT max(id) FROM ledger_transaction)"


def test_a_transaction_that_is_not_balanced_is_refused_by_the_database(world: World) -> None:
    actor = finance(world)
    made = ledger.deposit(actor, world.units["D1"], 900, "B-1")
    accounts = dict(db.session.execute(text("SELECT kind, id FROM ledger_account")).all())
    given = {"n": world.network.id, "p": actor.root_path, "purpose": "deposit", "amount": 5, "original": None}
    refused(TRANSACTION, "not balanced", **given)
    both = [
        TRANSACTION.replace("\n    RETURNING id", ""),
        POSTING.format(of=NEWEST, account="a", side="debit", amount="x"),
        POSTING.format(of=NEWEST, account="b", side="credit", amount="y"),
    ]

    def tried(
        x: int, y: int, amount: int, match: str, original: int | None = None, purpose: str = "deposit"
    ) -> None:
        values = given | {"a": accounts["cash"], "b": accounts["margin"], "x": x, "y": y, "amount": amount}
        with pytest.raises(DBAPIError, match=match), db.session.begin_nested():  # noqa: PT012
            for statement in both:
                db.session.execute(text(statement), values | {"original": original, "purpose": purpose})
            db.session.execute(text("SET CONSTRAINTS ledger_transaction_whole IMMEDIATE"))

    tried(5, 6, 5, "not balanced")
    tried(5, 5, 6, "not balanced")
    tried(0, 5, 5, "ledger_posting_amount")
    tried(5, 5, 5, "not the opposite", original=made.id, purpose="reversal")
    assert standing(dealer(world)) == {"margin": 900}


def test_nothing_posted_is_ever_changed(world: World) -> None:
    made = ledger.deposit(finance(world), world.units["D1"], 900, "B-1")
    for table in ("ledger_transaction", "ledger_posting"):
        refused(f"UPDATE {table} SET amount_minor = 1", "permission denied")
        refused(f"DELETE FROM {table}", "permission denied")
    refused("DELETE FROM ledger_account", "permission denied")
    refused(
        "UPDATE ledger_account SET balance_minor = balance_minor + 1 WHERE kind = 'margin'",
        "not its postings",
    )
    refused("UPDATE ledger_account SET version = version + 1 WHERE kind = 'margin'", "not its postings")
    two_more = POSTING.format(of=made.id, account="a", side="debit", amount="x")
    account = db.session.scalar(text("SELECT id FROM ledger_account WHERE kind = 'cash'"))
    refused(two_more, "not balanced", n=world.network.id, p=world.units["HQ"].unit_path, a=account, x=5)


def test_a_dealer_reads_its_own_books_and_writes_none(world: World) -> None:
    ledger.deposit(finance(world), world.units["D1"], 900, "B-1")
    ledger.deposit(finance(world), world.units["D2"], 900, "B-2")
    look_as(world.actors["principal"].scope)
    assert standing_of(world, "D1") == 900
    assert standing_of(world, "D2") == 0
    assert (
        db.session.scalar(text("SELECT count(*) FROM ledger_posting")) == 1
    )  # the counter-account is not its own
    assert db.session.scalar(text("SELECT count(*) FROM ledger_transaction")) == 1


def standing_of(world: World, code: str) -> int:
    return next(
        each.balance for each in ledger.balances(dealer(world, code)) if each.kind is AccountKind.MARGIN
    )


# --- commissions ------------------------------------------------------------------------------------------------


def statement_file(world: World, *amounts: tuple[str, str]) -> bytes:
    lines = [f"{world.email(who)},{amount}" for who, amount in amounts]
    return "\n".join(["email,amount", *lines]).encode()


def test_a_share_waits_for_the_month_s_statement(world: World) -> None:
    """R046: 10 % of the current commission."""
    actor, owner = finance(world), manager(world)
    order = ledger.withhold(actor, owner, NOVEMBER, 10, key="c1:1", cause=WHY)
    assert ledger.withhold(actor, owner, NOVEMBER, 10, key="c1:1", cause=WHY).id == order.id
    assert ledger.withheld([order.id]) == {}
    assert [each.id for each in ledger.waiting_withholdings()] == [order.id]
    done = ledger.import_commissions(
        actor, NOVEMBER, statement_file(world, ("region", "1234.55"), ("channel", "99")), "c.csv"
    )
    assert (done.people, done.total, done.withheld) == (2, 133_355, 12_345)  # rounded down
    assert standing(owner) == {"commission_due": 111_110, "commission_withheld": 12_345}
    assert ledger.withheld([order.id]) == {order.id: Withheld(12_345, 0)}
    entry = ledger.entries(owner, newest_first=True).items[0]
    assert (entry.case_number, entry.clause) == ("CF-2026-0001", "R033")
    with pytest.raises(Conflict, match="already_imported"):
        ledger.import_commissions(actor, NOVEMBER, statement_file(world, ("region", "1")), "c.csv")
    ledger.cancel_withholding(actor, order.id, "the appeal was won")
    ledger.cancel_withholding(actor, order.id, "the appeal was won")
    assert standing(owner) == {"commission_due": 123_455}


def test_a_share_of_a_month_that_is_stated_is_posted_at_once(world: World) -> None:
    actor, owner = finance(world), manager(world)
    ledger.import_commissions(actor, NOVEMBER, statement_file(world, ("region", "100")), "c.csv")
    ledger.withhold(actor, owner, NOVEMBER, 100, key="a", cause=WHY)
    ledger.withhold(actor, owner, NOVEMBER, 50, key="b", cause=WHY)  # nothing is left
    assert standing(owner) == {"commission_withheld": 10_000}
    assert ledger.waiting_withholdings() == []


@pytest.mark.parametrize(
    ("written", "minor", "read"),
    [
        ("1,234.50", False, 123_450),
        ("９８００．５", False, 980_050),
        ("¥100", False, 10_000),
        ("9800.5", False, 980_050),
        ("123450", True, 123_450),
        ("123450.0", True, 123_450),
        ("0.5", True, None),
        ("1e10", False, None),
        ("1e999999999", False, None),
        ("1.005", False, None),
        ("1,50", False, None),
        ("1_000", False, None),
        ("²", False, None),
        ("-5", False, None),
        ("0", False, None),
        ("100000000000.01", False, None),
        ("9" * 5000, False, None),
    ],
)
def test_an_amount_is_written_in_digits(written: str, minor: bool, read: int | None) -> None:
    assert rules.amount_of(written, minor=minor) == read


def test_a_workbook_s_numbers_are_amounts_and_its_texts_are_read_as_written(world: World) -> None:
    def book(*amounts: object) -> bytes:
        content = io.BytesIO()
        with xlsxwriter.Workbook(content, {"in_memory": True}) as made:
            sheet = made.add_worksheet()
            for row, cells in enumerate([("email", "amount"), *zip(people, amounts, strict=True)]):
                for column, cell in enumerate(cells):
                    sheet.write(row, column, cell)
        return content.getvalue()

    people, actor = [world.email("region"), world.email("channel")], finance(world)
    for odd in ("1e10", "1e999999999"):
        with pytest.raises(Invalid) as refusal:
            ledger.import_commissions(actor, NOVEMBER, book(9800.5, odd), "c.xlsx")
        assert [(each.pointer, each.code) for each in refusal.value.errors] == [("/rows/3", "invalid_amount")]
    assert ledger.import_commissions(actor, NOVEMBER, book(9800.5, 100), "c.xlsx").total == 990_050


def test_a_statement_is_taken_whole_or_not_at_all(world: World) -> None:
    actor = finance(world)
    content = "邮箱,金额\nnobody@x.example,5\n{0},1,2\n{1},-5\n{1},1e999\n{0},7\n".format(
        world.email("region"), world.email("channel")
    ).encode("gb18030")
    with pytest.raises(Invalid) as refusal:
        ledger.import_commissions(actor, NOVEMBER, content, "c.csv")
    assert [(each.pointer, each.code) for each in refusal.value.errors] == [
        ("/rows/2", "unknown_person"),
        ("/rows/4", "invalid_amount"),
        ("/rows/5", "invalid_amount"),
        ("/rows/6", "duplicate"),
    ]
    assert standing(manager(world)) == {}
    for content, code in (
        (b"a,b\n1,2", "missing_columns"),
        (b"email,amount\n", "no_rows"),
        (b"PK\x03\x04x", "unread"),
    ):
        with pytest.raises(Invalid, match=code):
            ledger.import_commissions(actor, NOVEMBER, content, "c.csv")


def statement_of(owner: Owner) -> int:
    """The voucher of the owner's newest statement."""
    newest = ledger.entries(owner, newest_first=True).items
    return next(each.transaction_id for each in newest if each.purpose == "commission")


def test_a_wrong_statement_is_undone_and_comes_again(world: World) -> None:
    """What waits, and what is ordered meanwhile, is judged by the statement that stands."""
    actor, owner = finance(world), manager(world)
    for turn, wrong in enumerate(("9999", "1")):
        ledger.import_commissions(actor, NOVEMBER, statement_file(world, ("region", wrong)), "c.csv")
        made = statement_of(owner)
        undone = ledger.undo_by_hand(actor, made, f"wrong amount {turn}")
        assert ledger.undo_by_hand(actor, made, "again").id == undone.id
        assert standing(owner) == {}
    order = ledger.withhold(actor, owner, NOVEMBER, 10, key="a", cause=WHY)
    assert [each.id for each in ledger.waiting_withholdings()] == [order.id]
    done = ledger.import_commissions(actor, NOVEMBER, statement_file(world, ("region", "1000")), "c.csv")
    assert (done.total, done.withheld) == (100_000, 10_000)
    assert standing(owner) == {"commission_due": 90_000, "commission_withheld": 10_000}
    with pytest.raises(Conflict, match="already_imported"):
        ledger.import_commissions(actor, NOVEMBER, statement_file(world, ("region", "1")), "c.csv")


def test_a_statement_from_which_a_share_was_withheld_stands_until_its_case_falls(
    world: World, at: Hands
) -> None:
    at("2026-12-01 00:00:00")
    actor, owner = finance(world), manager(world)
    ledger.import_commissions(actor, NOVEMBER, statement_file(world, ("region", "100")), "c.csv")
    ledger.import_commissions(actor, date(2026, 12, 1), statement_file(world, ("region", "900")), "d.csv")
    ledger.pay(actor, owner, 91_000, "P-1")
    shares = [ledger.withhold(actor, owner, NOVEMBER, 100, key=key, cause=WHY) for key in "ab"]
    ledger.reverse(actor, ledger.entries(owner).items[2].transaction_id, "the bank sent it back")
    made = ledger.entries(owner).items[0].transaction_id
    for share in shares:  # the second one found nothing left, and was judged by this statement all the same
        with pytest.raises(Conflict, match="share_withheld") as refusal:
            ledger.undo_by_hand(actor, made, "wrong amount")
        assert "CF-2026-0001" in str(refusal.value.detail)
        ledger.cancel_withholding(actor, share.id, "the appeal was won")
    ledger.undo_by_hand(actor, made, "wrong amount")
    assert standing(owner) == {"commission_due": 90_000}
    assert ledger.waiting_withholdings() == []
