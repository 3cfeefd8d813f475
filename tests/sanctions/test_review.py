"""What hangs on a case that fell is looked at again, also after it took effect; what it did is undone."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from portal import clocks, ledger, rulebook, sanctions
from portal.core.db import db, finish, within
from portal.sanctions.queries import lock_case
from portal.sanctions.service.reporting import put_up_for_review
from tests.conftest import Hands
from tests.factories import World
from tests.sanctions.court import Court
from tests.sanctions.test_requirements import commissions


def put_up(world: World, case: str, at: Hands) -> None:
    """What the case hangs on falls: its breach was none."""
    world.as_("officer")
    source = db.session.scalar(
        text("SELECT b.source FROM breach b JOIN sanction_case c ON c.breach_id = b.id WHERE c.id = :id"),
        {"id": int(case)},
    )
    sanctions.retract_breach(world.actors["officer"], source, at.moment)
    finish(good=True)


def executed(court: Court, at: Hands, **body: Any) -> str:
    case: str = court.propose(**body)["id"]
    court.final(case)
    done = court.step(case, "execute")
    assert done["state"] == "executed"
    return case


def test_what_was_taken_is_given_back_by_a_reversal(world: World, court: Court, at: Hands) -> None:
    court.margin("D1", 500_000)
    measures = [
        {"kind": "margin_forfeited", "amount": 300_000},
        {"kind": "marketing_support_cancelled"},
        {"kind": "circular"},
    ]
    case = executed(court, at, rule="R033", unit="D1", measures=measures)
    assert court.balances("D1") == {"margin": 200_000}
    assert court.refused(case, "review", "approver2", decision="revoked", note="x") == (409, "no_review")
    put_up(world, case, at)
    assert court.get(case)["review_at"] is not None
    assert court.refused(case, "review", "approver", decision="revoked", note="x") == (403, "four_eyes")
    assert court.refused(case, "review", "officer", decision="revoked", note="x")[0] == 403
    assert court.refused(case, "review", "approver2", decision="varied", note="x")[0] == 422
    done = court.step(case, "review", "approver2", decision="revoked", note="The file was there.")
    assert (done["state"], done["review_at"]) == ("revoked", None)
    assert court.balances("D1") == {"margin": 500_000}
    assert court.balances("HQ").get("forfeited", 0) == 0
    last = court("principal").get("/ledger/D1/entries").json["items"][-1]
    assert (last["purpose"], last["account"], last["amount"]["amount"]) == ("reversal", "margin", 300_000)
    assert (last["case"], last["clause"]) == (case, "R033")
    assert court("principal").get("/units/D1/standing").json["marketing_support"] == "active"
    actor = world.as_("store")
    assert sanctions.list_circulars(actor.network_id).items[0].withdrawn_at is not None
    assert court.refused(case, "review", "approver2", decision="revoked", note="x")[0] == 409
    assert court.propose(rule="R033", unit="D1")["step"] == 1  # it does not count any more
    at.forward(days=7)
    clocks.sweep(world.network, at.moment)
    assert court.get(case)["state"] == "closed"
    assert ledger.prove().sound


def test_a_closed_case_falls_too(world: World, court: Court, at: Hands) -> None:
    person = world.email("region")
    case = court.propose(rule="R036", person=person, unit="R1")["id"]
    court.step(case, "statement", "region")
    court.step(case, "approve")
    court.step(case, "serve")
    commissions(court, "2026-11", ("region", "77"))
    at.forward(days=7)
    court.step(case, "execute")
    at.forward(days=7)
    clocks.sweep(world.network, at.moment)
    assert court.get(case)["state"] == "closed"
    assert court.balances(f"people/{person}") == {"commission_withheld": 7_700}
    put_up(world, case, at)
    court.step(case, "review", "approver3", decision="revoked", note="unproven")
    assert court.balances(f"people/{person}") == {"commission_due": 7_700}
    assert court.get(case)["state"] == "revoked"


def test_a_decision_that_stands_on_its_own_stays(world: World, court: Court, at: Hands) -> None:
    court.margin("D1", 500_000)
    case = court.propose(rule="R033", unit="D1")["id"]
    court.final(case)
    put_up(world, case, at)
    clocks.sweep(world.network, at.forward(minutes=1))
    steps = [
        each for each in clock_of(court, "case_step", "approver") if each[0].startswith(f"{case}:review")
    ]
    assert steps == [(f"{case}:review:1", "open")]  # a step with a deadline of its own
    due_at = court.get(case)["step_due_at"]
    assert due_at[:10] == f"{at.moment + timedelta(days=3, hours=8):%Y-%m-%d}"
    assert court.refused(case, "execute") == (409, "under_review")
    done = court.step(case, "review", "approver2", decision="upheld", note="Other facts carry it.")
    assert (done["state"], done["review_at"]) == ("served", None)
    assert court.step(case, "execute")["state"] == "executed"
    moves = [each["move"] for each in court("officer").get(f"/sanction-cases/{case}/steps").json["items"]]
    assert moves == ["propose", "approve", "serve", "review", "keep", "execute"]
    clocks.sweep(world.network, at.forward(minutes=1))
    assert (f"{case}:review:1", "met") in clock_of(court, "case_step", "approver")


def test_when_the_dealer_wins_the_manager_s_case_is_reviewed(world: World, court: Court, at: Hands) -> None:
    """R046: the channel manager's responsibility hangs on the regional manager's case."""
    clocks.sweep(world.network, at("2026-11-09 00:00:00"))
    mine = next(each for each in court.list("?rule=R046") if each["unit"] == "R1")
    (above,) = mine["linked"]
    for case in (mine["id"], above):
        court.step(case, "propose")
    at.forward(days=3)
    for case in (mine["id"], above):
        court.step(case, "approve")
        court.step(case, "serve")
    court.step(mine["id"], "appeal", "region")
    at.forward(days=7)
    court.step(above, "execute", "officer")
    court.step(mine["id"], "decide", decision="revoked", note="The line was down.")
    shown = court.get(above)
    assert mine["number"] in shown["review_reason"]
    court.step(above, "review", "approver2", decision="revoked", note="Nothing is left of it.")
    told = text(
        "SELECT count(*) FROM notice WHERE subject = 'The decision in sanction case %(number)s was taken back'"
    )
    world.as_("officer")
    assert db.session.scalar(told) == 1


# --- a dealer that is disqualified --------------------------------------------------------------------------------


def test_a_dealer_stays_when_the_last_of_two_leaving_measures_falls(
    world: World, court: Court, at: Hands
) -> None:
    """The first case noted that it leaves; the second one falls last."""
    court.margin("D1", 300_000)
    leave = ({"kind": "franchise_cancelled"}, {"kind": "dealer_disqualified"})
    cases = [executed(court, at, rule="R033", unit="D1", measures=[each]) for each in leave]
    for case, leaves in zip(cases, (True, False), strict=True):
        world.as_("officer")
        with within(world.actors["officer"].whole_network):
            put_up_for_review(world.actors["officer"], lock_case(int(case)), "It was not so.", at.moment)
        finish(good=True)
        court.step(case, "review", "approver2", decision="revoked", note="It was not so.")
        world.as_("finance")
        assert (ledger.leaving_of(ledger.unit_owner(world.units["D1"])) is not None) is leaves
    assert court("principal").get("/units/D1/standing").json["franchise"] == "active"


def test_r035_the_region_is_told_and_the_margin_is_settled(world: World, court: Court, at: Hands) -> None:
    court.margin("D1", 300_000)
    half = [{"kind": "dealer_disqualified"}, {"kind": "margin_forfeited", "amount": 100_000}]
    case = executed(court, at, rule="R035", unit="D1", measures=half)
    world.as_("region")
    told = db.session.execute(
        text("SELECT subject, link FROM notice WHERE kind = 'dealer:disqualified'")
    ).all()
    assert [(row.subject[:8], row.link) for row in told] == [("%(unit)s", "/customers?unit=D1")]
    world.as_("finance")
    leaving = ledger.leaving_of(ledger.unit_owner(world.units["D1"]))
    assert leaving is not None
    assert (leaving.case_id, leaving.first_share) == (int(case), 50)
    body = {"amount": 100_001, "reference": "R-1", "reason": "first part"}
    assert court("finance").post("/ledger/D1/refunds", json=body).json["code"] == "not_yet_due"
    assert court("finance").post("/ledger/D1/refunds", json=body | {"amount": 100_000}).status_code == 201
    put_up(world, case, at)
    court.step(case, "review", "approver2", decision="revoked", note="It was true after all.")
    world.as_("finance")
    assert ledger.leaving_of(ledger.unit_owner(world.units["D1"])) is None
    assert court("principal").get("/units/D1/standing").json["franchise"] == "active"
    assert court.balances("D1") == {"margin": 200_000}


# --- top-ups ------------------------------------------------------------------------------------------------------


def test_one_deposit_pays_one_of_two_top_ups(world: World, court: Court, at: Hands) -> None:
    first, second = (
        executed(court, at, rule="R033", unit="D1", measures=[{"kind": "top_up", "amount": 500_000}])
        for _ in range(2)
    )

    def settled() -> list[bool]:
        clocks.sweep(world.network, at.forward(minutes=1))
        world.as_("officer")
        return [sanctions.effects_of(int(case))[0].settled_at is not None for case in (first, second)]

    court.margin("D1", 500_000, "BANK-1")
    assert settled() == [True, False]
    court.margin("D1", 499_999, "BANK-2")
    assert settled() == [True, False]
    court.margin("D1", 1, "BANK-3")
    assert settled() == [True, True]


@pytest.mark.parametrize(("months", "years", "step"), [(6, 1, 2), (18, 1, 1), (18, 2, 2)])
def test_the_ladder_looks_back_as_far_as_the_rulebook_says(
    world: World,
    court: Court,
    at: Hands,
    months: int,
    years: int,
    step: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A draft by the clock counts what the ladder counts, also where that is longer than the year of the history."""
    executed(court, at, rule="R047", unit="D1", measures=[{"kind": "warning"}])
    world.as_("officer")
    earlier = text("UPDATE sanction_case SET approved_at = approved_at - CAST(:back AS interval)")
    db.session.execute(earlier, {"back": f"{months} months"})
    book = rulebook.at_version(world.network.id, 1)
    procedure = book.sanctions.procedure.model_copy(update={"ladder_within": timedelta(days=365 * years)})
    longer = book.model_copy(update={"sanctions": book.sanctions.model_copy(update={"procedure": procedure})})
    monkeypatch.setattr(rulebook, "at_version", lambda *_: longer)
    by = [("test:1", world.units["D1"].id)]
    report = sanctions.Report("customer_file_missing", "R047", 1, at.moment, by)
    sanctions.report_breaches(world.actors["officer"], [report], at.moment)
    found = court.list("?state=draft&unit=D1")[0]
    assert (found["step"], len(found["history"])) == (step, 1 if months == 6 else 0)
    assert court.step(found["id"], "propose")["step"] == step


