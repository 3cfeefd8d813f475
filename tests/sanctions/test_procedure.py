"""The procedure as API.md says it: each step by whom it belongs to, in its time, with four eyes; refusals by code."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal import clocks, ledger, sanctions
from portal.core.db import db, within
from portal.core.errors import Conflict, NotAllowed
from portal.sanctions import Decision
from tests.conftest import Hands
from tests.factories import World
from tests.sanctions.court import Court, seen_by

FORFEIT = [{"kind": "margin_forfeited", "amount": {"amount": 300_000, "currency": "CNY"}}]


@pytest.fixture
def case(court: Court) -> str:
    """A proposed case against D1 for 3,000 yuan of its margin."""
    court.margin("D1", 500_000)
    made: str = court.propose(rule="R033", unit="D1", measures=FORFEIT)["id"]
    return made


def test_who_sees_a_case_and_from_when(world: World, court: Court, case: str) -> None:
    clocks.sweep(world.network, court.at("2026-11-06 00:00:00"))
    draft = court.list("?unit=D1&state=draft")[0]["id"]
    for who in ("officer", "approver", "finance", "executive"):
        assert court(who).get(f"/sanction-cases/{draft}").status_code == 200
    for who in ("principal", "clerk", "region", "channel", "agent", "supervisor", "clerk2", "store"):
        assert court(who).get(f"/sanction-cases/{draft}").status_code == 404, who
        assert court.list("", who) == [] or who == "principal"
    assert court("admin").get("/sanction-cases").status_code == 403
    assert court("principal").get(f"/sanction-cases/{case}").status_code == 200
    assert court("clerk").get(f"/sanction-cases/{case}").status_code == 404


def test_the_wall_of_cases_alone(world: World, court: Court, case: str) -> None:
    """Kept by headquarters until it is told; then read by the party's unit and those above, written by none of them."""
    clocks.sweep(world.network, court.at("2026-11-06 00:00:00"))
    count = {
        who: seen_by(world, who, "sanction_case")
        for who in ("officer", "clerk", "clerk2", "region", "region2")
    }
    assert count["officer"] > 1
    assert (count["clerk"], count["clerk2"], count["region"], count["region2"]) == (1, 0, 1, 0)
    world.as_("clerk")
    changed = db.session.execute(text("UPDATE sanction_case SET state = 'withdrawn'"))
    assert changed.rowcount == 0  # type: ignore[attr-defined]
    for table in ("breach", "sanction_step", "sanction_effect", "sanction_number"):
        assert seen_by(world, "clerk", table) == 0, table


def test_the_party_speaks_before_the_decision(court: Court, case: str, at: Hands) -> None:
    assert court.refused(case, "approve") == (409, "statement_open")
    due = court.get(case)["statement_due_at"]
    assert court.tried(case, "approve").json["statement_due_at"] == due, "a moment is written in one way"
    assert court.refused(case, "statement", "officer") == (403, "not_party")
    assert court.refused(case, "statement", "clerk2")[0] == 404
    assert court.tried(case, "statement", text="  ").status_code == 422
    done = court.step(case, "statement")
    assert (done["state"], done["statement"]) == ("proposed", "We moved house that week.")
    assert court.refused(case, "statement") == (409, "already_stated")
    assert court.step(case, "approve", note="agreed")["state"] == "approved"


def test_its_time_to_speak_ends(court: Court, case: str, at: Hands) -> None:
    at.forward(days=3, seconds=-1)
    assert court.refused(case, "approve") == (409, "statement_open")
    at.forward(seconds=1)
    assert court.step(case, "approve")["state"] == "approved"


