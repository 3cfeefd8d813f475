"""From the rulebook's round on the regional manager must comment: a duty with a clock like all others (R045, R037)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from portal import clocks, network, notices, return_visits
from portal.clocks import Kind, Obligation, State
from portal.core import clock
from portal.core.db import db, finish
from portal.network import UnitLine
from portal.return_visits import Rectification, Report, Visit, queries, service
from tests.conftest import Hands
from tests.factories import World, commander
from tests.return_visits.calling import consolidated, next_call, reach, rows, said

Browse = Callable[..., Any]
COMMENT = Kind.RECTIFICATION_COMMENT
MORNING = "2026-11-05 09:00:00"


def sent_back(world: World, visit: Visit, at: Hands, rounds: int = 1) -> Rectification:
    """Not satisfied so many times more, an hour from one to the next; the dealer reports in between."""
    for _ in range(rounds):
        found = queries.of_visit(visit.id)
        if found is not None:
            at.forward(hours=1)
            return_visits.report(world.as_("clerk"), found.id, Report("已修"))
        agent = world.as_("agent" if visit.last_agent != world.actors["agent"].person_id else "agent2")
        service.claim(agent, visit.id)
        logged = reach(agent, visit, "unsatisfied", note="还是响")
    assert logged.rectification is not None
    return logged.rectification


@pytest.fixture
def visit(world: World, at: Hands) -> Visit:
    at(MORNING)
    consolidated(world, {"D1": rows(1)})
    found = next_call(world)
    assert found is not None
    return found


def owed(world: World, code: str = "R1") -> list[Obligation]:
    """The comments that this region owes or owed, the first one first."""
    world.as_("supervisor")
    chosen = db.select(Obligation).where(
        Obligation.kind == COMMENT, Obligation.unit_id == world.units[code].id
    )
    fresh = {"populate_existing": True}
    return list(db.session.scalars(chosen.order_by(Obligation.id), execution_options=fresh))


def told(world: World, who: str) -> list[str]:
    actor = world.as_(who)
    return [each.words for each in reversed(notices.list_notices(actor).items)]


def test_R045_the_regional_manager_must_comment_from_the_third_round_on(
    world: World, at: Hands, visit: Visit
) -> None:
    """Due within the rulebook's two days, reminded of, gone up when missed, and ended by the comment."""
    sent_back(world, visit, at, 2)
    assert owed(world) == []
    found = sent_back(world, visit, at)
    (duty,) = owed(world)
    begun = clock.now()
    assert (duty.source, duty.rule, duty.month) == ("R045", "return_visits.comment_within", found.month)
    assert (duty.opened_at, duty.due_at) == (begun, begun + timedelta(days=2))
    assert duty.unit_path == world.units["R1"].unit_path
    due = "11月7日（周六）11:00"
    assert told(world, "region")[-1] == f"2026-10 的一位客户仍未满意（第 3 轮）：请于 {due} 前写明如何处理。"
    clocks.sweep(world.network, at(duty.due_at - timedelta(hours=24)))
    assert f"截止 {due}：整改意见 2026-10" in told(world, "region")
    swept = clocks.sweep(world.network, at(duty.due_at))
    assert swept.breached[COMMENT] == 1
    assert sum("已逾期" in words and "整改意见" in words for words in told(world, "region")) == 1
    world.as_("channel")
    (above,) = clocks.queries.levels_of(duty.id)
    assert (above.kind, above.unit_id) == (Kind.ESCALATION, world.units["C1"].id)
    assert any("浙江区" in words and "整改意见" in words for words in told(world, "channel"))
    at.forward(hours=1)
    service.comment(world.as_("region"), found.id, "周日带师傅上门")
    (duty,) = owed(world)
    assert duty.state_at(clock.now()) is State.LATE
    world.as_("supervisor")
    db.session.expire_all()
    assert [each.closed_at is None for each in clocks.queries.levels_of(duty.id)] == [False]
    assert queries.get_rectification(found.id).state == "open"  # the visit does not move by it


def test_the_clock_starts_with_the_round_or_not_at_all(world: World, at: Hands, visit: Visit) -> None:
    sent_back(world, visit, at, 2)
    finish(good=True)
    sent_back(world, visit, at)
    finish(good=False)
    assert owed(world) == []
    sent_back(world, visit, at)
    assert len(owed(world)) == 1


