"""The rules of the regulation that this room carries out, each by its id, through the API."""

import io
from typing import Any

import pytest

from portal import clocks, sanctions
from tests.conftest import Hands
from tests.factories import World
from tests.sanctions.court import Court


def swept(world: World, court: Court, moment: str) -> None:
    clocks.sweep(world.network, court.at(moment))


def commissions(court: Court, month: str, *rows: tuple[str, str]) -> None:
    text = "\n".join(["person,amount", *(f"{court.world.email(who)},{amount}" for who, amount in rows)])
    sent = {"month": month, "file": (io.BytesIO(text.encode()), "commission.csv")}
    done = court("finance").post("/ledger/commissions", data=sent, content_type="multipart/form-data")
    assert done.status_code == 201, done.text


def test_r047_a_dealer_that_does_not_file_loses_marketing_support(world: World, court: Court) -> None:
    swept(world, court, "2026-11-06 00:00:00")
    drafts = court.list("?state=draft&rule=R047")
    assert {each["unit"] for each in drafts} == {"D1", "D2", "D3", "D9"}
    case = next(each for each in drafts if each["unit"] == "D1")
    assert case["rule"] == "customer_file_missing"
    assert case["requirement"] == "R047"
    assert [each["kind"] for each in case["measures"]] == ["marketing_support_cancelled"]
    assert case["number"].startswith("CF-2026-000")
    assert "2026-11-05 24:00" in case["facts"]
    assert court.list("?unit=D1", "principal") == []
    court.step(case["id"], "propose")
    assert [each["id"] for each in court.list("", "principal")] == [case["id"]]
    court.final(case["id"])
    assert court("principal").get("/units/D1/standing").json["marketing_support"] == "active"
    done = court.step(case["id"], "execute", "officer")
    assert done["state"] == "executed"
    shown = court("principal").get("/units/D1/standing").json
    assert (shown["marketing_support"], shown["franchise"], shown["cases"]) == (
        "cancelled",
        "active",
        [case["id"]],
    )
    assert shown["since"] == done["executed_at"]
    assert court("clerk2").get("/units/D1/standing").status_code == 404


def test_r047_filing_late_does_not_take_the_case_back_it_stands_in_the_facts(
    world: World, court: Court, at: Hands
) -> None:
    swept(world, court, "2026-11-06 00:00:00")
    case = next(each for each in court.list("?unit=D1"))
    body = {"month": "2026-10", "nil": True, "reason": "none"}
    at("2026-11-06 09:30")
    file = court("clerk").post("/customer-files", json=body).json
    assert (
        not court("clerk")
        .post(
            f"/customer-files/{file['id']}/submit",
            json={"missing": [{"unit": unit, "reason": "x"} for unit in ("S1", "S2")]},
        )
        .json["receipt"]["on_time"]
    )
    again = court.get(case["id"])
    assert again["state"] == "draft"
    assert "2026-11-06 09:30" in again["facts"]
    assert len(court.list("?unit=D1")) == 1


def test_r047_late_before_any_sweep_ran_is_a_breach_too(world: World, court: Court, at: Hands) -> None:
    at("2026-11-06 00:00:30")
    file = (
        court("clerk").post("/customer-files", json={"month": "2026-10", "nil": True, "reason": "none"}).json
    )
    court("clerk").post(
        f"/customer-files/{file['id']}/submit",
        json={"missing": [{"unit": unit, "reason": "x"} for unit in ("S1", "S2")]},
    )
    assert [each["state"] for each in court.list("?unit=D1")] == ["draft"]
    swept(world, court, "2026-11-06 00:01:00")
    assert len(court.list("?unit=D1")) == 1


