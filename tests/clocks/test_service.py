"""Clocks on the real database: opened once, met once, breached once, decided by superiors alone."""

from datetime import UTC, date, datetime, timedelta

import pytest

from portal import clocks, network
from portal.access import Actor
from portal.clocks import Kind, MonthState, Obligation, State
from portal.core import events
from portal.core.db import db, within
from portal.core.errors import Conflict, Invalid, NotAllowed, NotFound
from portal.network import UnitLine
from tests.conftest import Hands
from tests.factories import World, commander

OCTOBER = date(2026, 10, 1)
DUE = datetime(2026, 11, 5, 16, tzinfo=UTC)
FILE = Kind.CUSTOMER_FILE


def owed(world: World, code: str = "D1", kind: Kind = FILE) -> Obligation:
    found = clocks.lock_row(kind, world.units[code].id, OCTOBER)
    assert found is not None
    return found


def trail(action: str) -> list[events.Event]:
    chosen = db.select(events.Event).where(events.Event.action == action).order_by(events.Event.id)
    return list(db.session.scalars(chosen))


def supervisor(world: World) -> Actor:
    return world.as_("supervisor")


# --- opening ------------------------------------------------------------------------------------------------


def test_R041_R042_every_unit_owes_the_month_once(world: World, at: Hands) -> None:
    world.as_("supervisor")
    opened = {(duty.unit_id, duty.kind): duty for duty in clocks.month_duties(OCTOBER)}
    kinds = {"dealer": Kind.CUSTOMER_FILE, "store": Kind.PART_FILE, "region": Kind.CONSOLIDATION}
    wanted = {(unit.id, kinds[unit.kind]) for unit in world.units.values() if unit.kind in kinds}
    assert set(opened) == wanted
    for (_, kind), duty in opened.items():
        assert duty.due_at == (DUE + timedelta(days=3) if kind is Kind.CONSOLIDATION else DUE)
        assert (duty.rule, duty.source) == (
            ("windows.region", "R042") if kind is Kind.CONSOLIDATION else ("windows.dealer", "R041")
        )
        assert duty.first_due_at == duty.due_at
        assert duty.opened_at == datetime(2026, 10, 31, 16, tzinfo=UTC)
        assert duty.rulebook_version == 1
    assert clocks.open_months(world.network, at.moment) == 0


def test_a_locked_month_and_a_month_to_come_open_nothing(world: World, at: Hands) -> None:
    assert clocks.open_months(world.network, at("2026-11-21 00:00:00")) == 0
    assert clocks.open_months(world.network, at("2026-11-30 23:59:59.999")) == 0
    assert clocks.open_months(world.network, at("2026-12-01 00:00:00")) == 10


@pytest.mark.parametrize(
    ("joined", "owes"), [("2026-11-05 23:59:59.999", True), ("2026-11-06 00:00:00", False)]
)
def test_a_unit_that_joins_before_the_deadline_owes_the_month(
    world: World, at: Hands, joined: str, owes: bool
) -> None:
    now = at(joined)
    lines = [
        UnitLine(2, "dealer", "NEW", "新经销商", "R1"),
        UnitLine(3, "store", "NEWS", "新店", "NEW"),
        UnitLine(4, "region", "NEWR", "新区", "C1"),
    ]
    network.import_units(commander(world.network), world.network.root_path, lines, now)
    assert clocks.open_months(world.network, now) == (3 if owes else 0)
    assert clocks.open_months(world.network, at("2026-12-01 00:00:00")) == 13


def test_a_closed_unit_owes_nothing_new(world: World, at: Hands) -> None:
    commander(world.network)
    db.session.get_one(network.Unit, world.units["S3"].id).status = "closed"
    db.session.flush()
    assert clocks.open_months(world.network, at("2026-12-01 00:00:00")) == 9


