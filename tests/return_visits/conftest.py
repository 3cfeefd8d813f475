"""A month to call, and a customer who was sent back to the dealer."""

import pytest

from portal import return_visits
from portal.core.db import finish
from tests.factories import World
from tests.return_visits.calling import consolidated, reach, rows, visits

LATER = "2026-11-05 09:00:00"


@pytest.fixture
def month(world: World, at) -> World:
    """Three people of D1 to be called, their time has come."""
    consolidated(world, {"D1": rows(3)})
    finish(good=True)  # a refusal rolls back no further than here
    at(LATER)
    return world


@pytest.fixture
def sent_back(month: World) -> str:
    """The address of a rectification at D1."""
    visit = visits(month)[0]
    agent = month.as_("agent")
    return_visits.claim(agent, visit.id)
    logged = reach(agent, visit, "unsatisfied", note="走路有响声，电话 13900008888", wish="重铺")
    assert logged.rectification
    address = f"/rectifications/{logged.rectification.id}"
    finish(good=True)
    return address
