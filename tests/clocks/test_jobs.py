"""The minute's sweep as a job: twice is the same as once."""

from portal import clocks
from portal.clocks import jobs
from portal.core.jobs import JOBS
from tests.conftest import Hands
from tests.factories import World


def test_the_sweep_runs_each_minute() -> None:
    assert JOBS["clocks.sweep"].cron == "* * * * *"


def test_the_sweep_twice(world: World, other: World, at: Hands) -> None:
    moment = at("2026-11-06 00:00:00")
    for each in (world, other):
        assert clocks.count_waiting(each.network, moment) == 7
    for _ in range(2):
        jobs.sweep()
        for each in (world, other):
            assert clocks.count_waiting(each.network, moment) == 0