def test_another_round_gives_nobody_more_time_and_one_comment_answers(
    world: World, at: Hands, visit: Visit
) -> None:
    found = sent_back(world, visit, at, 3)
    (first,) = owed(world)
    sent_back(world, visit, at)
    (still,) = owed(world)
    assert (still.id, still.due_at) == (first.id, first.due_at)
    assert "第 4 轮" in told(world, "region")[-1]
    service.comment(world.as_("region"), found.id, "换一家施工队")
    (done,) = owed(world)
    assert done.state_at(clock.now()) is State.MET
    sent_back(world, visit, at)  # the fifth round asks again
    assert [each.state_at(clock.now()) for each in owed(world)] == [State.MET, State.OPEN]


def test_headquarters_does_not_wait_for_the_comment(world: World, at: Hands, visit: Visit) -> None:
    """The customer's word closes the visit; the duty is withdrawn with it, and what was missed stays missed."""
    found = sent_back(world, visit, at, 3)
    (duty,) = owed(world)
    clocks.sweep(world.network, at(duty.due_at))
    at.forward(hours=2)
    return_visits.report(world.as_("clerk"), found.id, Report("重铺"))
    service.claim(world.as_("agent2"), visit.id)
    closed = reach(world.as_("agent2"), visit, "satisfied")
    assert closed.visit.state == "closed"
    (duty,) = owed(world)
    assert duty.state_at(clock.now()) is State.WAIVED
    assert duty.breached_at is not None
    # … and owed again with its limit when that save was a mistake
    logged = return_visits.correct(world.as_("agent2"), visit.id, said("no_answer"))
    assert logged.visit.state == "retry"
    (again,) = owed(world)
    assert (again.state_at(clock.now()), again.due_at) == (State.BREACHED, duty.due_at)


def test_a_closing_by_mistake_brings_the_duty_back_to_the_present_region(
    world: World, at: Hands, visit: Visit
) -> None:
    found = sent_back(world, visit, at, 3)
    return_visits.report(world.as_("clerk"), found.id, Report("重铺"))
    service.claim(world.as_("agent2"), visit.id)
    reach(world.as_("agent2"), visit, "satisfied")
    move(world, "R2")
    return_visits.correct(world.as_("agent2"), visit.id, said("no_answer"))
    assert owed(world) == []
    assert [each.state_at(clock.now()) for each in owed(world, "R2")] == [State.OPEN]


def test_a_round_that_was_a_mistake_asks_for_nothing(world: World, at: Hands, visit: Visit) -> None:
    sent_back(world, visit, at, 3)
    agent = world.as_("agent")
    return_visits.correct(agent, visit.id, said("no_answer"))
    (duty,) = owed(world)
    assert (duty.state_at(clock.now()), duty.waiver_reason) == (State.WAIVED, "corrected")


def test_a_supervisors_waiver_of_the_visit_ends_the_duty(world: World, at: Hands, visit: Visit) -> None:
    sent_back(world, visit, at, 3)
    service.waive(world.as_("supervisor"), visit.id, "客户出国")
    (duty,) = owed(world)
    assert (duty.state_at(clock.now()), duty.waiver_reason) == (State.WAIVED, "客户出国")


def move(world: World, parent: str) -> None:
    line = UnitLine(2, "dealer", "D1", world.units["D1"].name, parent)
    admin = commander(world.network)
    network.import_units(admin, world.network.root_path, [line], clock.now())
    return_visits.follow_units(admin)


def test_the_duty_goes_with_the_dealer_to_its_present_region(world: World, at: Hands, visit: Visit) -> None:
    found = sent_back(world, visit, at, 3)
    (duty,) = owed(world)
    clocks.sweep(world.network, at(duty.due_at))
    assert len(clocks.queries.levels_of(duty.id)) == 1
    at.forward(hours=30)
    move(world, "R2")
    assert owed(world) == []
    (moved,) = owed(world, "R2")
    assert (moved.id, moved.due_at) == (duty.id, clock.now() + timedelta(days=2))  # the whole time again
    assert moved.state_at(clock.now()) is State.OPEN
    assert all(each.closed_at for each in clocks.queries.levels_of(duty.id))  # the old superiors' clocks
    assert told(world, "region2")[-1].startswith("2026-10 的一位客户仍未满意（第 3 轮）")
    assert return_visits.follow_units(commander(world.network)) == 0  # twice is the same as once
    service.comment(world.as_("region2"), found.id, "我接手")
    assert [each.state_at(clock.now()) for each in owed(world, "R2")] == [State.MET]
    move(world, "R1")
    sent_back(world, visit, at)
    assert len(owed(world)) == 1


