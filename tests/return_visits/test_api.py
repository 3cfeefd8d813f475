"""Return visits by the API, as API.md has them."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from PIL import Image

from portal.core import clock
from portal.core.db import db
from tests.conftest import Hands
from tests.customer_files.filing import row
from tests.factories import World
from tests.return_visits.calling import consolidated, rows, visits

Enter = Callable[..., Any]


@dataclass(frozen=True)
class Kept:
    """A visit's id, where the row itself is out of the next request's sight."""

    id: int


def test_R040_a_call_from_the_queue_to_its_end(world: World, api_as: Enter) -> None:
    consolidated(world, {"D1": [row(0), row(0, order_no="SO-2", product_model="QY-3015")]})
    agent = api_as(world.actors["agent"])
    called = agent.post("/return-visits/next")
    assert called.status_code == 200
    visit = called.json
    assert visit["customer"] == {
        "name": row(0)["customer_name"],
        "phone": "13000010000",
        "address": "浙江省杭州市西湖区文三路435号10栋882室",
    }
    assert (visit["state"], visit["unit"], visit["month"]) == ("claimed", "D1", "2026-10")
    assert [each["product_model"] for each in visit["purchases"]] == ["QY-8206", "QY-3015"]
    assert visit["lease_until"] == "2026-11-03T10:15:00+08:00"
    assert visit["holder"] == "agent.qy"
    assert visit["history"] == []
    assert "Qingyu Flooring" in visit["script"]["opening"]
    assert "{" not in visit["script"]["opening"]
    assert agent.post("/return-visits/next").json["id"] == visit["id"]
    assert api_as(world.actors["agent2"]).post("/return-visits/next").status_code == 204
    answers = {"purchase_true": True, "installation": 5, "trouble": "none", "wish": "没有"}
    done = agent.post(
        f"/return-visits/{visit['id']}/attempts",
        json={"result": "reached", "outcome": "satisfied", "answers": answers, "score": 5, "note": "好"},
    )
    assert done.status_code == 200
    assert done.json == {"id": visit["id"], "state": "closed", "next_at": None, "rectification": None}
    [item] = agent.get("/return-visits?month=2026-10&state=closed").json["items"]
    assert item["customer"]["phone"] == "130****0000"
    assert item["outcome"] == "satisfied"
    world.as_("supervisor")
    looks = db.session.scalar(db.text("SELECT count(*) FROM event WHERE action = 'visit:revealed'"))
    assert looks == 2


def test_numbers_are_whole_for_the_one_who_holds_the_visit(world: World, api_as: Enter) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = Kept(visits(world)[0].id)
    for who in ("agent2", "supervisor"):
        assert (
            api_as(world.actors[who]).get(f"/return-visits/{visit.id}").json["customer"]["phone"]
            == "130****0000"
        )
    agent = api_as(world.actors["agent"])
    assert agent.post(f"/return-visits/{visit.id}/claim").json["customer"]["phone"] == "13000010000"
    assert agent.get("/return-visits").json["items"][0]["customer"]["phone"] == "130****0000"
    lost = api_as(world.actors["agent2"]).post(
        f"/return-visits/{visit.id}/attempts", json={"result": "no_answer"}
    )
    assert (lost.status_code, lost.json["code"], lost.json["holder"]) == (409, "lease_lost", "agent.qy")


def test_R045_from_the_call_to_the_dealer_and_back(world: World, api_as: Enter, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    agent, clerk = api_as(world.actors["agent"]), api_as(world.actors["clerk"])
    visit = agent.post("/return-visits/next").json
    sent = agent.post(
        f"/return-visits/{visit['id']}/attempts",
        json={"result": "reached", "outcome": "unsatisfied", "note": "有响声，请打 13812345678"},
    ).json
    assert (sent["state"], sent["next_at"]) == ("with_dealer", None)
    [item] = clerk.get("/rectifications?state=open").json["items"]
    assert item["id"] == sent["rectification"]
    assert (item["visit"], item["unit"], item["reason"], item["rounds"]) == (
        visit["id"],
        "D1",
        "unsatisfied",
        1,
    )
    assert item["words"] == "有响声，请打 13812345678"
    assert item["due_at"] == "2026-11-06T10:00:00+08:00"
    assert item["customer"]["phone"] == "13000010000"
    above = api_as(world.actors["region"]).get("/rectifications").json["items"][0]
    assert above["customer"]["phone"] == "130****0000"
    assert above["words"] == "有响声，请打 138****5678"
    written = io.BytesIO()
    Image.new("RGB", (40, 30)).save(written, "PNG")
    photo = clerk.post("/documents", data={"file": (io.BytesIO(written.getvalue()), "a.png")}).json["id"]
    foreign = (
        api_as(world.actors["clerk2"])
        .post("/documents", data={"file": (io.BytesIO(written.getvalue()), "a.png")})
        .json["id"]
    )
    path = f"/rectifications/{item['id']}/report"
    for bad in (foreign, "999999", "x"):
        refused = clerk.post(path, json={"action": "修好", "documents": [bad]})
        assert (refused.status_code, refused.json["code"]) == (422, "unknown_document")
    assert clerk.post(path, json={}).status_code == 422
    assert clerk.post(path, json={"action": "修", "phone": "no number"}).status_code == 422
    body = {"action": "上门重铺", "result": "客户认可", "documents": [photo], "phone": "13911112222"}
    reported = clerk.post(path, json=body)
    assert reported.status_code == 200
    assert reported.json["state"] == "reported"
    assert reported.json["history"][0]["documents"] == [photo]
    assert clerk.post(path, json=body).status_code == 409
    assert agent.post("/return-visits/next").status_code == 204
    again = api_as(world.actors["agent2"]).post("/return-visits/next").json
    assert (again["id"], again["round"], again["customer"]["phone"]) == (visit["id"], 1, "13911112222")
    assert api_as(world.actors["agent2"]).get(f"/documents/{photo}").status_code == 200
    closed = api_as(world.actors["agent2"]).post(
        f"/return-visits/{visit['id']}/attempts", json={"result": "reached", "outcome": "satisfied"}
    )
    assert closed.json["state"] == "closed"
    assert clerk.get("/rectifications?state=closed").json["items"][0]["id"] == item["id"]
    world.as_("supervisor")
    told = db.session.scalar(db.text("SELECT count(*) FROM notice WHERE kind = 'rectification:opened'"))
    assert told == 2  # the dealer's clerk and principal


def test_two_saves_with_one_key_count_once(world: World, api_as: Enter) -> None:
    consolidated(world, {"D1": rows(1)})
    agent = api_as(world.actors["agent"])
    visit = agent.post("/return-visits/next").json
    path = f"/return-visits/{visit['id']}/attempts"
    body = {"result": "reached", "outcome": "satisfied"}
    first = agent.post(path, json=body, headers={"Idempotency-Key": "k"})
    second = agent.post(path, json=body, headers={"Idempotency-Key": "k"})
    assert (first.status_code, first.json) == (second.status_code, second.json)
    assert agent.post(path, json=body).status_code == 409
    world.as_("supervisor")
    assert db.session.scalar(db.text("SELECT count(*) FROM visit_attempt")) == 1


def test_the_list_filters_pages_and_searches(world: World, other: World, api_as: Enter) -> None:
    consolidated(world, {"D1": rows(3), "D2": [row(5), row(6)]})
    agent = api_as(world.actors["agent"])
    agent.post("/return-visits/next")
    for query, count in [
        ("", 5),
        ("month=2026-10", 5),
        ("month=2026-09", 0),
        ("unit=D1", 3),
        ("unit=R1", 5),
        ("unit=R2", 0),
        ("unit=NOWHERE", 0),
        ("state=claimed", 1),
        ("state=waiting", 4),
        ("state=closed", 0),
        ("q=13000010005", 1),
        ("q=没有这个人", 0),
    ]:
        assert len(agent.get(f"/return-visits?{query}").json["items"]) == count, query
    for wrong in ("state=open", "month=2026-13", "limit=0", "cursor=x"):
        assert agent.get(f"/return-visits?{wrong}").status_code == 422, wrong
    seen, cursor = [], ""
    while True:
        page = agent.get(f"/return-visits?limit=2{cursor}").json
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 5
    assert api_as(other.actors["agent"]).get("/return-visits").json["items"] == []


def test_coverage_by_dealer_region_and_day(world: World, api_as: Enter, at: Hands) -> None:
    consolidated(world, {"D1": rows(3), "D2": [row(5)]})
    agent = api_as(world.actors["agent"])
    first = agent.post("/return-visits/next").json
    agent.post(f"/return-visits/{first['id']}/attempts", json={"result": "reached", "outcome": "satisfied"})
    at("2026-11-04 10:00")
    second = agent.post("/return-visits/next").json
    agent.post(f"/return-visits/{second['id']}/attempts", json={"result": "refused"})
    head = api_as(world.actors["executive"])
    items = head.get("/return-visits/coverage?month=2026-10&by=dealer").json["items"]
    assert [
        (each["unit"], each["people"], each["visited"], each["refused"], each["open"]) for each in items
    ] == [
        ("D1", 3, 1, 1, 2),
        ("D2", 1, 0, 0, 1),
    ]
    assert items[0]["coverage"] == pytest.approx(1 / 3)
    [region] = head.get("/return-visits/coverage?month=2026-10&by=region").json["items"]
    assert (region["unit"], region["people"], region["visited"]) == ("R1", 4, 1)
    days = head.get("/return-visits/coverage?by=day").json["items"]
    assert [(each["day"], each["people"], each["visited"], each["refused"]) for each in days] == [
        ("2026-11-03", 4, 1, 0),
        ("2026-11-04", 4, 1, 1),
    ]
    own = api_as(world.actors["principal"])
    assert [each["unit"] for each in own.get("/return-visits/coverage").json["items"]] == ["D1"]
    assert own.get("/return-visits/coverage?by=region").json["items"] == []
    assert own.get("/return-visits/coverage?by=day").json["items"][-1]["people"] == 3
    assert api_as(world.actors["region2"]).get("/return-visits/coverage").json["items"] == []
    assert head.get("/return-visits/coverage?by=week").status_code == 422


def test_a_supervisor_assigns_waives_and_seals(world: World, api_as: Enter, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = Kept(visits(world)[0].id)
    head, agent = api_as(world.actors["supervisor"]), api_as(world.actors["agent"])
    path = f"/return-visits/{visit.id}"
    given = head.post(f"{path}/assign", json={"person": world.email("agent2")})
    assert (given.status_code, given.json["assigned_to"]) == (200, "agent2.qy")
    for nobody in ("nobody@x.example", world.email("clerk"), "99999999999"):
        refused = head.post(f"{path}/assign", json={"person": nobody})
        assert (refused.status_code, refused.json["code"]) == (422, "unknown_person")
    assert agent.post("/return-visits/next").status_code == 204
    assert head.post(f"{path}/assign", json={"person": None}).json["assigned_to"] is None
    assert agent.post("/return-visits/next").status_code == 200
    assert agent.post(f"{path}/renew").json["lease_until"] == "2026-11-03T10:15:00+08:00"
    assert agent.post(f"{path}/release", json={"reason": "稍后"}).json["state"] == "waiting"
    assert agent.post(f"{path}/release", json={"reason": "稍后"}).status_code == 409
    assert head.post("/months/2026-10/seal").json["code"] == "open_visits"
    assert head.post(f"{path}/waive", json={"reason": "客户身故"}).json["state"] == "closed"
    assert head.post(f"{path}/waive", json={"reason": "客户身故"}).status_code == 409
    assert head.post("/months/2026-10/seal").status_code == 409
    at("2026-11-21 00:00")
    sealed = head.post("/months/2026-10/seal")
    assert sealed.status_code == 200
    assert (sealed.json["state"], sealed.json["people"], sealed.json["visited"]) == ("sealed", 1, 0)
    assert head.get("/months/2026-10").json["state"] == "sealed"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"result": "maybe"},
        {"result": "reached"},
        {"result": "busy", "outcome": "satisfied"},
        {"result": "callback"},
        {"result": "callback", "callback_at": "2026-11-04T10:00:00"},
        {"result": "callback", "callback_at": "2020-01-01T10:00:00+08:00"},
        {"result": "not_installed"},
        {"result": "not_installed", "not_before": "yesterday"},
        {"result": "not_installed", "not_before": "2026-11-03"},
        {"result": "reached", "outcome": "satisfied", "score": 6},
        {"result": "reached", "outcome": "satisfied", "answers": []},
        {"result": "reached", "outcome": "satisfied", "answers": {"unknown": 1}},
        {"result": "reached", "outcome": "satisfied", "recording": "javascript:alert(1)"},
        {"result": "reached", "outcome": "satisfied", "note": "x" * 2001},
        {"result": "no_answer", "extra": 1},
    ],
)
def test_fields_come_before_the_state(world: World, api_as: Enter, body: dict[str, Any]) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = Kept(visits(world)[0].id)
    answer = api_as(world.actors["agent"]).post(f"/return-visits/{visit.id}/attempts", json=body)
    assert answer.status_code == 422, answer.json


def test_not_installed_is_called_from_that_day_on(world: World, api_as: Enter, at: Hands) -> None:
    consolidated(world, {"D1": rows(1)})
    agent = api_as(world.actors["agent"])
    visit = agent.post("/return-visits/next").json
    body = {"result": "not_installed", "not_before": "2026-11-10"}
    saved = agent.post(f"/return-visits/{visit['id']}/attempts", json=body).json
    assert saved == {
        "id": visit["id"],
        "state": "retry",
        "next_at": "2026-11-10T08:30:00+08:00",
        "rectification": None,
    }
    early = agent.post(f"/return-visits/{visit['id']}/claim")
    assert (early.status_code, early.json["code"], early.json["next_at"]) == (
        409,
        "not_due",
        saved["next_at"],
    )
    at("2026-11-10 08:30")
    assert agent.post("/return-visits/next").json["id"] == visit["id"]


def test_refusals_come_in_order(world: World, other: World, api_as: Enter) -> None:
    consolidated(world, {"D1": rows(1)})
    visit = Kept(visits(world)[0].id)
    for step in ("claim", "renew", "release", "assign", "waive", "attempts", "correct"):
        path = f"/return-visits/{visit.id}/{step}"
        assert api_as(None).post(path, json={}).status_code == 401
        for who in ("admin", "region", "clerk", "officer", "executive", "principal"):
            assert api_as(world.actors[who]).post(path, json={}).status_code == 403, (step, who)
        assert api_as(other.actors["supervisor"]).post(path, json={}).status_code == 404
        head = api_as(world.actors["supervisor"])
        for nothing in ("0", "999999999", "nonsense"):
            assert head.post(f"/return-visits/{nothing}/{step}", json={}).status_code == 404
    for who in ("agent", "region", "admin"):
        assert api_as(world.actors[who]).post("/months/2026-10/seal").status_code == 403
    assert api_as(world.actors["executive"]).get("/rectifications").status_code == 403
    assert api_as(world.actors["clerk"]).get("/return-visits/coverage").status_code == 403
    assert api_as(world.actors["region"]).post("/rectifications/1/report", json={}).status_code == 403


def test_a_callback_is_promised(world: World, api_as: Enter) -> None:
    consolidated(world, {"D1": rows(1)})
    agent = api_as(world.actors["agent"])
    visit = agent.post("/return-visits/next").json
    promised = (clock.now() + timedelta(hours=2)).isoformat()
    saved = agent.post(
        f"/return-visits/{visit['id']}/attempts", json={"result": "callback", "callback_at": promised}
    ).json
    assert (saved["state"], saved["next_at"]) == ("retry", "2026-11-03T12:00:00+08:00")