# --- clocks of the one table --------------------------------------------------------------------------------------


def clock_of(court: Court, kind: str, who: str = "principal") -> list[tuple[str, str]]:
    found = court(who).get(f"/obligations?kind={kind}").json["items"]
    return [(each["subject"], each["state"]) for each in found]


def test_a_top_up_is_a_clock_that_the_dealer_sees(world: World, court: Court, at: Hands) -> None:
    """Paid in time counts in time, also where the sweep comes late."""
    measures = [{"kind": "top_up", "amount": 500_000}]
    number = court.get(executed(court, at, rule="R033", unit="D1", measures=measures))["number"]
    clocks.sweep(world.network, at.forward(minutes=1))
    assert clock_of(court, "top_up") == [(number, "open")]
    assert clock_of(court, "top_up", "clerk2") == []
    at.forward(days=14, hours=23)
    court.margin("D1", 500_000, "BANK-1")
    for _ in range(2):
        clocks.sweep(world.network, at.forward(days=1))
    assert clock_of(court, "top_up") == [(number, "met")]
    world.as_("officer")
    told = text("SELECT count(*) FROM event WHERE action = 'top_up:overdue'")
    assert db.session.scalar(told) == 0


def test_a_top_up_that_is_late_is_overdue_and_one_that_fell_is_waived(
    world: World, court: Court, at: Hands
) -> None:
    measures = [{"kind": "top_up", "amount": 500_000}]
    late, fallen = (executed(court, at, rule="R033", unit="D1", measures=measures) for _ in range(2))
    clocks.sweep(world.network, at.forward(minutes=1))
    put_up(world, fallen, at)
    court.step(fallen, "review", "approver2", decision="revoked", note="It was none.")
    clocks.sweep(world.network, at.forward(days=16))
    states = dict(clock_of(court, "top_up"))
    assert states == {court.get(late)["number"]: "breached", court.get(fallen)["number"]: "waived"}
    court.margin("D1", 500_000, "BANK-1")
    for _ in range(2):
        clocks.sweep(world.network, at.forward(minutes=1))
    assert dict(clock_of(court, "top_up"))[court.get(late)["number"]] == "late"