@pytest.mark.parametrize(
    ("done", "possible"),
    [
        ("proposed", {"statement", "approve", "reject", "return", "withdraw"}),
        ("approved", {"serve", "withdraw"}),
        ("served", {"acknowledge", "appeal", "withdraw"}),
        ("appealed", {"acknowledge", "decide", "withdraw"}),
        ("upheld", {"acknowledge", "execute", "withdraw"}),
        ("executed", {"acknowledge", "close"}),
        ("rejected", set()),
        ("withdrawn", set()),
    ],
)
def test_every_other_step_is_a_409(court: Court, case: str, done: str, possible: set[str]) -> None:
    path = {
        "proposed": [],
        "approved": ["approve"],
        "served": ["approve", "serve"],
        "appealed": ["approve", "serve", "appeal"],
        "upheld": ["approve", "serve", "appeal", "decide"],
        "executed": ["approve", "serve", "appeal", "decide", "execute"],
        "rejected": ["reject"],
        "withdrawn": ["withdraw"],
    }
    court.at.forward(days=3)
    for step in path[done]:
        court.step(case, step)
    assert court.get(case)["state"] == done
    steps = {
        "propose",
        "statement",
        "approve",
        "reject",
        "return",
        "serve",
        "acknowledge",
        "appeal",
        "decide",
    }
    for step in sorted(steps | {"execute", "withdraw", "close"} - possible):
        if step in possible:
            continue
        who = "approver3" if step in ("approve", "reject", "return", "decide") else None
        status, code = court.refused(case, step, who)
        expected = {
            "wrong_state",
            "appeal_open",
            "already_appealed",
            "already_stated",
            "already_acknowledged",
        }
        assert status == 409, (step, code)
        assert code in expected, (step, code)
    assert court.get(case)["state"] == done


def test_one_appeal_in_its_time(court: Court, case: str, at: Hands) -> None:
    court.heard(case)
    court.step(case, "serve")
    assert court.tried(case, "appeal", grounds="").status_code == 422
    assert court.step(case, "appeal")["grounds"] == "It was the carrier."
    assert court.refused(case, "appeal") == (409, "already_appealed")
    court.step(case, "decide")
    assert court.refused(case, "appeal") == (409, "already_appealed")


def test_an_appeal_that_comes_too_late(court: Court, case: str, at: Hands) -> None:
    court.final(case)
    assert court.refused(case, "appeal") == (409, "appeal_over")
    assert court.step(case, "execute")["state"] == "executed"


# --- four eyes ----------------------------------------------------------------------------------------------------


def test_proposer_approver_and_hearer_are_three_persons(
    world: World, court: Court, case: str, at: Hands
) -> None:
    """By the person, not by the role: one who holds several memberships is still one (avniproject/avni-server#1025)."""
    officer, approver = world.actors["officer"], world.actors["approver"]
    also_approver = replace(approver, person_id=officer.person_id)
    world.as_("approver")
    at.forward(days=3)
    key = int(case)
    for verb in (sanctions.approve, sanctions.reject):
        with pytest.raises(NotAllowed, match="four_eyes"):
            verb(also_approver, key)
    with pytest.raises(NotAllowed, match="four_eyes"):
        sanctions.give_back(also_approver, key, "x")
    with pytest.raises(NotAllowed, match="no_person"):
        sanctions.approve(replace(approver, person_id=None), key)
    court.step(case, "approve")
    court.step(case, "serve")
    court.step(case, "appeal")
    assert court.refused(case, "decide", "approver") == (403, "four_eyes")
    world.as_("approver2")
    with pytest.raises(NotAllowed, match="four_eyes"):
        sanctions.decide(
            replace(world.actors["approver2"], person_id=officer.person_id), key, Decision.UPHELD
        )
    assert court.step(case, "decide", "approver2")["state"] == "upheld"


def test_four_eyes_are_kept_by_the_table_itself(world: World, court: Court, case: str, at: Hands) -> None:
    officer = world.as_("officer")
    for column in ("approved_by", "first_approved_by", "heard_by"):
        with pytest.raises(DBAPIError, match="ck_sanction_case"), db.session.begin_nested():
            db.session.execute(text(f"UPDATE sanction_case SET {column} = :p"), {"p": officer.person_id})
    with pytest.raises(DBAPIError, match="permission denied"), db.session.begin_nested():
        db.session.execute(text("DELETE FROM sanction_case"))
    with pytest.raises(DBAPIError, match="permission denied"), db.session.begin_nested():
        db.session.execute(text("UPDATE sanction_step SET note = 'x'"))


def test_nobody_decides_on_the_own_case(world: World, court: Court) -> None:
    """A case about a person, and one about a unit where the person also works."""
    mine = court.propose(rule="R015", person=world.email("approver"))["id"]
    court.at.forward(days=3)
    assert court.refused(mine, "approve", "approver") == (403, "own_case")
    assert court.step(mine, "approve", "approver2")["state"] == "approved"
    about_officer = court("officer").post(
        "/sanction-cases", json={"rule": "R015", "person": world.email("officer"), "facts": "x"}
    )
    assert (about_officer.status_code, about_officer.json["code"]) == (403, "own_case")
    made = court.propose(rule="R033", unit="D1")["id"]
    world.as_("approver")
    principal = replace(world.actors["approver"], person_id=world.actors["principal"].person_id)
    with pytest.raises(NotAllowed, match="own_case"):
        sanctions.reject(principal, int(made))


