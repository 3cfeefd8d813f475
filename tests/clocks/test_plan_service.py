"""One plan for all deadlines on the real database: reminders, superiors, duties that nobody holds (security.md F2)."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portal import accounts, clocks, notices
from portal.clocks import Kind, Obligation, State, Swept
from portal.clocks.models import ClockStep
from portal.core.db import db, within
from portal.core.scope import Scope
from tests.conftest import Hands
from tests.factories import World, commander

OCTOBER = date(2026, 10, 1)
DUE = datetime(2026, 11, 5, 16, tzinfo=UTC)
FILE = Kind.CUSTOMER_FILE


def swept(world: World, at: Hands, moment: str) -> Swept:
    return clocks.sweep(world.network, at(moment))


def told(world: World, who: str, about: str = "obligation:") -> list[tuple[str, dict[str, Any]]]:
    """What this person was told by the clock, the oldest first: kind and places filled."""
    actor = world.as_(who)
    rows = db.session.execute(
        db.text("SELECT kind, params FROM notice WHERE membership_id = :id AND kind LIKE :about ORDER BY id"),
        {"id": actor.membership_id, "about": f"{about}%"},
    )
    return [(row.kind.partition(":")[2], row.params) for row in rows]


def kinds(world: World, who: str) -> list[str]:
    """What it was told of its own duties, not of those below it."""
    return [kind for kind, _ in told(world, who) if kind in ("reminded", "overdue")]


def owed(world: World, code: str = "D1", kind: Kind = FILE) -> Obligation:
    world.as_("supervisor")
    found = clocks.lock_row(kind, world.units[code].id, OCTOBER)
    assert found is not None
    return found


def meet(world: World, who: str, at: Hands, kind: Kind = FILE) -> None:
    actor = world.as_(who)
    clocks.meet(actor, kind, actor.unit_id, OCTOBER, at.moment)


def steps(world: World) -> Counter[tuple[str, int]]:
    world.as_("supervisor")
    return Counter((each.step, each.obligation_id) for each in db.session.scalars(db.select(ClockStep)))


# --- reminders ----------------------------------------------------------------------------------------------

PLANNED = [
    # the flooring brand's: 48 h, 24 h, 6 h and 2 h before, between 08:00 and 21:00; what falls into the night
    # goes out half an hour before the hours end
    ("2026-11-03 20:30:00", "2026-11-03 20:29:59"),
    ("2026-11-04 20:30:00", "2026-11-04 20:29:59"),
    ("2026-11-05 18:00:00", "2026-11-05 17:59:59"),
    ("2026-11-05 20:30:00", "2026-11-05 20:29:59"),
]


def test_each_reminder_goes_out_once_at_its_time(world: World, at: Hands) -> None:
    swept(world, at, "2026-11-03 10:00")
    for n, (moment, before) in enumerate(PLANNED):
        assert swept(world, at, before).reminded == 0
        assert kinds(world, "clerk") == ["reminded"] * n
        assert swept(world, at, moment).reminded == 7  # four dealers and three stores
        assert swept(world, at, moment).reminded == 0
    for who in ("clerk", "principal", "clerk2", "store"):
        assert kinds(world, who) == ["reminded"] * 4, who
    assert set(steps(world).values()) == {1}
    _, params = told(world, "clerk")[0]
    assert params["due"] == {"zh": "11月5日（周四）24:00", "en": "Thu 5 Nov, 24:00"}
    actor = world.as_("clerk")
    assert notices.list_notices(actor).items[0].words == "截止 11月5日（周四）24:00：客户档案 2026-10"


def test_whoever_has_done_it_meanwhile_hears_nothing(world: World, at: Hands) -> None:
    swept(world, at, "2026-11-03 20:30")
    meet(world, "clerk", at)
    swept(world, at, "2026-11-04 20:30")
    assert kinds(world, "clerk") == kinds(world, "principal") == ["reminded"]
    assert kinds(world, "clerk2") == ["reminded", "reminded"]


@pytest.mark.parametrize("runs", [0, 1, 2, 5])
def test_reminders_that_were_missed_collapse_into_the_newest(world: World, at: Hands, runs: int) -> None:
    at("2026-11-05 19:00")  # three of four were to be sent by now
    for _ in range(runs):
        clocks.sweep(world.network, at.moment)
    assert kinds(world, "clerk") == ["reminded"] * min(runs, 1)
    assert {step for step, _ in steps(world)} - {"unheld"} <= {"before:360", "before:4320"}


def test_a_sweep_three_days_late_reminds_of_nothing_that_has_passed(world: World, at: Hands) -> None:
    found = swept(world, at, "2026-11-08 23:30")
    assert found.breached == {"customer_file": 4, "part_file": 3}
    assert found.reminded == 0  # of the regions' limit at 24:00 neither: it is night
    assert kinds(world, "clerk") == []


def test_at_night_nobody_is_told_and_in_the_morning_only_who_still_owes(world: World, at: Hands) -> None:
    swept(world, at, "2026-11-05 20:30")
    found = swept(world, at, "2026-11-06 00:00")
    assert found.breached["customer_file"] == 4
    assert found.escalated == 0
    assert kinds(world, "clerk") == kinds(world, "clerk2") == ["reminded"]
    at("2026-11-06 07:50")
    meet(world, "clerk", at)
    assert swept(world, at, "2026-11-06 07:59:59").escalated == 0
    swept(world, at, "2026-11-06 08:00")
    assert kinds(world, "clerk") == ["reminded"]
    assert kinds(world, "clerk2") == ["reminded", "overdue"]


def test_a_limit_in_a_holiday_is_reminded_of_before_it(world: World, at: Hands) -> None:
    """September's file is due on 5 October 24:00, in the national holiday: the last workday is 30 September."""
    actor = commander(world.network)
    opened = at("2026-09-28 10:00")
    unit = world.units["D1"]
    clocks.open_obligation(
        actor,
        Kind.RETURNED_FILE,
        unit,
        77,
        rule="x",
        source="R041",
        rulebook_version=1,
        opened_at=opened,
        due_at=datetime(2026, 10, 5, 16, tzinfo=UTC),
        month=date(2026, 8, 1),
    )

    def returned() -> int:
        return sum(params["duty"]["text"] == "Returned file" for _, params in told(world, "clerk"))

    def sent(moment: str) -> int:
        before = returned()
        swept(world, at, moment)
        return returned() - before

    assert sent("2026-09-30 07:59") == 0
    assert sent("2026-09-30 08:00") == 1
    assert sent("2026-10-03 20:30") == 1


