"""The page of deadlines for each role, and one clock with its forms."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portal import clocks
from portal.clocks import Kind, Obligation, State
from portal.core.db import db, within
from tests.conftest import Hands
from tests.factories import World, commander

OCTOBER = date(2026, 10, 1)
DUE = datetime(2026, 11, 5, 16, tzinfo=UTC)
Enter = Callable[..., Any]


def owed(world: World, code: str = "D1", kind: Kind = Kind.CUSTOMER_FILE) -> Obligation:
    world.as_("supervisor")
    found = clocks.lock_row(kind, world.units[code].id, OCTOBER)
    assert found is not None
    return found


def send(browser: Any, key: int, what: str, **form: str) -> Any:
    return browser.send(f"/clock/{key}/{what}", form, page=f"/clock/{key}")


def test_an_extension_by_a_superior_leaves_the_old_limit_visible(
    world: World, browser_as: Enter, at: Hands
) -> None:
    key = owed(world).id
    supervisor = browser_as(world.actors["supervisor"])
    answer = send(supervisor, key, "extend", **{"e-day": "2026/11/8", "e-reason": "台风停电"})
    assert answer.status_code == 303
    assert owed(world).due_at == datetime(2026, 11, 8, 16, tzinfo=UTC)
    for who in ("supervisor", "clerk"):
        for address in (f"/clock/{key}", "/clock?state=open"):
            page = browser_as(world.actors[who]).get(address).text
            assert "<s>11月5日（周四）24:00</s>" in page, (who, address)
            assert "11月8日（周日）24:00" in page
            assert "台风停电" in page
            assert "supervisor.qy" in page  # who gave it


def test_pause_resume_and_waive_by_form(world: World, browser_as: Enter, at: Hands) -> None:
    key = owed(world).id
    browser = browser_as(world.actors["supervisor"])
    assert send(browser, key, "pause", **{"p-reason": "系统故障"}).status_code == 303
    assert owed(world).paused_at == at.moment
    at.forward(minutes=20)
    page = browser.page(f"/clock/{key}")
    assert "系统故障" in page.text
    assert send(browser, key, "resume").status_code == 303
    assert owed(world).due_at == DUE + timedelta(minutes=20)
    assert send(browser, key, "waive", **{"w-reason": "门店关闭"}).status_code == 303
    assert owed(world).state_at(at.moment) is State.WAIVED
    assert "免除" in browser.page(f"/clock/{key}").text


@pytest.mark.parametrize(
    ("what", "form", "status", "words"),
    [
        ("extend", {"e-day": "2026-11-08", "e-reason": " "}, 422, "Say why"),
        ("extend", {"e-day": "8 Nov", "e-reason": "x"}, 422, "Write the day like 2026-11-08."),
        ("extend", {"e-day": "2026-11-02", "e-reason": "x"}, 422, "must lie in the future"),
        ("extend", {"e-day": "2026-11-04", "e-reason": "x"}, 422, "must be later than the present one"),
        ("extend", {"e-day": "2028-11-04", "e-reason": "x"}, 422, "within a year"),
        ("pause", {"p-reason": ""}, 422, "Say why"),
        ("pause", {"p-reason": "y" * 1001}, 422, "At most 1,000 characters."),
        ("waive", {}, 422, "Say why"),
        ("resume", {}, 409, "This clock is not paused."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_is_kept(
    world: World, browser_as: Enter, what: str, form: dict[str, str], status: int, words: str
) -> None:
    key = owed(world).id
    answer = browser_as(world.actors["supervisor"]).send(
        f"/clock/{key}/{what}?lang=en", form, page=f"/clock/{key}?lang=en"
    )
    assert answer.status_code == status
    assert words in answer.text
    assert "<title>Error: " in answer.text
    for typed in form.values():
        assert typed.strip() in answer.text
    assert owed(world).due_at == DUE


@pytest.mark.parametrize("who", ["clerk", "region", "channel", "officer", "admin"])
def test_whoever_may_not_decide_sees_no_form_and_is_refused(
    world: World, browser_as: Enter, who: str
) -> None:
    key = owed(world).id
    browser = browser_as(world.actors[who])
    page = browser.get(f"/clock/{key}")
    assert page.status_code == 200
    assert f"/clock/{key}/extend" not in page.text
    guard = browser.page("/clock").guard
    for what in ("extend", "pause", "resume", "waive"):
        assert browser.post(f"/clock/{key}/{what}", data=guard).status_code == 403


def test_another_units_clock_is_not_there(world: World, other: World, browser_as: Enter) -> None:
    key = owed(world).id
    for who in ("clerk2", "region2"):
        assert browser_as(world.actors[who]).get(f"/clock/{key}").status_code == 404
    assert browser_as(other.actors["supervisor"]).get(f"/clock/{key}").status_code == 404
    assert browser_as(world.actors["supervisor"]).get("/clock/99999999999").status_code == 404


def test_what_was_sent_and_where_it_went_up_stands_on_its_page(
    world: World, browser_as: Enter, at: Hands
) -> None:
    for moment in ("2026-11-04 20:30", "2026-11-06 00:00", "2026-11-06 08:00"):
        clocks.sweep(world.network, at(moment))
    key = owed(world).id
    page = browser_as(world.actors["supervisor"]).page(f"/clock/{key}?lang=en")
    for words in (
        "Reminded, 24 hours before",
        "The deadline was missed",
        "Told that it is overdue",
        "Went up to 浙江区",
    ):
        assert words in page.text, words
    assert "R047" in page.text  # what follows
    region = browser_as(world.actors["region"])
    assert "督办下级逾期事项" in region.page("/clock?state=open").text
    assert "杭州恒居建材有限公司" in region.page("/clock?state=open&kind=escalation").text
    assert "督办：杭州恒居建材有限公司" in region.page("/").text  # on its board, too


def test_a_duty_that_nobody_holds_shows_on_the_superiors_page(world: World, browser_as: Enter) -> None:
    with within(commander(world.network).whole_network):
        keys = [world.actors[each].membership_id for each in ("principal", "clerk")]
        db.session.execute(
            db.text("UPDATE membership SET status = 'ended' WHERE id = ANY(:keys)"), {"keys": keys}
        )
    page = browser_as(world.actors["region"]).page("/clock?kind=customer_file&lang=en")
    assert page.text.count("Held by nobody") == 1
    assert (
        "Held by nobody" in browser_as(world.actors["region"]).page(f"/clock/{owed(world).id}?lang=en").text
    )


def test_steps_of_cases_are_seen_by_those_who_see_cases_alone(
    world: World, browser_as: Enter, api_as: Enter, at: Hands
) -> None:
    clocks.sweep(world.network, at("2026-11-06 00:00"))
    clocks.sweep(world.network, at("2026-11-06 00:01"))
    world.as_("officer")
    step = clocks.list_obligations(world.actors["officer"], at.moment, kind=Kind.CASE_STEP).items[0].id
    for who, sees in (("officer", True), ("executive", True), ("supervisor", False), ("admin", False)):
        assert browser_as(world.actors[who]).get(f"/clock/{step}").status_code == (200 if sees else 404)
        listed = api_as(world.actors[who]).get("/obligations?kind=case_step").json["items"]
        assert bool(listed) is sees, who
    page = browser_as(world.actors["officer"]).page("/clock")
    assert "处罚案件的下一步" in page.text
    assert "CF-2026-0001" in page.text
    for what in ("pause", "waive"):
        assert (
            api_as(world.actors["supervisor"])
            .post(f"/obligations/{step}/{what}", json={"reason": "x"})
            .status_code
            == 404
        )