def test_two_approve_above_the_rulebook_s_amount(court: Court) -> None:
    court.margin("D1", 1_500_000)
    case = court.propose(rule="R033", unit="D1")  # the whole margin: above 10,000 yuan
    assert case["approvers_needed"] == 2
    court.at.forward(days=3)
    done = court.step(case["id"], "approve")
    assert (done["state"], done["approvals"]) == ("proposed", 1)
    assert court.balances("D1") == {"margin": 1_500_000}
    assert court.refused(case["id"], "approve") == (403, "four_eyes")
    done = court.step(case["id"], "approve", "approver2")
    assert (done["state"], done["approvals"]) == ("approved", 2)
    assert court.balances("D1") == {"margin_hold": 1_500_000}
    court.step(case["id"], "serve")
    court.step(case["id"], "appeal")
    for who in ("approver", "approver2"):
        assert court.refused(case["id"], "decide", who) == (403, "four_eyes")
    assert court.step(case["id"], "decide", "approver3")["state"] == "upheld"


# --- measures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("measures", "code"),
    [
        ([{"kind": "fine"}], "required"),
        ([{"kind": "warning", "amount": 5}], "not_allowed"),
        ([{"kind": "commission_withheld", "share": 10}], "only_for_people"),
        ([{"kind": "commission_withheld", "share": 10, "month": "2027-12"}], "month_ahead"),
        ([{"kind": "warning"}, {"kind": "warning"}], "duplicate"),
        ([{"kind": "fine", "amount": {"amount": 5, "currency": "USD"}}], "string_pattern_mismatch"),
        ([{"kind": "fine", "amount": {"amount": True}}], "int_type"),
        ([{"kind": "fine", "amount": {"amount": "12"}}], "int_type"),
        ([{"kind": "fine", "amount": {"amount": 12.0}}], "int_type"),
        ([{"kind": "commission_withheld", "share": "10"}], "int_type"),
        ([{"kind": "hanging"}], "enum"),
        ([], "too_short"),
    ],
)
def test_measures_that_do_not_fit(court: Court, measures: list[dict[str, object]], code: str) -> None:
    body = {"rule": "R033", "unit": "D1", "facts": "x", "measures": measures}
    refused = court("officer").post("/sanction-cases", json=body)
    assert refused.status_code == 422
    assert code in {each["code"] for each in refused.json["errors"]}
    assert refused.json["errors"][0]["pointer"].startswith("/measures")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"rule": "R999", "unit": "D1"}, "unknown_rule"),
        ({"rule": "R033", "unit": "NO"}, "unknown_unit"),
        ({"rule": "R036", "person": "no@no.example"}, "unknown_person"),
        ({"rule": "R033"}, "required"),
        ({"rule": "R033", "unit": "R1"}, "not_answerable"),
        ({"rule": "R033", "unit": "D1", "documents": ["7"]}, "unknown_document"),
    ],
)
def test_proposals_that_name_nothing_of_ours(court: Court, body: dict[str, object], code: str) -> None:
    refused = court("officer").post("/sanction-cases", json={"facts": "x"} | body)
    assert (refused.status_code, refused.json["errors"][0]["code"]) == (422, code)


def test_an_approver_may_only_be_milder(court: Court, case: str) -> None:
    court.at.forward(days=3)
    for graver in (
        [{"kind": "margin_forfeited"}],
        [{"kind": "margin_forfeited", "amount": 300_001}],
        [{"kind": "franchise_cancelled"}],
        [{"kind": "margin_forfeited", "amount": 5}, {"kind": "fine", "amount": 5}],
    ):
        assert court.refused(case, "approve", measures=graver) == (422, "not_milder")
    done = court.step(case, "approve", measures=[{"kind": "margin_forfeited", "amount": 100_000}])
    assert done["measures"][0]["amount"] == {"amount": 100_000, "currency": "CNY"}
    assert court.balances("D1") == {"margin": 400_000, "margin_hold": 100_000}