def test_r046_a_manager_who_does_not_report_loses_a_tenth_and_its_superior_answers(
    world: World, court: Court
) -> None:
    swept(world, court, "2026-11-09 00:00:00")
    listed = court.list("?rule=R046")
    assert sorted((each["unit"], each["who"]) for each in listed) == [
        ("C1", "channel_manager"),  # for each of its two regions
        ("C1", "channel_manager"),
        ("R1", "regional_manager"),
        ("R2", "regional_manager"),
        ("R3", "regional_manager"),  # nobody manages it: the case names the region
    ]
    drafts = {(each["unit"], each["who"]): each for each in listed}
    mine, above = drafts["R1", "regional_manager"], drafts["C1", "channel_manager"]
    assert mine["person"] == str(world.actors["region"].person_id)
    assert [each["kind"] for each in mine["measures"]] == ["commission_withheld", "circular"]
    assert (mine["measures"][0]["share"], mine["measures"][0]["month"]) == (10, "2026-11")
    assert [each["kind"] for each in above["measures"]] == ["management_responsibility"]
    linked = next(each for each in court.list("?unit=C1") if each["breach"] == mine["breach"])
    assert mine["linked"] == [linked["id"]]
    court.step(mine["id"], "propose")
    court.final(mine["id"])
    assert (
        court.step(mine["id"], "execute", "officer")["state"] == "served"
    )  # the circular; money is finance's
    assert court.refused(mine["id"], "execute", "officer") == (403, "money")
    assert court.step(mine["id"], "execute")["state"] == "executed"
    place = f"people/{mine['person']}"
    assert court.balances(place) == {}
    commissions(court, "2026-11", ("region", "10000.00"))
    assert court.balances(place) == {"commission_due": 900_000, "commission_withheld": 100_000}
    assert court.balances(place, "region") == court.balances(place)
    assert court("region2").get(f"/ledger/{place}").status_code == 404
    entries = court("region").get(f"/ledger/{place}/entries").json["items"]
    assert [(each["amount"]["amount"], each["case"]) for each in entries][-1] == (100_000, mine["id"])


def test_r046_against_a_region_that_nobody_manages_takes_effect_without_money(
    world: World, court: Court, browser_as: Any
) -> None:
    """There is nobody to withhold a commission from: the case says so, its circular goes out, and it is closed."""
    swept(world, court, "2026-11-09 00:00:00")
    (case,) = (each for each in court.list("?rule=R046") if each["unit"] == "R3")
    assert case["person"] is None
    court.step(case["id"], "propose")
    court.final(case["id"])
    assert court.step(case["id"], "execute")["state"] == "executed"
    page = browser_as(world.actors["officer"]).get(f"/sanctions/{case['number']}").text
    assert "该职位当时无人，未扣提成" in page
    actor = world.as_("store")
    (circular,) = sanctions.list_circulars(actor.network_id).items
    assert circular.number == case["number"]
    clocks.sweep(world.network, court.at.forward(days=7))
    assert court.get(case["id"])["state"] == "closed"
    commissions(court, "2026-11", ("region", "10000.00"))
    assert court.balances(f"people/{world.email('region')}") == {"commission_due": 1_000_000}


def test_r033_delay_or_exposure_forfeits_the_brand_margin(world: World, court: Court) -> None:
    court.margin("D1", 500_000)
    case = court.propose(rule="R033", unit="D1", documents=[])
    assert [each["kind"] for each in case["measures"]] == ["margin_forfeited"]
    assert case["state"] == "proposed"
    court.heard(case["id"])
    assert court.balances("D1") == {"margin_hold": 500_000}
    assert court.balances("D1", "principal") == {"margin_hold": 500_000}
    court.step(case["id"], "serve")
    assert court.refused(case["id"], "execute") == (409, "appeal_open")
    court.at.forward(days=7)
    assert court.refused(case["id"], "execute", "officer") == (403, "money")
    court.step(case["id"], "execute")
    assert court.balances("D1") == {}
    assert court.balances("HQ")["forfeited"] == 500_000
    entries = court("finance").get("/ledger/D1/entries").json["items"]
    assert [(each["account"], each["amount"]["amount"], each["clause"]) for each in entries] == [
        ("margin", 500_000, None),
        ("margin", -500_000, "R033"),
        ("margin_hold", 500_000, "R033"),
        ("margin_hold", -500_000, "R033"),
    ]


def test_r035_falsehood_disqualifies_and_forfeits(world: World, court: Court) -> None:
    court.margin("D1", 300_000)
    case = court.propose(rule="R035", unit="D1")
    assert [each["kind"] for each in case["measures"]] == ["dealer_disqualified", "margin_forfeited"]
    court.final(case["id"])
    assert court.step(case["id"], "execute")["state"] == "executed"
    assert court("finance").get("/units/D1/standing").json["franchise"] == "disqualified"
    assert court.balances("D1") == {}
    body = {"month": "2026-10", "nil": True, "reason": "none"}
    for who in ("clerk", "store"):  # its stores fall with it
        refused = court(who).post("/customer-files", json=body)
        assert (refused.status_code, refused.json["code"]) == (409, "dealer_disqualified")
    assert court("principal").get(f"/sanction-cases/{case['id']}").status_code == 200
    court.margin("D1", 5, "BANK-2")  # it may pay
    told = court.world.actors["region"]
    assert told.membership_id is not None