def test_r035_a_disqualified_dealer_owes_no_files_any_more(world: World, court: Court, at: Hands) -> None:
    """It may not file: the clock drafts no case for what it cannot do, in this month and in those to come."""
    at("2026-11-16 10:00")
    clocks.sweep(world.network, at.moment)
    case = executed(court, at, rule="R035", unit="D1", measures=[{"kind": "dealer_disqualified"}])
    before = len(court.list("?unit=D1&limit=200"))
    for moment in ("2026-12-01 00:05", "2026-12-06 00:01", "2027-01-06 00:01"):
        clocks.sweep(world.network, at(moment))
    assert len(court.list("?unit=D1&limit=200")) == before
    assert len(court.list("?unit=D2&limit=200")) == 3
    for who in ("principal", "store"):
        kind = "customer_file" if who == "principal" else "part_file"
        assert {state for subject, state in clock_of(court, kind, who) if subject > "2026-10"} == {"waived"}
    assert court.get(case)["state"] in ("executed", "closed")


def test_the_margin_page_shows_what_is_to_be_topped_up(
    world: World, court: Court, at: Hands, browser_as: Any
) -> None:
    """Before and after a part has come in, without waiting for a sweep; a stranger of the case reads no number."""
    measures = [{"kind": "top_up", "amount": 500_000}]
    number = court.get(executed(court, at, rule="R033", unit="D1", measures=measures))["number"]
    principal = browser_as(world.actors["principal"])
    page = principal.get("/margin/D1").text
    assert "待补缴：¥5,000.00" in page
    assert f"/sanctions/{number}" in page
    clocks.sweep(world.network, at.forward(minutes=1))
    (clock,) = court("principal").get("/obligations?kind=top_up").json["items"]
    assert f'datetime="{clock["due_at"]}"' in page.split("待补缴")[1]
    court.margin("D1", 200_000, "BANK-1")
    page = principal.get("/margin/D1").text
    assert "待补缴：¥3,000.00" in page
    assert "¥5,000.00中已到账 ¥2,000.00" in page
    court.margin("D1", 300_000, "BANK-2")
    assert "待补缴" not in principal.get("/margin/D1").text