def test_in_the_place_of_all_of_it_nobody_names_more_than_there_is(court: Court, at: Hands) -> None:
    """At the approval what is in the margin, at the appeal what the case holds of it; a claim without amount, too."""
    court.margin("D1", 300_000)
    case = court.propose(rule="R033", unit="D1", measures=[{"kind": "margin_forfeited"}])["id"]
    claim = court.propose(rule="R033", unit="D1", measures=[{"kind": "compensation_claimed"}])["id"]
    at.forward(days=3)
    for key, kind in ((case, "margin_forfeited"), (claim, "compensation_claimed")):
        most = {"kind": kind, "amount": 300_000}
        assert court.refused(key, "approve", measures=[most | {"amount": 300_001}]) == (422, "not_milder")
    assert court.step(case, "approve")["state"] == "approved"
    court.step(case, "serve")
    court.step(case, "appeal")
    court.margin("D1", 10_000, "BANK-2")
    varied = {"decision": "varied", "note": "heard"}
    more, less = ([{"kind": "margin_forfeited", "amount": amount}] for amount in (310_001, 200_000))
    assert court.refused(case, "decide", measures=more, **varied) == (422, "not_milder")
    assert court.step(case, "decide", measures=less, **varied)["state"] == "varied"
    assert court.balances("D1") == {"margin": 110_000, "margin_hold": 200_000}


def test_how_many_approve_is_counted_for_what_is_approved(court: Court, at: Hands) -> None:
    """The margin has grown since the proposal: two; what is truly milder and below the amount: one."""
    court.margin("D1", 1_000_000)
    grown = court.propose(rule="R033", unit="D1", measures=[{"kind": "margin_forfeited"}])
    court.margin("D1", 1, "BANK-2")
    above = court.propose(rule="R033", unit="D1", measures=[{"kind": "margin_forfeited"}])
    assert (grown["approvers_needed"], above["approvers_needed"]) == (1, 2)
    at.forward(days=3)
    milder = [{"kind": "margin_forfeited", "amount": 1_000}]
    done = court.step(above["id"], "approve", measures=milder)
    assert (done["state"], done["approvers_needed"]) == ("approved", 1)
    court.margin("D1", 1_000, "BANK-3")
    done = court.step(grown["id"], "approve")
    assert (done["state"], done["approvers_needed"], done["approvals"]) == ("proposed", 2, 1)
    assert court.step(grown["id"], "approve", "approver2")["state"] == "approved"


def test_a_share_of_commission_is_of_the_month_in_which_it_is_proposed_where_none_is_named(
    world: World, court: Court, at: Hands
) -> None:
    """It stays that month's, however long the procedure takes; a milder share without a month is of the same one."""
    at("2026-11-29 10:00")
    share = {"kind": "commission_withheld", "share": 10}

    def months(case: dict[str, Any]) -> list[tuple[int, str]]:
        assert "None" not in case["measures"][0]["words"]
        return [(each["share"], each["month"]) for each in case["measures"]]

    case = court.propose(rule="R036", person=world.email("region"), unit="R1", measures=[share])
    assert months(case) == [(10, "2026-11")]
    named = court.propose(
        rule="R036", person=world.email("region"), unit="R1", measures=[share | {"month": "2026-10"}]
    )
    assert months(named) == [(10, "2026-10")]
    at.forward(days=3)
    court.step(case["id"], "return")
    assert months(court.step(case["id"], "propose", measures=[share])) == [(10, "2026-12")]
    at.forward(days=35)
    assert months(court.step(case["id"], "approve", measures=[share | {"share": 5}])) == [(5, "2026-12")]


def test_a_returned_case_is_proposed_again_and_heard_again(court: Court, case: str) -> None:
    court.at.forward(days=3)
    assert court.step(case, "return")["state"] == "draft"
    assert court.get(case, "principal")["state"] == "draft"  # it was told, and stays told
    court.step(case, "propose", facts="More is known.", measures=[{"kind": "warning"}])
    assert court.refused(case, "approve") == (409, "statement_open")
    court.step(case, "statement")
    assert court.step(case, "approve")["state"] == "approved"


def test_withdrawing_gives_back_what_was_held(court: Court, case: str) -> None:
    court.served(case)
    assert court.balances("D1") == {"margin": 200_000, "margin_hold": 300_000}
    assert court.tried(case, "withdraw", reason=" ").status_code == 422
    assert court.step(case, "withdraw")["state"] == "withdrawn"
    assert court.balances("D1") == {"margin": 500_000}


