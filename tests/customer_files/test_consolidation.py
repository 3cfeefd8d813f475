"""The region's month: board, reminders, consolidation, amendments (R042, R046)."""

import pytest

from portal import clocks
from portal.access import Actor
from portal.clocks import Kind as Duty
from portal.core import clock
from portal.core.errors import Conflict, Invalid, NotAllowed
from portal.customer_files import queries, service
from portal.customer_files.queries import RegionBoard
from portal.customer_files.rules.moves import DealerState
from portal.customer_files.service import Receipt
from tests.conftest import Hands
from tests.customer_files.filing import OCTOBER, received, row, rows, submit, submitted
from tests.factories import World


def consolidate(actor: Actor, world: World, region: str = "R1", **missing: str) -> Receipt:
    return service.consolidate(actor, OCTOBER, world.units[region], requested_at=clock.now(), missing=missing)


def board(world: World, region: str = "R1") -> RegionBoard:
    return queries.region_board(world.units[region], OCTOBER)


def test_R041_the_board_says_where_each_dealer_stands(world: World, at: Hands) -> None:
    submitted(world.as_("clerk"), rows(3))
    received(world.as_("clerk2"), [row(1, phone="12")])
    world.as_("region")
    lines = {line.unit.code: line for line in board(world).dealers}
    assert lines["D1"].state is DealerState.SUBMITTED
    assert (lines["D1"].customers, lines["D1"].people, lines["D1"].on_time) == (3, 3, True)
    assert lines["D2"].state is DealerState.NEEDS_CORRECTION
    assert (lines["D2"].owes, lines["D2"].overdue(clock.now())) == (True, False)
    at("2026-11-06 00:00:00")
    assert [line.unit.code for line in board(world).urgent_first(clock.now())] == ["D2", "D1"]
    assert board(world).counts[DealerState.SUBMITTED] == 1


def test_R042_a_reason_for_each_dealer_that_is_missing(world: World) -> None:
    submitted(world.as_("clerk"), rows(3))
    manager = world.as_("region")
    with pytest.raises(Conflict) as refused:
        consolidate(manager, world)
    assert (refused.value.code, refused.value.extra["dealers"]) == ("dealers_missing", ["D2"])
    with pytest.raises(Invalid) as unknown:
        consolidate(manager, world, D3="x")
    assert unknown.value.code == "unknown_unit"
    receipt = consolidate(manager, world, D2="已停业")
    assert receipt.number == "HQ-202610-R1-01"
    assert receipt.on_time
    done = board(world).latest
    assert done is not None
    assert (done.dealers, done.customers, done.people, done.quantity) == (1, 3, 3, 3)
    duty = clocks.find(Duty.CONSOLIDATION, manager.unit_id, OCTOBER)
    assert duty is not None
    assert duty.closed_at is not None
    assert board(world).state == "consolidated"


@pytest.mark.parametrize(
    ("moment", "on_time"), [("2026-11-08 23:59:59", True), ("2026-11-09 00:00:00", False)]
)
def test_R046_on_time_until_the_end_of_the_eighth(
    world: World, at: Hands, moment: str, on_time: bool
) -> None:
    submitted(world.as_("clerk3"), rows(1))
    at(moment)
    assert consolidate(world.as_("region2"), world, "R2").on_time is on_time


def test_R042_an_amendment_counts_nothing_twice(world: World) -> None:
    submitted(world.as_("clerk3"), rows(3))
    manager = world.as_("region2")
    consolidate(manager, world, "R2")
    with pytest.raises(Conflict) as refused:
        consolidate(manager, world, "R2")
    assert refused.value.code == "nothing_new"
    dealer = world.as_("clerk3")
    # the same three, one with a mended phone, and two more: one of them the same order's second floor
    given = [row(0), row(1, phone="13999999999"), row(2), row(3), row(2, quantity=4)]
    second = submitted(dealer, given)
    manager = world.as_("region2")
    assert board(world, "R2").state == "amendable"
    receipt = consolidate(manager, world, "R2")
    assert receipt.number == "HQ-202610-R2-02"
    done = board(world, "R2").latest
    assert done is not None
    assert (done.number, done.matched, done.customers) == (1, 3, 2)
    line = board(world, "R2").dealers[0]
    assert (line.state, line.customers) == (DealerState.CONSOLIDATED, 5)
    assert queries.get_file(second.id).consolidated_as == 1


def test_what_was_consolidated_is_not_withdrawn(world: World) -> None:
    file = submitted(world.as_("clerk3"), rows(1))
    consolidate(world.as_("region2"), world, "R2")
    dealer = world.as_("clerk3")
    with pytest.raises(Conflict) as refused:
        service.withdraw(dealer, file.id, "错了")
    assert refused.value.code == "wrong_state"
    assert service.revise(dealer, file.id).version == 2


def test_store_parts_are_consolidated_with_their_dealer(world: World) -> None:
    dealer = world.as_("clerk")
    part = received(dealer, rows(2, 5), unit="S1")
    submit(dealer, part, {})
    whole = received(dealer, rows(1))
    submit(dealer, whole, {"S2": "停业"})
    manager = world.as_("region")
    consolidate(manager, world, D2="停业")
    done = board(world).latest
    assert done is not None
    assert (done.customers, done.dealers) == (3, 1)
    assert queries.get_file(part.id).state == "consolidated"


def test_a_channel_manager_acts_only_where_the_region_has_no_manager(world: World) -> None:
    file = submitted(world.as_("clerk3"), rows(1))
    channel = world.as_("channel")
    with pytest.raises(NotAllowed) as refused:
        service.check_in_order(channel, file.id)
    assert refused.value.code == "region_has_manager"
    with pytest.raises(NotAllowed):
        consolidate(channel, world, "R2")


def test_R041_only_who_still_owes_is_reminded(world: World) -> None:
    submitted(world.as_("clerk"), rows(1))
    manager = world.as_("region")
    region = world.units["R1"]
    assert service.remind(manager, OCTOBER, region, ["D1", "D2"], "请尽快") == service.Reminded(
        ["D2"], ["D1"]
    )
    assert service.remind(manager, OCTOBER, region, []).reminded == ["D2"]
    with pytest.raises(Invalid) as refused:
        service.remind(manager, OCTOBER, region, ["D3"])
    assert refused.value.code == "unknown_unit"
    assert next(line for line in board(world).dealers if line.unit.code == "D2").reminded_at == clock.now()
    text = service.who_still_owes(region, OCTOBER)
    assert text == "10 月客户档案：还有 1 家未报，截止 11月5日（周四）24:00\n宁波顺达地板（D2）：未开始"


def test_R042_headquarters_sees_every_region(world: World) -> None:
    submitted(world.as_("clerk3"), rows(2))
    actor = world.as_("supervisor")
    regions = [world.units[code] for code in ("R1", "R2", "R3")]
    boards = {each.region.code: each for each in queries.list_boards(regions, OCTOBER, actor.unit_path)}
    assert {code: len(each.dealers) for code, each in boards.items()} == {"R1": 2, "R2": 1, "R3": 1}
    assert boards["R2"].customers == 2
