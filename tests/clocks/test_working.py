"""Working time against a slow and obvious model: minute by minute, asking the clock on the wall."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from portal.clocks import rules
from portal.clocks.rules import Counts, NoWorkingTime, WorkingTime
from portal.rulebook import Span, Term

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BEIJING = ZoneInfo("Asia/Shanghai")
OFFICE: tuple[tuple[Span, ...], ...] = (((8.5 * HOUR, 12 * HOUR), (13.5 * HOUR, 17.5 * HOUR)),) * 5 + ((), ())
ZONES = [
    "Asia/Shanghai",
    "UTC",
    "America/Los_Angeles",
    "Pacific/Kiritimati",
    "Europe/Berlin",
    "America/Havana",  # the clock changes at midnight, both ways
    "Africa/Cairo",
    "Australia/Lord_Howe",  # half an hour
    "Asia/Kathmandu",
    "Pacific/Apia",  # a day that was left out
]
# around changes of the clock, month ends, leap days, the left-out day of Apia, and plain weeks
DAYS = [
    date(2026, 3, 7),
    date(2026, 3, 28),
    date(2026, 10, 30),
    date(2026, 11, 1),
    date(2028, 2, 27),
    date(2027, 2, 26),
    date(2026, 12, 30),
    date(2011, 12, 28),
    date(2026, 4, 3),
    date(2026, 10, 1),
]


def at(written: str, zone: ZoneInfo = BEIJING) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=zone).astimezone(UTC)


# --- the model --------------------------------------------------------------------------------------------


def hours_of(day: date, of: WorkingTime) -> tuple[Span, ...]:
    """What is worked on a day, as a person reads it from the table."""
    own = of.week[day.weekday()]
    if day not in of.holidays:
        return own
    if not of.holidays[day]:
        return ()
    return own or next(spans for spans in of.week if spans)


def is_worked(moment: datetime, of: WorkingTime) -> bool:
    """Whether the minute that begins at `moment` is a working one, by the clock on the wall there."""
    wall = moment.astimezone(of.zone).replace(tzinfo=None)
    since_midnight = wall - datetime(wall.year, wall.month, wall.day)
    return any(low <= since_midnight < high for low, high in hours_of(wall.date(), of))


def model_worked(start: datetime, end: datetime, of: WorkingTime) -> timedelta:
    minutes = int((end - start) / MINUTE)
    return sum(is_worked(start + n * MINUTE, of) for n in range(minutes)) * MINUTE


def model_after(start: datetime, minutes: int, of: WorkingTime) -> datetime:
    moment = start
    while minutes:
        minutes -= is_worked(moment, of)
        moment += MINUTE
    return moment


def model_end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Walk in quarters until a clock on the wall there shows a later day."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - 2 * DAY
    while moment.astimezone(zone).date() <= day:
        moment += 15 * MINUTE
    return moment


def model_nth_workday(day: date, count: int, of: WorkingTime) -> date:
    while count:
        day += DAY
        count -= bool(hours_of(day, of))
    return day


# --- what they are compared on ----------------------------------------------------------------------------


@st.composite
def spans(draw: st.DrawFn) -> tuple[Span, ...]:
    if draw(st.booleans()):
        return draw(st.sampled_from([(), ((timedelta(), 24 * HOUR),), OFFICE[0]]))
    quarters = sorted(draw(st.lists(st.integers(20, 92), min_size=2, max_size=4, unique=True)))
    pairs = zip(quarters[::2], quarters[1::2], strict=False)
    return tuple((15 * low * MINUTE, 15 * high * MINUTE) for low, high in pairs)


@st.composite
def working_times(draw: st.DrawFn, day: date) -> WorkingTime:
    week = tuple(draw(spans()) for _ in range(7))
    assume(any(week))
    odd = draw(st.dictionaries(st.integers(-1, 9), st.booleans(), max_size=5))
    holidays = {day + n * DAY: works for n, works in odd.items()}
    return WorkingTime(ZoneInfo(draw(st.sampled_from(ZONES))), week, holidays)


@st.composite
def starts(draw: st.DrawFn) -> tuple[WorkingTime, datetime]:
    day = draw(st.sampled_from(DAYS))
    of = draw(working_times(day))
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    return of, noon + draw(st.integers(-1000, 3000)) * MINUTE


@settings(max_examples=120, deadline=None)
@given(found=starts(), minutes=st.integers(0, 3000))
def test_working_hours_end_where_minute_by_minute_they_do(
    found: tuple[WorkingTime, datetime], minutes: int
) -> None:
    of, start = found
    end = rules.term_end(start, Term(working_hours=minutes * MINUTE), of)
    assert end == model_after(start, minutes, of)
    assert rules.worked_between(start, end, of) == minutes * MINUTE


@settings(max_examples=100, deadline=None)
@given(found=starts(), minutes=st.integers(-100, 9000))
def test_what_was_worked_between_two_instants(found: tuple[WorkingTime, datetime], minutes: int) -> None:
    of, start = found
    end = start + minutes * MINUTE
    assert rules.worked_between(start, end, of) == model_worked(start, end, of)


@settings(max_examples=100, deadline=None)
@given(found=starts(), count=st.integers(1, 9))
def test_working_days_end_with_the_nth_one(found: tuple[WorkingTime, datetime], count: int) -> None:
    of, start = found
    last = model_nth_workday(start.astimezone(of.zone).date(), count, of)
    assert rules.term_end(start, Term(working_days=count), of) == model_end_of_day(last, of.zone)


@settings(max_examples=80, deadline=None)
@given(found=starts(), minutes=st.integers(1, 2000), before=st.integers(0, 3000), lasts=st.integers(0, 6000))
def test_a_pause_leaves_as_much_working_time_as_there_was(
    found: tuple[WorkingTime, datetime], minutes: int, before: int, lasts: int
) -> None:
    of, start = found
    due_at = rules.after_working(start, minutes * MINUTE, of)
    paused_at = start + before * MINUTE
    assume(paused_at < due_at)
    resumed_at = paused_at + lasts * MINUTE
    then = rules.due_after_pause(due_at, paused_at, resumed_at, Counts.WORKING_HOURS, of)
    assert then >= due_at
    assert model_worked(resumed_at, then, of) == model_worked(paused_at, due_at, of)


@settings(max_examples=80, deadline=None)
@given(found=starts(), count=st.integers(1, 6), before=st.integers(0, 4000), lasts=st.integers(0, 9000))
def test_a_pause_leaves_as_many_working_days_as_there_were(
    found: tuple[WorkingTime, datetime], count: int, before: int, lasts: int
) -> None:
    of, start = found
    due_at = rules.term_end(start, Term(working_days=count), of)
    paused_at = start + before * MINUTE
    assume(paused_at < due_at)
    resumed_at = paused_at + lasts * MINUTE
    then = rules.due_after_pause(due_at, paused_at, resumed_at, Counts.WORKING_DAYS, of)

    def left(of_day: datetime, until: datetime) -> int:
        day, found = of_day.astimezone(of.zone).date(), 0
        while model_end_of_day(day + DAY, of.zone) <= until:
            day += DAY
            found += bool(hours_of(day, of))
        return found

    assert then >= due_at
    paused_on, resumed_on = (each.astimezone(of.zone).date() for each in (paused_at, resumed_at))
    if left(paused_at, due_at):
        assert left(resumed_at, then) == left(paused_at, due_at)
    elif resumed_on == paused_on:
        assert then == due_at
    else:  # it was paused on its last day: as many workdays later as were lost
        lost = sum(
            bool(hours_of(paused_on + n * DAY, of)) for n in range(1, (resumed_on - paused_on).days + 1)
        )
        assert then == model_end_of_day(model_nth_workday(paused_on, lost, of), of.zone)


@given(found=starts(), minutes=st.integers(0, 3000), lasts=st.integers(-600, 6000))
def test_a_pause_in_calendar_time_gives_it_all_back(
    found: tuple[WorkingTime, datetime], minutes: int, lasts: int
) -> None:
    of, start = found
    due_at, resumed_at = start + minutes * MINUTE, start + lasts * MINUTE
    then = rules.due_after_pause(due_at, start, resumed_at, Counts.CALENDAR, of)
    assert then == due_at + max(lasts, 0) * MINUTE


# --- the table of holidays, as people know it ---------------------------------------------------------------

NATIONAL = {date(2026, 10, n): False for n in range(1, 8)} | {
    date(2026, 9, 20): True,  # Sunday
    date(2026, 10, 10): True,  # Saturday
}
WORK = WorkingTime(BEIJING, OFFICE, NATIONAL)


@pytest.mark.parametrize(
    ("begun", "term", "due"),
    [
        ("2026-09-30T16:30", Term(working_hours=8 * HOUR), "2026-10-08T17:00"),  # an hour, a week off, seven
        ("2026-10-09T17:00", Term(working_hours=HOUR), "2026-10-10T09:00"),  # the make-up Saturday
        ("2026-10-09T23:00", Term(working_days=1), "2026-10-11T00:00"),
        ("2026-10-09T00:00", Term(working_days=3), "2026-10-14T00:00"),
        ("2026-09-30T23:59", Term(working_days=1), "2026-10-09T00:00"),
        ("2026-11-03T12:30", Term(working_hours=4 * HOUR), "2026-11-03T17:30"),  # over noon nobody works
        ("2026-11-03T09:00", Term(calendar=8 * HOUR), "2026-11-03T17:00"),
        ("2028-02-28T17:30", Term(working_days=2), "2028-03-02T00:00"),  # the leap day is a Tuesday
    ],
)
def test_holidays_and_make_up_workdays(begun: str, term: Term, due: str) -> None:
    assert rules.term_end(at(begun), term, WORK) == at(due)


@pytest.mark.parametrize(
    ("begun", "months", "due"),
    [
        ("2026-10-31T09:00", 1, "2026-12-01T00:00"),  # November has thirty days
        ("2028-01-30T09:00", 1, "2028-03-01T00:00"),  # February twenty-nine
        ("2026-12-05T23:59", 2, "2027-02-06T00:00"),
    ],
)
def test_R011_within_a_month(begun: str, months: int, due: str) -> None:
    assert rules.months_end(at(begun), months, BEIJING) == at(due)


@settings(max_examples=120, deadline=None)
@given(
    day=st.dates(date(2023, 1, 1), date(2032, 12, 31))
    | st.sampled_from([date(2028, 1, 31), date(2028, 2, 29)]),
    minutes=st.integers(0, 1439),
    count=st.integers(1, 26),
    zone=st.sampled_from(ZONES).map(ZoneInfo),
)
def test_R011_months_later_day_by_day(day: date, minutes: int, count: int, zone: ZoneInfo) -> None:
    """Walk from day to day: as many first days of a month, then on to the same day, or to the month's last one."""
    start = datetime(day.year, day.month, day.day, tzinfo=UTC) + minutes * MINUTE
    begun = last = start.astimezone(zone).date()
    passed = 0
    while passed < count:
        last += DAY
        passed += last.day == 1
    while last.day < begun.day and (last + DAY).month == last.month:
        last += DAY
    assert rules.months_end(start, count, zone) == model_end_of_day(last, zone)


def test_a_network_that_never_works_is_said_to_be_wrong() -> None:
    with pytest.raises(NoWorkingTime):
        rules.after_working(at("2026-11-03T09:00"), HOUR, WorkingTime(BEIJING))
    with pytest.raises(NoWorkingTime):
        rules.after_working_days(date(2026, 11, 3), 1, WorkingTime(BEIJING))
    assert rules.worked_between(at("2026-11-03"), at("2026-12-03"), WorkingTime(BEIJING)) == timedelta()