def test_a_limit_that_was_extended_is_reminded_of_anew_and_the_old_one_no_more(
    world: World, at: Hands
) -> None:
    swept(world, at, "2026-11-04 20:30")
    actor = world.as_("supervisor")
    at("2026-11-05 12:00")
    clocks.extend(actor, owed(world).id, DUE + timedelta(days=3), "typhoon")
    swept(world, at, "2026-11-05 20:30")
    assert kinds(world, "clerk") == ["reminded"]
    swept(world, at, "2026-11-06 20:30")  # 48 h before the new one
    assert kinds(world, "clerk") == ["reminded", "reminded"]
    assert [params["due"]["en"] for kind, params in told(world, "clerk") if kind == "reminded"] == [
        "Thu 5 Nov, 24:00",
        "Sun 8 Nov, 24:00",
    ]


def test_a_paused_clock_reminds_nobody_and_goes_on_where_it_stood(world: World, at: Hands) -> None:
    swept(world, at, "2026-11-04 20:30")
    actor = world.as_("supervisor")
    at("2026-11-05 12:00")
    clocks.pause(actor, owed(world).id, "the network is down")
    assert swept(world, at, "2026-11-06 12:00").breached["customer_file"] == 3
    assert kinds(world, "clerk") == ["reminded"]
    world.as_("supervisor")
    clocks.resume(actor, owed(world).id)
    swept(world, at, "2026-11-06 12:01")
    assert kinds(world, "clerk") == ["reminded"]
    swept(world, at, "2026-11-06 18:00")  # 6 h before its new limit, a day later
    assert kinds(world, "clerk") == ["reminded", "reminded"]


# --- superiors ----------------------------------------------------------------------------------------------


def above(world: World, code: str, kind: Kind = FILE) -> list[Obligation]:
    """The superiors' clocks."""
    origin = owed(world, code, kind)
    chosen = db.select(Obligation).where(Obligation.origin_id == origin.id).order_by(Obligation.level)
    return list(db.session.scalars(chosen.execution_options(populate_existing=True)))


def levels(world: World, code: str, kind: Kind = FILE) -> list[tuple[str, int, State]]:
    codes = {unit.id: unit.code for unit in world.units.values()}
    return [
        (codes[each.unit_id], each.level, each.state_at(each.closed_at or DUE + timedelta(days=30)))
        for each in above(world, code, kind)
    ]


