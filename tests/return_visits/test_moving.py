"""A dealer that moves takes its visits along; its consolidated months keep the region of that day (domain.md)."""

from collections import defaultdict
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from portal import accounts, network, return_visits
from portal.access import act_as
from portal.core import clock
from portal.core.db import db, finish, look_as
from portal.customer_files import service as files
from portal.network import Unit, UnitLine
from portal.return_visits import Figures, Report, Visit, queries
from portal.return_visits.pages.coverage import Board, board
from portal.return_visits.service.counting import figures_of
from tests.conftest import Hands
from tests.customer_files.filing import submitted
from tests.factories import World, commander
from tests.return_visits.calling import OCTOBER, consolidated, counts_are_right, next_call, reach, rows


def test_a_dealer_that_moves_takes_its_visits_along_and_the_month_keeps_its_region(world: World) -> None:
    consolidated(world, {"D1": rows(3), "D2": rows(1, 20)})
    visit = next_call(world)
    assert visit is not None
    sent_back = reach(world.as_("agent"), visit, "unsatisfied")
    assert sent_back.rectification is not None
    key, held = sent_back.rectification.id, next_call(world)
    assert held is not None
    dealer = world.units["D1"]
    line = UnitLine(2, "dealer", "D1", dealer.name, "R2")
    network.import_units(commander(world.network), world.network.root_path, [line], clock.now())
    # the one that an agent holds is saved as if nothing had been; the new region sees it, the old one no longer
    reach(world.as_("agent"), held, "satisfied")
    for who, seen in (("region2", True), ("region", False), ("supervisor", True)):
        actor = world.as_(who)
        listed = {line.unit.code: line.figures for line in queries.by_dealer(OCTOBER, actor.unit_path)}
        assert ("D1" in listed) is seen
        assert bool(queries.list_rectifications(actor).items) is seen
    moved = db.session.get_one(Unit, dealer.id, populate_existing=True)
    clerk = accounts.actor_of_membership(world.actors["clerk"].person_id or 0, None)
    assert clerk is not None
    assert clerk.unit_path == moved.unit_path
    act_as(clerk)
    look_as(clerk.scope)
    return_visits.report(clerk, key, Report("已修"))
    counts_are_right(world)
    # what was consolidated keeps the region of that day
    regions = {
        each.unit.code: each.figures.people for each in queries.by_region(OCTOBER, world.network.root_path)
    }
    assert regions == {"R1": 4}
    region = queries.by_day(OCTOBER, world.units["R1"])[-1].figures
    assert (region.people, region.visited, region.closed) == (4, 2, 1)


def by_region_of_that_day(month: date = OCTOBER) -> dict[int, Figures]:
    """Headquarters' eyes: each region's figures recounted from the visits themselves."""
    found: dict[int, Figures] = defaultdict(Figures)
    for visit in db.session.scalars(db.select(Visit).where(Visit.month == month)):
        found[visit.region_id] += figures_of(visit)
    return dict(found)


def the_boards_agree(world: World) -> dict[str, Board]:
    """Whoever looks: lines, days and total are the recount, and dealers add up to it but for who has moved."""
    world.as_("supervisor")
    recounted, codes = by_region_of_that_day(), {unit.id: code for code, unit in world.units.items()}
    whole = {codes[key]: figures for key, figures in recounted.items()}
    counts_are_right(world)
    boards = {}
    for who, regions in (
        ("supervisor", ("R1", "R2", "R3")),
        ("channel", ("R1", "R2")),
        ("region", ("R1",)),
        ("region2", ("R2",)),
    ):
        actor = world.as_(who)
        expected = {code: whole[code] for code in regions if code in whole}
        lines = {line.unit.code: line.figures for line in queries.by_region(OCTOBER, actor.unit_path)}
        assert lines == expected, who
        found = boards[who] = board(actor, OCTOBER)
        assert found.figures == sum(expected.values(), Figures()), who
        here = sum(each.figures.people - each.elsewhere for each in found.dealers)
        assert here + found.gone == found.figures.people, who
    return boards


@pytest.mark.parametrize("parent", ["R2", "R3"])
def test_after_a_move_every_line_and_total_agree_with_a_recount(
    world: World, at: Hands, parent: str, browser_as: Callable[..., Any]
) -> None:
    consolidated(world, {"D1": rows(3), "D2": rows(2, 20)})
    boards = the_boards_agree(world)
    assert [(each.come, each.gone) for each in boards.values()] == [([], 0)] * 4
    visit = next_call(world)
    assert visit is not None
    reach(world.as_("agent"), visit, "satisfied")
    dealer = world.units["D1"]
    line = UnitLine(2, "dealer", "D1", dealer.name, parent)
    network.import_units(commander(world.network), world.network.root_path, [line], clock.now())
    boards = the_boards_agree(world)
    assert boards["region"].gone == 3
    assert boards["channel"].gone == (3 if parent == "R3" else 0)  # R3 belongs to no channel
    assert boards["supervisor"].gone == 0
    assert boards["supervisor"].come == boards["channel"].come == []
    assert [(each.unit.code, each.elsewhere, each.where) for each in boards["region2"].come] == (
        [("D1", 3, "浙江区")] if parent == "R2" else []
    )
    # a late file after the move opens its visits with the region of that day
    add_late(world, parent)
    visit = next_call(world)
    assert visit is not None
    reach(world.as_("agent"), visit, "unsatisfied")
    boards = the_boards_agree(world)
    assert {each.unit.code: each.figures.people for each in boards["supervisor"].dealers} == {
        "D1": 4,
        "D2": 2,
    }
    people = {each.unit.code: each.figures.people for each in boards["supervisor"].regions}
    assert people == {"R1": 5, parent: 1}
    finish(good=True)
    text = browser_as(world.actors["region"]).page("/coverage/2026-10").text
    assert "其中 3 人的经销商已调到其他区域，当月仍计入本区域。" in text
    if parent == "R2":
        text = browser_as(world.actors["region2"]).page("/coverage/2026-10").text
        assert f"{dealer.name} 的 3 人计入 浙江区" in text


def add_late(world: World, parent: str) -> None:
    """One customer more of D1, who is consolidated by its present region."""
    clerk = accounts.actor_of_membership(world.actors["clerk"].person_id or 0, None)
    assert clerk is not None
    act_as(clerk)
    look_as(clerk.scope)
    submitted(clerk, [*rows(3), *rows(1, 50)], OCTOBER)
    manager = world.as_("region2" if parent == "R2" else "supervisor")
    region = network.unit_by_code(parent)
    assert region is not None
    missing = {"D3": "停业"} if parent == "R2" else {"D9": "停业"}
    files.consolidate(manager, OCTOBER, region, requested_at=clock.now(), missing=missing)