def test_one_clock_for_each_kind_unit_and_subject(world: World, at: Hands) -> None:
    actor = world.as_("region")
    unit = world.units["D1"]
    first = clocks.open_obligation(
        actor,
        Kind.RETURNED_FILE,
        unit,
        4711,
        rule="customer_file.returned_within",
        source="R041",
        rulebook_version=1,
        opened_at=at.moment,
        due_at=at.moment + timedelta(hours=48),
        month=OCTOBER,
    )
    again = clocks.open_obligation(
        actor,
        Kind.RETURNED_FILE,
        unit,
        4711,
        rule="customer_file.returned_within",
        source="R041",
        rulebook_version=1,
        opened_at=at.forward(hours=1),
        due_at=at.moment + timedelta(hours=48),
        month=OCTOBER,
    )
    assert again.id == first.id
    assert again.due_at == first.due_at
    assert [event.object_id for event in trail("obligation:opened")] == [str(first.id)]
    world.as_("clerk")
    assert [duty.kind for duty in clocks.duties_of(unit.id)] == [Kind.RETURNED_FILE, FILE]


def test_of_much_that_is_owed_the_earliest_come_first(world: World, at: Hands) -> None:
    """After a month that nobody filed, headquarters owes a look at each: its start page shows so many, and no more."""
    for moment in ("2026-11-06 08:00", "2026-11-07 08:00", "2026-11-08 08:00", "2026-11-09 08:00"):
        clocks.sweep(world.network, at(moment))
    supervisor(world)
    owed_here = clocks.duties_of(world.units["HQ"].id)
    assert len(owed_here) > 4
    assert clocks.duties_of(world.units["HQ"].id, limit=3) == owed_here[:3]
    assert list(owed_here) == sorted(owed_here, key=lambda duty: (duty.due_at, duty.id))


# --- meeting ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("judged", "state"),
    [
        ("2026-11-05 23:59:59.999999", State.MET),
        ("2026-11-06 00:00:00", State.LATE),
    ],
)
def test_R041_on_time_or_late(world: World, at: Hands, judged: str, state: State) -> None:
    actor = world.as_("clerk")
    moment = at(judged)
    found = clocks.meet(actor, FILE, world.units["D1"].id, OCTOBER, moment)
    assert found is not None
    assert found.state_at(at.forward(days=9)) is state
    assert clocks.duties_of(world.units["D1"].id) == []


def test_done_twice_stays_as_first_judged(world: World, at: Hands) -> None:
    actor = world.as_("clerk")
    first = at.moment
    clocks.meet(actor, FILE, world.units["D1"].id, OCTOBER, first)
    clocks.meet(actor, FILE, world.units["D1"].id, OCTOBER, at("2026-11-07 12:00"))
    assert owed(world).judged_at == first
    assert len(trail("obligation:met")) == 1


def test_a_withdrawn_file_is_owed_again_with_its_limit(world: World, at: Hands) -> None:
    actor = world.as_("clerk")
    unit_id = world.units["D1"].id
    clocks.meet(actor, FILE, unit_id, OCTOBER, at.moment)
    clocks.reopen(actor, FILE, unit_id, OCTOBER, "wrong file")
    found = owed(world)
    assert (found.state_at(at.moment), found.due_at, found.closed_at) == (State.OPEN, DUE, None)
    assert found.state_at(DUE) is State.BREACHED
    assert [duty.kind for duty in clocks.duties_of(unit_id, OCTOBER)] == [FILE]
    assert trail("obligation:reopened")[0].after["reason"] == "wrong file"


def test_a_unit_that_owes_nothing_meets_nothing(world: World, at: Hands) -> None:
    actor = world.as_("supervisor")
    assert clocks.meet(actor, FILE, world.units["R1"].id, OCTOBER, at.moment) is None
    assert clocks.reopen(actor, FILE, world.units["R1"].id, OCTOBER, "x") is None


# --- decisions ----------------------------------------------------------------------------------------------


def test_an_extension_keeps_the_first_limit_visible(world: World, at: Hands) -> None:
    actor = supervisor(world)
    later = DUE + timedelta(days=2)
    found = clocks.extend(actor, owed(world).id, later, "flood")
    assert (found.first_due_at, found.due_at, found.extension_reason) == (DUE, later, "flood")
    assert found.extended_by == actor.person_id
    assert found.state_at(DUE + timedelta(days=1)) is State.OPEN
    event = trail("obligation:extended")[-1]
    assert event.before["due_at"].startswith("2026-11-05T16:00")
    assert event.after["reason"] == "flood"