def test_r036_assisting_fraud_costs_the_post_and_all_commission(world: World, court: Court) -> None:
    case = court.propose(rule="R036", person=world.email("region"), unit="R1")
    assert case["person_name"] == "region.qy"
    assert [(each["kind"], each["share"]) for each in case["measures"]] == [
        ("dismissal_recommended", None),
        ("commission_withheld", 100),
    ]
    (above,) = court.list("?state=draft")
    assert (above["who"], above["unit"], above["id"]) == ("channel_manager", "C1", case["linked"][0])
    assert [each["kind"] for each in above["measures"]] == ["management_responsibility"]
    assert [each["id"] for each in court.list("", "region")] == [case["id"]]
    assert court.list("", "channel") == []
    court.step(case["id"], "statement", "region")
    court.step(case["id"], "approve")
    court.step(case["id"], "serve")
    commissions(court, "2026-11", ("region", "77"))
    court.at.forward(days=7)
    court.step(case["id"], "execute")
    assert court.balances(f"people/{world.email('region')}") == {"commission_withheld": 7_700}


def test_r038_exposure_costs_all_of_the_current_commission(world: World, court: Court) -> None:
    case = court.propose(rule="R038", unit="R1")
    assert case["person"] == str(world.actors["region"].person_id)
    assert [(each["kind"], each["share"], each["month"]) for each in case["measures"]] == [
        ("commission_withheld", 100, "2026-11")
    ]
    assert len(case["linked"]) == 1


def test_r015_first_a_warning_second_a_fine_third_dismissal(world: World, court: Court, at: Hands) -> None:
    kinds = []
    for _ in range(4):
        case = court.propose(rule="R015", person=world.email("agent"))
        kinds.append((case["step"], [each["kind"] for each in case["measures"]], len(case["history"])))
        court.heard(case["id"])
        at.forward(days=30)
    assert kinds == [
        (1, ["warning"], 0),
        (2, ["fine"], 1),
        (3, ["dismissal_recommended"], 2),
        (4, ["dismissal_recommended"], 3),
    ]
    at.forward(days=400)  # what is older falls out
    assert court.propose(rule="R015", person=world.email("agent"))["step"] == 1
    assert court.propose(rule="R015", person=world.email("agent2"))["step"] == 1


def test_r015_won_appeals_do_not_count(world: World, court: Court) -> None:
    case = court.propose(rule="staff_misconduct", person=world.email("agent"))
    court.served(case["id"])
    court.step(case["id"], "appeal", "agent")
    assert court.propose(rule="R015", person=world.email("agent"))["step"] == 2
    court.step(case["id"], "decide", decision="revoked")
    assert court.propose(rule="R015", person=world.email("agent"))["step"] == 1


@pytest.mark.parametrize("decision", ["revoked", "varied", "upheld"])
def test_an_appeal_that_is_won_gives_the_margin_back(world: World, court: Court, decision: str) -> None:
    court.margin("D1", 500_000)
    case = court.propose(rule="R033", unit="D1")
    court.served(case["id"])
    court.step(case["id"], "appeal")
    assert court.refused(case["id"], "execute") == (409, "appeal_open")
    milder = [{"kind": "margin_forfeited", "amount": {"amount": 200_000, "currency": "CNY"}}]
    done = court.step(
        case["id"], "decide", decision=decision, **({"measures": milder} if decision == "varied" else {})
    )
    assert done["state"] == decision
    held = {"revoked": {"margin": 500_000}, "varied": {"margin": 300_000, "margin_hold": 200_000}}
    assert court.balances("D1") == held.get(decision, {"margin_hold": 500_000})
    if decision == "revoked":
        assert court.refused(case["id"], "execute")[0] == 409
        entries = court("finance").get("/ledger/D1/entries").json["items"]
        assert entries[-1]["purpose"] == "release"
        assert entries[-1]["reverses"] == entries[1]["transaction"]
        return
    court.step(case["id"], "execute")
    assert court.balances("D1") == ({"margin": 300_000} if decision == "varied" else {})