# --- a margin that is to be paid back -----------------------------------------------------------------------------


def test_the_margin_of_a_dealer_that_left_is_a_clock_of_finance(
    world: World, court: Court, at: Hands, browser_as: Any
) -> None:
    """Half within 30 working days (the rulebook's terms), met by what was paid."""
    court.margin("D1", 300_000)
    executed(court, at, rule="R035", unit="D1", measures=[{"kind": "dealer_disqualified"}])
    clocks.sweep(world.network, at.forward(minutes=1))
    finish(good=True)
    (clock,) = court("finance").get("/obligations?kind=refund").json["items"]
    world.as_("finance")
    leaving = ledger.leaving_of(ledger.unit_owner(world.units["D1"]))
    assert leaving is not None
    assert datetime.fromisoformat(clock["due_at"]) == leaving.first_due_at
    assert (clock["subject"], clock["unit"], clock["source"]) == (f"D1:{leaving.id}", "HQ", "R035")
    for who in ("admin", "supervisor", "principal", "region"):
        assert court(who).get("/obligations?kind=refund").json["items"] == [], who
    page = browser_as(world.actors["finance"]).get("/clock?kind=refund").text
    assert "退还品牌保证金" in page
    assert 'href="/margin/D1"' in page
    body = {"amount": 100_000, "reference": "R-1", "reason": "a part"}
    assert court("finance").post("/ledger/D1/refunds", json=body).status_code == 201
    clocks.sweep(world.network, at.forward(minutes=1))
    finish(good=True)
    assert [state for _, state in clock_of(court, "refund", "finance")] == ["open"]
    body = {"amount": 50_000, "reference": "R-2", "reason": "the rest of the half"}
    assert court("finance").post("/ledger/D1/refunds", json=body).status_code == 201
    clocks.sweep(world.network, at.forward(minutes=1))
    finish(good=True)
    assert [state for _, state in clock_of(court, "refund", "finance")] == ["met"]


def test_what_is_not_paid_back_in_time_is_told_of_and_who_stays_is_owed_nothing(
    world: World, court: Court, at: Hands
) -> None:
    for unit in ("D1", "D2"):
        court.margin(unit, 300_000, f"BANK-{unit}")
    executed(court, at, rule="R035", unit="D1", measures=[{"kind": "dealer_disqualified"}])
    case = executed(court, at, rule="R035", unit="D2", measures=[{"kind": "dealer_disqualified"}])
    clocks.sweep(world.network, at.forward(minutes=1))
    put_up(world, case, at)
    court.step(case, "review", "approver2", decision="revoked", note="It was none.")
    clocks.sweep(world.network, at.forward(days=60))
    clocks.sweep(world.network, at.forward(days=1))
    finish(good=True)
    states = {subject.partition(":")[0]: state for subject, state in clock_of(court, "refund", "finance")}
    assert states == {"D1": "breached", "D2": "waived"}
    for who in ("finance", "executive"):
        actor = world.as_(who)
        chosen = "membership_id = :id AND kind = 'obligation:overdue' AND link = '/margin/D1'"
        told = text(f"SELECT count(*) FROM notice WHERE {chosen}")
        assert db.session.scalar(told, {"id": actor.membership_id}) == 1, who
