"""A dealer that moves takes its visits along; its consolidated months keep the region of that day (domain.md)."""

from portal import accounts, network, return_visits
from portal.access import act_as
from portal.core import clock
from portal.core.db import db, look_as
from portal.network import Unit, UnitLine
from portal.return_visits import Report, queries
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