def test_R037_what_is_missed_goes_up_level_by_level_each_with_a_clock_of_its_own(
    world: World, at: Hands
) -> None:
    """A silent store: its dealer has 24 h, then the region, the channel and headquarters."""
    for who in ("clerk", "clerk2", "clerk3", "clerk9", "store2", "store3"):
        meet(world, who, at, FILE if who.startswith("clerk") else Kind.PART_FILE)
    swept(world, at, "2026-11-06 00:00")
    assert levels(world, "S1", Kind.PART_FILE) == []
    seen = []
    for moment in ("06 08:00", "06 12:00", "07 07:59", "07 08:00", "08 08:00", "08 09:00", "09 08:00"):
        found = swept(world, at, f"2026-11-{moment}")
        seen.append((found.escalated, [code for code, _, _ in levels(world, "S1", Kind.PART_FILE)]))
    assert seen == [
        (1, ["D1"]),
        (0, ["D1"]),
        (0, ["D1"]),
        (1, ["D1", "R1"]),
        (1, ["D1", "R1", "C1"]),
        (0, ["D1", "R1", "C1"]),
        (seen[6][0], ["D1", "R1", "C1", "HQ"]),  # beside it regions that have not consolidated
    ]
    assert kinds(world, "store").count("overdue") == 1
    for who in ("principal", "region", "channel", "supervisor"):
        about = [params["unit"] for kind, params in told(world, who) if kind == "escalated"]
        assert about.count("杭州西湖店") == 1, who
    duty = next(each for each in clocks.duties_of(world.units["R1"].id) if each.kind == Kind.ESCALATION)
    assert (duty.source, duty.rule, duty.month) == ("R037", "calendar.escalation", None)
    assert duty.due_at - duty.opened_at == timedelta(hours=24)


def test_superiors_clocks_stop_when_it_is_done_late(world: World, at: Hands) -> None:
    swept(world, at, "2026-11-06 00:00")
    swept(world, at, "2026-11-06 08:00")
    assert levels(world, "D1") == [("R1", 1, State.BREACHED)]
    at("2026-11-06 11:00")
    meet(world, "clerk", at)
    assert levels(world, "D1") == [("R1", 1, State.MET)]
    swept(world, at, "2026-11-07 08:00")
    assert levels(world, "D1") == [("R1", 1, State.MET)]
    assert [code for code, _, _ in levels(world, "D2")] == ["R1", "C1"]


def withdraw(world: World) -> None:
    actor = world.as_("clerk")
    clocks.reopen(actor, FILE, actor.unit_id, OCTOBER, "wrong file")


def test_superiors_clocks_go_on_where_what_was_done_late_is_withdrawn(world: World, at: Hands) -> None:
    """Nobody gets rid of the superior by filing something and taking it back; and nobody is told twice."""
    swept(world, at, "2026-11-06 08:00")
    at("2026-11-06 11:00")
    meet(world, "clerk", at)
    swept(world, at, "2026-11-06 11:30")
    at("2026-11-06 12:00")
    withdraw(world)
    for moment in ("06 12:01", "06 12:02", "07 07:59"):
        swept(world, at, f"2026-11-{moment}")
        assert levels(world, "D1") == [("R1", 1, State.BREACHED)], moment
    assert [(each.due_at, each.closed_at) for each in above(world, "D1")] == [(at("2026-11-07 08:00"), None)]
    swept(world, at, "2026-11-07 08:00")
    assert [code for code, _, _ in levels(world, "D1")] == ["R1", "C1"]
    assert kinds(world, "clerk").count("overdue") == 1
    for who in ("region", "channel"):
        about = [params["unit"] for kind, params in told(world, who) if kind == "escalated"]
        assert about.count("杭州恒居建材有限公司") == 1, who
    at("2026-11-07 09:00")
    meet(world, "clerk", at)
    assert all(each.closed_at == at.moment for each in above(world, "D1"))


def test_what_was_done_late_before_any_sweep_and_withdrawn_goes_up_once(world: World, at: Hands) -> None:
    at("2026-11-06 00:30")
    meet(world, "clerk", at)
    withdraw(world)
    for moment in ("06 01:00", "06 08:00", "06 08:01", "06 12:00"):
        swept(world, at, f"2026-11-{moment}")
    assert levels(world, "D1") == [("R1", 1, State.BREACHED)]
    assert kinds(world, "clerk").count("overdue") == 1


