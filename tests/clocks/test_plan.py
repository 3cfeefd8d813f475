"""The plan of reminders against a slow and obvious model: minute by minute, whatever times the sweep comes at."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from portal.clocks import rules
from portal.clocks.rules import Plan, WorkingTime

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
OFFICE = (((8.5 * HOUR, 17.5 * HOUR),),) * 5 + ((), ())
HOLIDAYS = {date(2026, 10, n): False for n in range(1, 8)} | {date(2026, 10, 10): True}
ZONES = ["Asia/Shanghai", "America/Los_Angeles", "Europe/Berlin", "Pacific/Kiritimati", "Australia/Lord_Howe"]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    low = draw(st.integers(5, 12))
    before = draw(st.lists(st.sampled_from([2, 4, 6, 24, 48, 72]), min_size=1, max_size=4, unique=True))
    return Plan(
        before=tuple(n * HOUR for n in before),
        before_holiday=draw(st.booleans()),
        from_time=low * HOUR,
        to_time=draw(st.integers(low + 1, 24)) * HOUR,
        levels=(24 * HOUR,),
        on_days_off=draw(st.booleans()),
        time=WorkingTime(ZoneInfo(draw(st.sampled_from(ZONES))), OFFICE, HOLIDAYS),
    )


instants = st.integers(0, 60 * 24 * 75).map(lambda n: datetime(2026, 9, 1, tzinfo=UTC) + n * MINUTE)
runs = st.lists(st.integers(0, 60 * 24 * 14), min_size=1, max_size=40)


def wall(moment: datetime, plan: Plan) -> datetime:
    return moment.astimezone(plan.time.zone).replace(tzinfo=None)


def may_tell(moment: datetime, plan: Plan) -> bool:
    """Whether the clock on the wall there shows an hour in which people may be told."""
    shown = wall(moment, plan)
    since_midnight = shown - datetime(shown.year, shown.month, shown.day)
    return plan.from_time <= since_midnight < plan.to_time


def is_off(day: date) -> bool:
    return not HOLIDAYS.get(day, day.isoweekday() < 6)


def model_steps(plan: Plan, planned_at: datetime, due_at: datetime) -> list[datetime]:
    """When reminders are to go out, by walking back through the minutes."""
    found = set()
    for length in plan.before:
        moment = due_at - length
        if not may_tell(moment, plan):
            while not may_tell(moment, plan):
                moment -= MINUTE
            moment -= 29 * MINUTE  # half an hour before the hours end
        found.add(moment)
    if plan.before_holiday and is_off(day := wall(due_at - MINUTE, plan).date()):
        while is_off(day):
            day -= DAY
        moment = due_at
        while wall(moment, plan).date() != day or not may_tell(moment, plan):
            moment -= MINUTE
        while may_tell(moment - MINUTE, plan) and wall(moment - MINUTE, plan).date() == day:
            moment -= MINUTE
        found.add(moment)
    return sorted(moment for moment in found if planned_at < moment < due_at)


@settings(max_examples=60, deadline=None)
@given(plan=plans(), planned_at=instants, minutes=st.integers(1, 60 * 24 * 9))
def test_reminders_go_out_when_the_minutes_say(plan: Plan, planned_at: datetime, minutes: int) -> None:
    due_at = planned_at + minutes * MINUTE
    found = rules.reminders(plan, planned_at, due_at)
    assert [step.at for step in found] == model_steps(plan, planned_at, due_at)
    assert len({step.name for step in found}) == len(found)
    assert all(may_tell(step.at, plan) for step in found)


@settings(max_examples=60, deadline=None)
@given(plan=plans(), planned_at=instants, minutes=st.integers(60, 60 * 24 * 9), times=runs)
def test_whenever_the_sweep_comes_each_is_told_once_and_only_the_newest(
    plan: Plan, planned_at: datetime, minutes: int, times: list[int]
) -> None:
    due_at = planned_at + minutes * MINUTE
    steps = model_steps(plan, planned_at, due_at)
    next_at: datetime | None = planned_at
    breached, overdue, told = 0, 0, list[tuple[datetime, str]]()
    heard = planned_at  # the newest step that was told of
    for now in sorted(planned_at + n * MINUTE for n in times):
        passed = [step for step in steps if heard < step <= now]
        wanted = bool(passed) and now < due_at and may_tell(now, plan)
        due_for_a_look = next_at is not None and next_at <= now
        look = (
            rules.look(now, plan, planned_at, due_at, None, bool(breached))
            if due_for_a_look
            else rules.Look(next_at=next_at)
        )
        if look.remind and look.remind not in {name for _, name in told}:  # the table's key
            told.append((now, look.remind))
            assert wanted
            heard = passed[-1]
        else:
            assert not wanted
        if due_for_a_look:
            assert look.next_at is None or look.next_at > now
        assert not look.breach or now >= due_at
        breached += look.breach
        overdue += look.overdue
        assert not look.overdue or (
            may_tell(now, plan) and (plan.on_days_off or not is_off(wall(now, plan).date()))
        )
        next_at = look.next_at
        if now >= due_at:
            assert breached == 1
    assert overdue <= 1
    assert len({name for _, name in told}) == len(told)


@given(plan=plans(), moment=instants)
def test_the_next_hour_in_which_people_may_be_told(plan: Plan, moment: datetime) -> None:
    at = rules.next_allowed(moment, plan, days_off=False)
    walked = moment
    while not may_tell(walked, plan) or is_off(wall(walked, plan).date()):
        walked += MINUTE
    assert at == walked


def test_a_file_that_is_awaited_is_looked_at_again_when_the_wait_ends() -> None:
    due_at = datetime(2026, 11, 5, 16, tzinfo=UTC)
    plan = Plan(
        before=(HOUR,),
        before_holiday=False,
        from_time=8 * HOUR,
        to_time=21 * HOUR,
        levels=(),
        on_days_off=True,
        time=WorkingTime(ZoneInfo("Asia/Shanghai"), OFFICE),
    )
    look = rules.look(due_at, plan, due_at - DAY, due_at, due_at + HOUR)
    assert (look.breach, look.next_at) == (False, due_at + HOUR)
    assert rules.look(due_at + HOUR, plan, due_at - DAY, due_at, due_at + HOUR).breach
