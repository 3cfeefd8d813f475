"""Limits in working time through the service: begun, paused and run on, over weekends, holidays and make-up days."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from portal import clocks, rulebook
from portal.clocks import Kind, State
from portal.core.db import finish
from portal.rulebook import Term
from portal.rulebook.rules.values import term
from tests.conftest import NOW, ApiClient, Hands
from tests.factories import World, a_world

SHANGHAI = ZoneInfo("Asia/Shanghai")


def shanghai(moment: datetime) -> str:
    return f"{moment.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"


def begin(world: World, at: Hands, text: str) -> int:
    """A returned file, due within this term from now on."""
    actor = world.as_("region")
    within: Term = term(text)
    made = clocks.open_obligation(
        actor,
        Kind.RETURNED_FILE,
        world.units["D1"],
        17,
        rule="customer_file.returned_within",
        source="R041",
        rulebook_version=1,
        opened_at=at.moment,
        due_at=clocks.term_end(world.network.id, 1, at.moment, within),
        counts=within.counts,
    )
    finish(good=True)
    return made.id


# Friday is the 6th of November 2026; 1 to 7 October are holidays, Saturday the 10th of October is worked
PAUSED = [
    # term, begun, due at first; paused, runs on, due then
    (
        "8wh",
        "2026-11-06 16:00",
        "2026-11-09 16:30",
        "2026-11-06 17:00",
        "2026-11-09 10:00",
        "2026-11-10 09:30",
    ),
    (
        "8wh",
        "2026-11-06 16:00",
        "2026-11-09 16:30",
        "2026-11-06 18:00",
        "2026-11-08 12:00",
        "2026-11-09 16:30",
    ),
    (
        "8wh",
        "2026-09-30 16:00",
        "2026-10-08 16:30",
        "2026-09-30 17:00",
        "2026-10-08 08:30",
        "2026-10-08 17:00",
    ),
    (
        "4wh",
        "2026-10-09 16:00",
        "2026-10-10 11:00",
        "2026-10-10 09:00",
        "2026-10-10 13:30",
        "2026-10-10 15:30",
    ),
    (
        "2wd",
        "2026-11-06 16:00",
        "2026-11-11 00:00",
        "2026-11-07 09:00",
        "2026-11-08 18:00",
        "2026-11-11 00:00",
    ),
    (
        "2wd",
        "2026-11-06 16:00",
        "2026-11-11 00:00",
        "2026-11-09 09:00",
        "2026-11-11 09:00",
        "2026-11-13 00:00",
    ),
    (
        "48h",
        "2026-11-06 16:00",
        "2026-11-08 16:00",
        "2026-11-06 17:00",
        "2026-11-09 10:00",
        "2026-11-11 09:00",
    ),
]


@pytest.mark.parametrize(("text", "begun", "due", "paused", "resumed", "then"), PAUSED)
def test_a_pause_gives_back_what_the_clock_counts(
    world: World,
    api_as: Callable[..., ApiClient],
    at: Hands,
    text: str,
    begun: str,
    due: str,
    paused: str,
    resumed: str,
    then: str,
) -> None:
    at(begun)
    key = begin(world, at, text)
    dealer, superior = api_as(world.actors["clerk"]), api_as(world.actors["supervisor"])

    def shown() -> dict[str, Any]:
        (found,) = dealer.get("/obligations?kind=returned_file").json["items"]
        return found  # type: ignore[no-any-return]

    assert shanghai(datetime.fromisoformat(shown()["due_at"])) == due
    at(paused)
    assert superior.post(f"/obligations/{key}/pause", json={"reason": "no power"}).status_code == 200
    at(resumed)
    clocks.sweep(world.network, at.moment)
    finish(good=True)
    assert shown()["state"] == "open"  # a clock that stands is not missed
    answer = superior.post(f"/obligations/{key}/resume")
    assert answer.status_code == 200, answer.text
    found = shown()
    assert shanghai(datetime.fromisoformat(found["due_at"])) == then
    assert shanghai(datetime.fromisoformat(found["first_due_at"])) == due


def test_what_is_missed_in_working_time_is_missed_at_its_end(world: World, at: Hands) -> None:
    at("2026-11-06 16:00")
    key = begin(world, at, "8wh")

    def state(moment: str) -> State:
        clocks.sweep(world.network, at(moment))
        finish(good=True)
        world.as_("supervisor")
        found = clocks.find(Kind.RETURNED_FILE, world.units["D1"].id, 17)
        assert found is not None
        assert found.id == key
        return found.state_at(at.moment)

    assert state("2026-11-09 16:29:59") is State.OPEN
    assert state("2026-11-09 16:30:00") is State.BREACHED


BOOKS = [
    # a file that is returned on a Friday at 16:00; the flooring brand counts hours as they run
    ("flooring", "48h", "2026-11-08 16:00"),
    ("equipment", "2wd", "2026-11-11 00:00"),
    ("aluminium", "3wd", "2026-11-12 00:00"),
    ("manufacturer", "4wd", "2026-11-13 00:00"),
    ("machinery", "16wh", "2026-11-10 17:00"),
]


@pytest.mark.parametrize(("book", "text", "due"), BOOKS)
def test_each_brand_s_returned_file_is_due_by_its_own_time(
    app: Any, api_as: Callable[..., ApiClient], at: Hands, book: str, text: str, due: str
) -> None:
    """A rulebook is data: the same return, five limits."""
    at("2026-11-02 10:00")
    world = a_world(f"b{book[:3]}", now=NOW, book=book)
    clerk, store, region = (api_as(world.actors[who]) for who in ("clerk", "store", "region"))
    assert rulebook.at_version(world.network.id, 1).customer_file.returned_within == term(text)
    nil = {"month": "2026-10", "nil": True, "reason": "none"}
    for who in (store, clerk):
        made = who.post("/customer-files", json=nil)
        assert made.status_code == 202, made.text
        missing = [{"unit": "S2", "reason": "closed"}] if who is clerk else []
        sent = who.post(f"/customer-files/{made.json['id']}/submit", json={"missing": missing})
        assert sent.status_code == 200, sent.text
    at("2026-11-06 16:00")
    back = region.post(f"/customer-files/{made.json['id']}/return", json={"reason": "Say more.", "rows": []})
    assert back.status_code == 200, back.text
    (duty,) = clerk.get("/obligations?kind=returned_file").json["items"]
    assert shanghai(datetime.fromisoformat(duty["due_at"])) == due