def test_where_the_region_is_closed_its_channel_comments(world: World, at: Hands, visit: Visit) -> None:
    sent_back(world, visit, at, 2)
    world.as_("supervisor")
    db.session.execute(
        db.text("UPDATE unit SET status = 'closed' WHERE id = :id"), {"id": world.units["R1"].id}
    )
    db.session.expire_all()
    found = sent_back(world, visit, at)
    assert owed(world) == []
    assert len(owed(world, "C1")) == 1
    service.comment(world.as_("channel"), found.id, "渠道跟进")
    assert owed(world, "C1")[0].closed_at is not None


def test_a_region_without_a_manager_is_told_of_to_its_channel(world: World, at: Hands, visit: Visit) -> None:
    world.as_("supervisor")
    db.session.execute(
        db.text("UPDATE membership SET status = 'ended' WHERE id = :id"),
        {"id": world.actors["region"].membership_id},
    )
    sent_back(world, visit, at, 3)
    clocks.sweep(world.network, at.forward(minutes=1))
    assert any("整改意见" in words for words in told(world, "channel"))


# --- pages ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "board", "wanted", "asked"),
    [
        ("zh", "写明如何处理 10 月的一位客户", "1 位客户待区域经理填写意见", "剩 2 天"),
        (
            "en",
            "Say what will be done for a customer of October",
            "1 customer waits for the regional manager’s comment",
            "2 days left",
        ),
    ],
)
def test_the_manager_finds_the_duty_on_the_board_in_the_rail_and_by_the_clock(
    world: World, at: Hands, visit: Visit, browser_as: Browse, lang: str, board: str, wanted: str, asked: str
) -> None:
    found = sent_back(world, visit, at, 3)
    finish(good=True)
    browser = browser_as(world.actors["region"])
    where = f"/rectifications/{found.id}"
    browser.send("/language", {"lang": lang, "next": "/help"}, page="/help")
    start = browser.page("/")
    assert board in start.text
    assert where in start.links
    listed = browser.page("/rectifications")  # what the badge counts is what the list begins with
    assert wanted in listed.text
    assert where in listed.links
    assert asked in listed.text
    assert where in browser.page("/clock?kind=rectification_comment").links
    page = browser.page(where)
    assert asked in page.text
    guard = page.guard
    assert browser.post(f"{where}/comment", data=guard | {"comment": "我周日上门"}).status_code == 303
    assert board not in browser.page("/").text
    assert where not in browser.page("/rectifications?state=comment").links
    assert "我周日上门" in browser_as(world.actors["clerk"]).page(where).text


def test_a_duty_that_a_supervisor_waives_is_wanted_nowhere(
    world: World, at: Hands, visit: Visit, browser_as: Browse
) -> None:
    found = sent_back(world, visit, at, 3)
    (duty,) = owed(world)
    clocks.waive(world.as_("supervisor"), duty.id, "经理住院，总部已处理")
    finish(good=True)
    for who in ("region", "clerk", "supervisor"):
        browser = browser_as(world.actors[who])
        assert "待区域意见" not in browser.page(f"/rectifications/{found.id}").text
    assert "待区域经理填写意见" not in browser_as(world.actors["region"]).page("/rectifications").text


def test_a_dealer_sees_that_a_comment_is_wanted_but_not_the_regions_clock(
    world: World, at: Hands, visit: Visit, browser_as: Browse
) -> None:
    found = sent_back(world, visit, at, 3)
    finish(good=True)
    browser = browser_as(world.actors["clerk"])
    page = browser.page(f"/rectifications/{found.id}")
    assert "待区域意见" in page.text
    assert "填写意见" not in page.text
    assert "rectification_comment" not in browser.get("/api/v1/obligations").text


def test_an_extension_is_what_the_dealers_page_shows(
    world: World, at: Hands, visit: Visit, browser_as: Browse
) -> None:
    found = sent_back(world, visit, at)
    duty = clocks.find(Kind.RECTIFICATION, found.unit_id, found.subject)
    assert duty is not None
    clocks.extend(world.as_("supervisor"), duty.id, clock.now() + timedelta(days=9), "等材料")
    finish(good=True)
    browser = browser_as(world.actors["clerk"])
    assert "剩 9 天" in browser.page("/rectifications").text
    assert "剩 9 天" in browser.page(f"/rectifications/{found.id}").text
    at.forward(days=5)  # past the first limit
    world.as_("clerk")
    assert return_visits.count_overdue(clock.now()) == 0
