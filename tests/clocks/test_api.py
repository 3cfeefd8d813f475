"""GET /months, GET /obligations and the decisions, as API.md has them."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from portal import clocks
from portal.clocks import Kind
from tests.conftest import Hands
from tests.factories import World

OCTOBER = date(2026, 10, 1)
Enter = Callable[..., Any]


def key_of(world: World, code: str = "D1", kind: Kind = Kind.CUSTOMER_FILE) -> str:
    world.as_("supervisor")
    found = clocks.find(kind, world.units[code].id, OCTOBER)
    assert found is not None
    return str(found.id)


def test_R041_a_month_and_what_my_unit_owes(world: World, api_as: Enter) -> None:
    answer = api_as(world.actors["clerk"]).get("/months/2026-10")
    assert answer.status_code == 200
    assert answer.json == {
        "month": "2026-10",
        "opened_at": "2026-11-01T00:00:00+08:00",
        "dealer_due_at": "2026-11-06T00:00:00+08:00",
        "region_due_at": "2026-11-09T00:00:00+08:00",
        "locked_at": "2026-11-21T00:00:00+08:00",
        "state": "open",
        "duties": [
            {"kind": "customer_file", "unit": "D1", "due_at": "2026-11-06T00:00:00+08:00", "state": "open"}
        ],
    }


@pytest.mark.parametrize(
    ("now", "state", "duty"),
    [
        ("2026-10-31 23:59:59", "not_open", "open"),
        ("2026-11-05 23:59:59", "open", "open"),
        ("2026-11-06 00:00:00", "open", "breached"),
        ("2026-11-21 00:00:00", "locked", "breached"),
    ],
)
def test_states_are_worked_out_when_read(
    world: World, api_as: Enter, at: Hands, now: str, state: str, duty: str
) -> None:
    client = api_as(world.actors["clerk"])
    at(now)
    answer = client.get("/months/2026-10").json
    assert answer["state"] == state
    assert [each["state"] for each in answer["duties"]] == [duty]


def test_other_roles_see_their_own_duties(world: World, api_as: Enter) -> None:
    wanted = {"region": ["consolidation"], "store": ["part_file"], "supervisor": [], "admin": []}
    for who, kinds in wanted.items():
        answer = api_as(world.actors[who]).get("/months/2026-10").json
        assert [each["kind"] for each in answer["duties"]] == kinds


@pytest.mark.parametrize("month", ["2026-13", "2026-1", "october", "1999-10", "2026-10-01"])
def test_a_month_is_written_as_one(world: World, api_as: Enter, month: str) -> None:
    assert api_as(world.actors["clerk"]).get(f"/months/{month}").status_code == 422


@pytest.mark.parametrize(
    ("who", "units"),
    [
        ("store", {"S1"}),
        ("clerk", {"D1", "S1", "S2"}),
        ("region", {"R1", "D1", "D2", "S1", "S2", "S3"}),
        ("executive", {"R1", "R2", "R3", "D1", "D2", "D3", "D9", "S1", "S2", "S3"}),
    ],
)
def test_one_sees_the_clocks_of_the_own_subtree(
    world: World, api_as: Enter, who: str, units: set[str]
) -> None:
    items = api_as(world.actors[who]).get("/obligations").json["items"]
    assert {item["unit"] for item in items} == units
    assert [item["due_at"] for item in items] == sorted(item["due_at"] for item in items)
    assert all(item["subject"] == "2026-10" for item in items)


def test_the_list_filters_and_pages(world: World, other: World, api_as: Enter, at: Hands) -> None:
    client = api_as(world.actors["supervisor"])
    for query, count in [
        ("state=open", 10),
        ("state=breached", 0),
        ("kind=consolidation", 3),
        ("unit=D1", 1),
        ("unit=NOWHERE", 0),
        ("kind=part_file&unit=S1&state=open", 1),
    ]:
        assert len(client.get(f"/obligations?{query}").json["items"]) == count, query
    assert client.get("/obligations?state=overdue").status_code == 422
    assert client.get("/obligations?kind=nothing").status_code == 422
    assert api_as(world.actors["clerk"]).get("/obligations?unit=D2").json["items"] == []
    seen, cursor = [], ""
    while True:
        page = client.get(f"/obligations?limit=3{cursor}").json
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 10
    at("2026-11-07 12:00")
    assert len(client.get("/obligations?state=breached").json["items"]) == 7
    assert len(client.get("/obligations?state=open").json["items"]) == 3


def test_a_superior_extends_pauses_resumes_and_waives(world: World, api_as: Enter, at: Hands) -> None:
    key = key_of(world)
    client = api_as(world.actors["supervisor"])
    body = {"due_at": "2026-11-08T00:00:00+08:00", "reason": "洪水"}
    extended = client.post(f"/obligations/{key}/extend", json=body)
    assert extended.status_code == 200
    assert extended.json["due_at"] == "2026-11-08T00:00:00+08:00"
    assert extended.json["first_due_at"] == "2026-11-06T00:00:00+08:00"
    paused = client.post(f"/obligations/{key}/pause", json={"reason": "系统故障"})
    assert paused.json["paused_at"] == "2026-11-03T10:00:00+08:00"
    at.forward(hours=2)
    resumed = client.post(f"/obligations/{key}/resume")
    assert resumed.json["due_at"] == "2026-11-08T02:00:00+08:00"
    waived = client.post(f"/obligations/{key}/waive", json={"reason": "停业"})
    assert waived.json["state"] == "waived"
    assert waived.json["closed_at"] == "2026-11-03T12:00:00+08:00"
    again = client.post(f"/obligations/{key}/waive", json={"reason": "停业"})
    assert (again.status_code, again.json["code"]) == (409, "obligation_closed")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid"),
        ({"due_at": "2026-11-08T00:00:00+08:00", "reason": " "}, "invalid"),
        ({"due_at": "2026-11-08T00:00:00", "reason": "x"}, "invalid"),  # without its offset
        ({"due_at": "soon", "reason": "x"}, "invalid"),
        ({"due_at": "2026-11-01T00:00:00+08:00", "reason": "x"}, "due_in_the_past"),
        ({"due_at": "0001-01-01T00:00:00+14:00", "reason": "x"}, "due_in_the_past"),
        ({"due_at": "9999-12-31T23:59:59-12:00", "reason": "x"}, "due_too_late"),
    ],
)
def test_an_extension_wants_a_later_time_with_its_offset_and_a_reason(
    world: World, api_as: Enter, body: dict[str, str], code: str
) -> None:
    key = key_of(world)
    answer = api_as(world.actors["supervisor"]).post(f"/obligations/{key}/extend", json=body)
    assert (answer.status_code, answer.json["code"]) == (422, code)


def test_refusals_come_in_order(world: World, other: World, api_as: Enter) -> None:
    key, foreign = key_of(world), key_of(other)
    for step in ("extend", "pause", "resume", "waive"):
        path = f"/obligations/{key}/{step}"
        assert api_as(None).post(path, json={}).status_code == 401
        for who in ("admin", "region", "clerk", "officer", "agent", "executive"):
            assert api_as(world.actors[who]).post(path, json={}).status_code == 403
        client = api_as(world.actors["supervisor"])
        for nothing in ("0", "999999999", "nonsense", foreign):
            assert client.post(f"/obligations/{nothing}/{step}", json={}).status_code == 404


def test_R037_superiors_clocks_name_what_was_missed(world: World, api_as: Enter, at: Hands) -> None:
    clocks.sweep(world.network, at("2026-11-06 08:00"))
    key = key_of(world)
    listed = api_as(world.actors["region"]).get("/obligations?kind=escalation&limit=200").json["items"]
    (found,) = [each for each in listed if each["origin"] == key]
    assert (found["unit"], found["level"], found["state"]) == ("R1", 1, "open")
    assert (found["rule"], found["source"]) == ("calendar.escalation", "R037")
    assert found["due_at"] == "2026-11-07T08:00:00+08:00"
    own = api_as(world.actors["clerk"]).get("/obligations?kind=customer_file").json["items"][0]
    assert (own["origin"], own["level"], own["state"]) == (None, 0, "breached")
    assert [
        each["kind"] for each in api_as(world.actors["region"]).get("/months/2026-10").json["duties"]
    ] == ["consolidation"]