def test_a_breach_can_be_extended_and_is_breached_anew_once(world: World, at: Hands) -> None:
    clocks.sweep(world.network, at("2026-11-06 00:00:00"))
    actor = supervisor(world)
    later = at("2026-11-06 08:00") + timedelta(hours=4)
    found = clocks.extend(actor, owed(world).id, later, "flood")
    assert found.breached_at is None
    assert clocks.sweep(world.network, at("2026-11-06 11:59:59")).breached == {}
    assert clocks.sweep(world.network, at("2026-11-06 12:00:00")).breached == {"customer_file": 1}


@pytest.mark.parametrize(
    ("due_at", "code"),
    [
        (datetime(2026, 11, 3, 2, tzinfo=UTC), "due_in_the_past"),  # now
        (DUE, "due_not_later"),
        (DUE - timedelta(hours=1), "due_not_later"),
        (datetime(2028, 1, 1, tzinfo=UTC), "due_too_late"),
        (datetime.max.replace(tzinfo=UTC), "due_too_late"),
        (datetime.min.replace(tzinfo=UTC), "due_in_the_past"),
    ],
)
def test_an_extension_is_later_than_now_and_before(world: World, due_at: datetime, code: str) -> None:
    actor = supervisor(world)
    with pytest.raises(Invalid) as refused:
        clocks.extend(actor, owed(world).id, due_at, "x")
    assert refused.value.code == code
    assert refused.value.errors[0].pointer == "/due_at"


def test_a_pause_gives_its_time_back(world: World, at: Hands) -> None:
    actor = supervisor(world)
    at("2026-11-05 12:00")
    clocks.pause(actor, owed(world).id, "the network was down")
    assert clocks.sweep(world.network, at("2026-11-06 12:00")).breached.get("customer_file") == 3
    found = clocks.resume(actor, owed(world).id)
    assert (found.due_at, found.first_due_at, found.paused_seconds) == (DUE + timedelta(days=1), DUE, 86_400)
    assert found.state_at(at.moment) is State.OPEN
    assert clocks.sweep(world.network, at("2026-11-07 00:00")).breached == {"customer_file": 1}


def test_what_is_done_while_paused_is_judged_by_the_stopped_clock(world: World, at: Hands) -> None:
    actor = supervisor(world)
    at("2026-11-05 12:00")
    clocks.pause(actor, owed(world).id, "x")
    moment = at("2026-11-09 12:00")
    found = clocks.meet(world.as_("clerk"), FILE, world.units["D1"].id, OCTOBER, moment)
    assert found is not None
    assert found.state_at(moment) is State.MET
    assert found.paused_at is None


def test_a_waiver_ends_the_duty(world: World, at: Hands) -> None:
    actor = supervisor(world)
    found = clocks.waive(actor, owed(world).id, "closed for renovation")
    assert found.state_at(DUE) is State.WAIVED
    assert found.closed_at == at.moment
    assert clocks.meet(actor, FILE, world.units["D1"].id, OCTOBER, at.moment) is found
    assert found.state_at(DUE) is State.WAIVED


def test_only_what_runs_can_be_decided_upon(world: World, at: Hands) -> None:
    actor = supervisor(world)
    key = owed(world).id
    with pytest.raises(Conflict, match="not_paused"):
        clocks.resume(actor, key)
    clocks.pause(actor, key, "x")
    with pytest.raises(Conflict, match="already_paused"):
        clocks.pause(actor, key, "x")
    clocks.waive(actor, key, "x")
    for refused in (
        lambda: clocks.extend(actor, key, DUE + timedelta(days=1), "x"),
        lambda: clocks.pause(actor, key, "x"),
        lambda: clocks.resume(actor, key),
        lambda: clocks.waive(actor, key, "x"),
    ):
        with pytest.raises(Conflict, match="obligation_closed"):
            refused()
    at("2026-11-06 00:00:00")
    with pytest.raises(Conflict, match="past_due"):
        clocks.pause(actor, owed(world, "D2").id, "x")