def test_who_did_what_when_and_why_is_kept(court: Court, case: str) -> None:
    court.at.forward(days=3)
    court.step(case, "approve", note="clear")
    court.step(case, "serve")
    court.step(case, "acknowledge")
    steps = court("officer").get(f"/sanction-cases/{case}/steps").json["items"]
    assert [(each["move"], each["by"], each["note"]) for each in steps] == [
        ("propose", "officer.qy", ""),
        ("approve", "approver.qy", "clear"),
        ("serve", "officer.qy", ""),
        ("acknowledge", "principal.qy", ""),
    ]
    assert len(court("principal").get(f"/sanction-cases/{case}/steps").json["items"]) == 4


# --- linked cases, top-ups, time ------------------------------------------------------------------------------------


def test_what_hangs_on_a_fallen_case_is_put_up_for_review(world: World, court: Court) -> None:
    mine = court.propose(rule="R036", unit="R1")
    (above,) = mine["linked"]
    court.served(mine["id"])
    court.step(mine["id"], "appeal", "region")
    court.step(mine["id"], "decide", decision="revoked", note="unproven")
    shown = court.get(above)
    assert shown["review_at"] is not None
    assert mine["number"] in shown["review_reason"]
    assert court.get(mine["id"])["review_at"] is None


def test_what_hangs_on_a_withdrawn_case_is_put_up_for_review(court: Court) -> None:
    mine = court.propose(rule="R036", unit="R1")
    (above,) = mine["linked"]
    court.served(mine["id"])
    assert court.step(mine["id"], "withdraw")["review_at"] is None
    shown = court.get(above)
    assert shown["review_at"] is not None
    assert mine["number"] in shown["review_reason"]


def test_a_breach_that_was_none_takes_its_drafts_back(world: World, court: Court, at: Hands) -> None:
    """The bytes were in: the sweep came between (F2, nobody who has done it is told off)."""
    clocks.sweep(world.network, at("2026-11-06 00:00:00"))
    draft, adopted = (court.list(f"?unit={unit}")[0]["id"] for unit in ("D1", "D2"))
    court.step(adopted, "propose")
    received = at.moment.replace(day=5, hour=15)
    for who, unit in (("clerk", "D1"), ("clerk2", "D2")):
        actor = world.as_(who)
        clocks.meet(actor, clocks.Kind.CUSTOMER_FILE, world.units[unit].id, "2026-10", received)
    assert court.get(draft)["state"] == "withdrawn"
    assert (court.get(adopted)["state"], court.get(adopted)["review_at"] is None) == ("proposed", False)


def test_a_top_up_has_a_clock_of_its_own(world: World, court: Court, at: Hands) -> None:
    court.margin("D1", 100)
    case = court.propose(rule="R033", unit="D1", measures=[{"kind": "top_up", "amount": 500_000}])["id"]
    court.final(case)
    court.step(case, "execute", "officer")
    assert court.refused(case, "close") == (409, "not_settled")
    world.as_("officer")
    (effect,) = sanctions.effects_of(int(case))
    assert effect.until is not None
    assert (effect.until - at.moment).days == 15
    at.forward(days=15)
    clocks.sweep(world.network, at.moment)
    clocks.sweep(world.network, at.moment)
    world.as_("officer")
    told = text("SELECT count(*) FROM event WHERE action = 'top_up:overdue'")
    assert db.session.scalar(told) == 1
    court.margin("D1", 500_000, "BANK-2")
    clocks.sweep(world.network, at.forward(minutes=1))
    assert court.get(case)["state"] == "closed"


@pytest.mark.parametrize("kind", ["top_up", "franchise_suspended"])
def test_a_measure_does_not_end_on_a_day_that_is_over(court: Court, at: Hands, kind: str) -> None:
    """Whoever names it: proposer, approver, hearer. A day ends at its end, so today may be named."""
    at("2026-11-20 23:59:59")
    one: dict[str, Any] = {"kind": kind} | ({"amount": 500_000} if kind == "top_up" else {})
    over, today, later = ([one | {"until": day}] for day in ("2026-11-19", "2026-11-20", "2026-12-31"))

    def refused(answer: Any) -> tuple[int, str, str]:
        error = answer.json["errors"][0]
        return answer.status_code, error["pointer"], error["code"]

    wrong = (422, "/measures/0/until", "in_the_past")
    body = {"rule": "R033", "unit": "D1", "facts": "x"}
    assert refused(court("officer").post("/sanction-cases", json=body | {"measures": over})) == wrong
    court.propose(rule="R033", unit="D1", measures=today)
    case = court.propose(rule="R033", unit="D1", measures=later)["id"]
    at.forward(days=3)
    court.step(case, "return")
    assert refused(court.tried(case, "propose", measures=today)) == wrong
    court.step(case, "propose")
    at.forward(days=3)
    assert refused(court.tried(case, "approve", measures=today)) == wrong
    court.step(case, "approve")
    court.step(case, "serve")
    court.step(case, "appeal")
    varied = {"decision": "varied", "note": "heard"}
    assert refused(court.tried(case, "decide", measures=today, **varied)) == wrong
    assert court.step(case, "decide", measures=later, **varied)["state"] == "varied"


