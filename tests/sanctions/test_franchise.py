"""A franchise that is suspended or cancelled (R033): what the dealer may and may not do, where it stands, and how it is
undone."""

from typing import Any

import pytest
from sqlalchemy import text

from portal import clocks, ledger, rulebook
from portal.core.db import db, finish
from tests.conftest import Hands
from tests.factories import World
from tests.sanctions.court import Court
from tests.sanctions.test_review import executed, put_up

MEASURES = {
    "suspended": [{"kind": "franchise_suspended", "until": "2026-12-31"}],
    "cancelled": [{"kind": "franchise_cancelled"}],
}
CUSTOMER = {
    "customer_name": "王小明",
    "phone": "13800138000",
    "address": "浙江省杭州市西湖区文三路208号",
    "product_model": "QY-1",
    "purchase_date": "2026-10-08",
    "purchase_region": "华东",
    "quantity": 1,
}


def standing(court: Court, unit: str = "D1", who: str = "principal") -> dict[str, Any]:
    found = court(who).get(f"/units/{unit}/standing")
    assert found.status_code == 200, found.text
    return found.json  # type: ignore[no-any-return]


def told(world: World, who: str, kind: str) -> list[str]:
    actor = world.as_(who)
    chosen = text("SELECT link FROM notice WHERE membership_id = :id AND kind = :kind ORDER BY id")
    return list(db.session.scalars(chosen, {"id": actor.membership_id, "kind": kind}))


@pytest.mark.parametrize("franchise", ["suspended", "cancelled"])
def test_R033_the_dealer_still_files_reads_answers_and_pays(
    world: World, court: Court, at: Hands, franchise: str
) -> None:
    """What was sold is reported and called all the same (R040, R045): only who is disqualified files nothing."""
    at("2026-11-02 09:00")
    case = court.propose(rule="R033", unit="D1", measures=MEASURES[franchise])["id"]
    assert standing(court)["franchise"] == "active"
    court.step(case, "statement")
    court.step(case, "approve")
    court.step(case, "serve")
    assert standing(court)["franchise"] == "active"  # decided is not yet in force
    court.step(case, "appeal")
    court.step(case, "decide")
    court.step(case, "execute", "officer")
    found = standing(court)
    assert (found["franchise"], found["marketing_support"]) == (franchise, "active")
    assert (found["cases"], found["since"][:10]) == ([case], "2026-11-02")
    assert standing(court, "S1", "store")["franchise"] == franchise  # its stores with it
    assert standing(court, "D2", "officer")["franchise"] == "active"

    sent = court("clerk").post("/customer-files", json={"month": "2026-10", "customers": [CUSTOMER]})
    assert sent.status_code == 202, sent.text
    assert (
        court("store")
        .post("/customer-files", json={"month": "2026-10", "nil": True, "reason": "none"})
        .status_code
        == 202
    )
    assert court.get(case, "principal")["state"] == "executed"
    other = court.propose(rule="R033", unit="D1", measures=[{"kind": "warning"}])["id"]
    assert court.step(other, "statement")["stated_at"] is not None
    court.margin("D1", 500)
    assert court.balances("D1", "principal") == {"margin": 500}


def test_R033_a_suspension_ends_by_itself(world: World, court: Court, at: Hands, browser_as: Any) -> None:
    case = executed(court, at, rule="R033", unit="D1", measures=MEASURES["suspended"])
    found = standing(court)
    assert (found["franchise"], found["until"]) == ("suspended", "2027-01-01T00:00:00+08:00")
    page = browser_as(world.actors["principal"]).get("/units/D1/standing").text
    assert "经销权" in page
    assert "12月31日（周四）24:00" in page
    at("2026-12-31 23:59:59")
    assert standing(court)["franchise"] == "suspended"
    at("2027-01-01 00:00:00")
    found = standing(court)
    assert (found["franchise"], found["until"], found["cases"]) == ("active", None, [])
    assert court.get(case)["state"] == "executed"
    world.as_("finance")
    assert ledger.leaving_of(ledger.unit_owner(world.units["D1"])) is None  # it never left


def test_R033_whoever_is_cancelled_leaves_and_its_customers_need_a_home(
    world: World, court: Court, at: Hands
) -> None:
    court.margin("D1", 300_000)
    case = executed(court, at, rule="R033", unit="D1", measures=MEASURES["cancelled"])
    for who in ("region", "channel"):
        assert told(world, who, "dealer:cancelled") == ["/customers?unit=D1"], who
    assert told(world, "region2", "dealer:cancelled") == []
    world.as_("finance")
    leaving = ledger.leaving_of(ledger.unit_owner(world.units["D1"]))
    assert leaving is not None
    assert leaving.case_id == int(case)
    assert standing(court)["until"] is None


def test_R033_the_gravest_measure_is_the_standing(world: World, court: Court, at: Hands) -> None:
    executed(court, at, rule="R033", unit="D1", measures=MEASURES["suspended"])
    executed(court, at, rule="R033", unit="D1", measures=MEASURES["cancelled"])
    found = standing(court)
    assert (found["franchise"], found["until"], len(found["cases"])) == ("cancelled", None, 2)