def test_nobody_decides_on_the_own_unit_or_on_others(world: World, other: World) -> None:
    clerk = world.as_("clerk")
    key = owed(world).id
    with pytest.raises(NotAllowed, match="own_unit"):
        clocks.waive(clerk, key, "x")
    for network_, who in ((world, "clerk2"), (world, "region2"), (other, "supervisor")):
        with pytest.raises(NotFound):
            clocks.waive(network_.as_(who), key, "x")


# --- the month ----------------------------------------------------------------------------------------------


def test_late_files_are_taken_until_the_lock(world: World, at: Hands) -> None:
    supervisor(world)
    found = owed(world)

    def state(written: str, duty: Obligation | None = None) -> MonthState:
        return clocks.month_state(world.network.id, OCTOBER, at(written), duty)

    assert state("2026-10-31 23:59:59") is MonthState.NOT_OPEN
    assert state("2026-11-01 00:00:00") is MonthState.OPEN
    assert state("2026-11-20 23:59:59") is MonthState.OPEN
    assert state("2026-11-21 00:00:00", found) is MonthState.LOCKED


def test_an_exception_opens_one_unit_and_one_month(world: World, at: Hands) -> None:
    actor = supervisor(world)
    at("2026-11-25 12:00")
    found = clocks.unlock(actor, owed(world).id, at.moment + timedelta(days=1), "ill")
    month = (world.network.id, OCTOBER)
    assert clocks.month_state(*month, at.moment, found) is MonthState.OPEN
    assert clocks.month_state(*month, at.moment, owed(world, "D2")) is MonthState.LOCKED
    assert found.state_at(at.moment) is State.BREACHED  # it may file, and stays late
    assert clocks.month_state(*month, at.forward(days=1), found) is MonthState.LOCKED
    with pytest.raises(Invalid, match="invalid_until"):
        clocks.unlock(actor, found.id, at.moment, "x")


def test_an_extension_past_the_lock_lets_the_unit_file(world: World, at: Hands) -> None:
    actor = supervisor(world)
    at("2026-11-25 12:00")
    found = clocks.extend(actor, owed(world).id, at.moment + timedelta(days=1), "ill")
    assert clocks.month_state(world.network.id, OCTOBER, at.moment, found) is MonthState.OPEN


def test_a_sealed_month_takes_nothing(world: World, at: Hands) -> None:
    actor = supervisor(world)
    with pytest.raises(Conflict, match="month_open"):
        clocks.seal(actor, world.network, OCTOBER)
    at("2026-11-25 12:00")
    assert clocks.seal(actor, world.network, OCTOBER)
    assert not clocks.seal(actor, world.network, OCTOBER)
    assert clocks.month_state(world.network.id, OCTOBER, at.moment) is MonthState.SEALED
    with pytest.raises(Conflict, match="month_sealed"):
        clocks.unlock(actor, owed(world).id, at.moment + timedelta(days=1), "x")
    world.as_("clerk")
    assert clocks.is_sealed(world.network.id, OCTOBER)


# --- the sweep (security.md F2) -----------------------------------------------------------------------------


def test_the_sweep_marks_what_is_past_due_exactly_once(world: World, other: World, at: Hands) -> None:
    clocks.meet(world.as_("clerk"), FILE, world.units["D1"].id, OCTOBER, at.moment)
    assert clocks.sweep(world.network, at("2026-11-05 23:59:59")).breached == {}
    at("2026-11-06 00:00:00")
    found = clocks.sweep(world.network, at.moment)
    assert found.breached == {"customer_file": 3, "part_file": 3}
    assert str(found) == (
        "qy: 0 duties opened; past due: 3 customer_file, 3 part_file; 0 reminded of; 0 escalated; 0 held by nobody"
    )
    assert clocks.sweep(world.network, at.moment).breached == {}
    supervisor(world)
    marks = trail("obligation:breached")
    assert len(marks) == len({mark.object_id for mark in marks}) == 6
    assert {mark.doer for mark in marks} == {"clock"}
    assert marks[0].after["rule"] == "windows.dealer"
    other.as_("supervisor")
    assert trail("obligation:breached") == []


def test_the_sweep_may_come_three_days_late(world: World, at: Hands) -> None:
    found = clocks.sweep(world.network, at("2026-11-09 00:00:00"))
    assert found.breached == {"customer_file": 4, "part_file": 3, "consolidation": 3}
    assert owed(supervised(world)).breached_at == at.moment