@pytest.mark.parametrize("decision", ["extend", "waive"])
def test_superiors_clocks_stop_by_a_superiors_decision(world: World, at: Hands, decision: str) -> None:
    swept(world, at, "2026-11-06 08:00")
    actor = world.as_("supervisor")
    key = owed(world).id
    at("2026-11-06 09:00")
    if decision == "extend":
        clocks.extend(actor, key, at.moment + timedelta(days=2), "x")
    else:
        clocks.waive(actor, key, "x")
    assert levels(world, "D1") == [("R1", 1, State.MET)]
    swept(world, at, "2026-11-07 12:00")
    assert levels(world, "D1") == [("R1", 1, State.MET)]


def test_a_level_at_which_nobody_is_left_is_passed_over(world: World, at: Hands) -> None:
    """R3 has no manager: what D9 misses goes to headquarters at once."""
    swept(world, at, "2026-11-06 08:00")
    assert [code for code, _, _ in levels(world, "D9")] == ["HQ"]


def test_a_region_without_a_manager_is_consolidated_by_whoever_stands_above(world: World, at: Hands) -> None:
    with within(commander(world.network).whole_network):
        end(world, "region2")
    swept(world, at, "2026-11-08 18:00")
    due = [params for kind, params in told(world, "channel") if kind == "reminded"]
    assert [each["duty"]["text"] for each in due] == ["Monthly consolidation"]


def test_another_network_is_not_touched(world: World, other: World, at: Hands) -> None:
    swept(world, at, "2026-11-06 08:00")
    assert kinds(other, "clerk") == kinds(other, "supervisor") == []
    other.as_("supervisor")
    assert db.session.scalar(db.select(db.func.count()).select_from(ClockStep)) == 0


# --- duties that nobody holds -------------------------------------------------------------------------------


def end(world: World, *who: str) -> None:
    keys = [world.actors[each].membership_id for each in who]
    db.session.execute(
        db.text("UPDATE membership SET status = 'ended' WHERE id = ANY(:keys)"), {"keys": keys}
    )


def test_a_duty_that_nobody_holds_is_reported_once_before_its_deadline(world: World, at: Hands) -> None:
    first = swept(world, at, "2026-11-03 10:00")
    assert first.unheld == 1  # R3 never had a manager: headquarters hears of it
    assert [params["unit"] for kind, params in told(world, "supervisor") if kind == "unheld"] == ["直管区"]
    with within(commander(world.network).whole_network):
        end(world, "principal", "clerk")
    assert swept(world, at, "2026-11-03 22:00").unheld == 0  # not at night
    assert swept(world, at, "2026-11-04 08:00").unheld == 1
    assert swept(world, at, "2026-11-04 08:01").unheld == 0
    assert [params["unit"] for kind, params in told(world, "region") if kind == "unheld"] == [
        "杭州恒居建材有限公司"
    ]
    assert steps(world)["unheld", owed(world).id] == 1


def test_one_who_is_left_is_enough_and_a_closed_account_is_none(world: World, at: Hands) -> None:
    swept(world, at, "2026-11-03 10:00")
    with within(commander(world.network).whole_network):
        end(world, "principal")
        assert clocks.sweep(world.network, at("2026-11-04 10:00")).unheld == 0
        db.session.execute(
            db.text("UPDATE person SET status = 'disabled' WHERE id = :id"),
            {"id": world.actors["clerk"].person_id},
        )
    assert swept(world, at, "2026-11-04 10:01").unheld == 1


def test_a_duty_that_comes_due_in_the_night_is_reported_at_once(world: World, at: Hands) -> None:
    swept(world, at, "2026-11-05 12:00")
    with within(commander(world.network).whole_network):
        end(world, "clerk2")
    assert swept(world, at, "2026-11-05 23:00").unheld == 1  # its limit comes before the morning
    assert swept(world, at, "2026-11-06 08:00").unheld == 0


def test_the_contract_of_a_person_that_came_back_is_no_news(world: World, at: Hands) -> None:
    with within(commander(world.network).whole_network):
        end(world, "clerk3")
    assert swept(world, at, "2026-11-03 10:00").unheld == 2
    with within(Scope.below(world.network.id, world.network.root_path)):
        db.session.execute(db.text("UPDATE membership SET status = 'active' WHERE status = 'ended'"))
    assert swept(world, at, "2026-11-03 10:01").unheld == 0
    swept(world, at, "2026-11-03 20:30")
    assert kinds(world, "clerk3") == ["reminded"]
    assert accounts.names_of([world.actors["clerk3"].person_id or 0])