@pytest.mark.parametrize(("named", "days"), [("2026-11-12", 15), ("2026-12-31", 41)])
def test_whoever_is_to_top_up_has_the_rulebook_s_time_from_the_execution_on(
    world: World, court: Court, at: Hands, named: str, days: int
) -> None:
    """The day that was named may be over by then; a later one stays."""
    at("2026-11-10 00:00:00")
    measures = [{"kind": "top_up", "amount": 500_000, "until": named}]
    case = court.propose(rule="R033", unit="D1", measures=measures)["id"]
    court.final(case)
    at("2026-11-21 00:00:00")
    court.step(case, "execute", "officer")
    world.as_("officer")
    (effect,) = sanctions.effects_of(int(case))
    assert effect.until is not None
    assert (effect.until - at.moment).days == days


def test_late_steps_are_told_of_once_and_cases_close_by_themselves(
    world: World, court: Court, at: Hands
) -> None:
    case = court.propose(rule="R033", unit="D1", measures=[{"kind": "warning"}])["id"]
    at.forward(days=6)
    for _ in range(3):
        clocks.sweep(world.network, at.forward(minutes=1))
    approver = world.as_("approver")
    late, kind = clocks.State.BREACHED, clocks.Kind.CASE_STEP
    (step,) = clocks.list_obligations(approver, at.moment, state=late, kind=kind).items
    assert step.subject == f"{case}:proposed:1"
    overdue = text("SELECT count(*) FROM notice WHERE kind = 'obligation:overdue' AND membership_id = :id")
    assert db.session.scalar(overdue, {"id": approver.membership_id}) == 1
    court.step(case, "approve")
    court.step(case, "serve")
    at.forward(days=7)
    court.step(case, "execute", "officer")
    clocks.sweep(world.network, at.forward(days=7, seconds=-1))
    assert court.get(case)["state"] == "executed"
    clocks.sweep(world.network, at.forward(seconds=1))
    assert court.get(case)["state"] == "closed"


def test_a_circular_is_read_by_the_whole_network(world: World, other: World, court: Court) -> None:
    case = court.propose(rule="R033", unit="D1", measures=[{"kind": "circular"}])
    court.final(case["id"])
    court.step(case["id"], "execute", "officer")
    for who in ("clerk2", "region2", "store"):
        actor = world.as_(who)
        (found,) = sanctions.list_circulars(actor.network_id).items
        assert (found.number, found.party_name) == (case["number"], "杭州恒居建材有限公司")
    actor = other.as_("clerk2")
    assert sanctions.list_circulars(actor.network_id).items == []


def test_the_same_sweep_twice_drafts_once(world: World, court: Court, at: Hands) -> None:
    for _ in range(3):
        clocks.sweep(world.network, at("2026-11-09 00:00:00"))
    listed = court.list("?limit=200")
    assert len(listed) == 4 + 5
    assert len({each["number"] for each in listed}) == 9
    assert sorted(each["number"] for each in listed) == [f"CF-2026-{n:04d}" for n in range(1, 10)]
    world.as_("officer")
    assert ledger.prove().sound


def test_a_broken_ledger_stops_the_step_whole(world: World, court: Court, case: str, at: Hands) -> None:
    """What a step does in the books and in the case is one transaction."""
    at.forward(days=3)
    world.as_("approver")
    monkey = pytest.MonkeyPatch()

    def fails(*_: object, **__: object) -> None:
        raise Conflict("broken")

    monkey.setattr("portal.sanctions.service.effects.ledger.hold", fails)
    try:
        assert court.refused(case, "approve") == (409, "broken")
    finally:
        monkey.undo()
    assert court.get(case)["state"] == "proposed"
    with within(world.actors["officer"].whole_network):
        assert ledger.prove().sound