def supervised(world: World) -> World:
    world.as_("supervisor")
    return world


def test_a_filing_that_is_being_made_is_not_marked(world: World, at: Hands) -> None:
    world.as_("clerk")
    unit_id = world.units["D1"].id
    received_at = at("2026-11-05 23:59:59")
    clocks.await_submission(FILE, unit_id, OCTOBER, at.moment + timedelta(hours=1), received_at=received_at)
    assert clocks.sweep(world.network, at("2026-11-06 00:10")).breached["customer_file"] == 3
    # checked at 00:10, submitted within half an hour: on time, and nobody was told off
    clocks.await_submission(
        FILE, unit_id, OCTOBER, at.moment + timedelta(minutes=30), received_at=received_at
    )
    assert clocks.sweep(world.network, at("2026-11-06 00:39:59")).breached == {}
    found = clocks.meet(world.as_("clerk"), FILE, unit_id, OCTOBER, received_at)
    assert found is not None
    assert found.state_at(at.moment) is State.MET
    assert clocks.sweep(world.network, at("2026-11-06 12:00")).breached == {}


def test_waiting_for_a_submission_ends(world: World, at: Hands) -> None:
    world.as_("clerk")
    received_at = at("2026-11-05 23:59:59")
    until = received_at + timedelta(minutes=30)
    clocks.await_submission(FILE, world.units["D1"].id, OCTOBER, until, received_at=received_at)
    assert clocks.sweep(world.network, at("2026-11-06 00:29:58")).breached["customer_file"] == 3
    assert clocks.sweep(world.network, at("2026-11-06 00:29:59")).breached == {"customer_file": 1}


def test_what_was_no_breach_and_is_withdrawn_can_be_one_after_all(world: World, at: Hands) -> None:
    """The sweep was wrong, what it drafted fell; then the file is taken back, and now the duty is missed."""
    clocks.sweep(world.network, at("2026-11-06 00:00:00"))
    actor = world.as_("clerk")
    clocks.meet(actor, FILE, actor.unit_id, OCTOBER, DUE - timedelta(minutes=1))
    clocks.reopen(actor, FILE, actor.unit_id, OCTOBER, "wrong file")
    for moment in ("2026-11-06 00:05:00", "2026-11-06 00:06:00"):
        clocks.sweep(world.network, at(moment))
    supervisor(world)
    key = owed(world).id
    drafted = db.session.execute(
        db.text(
            """SELECT b.retracted_at IS NULL AS stands, c.state FROM breach b JOIN sanction_case c ON c.breach_id = b.id
               WHERE b.source = :source ORDER BY b.id"""
        ),
        {"source": f"obligation:{key}"},
    )
    assert [tuple(row) for row in drafted] == [(False, "withdrawn"), (True, "draft")]


def test_bytes_that_come_late_win_no_time(world: World, at: Hands) -> None:
    world.as_("clerk")
    received_at = at("2026-11-06 00:00:00")
    until = received_at + timedelta(hours=1)
    clocks.await_submission(FILE, world.units["D1"].id, OCTOBER, until, received_at=received_at)
    assert clocks.sweep(world.network, at("2026-11-06 00:00:30")).breached["customer_file"] == 4


def test_a_broken_network_does_not_stop_the_others(world: World, other: World, at: Hands) -> None:
    with within(commander(world.network).whole_network):
        db.session.execute(
            db.text("UPDATE network SET time_zone = 'Nowhere/At_All' WHERE id = :id"),
            {"id": world.network.id},
        )
    db.session.expire_all()
    swept = {found.network: found for found in clocks.sweep_all(at("2026-11-06 00:00:00"))}
    assert swept["qy"].failed
    assert str(swept["qy"]) == "qy: FAILED, see the log"
    assert swept["zz"].breached == {"customer_file": 4, "part_file": 3}


def test_what_waits_for_the_sweep_is_counted(world: World, at: Hands) -> None:
    moment = at("2026-11-06 00:00:00")
    assert clocks.count_waiting(world.network, moment) == 7
    clocks.sweep(world.network, moment)
    assert clocks.count_waiting(world.network, moment) == 0