@pytest.mark.parametrize("franchise", ["suspended", "cancelled"])
def test_R033_an_appeal_that_is_won_leaves_nothing_of_it(
    world: World, court: Court, at: Hands, franchise: str
) -> None:
    court.margin("D1", 300_000)
    case = court.propose(rule="R033", unit="D1", measures=MEASURES[franchise])["id"]
    court.served(case)
    court.step(case, "appeal")
    assert court.step(case, "decide", decision="revoked", note="It was none.")["state"] == "revoked"
    assert court.tried(case, "execute", "officer").status_code == 409
    clocks.sweep(world.network, at.forward(days=8))
    finish(good=True)
    found = standing(court)
    assert (found["franchise"], found["cases"], found["since"]) == ("active", [], None)
    assert court.balances("D1") == {"margin": 300_000}


@pytest.mark.parametrize("franchise", ["suspended", "cancelled"])
def test_R033_what_was_in_force_is_undone_when_the_decision_falls(
    world: World, court: Court, at: Hands, franchise: str
) -> None:
    case = executed(court, at, rule="R033", unit="D1", measures=MEASURES[franchise])
    assert standing(court)["franchise"] == franchise
    put_up(world, case, at)
    court.step(case, "review", "approver2", decision="revoked", note="The breach was none.")
    found = standing(court)
    assert (found["franchise"], found["cases"], found["until"]) == ("active", [], None)
    world.as_("finance")
    assert ledger.leaving_of(ledger.unit_owner(world.units["D1"])) is None


def test_R033_a_hearing_may_suspend_in_the_place_of_cancelling_not_the_other_way_round(
    world: World, court: Court, at: Hands
) -> None:
    case = court.propose(rule="R033", unit="D1", measures=MEASURES["cancelled"])["id"]
    court.served(case)
    court.step(case, "appeal")
    court.step(case, "decide", decision="varied", note="Too much.", measures=MEASURES["suspended"])
    court.step(case, "execute", "officer")
    assert standing(court)["franchise"] == "suspended"
    harder = court.propose(rule="R033", unit="D1", measures=MEASURES["suspended"])["id"]
    court.served(harder)
    court.step(harder, "appeal")
    answer = court.tried(harder, "decide", decision="varied", note="More.", measures=MEASURES["cancelled"])
    assert (answer.status_code, answer.json["code"]) == (422, "not_milder")


def test_R035_whoever_is_disqualified_reads_appeals_and_pays_and_files_nothing_new(
    world: World, court: Court, at: Hands, browser_as: Any
) -> None:
    """Through every door: what was prepared before cannot be submitted any more either."""
    at("2026-11-02 09:00")
    body = {"month": "2026-10", "customers": [CUSTOMER]}
    prepared = court("clerk").post("/customer-files", json=body).json["id"]
    earlier = court.propose(rule="R033", unit="D1", measures=[{"kind": "warning"}])["id"]
    case = court.propose(rule="R035", unit="D1", measures=[{"kind": "dealer_disqualified"}])["id"]
    for one in (case, earlier):
        court.step(one, "statement")
        court.step(one, "approve")
        court.step(one, "serve")
    court.step(case, "appeal")
    court.step(case, "decide")
    court.step(case, "execute", "officer")
    refused = {
        "a new file": court("clerk").post("/customer-files", json=body),
        "what was prepared": court("clerk").post(f"/customer-files/{prepared}/submit", json={"missing": []}),
        "a mended row": court("clerk").patch(f"/customer-files/{prepared}/rows/1", json={"quantity": 2}),
        "a nil return": court("clerk").post(
            "/customer-files", json={"month": "2026-10", "nil": True, "reason": "x"}
        ),
        "its stores": court("store").post(
            "/customer-files", json={"month": "2026-10", "nil": True, "reason": "x"}
        ),
    }
    assert {
        what: (each.status_code, each.json.get("code")) for what, each in refused.items()
    } == dict.fromkeys(refused, (409, "dealer_disqualified"))
    page = browser_as(world.actors["clerk"]).get("/files/2026-10").text
    assert "取消资格" in page or "取消经销商资格" in page
    assert court("clerk").get(f"/customer-files/{prepared}").status_code == 200
    assert court("principal").get(f"/sanction-cases/{case}").status_code == 200
    assert court.step(earlier, "appeal")["state"] == "appealed"
    court.margin("D1", 500)
    assert court("principal").get("/ledger/D1/entries").json["items"] != []
    assert court("clerk2").post("/customer-files", json=body).status_code == 202  # the others file


@pytest.mark.parametrize("named", [True, False])
def test_a_circular_names_its_party_as_far_as_the_rulebook_says(
    world: World, court: Court, at: Hands, named: bool, monkeypatch: pytest.MonkeyPatch, browser_as: Any
) -> None:
    world.as_("officer")
    book = rulebook.at_version(world.network.id, 1)
    procedure = book.sanctions.procedure.model_copy(update={"circular_names_party": named})
    ruled = book.model_copy(update={"sanctions": book.sanctions.model_copy(update={"procedure": procedure})})
    monkeypatch.setattr(rulebook, "at_version", lambda *_: ruled)
    executed(court, at, rule="R033", unit="D1", measures=[{"kind": "circular"}])
    name = world.units["D1"].name
    for who in world.actors:  # on every role's start page
        assert "通报批评" in browser_as(world.actors[who]).get("/").text, who
    for who in ("store3", "clerk2", "region2", "agent", "admin"):  # whose pages name that dealer nowhere else
        for place in ("/", "/circulars"):
            assert (name in browser_as(world.actors[who]).get(place).text) is named, (who, place)
