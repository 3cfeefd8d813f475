"""Retry plan, next step, coverage, signals: without an app."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.errors import Conflict
from portal.return_visits.rules import coverage, outcomes, plan
from portal.return_visits.rules.coverage import Figures
from portal.return_visits.rules.outcomes import (
    MOVES,
    Move,
    Outcome,
    Rank,
    Reason,
    Result,
    Standing,
    State,
    Tried,
)
from portal.return_visits.rules.plan import Hours, Plan

SHANGHAI = ZoneInfo("Asia/Shanghai")
FLOORING = Plan(attempts=3, days=2, gap=timedelta(hours=4), within_days=2)
HOURS = Hours(SHANGHAI, timedelta(hours=8, minutes=30), timedelta(hours=20, minutes=30))
FESTIVAL = Hours(
    SHANGHAI,
    timedelta(hours=8, minutes=30),
    timedelta(hours=20, minutes=30),
    on_holidays=False,
    holidays={date(2026, 10, day): False for day in range(1, 8)} | {date(2026, 10, 10): True},
)


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC)


# --- calling hours ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("moment", "may"),
    [
        ("2026-11-03 08:29:59", False),
        ("2026-11-03 08:30", True),
        ("2026-11-03 20:29:59", True),
        ("2026-11-03 20:30", False),
        ("2026-11-03 00:00", False),
    ],
)
def test_customers_are_called_by_day(moment: str, may: bool) -> None:
    assert HOURS.includes(local(moment)) is may


def test_nobody_is_called_in_the_holidays_where_the_rulebook_says_so() -> None:
    assert not FESTIVAL.includes(local("2026-10-05 10:00"))
    assert FESTIVAL.includes(local("2026-10-10 10:00"))  # a make-up workday
    assert FESTIVAL.next_open(local("2026-09-30 21:00")) == local("2026-10-08 08:30")
    assert HOURS.includes(local("2026-10-05 10:00"))


# --- the retry plan ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tries", "again"),
    [
        (["2026-11-02 10:00"], "2026-11-02 14:00"),
        (["2026-11-02 10:00", "2026-11-02 14:00"], "2026-11-03 18:00"),  # another day, another hour
        (["2026-11-02 17:00"], "2026-11-03 08:30"),
        (["2026-11-02 08:40", "2026-11-02 13:00"], "2026-11-03 17:00"),
        (["2026-11-02 19:00", "2026-11-03 08:30"], "2026-11-03 12:30"),
    ],
)
def test_attempts_lie_on_different_days_and_at_different_hours(tries: list[str], again: str) -> None:
    assert plan.next_attempt_at([local(each) for each in tries], FLOORING, HOURS) == local(again)


def test_calls_one_after_the_other_are_one_attempt() -> None:
    close = [local("2026-11-02 10:00") + timedelta(minutes=n) for n in range(9)]
    assert len(plan.counted(close, FLOORING.gap)) == 1
    assert not plan.is_unreachable(close, FLOORING, HOURS)


def test_three_attempts_on_one_day_are_not_enough() -> None:
    one_day = [local("2026-11-02 08:30"), local("2026-11-02 12:30"), local("2026-11-02 16:30")]
    assert not plan.is_unreachable(one_day, FLOORING, HOURS)
    assert plan.next_attempt_at(one_day, FLOORING, HOURS) >= local("2026-11-03 08:30")
    assert plan.is_unreachable([*one_day, local("2026-11-03 09:00")], FLOORING, HOURS)


ZONES = ("Asia/Shanghai", "America/New_York", "Pacific/Kiritimati", "Europe/Berlin")


@given(
    st.sampled_from(ZONES),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31)),
    st.integers(1, 6),
    st.integers(1, 4),
    st.integers(1, 8),
    st.lists(st.integers(0, 600), max_size=8),
    st.booleans(),
)
def test_the_plan_always_ends_and_keeps_its_distances(
    zone: str, start: datetime, attempts: int, days: int, gap: int, delays: list[int], on_holidays: bool
) -> None:
    """Whoever calls when the plan says, or up to ten hours later: n attempts, on enough days, far enough apart."""
    hours = Hours(
        ZoneInfo(zone),
        timedelta(hours=8, minutes=30),
        timedelta(hours=20, minutes=30),
        on_holidays,
        {date(2027, 2, day): False for day in range(5, 12)},
    )
    ruled = Plan(attempts, min(days, attempts), timedelta(hours=gap), 2)
    now = hours.next_open(start.replace(tzinfo=UTC))
    tries = [now]
    waits = iter(delays)
    while not plan.is_unreachable(tries, ruled, hours):
        due = plan.next_attempt_at(tries, ruled, hours)
        assert hours.includes(due)
        assert due - tries[-1] >= ruled.gap or hours.day_of(due) > hours.day_of(tries[-1])
        assert tries[-1] < due < plan.latest_next(tries[-1], ruled, hours)
        tries.append(hours.next_open(due + timedelta(minutes=next(waits, 0))))
        assert len(tries) <= 3 * attempts
    kept = plan.counted(tries, ruled.gap)
    assert len({hours.day_of(each) for each in kept}) >= ruled.days
    assert all(later - earlier >= ruled.gap for earlier, later in pairwise(kept))


@given(
    st.lists(
        st.tuples(
            st.none() | st.dates(date(2026, 9, 1), date(2026, 12, 1)),
            st.dates(date(2026, 9, 1), date(2026, 11, 1)),
        ),
        min_size=1,
    )
)
def test_nobody_is_called_before_every_floor_is_laid(bought: list[tuple[date | None, date]]) -> None:
    ready = plan.ready_on(bought, timedelta(days=3), timedelta(days=7))
    for installed, purchased in bought:
        assert ready >= (installed + timedelta(days=3) if installed else purchased + timedelta(days=7))


# --- what follows a call ----------------------------------------------------------------------------------

NOW = local("2026-11-03 10:00")


@pytest.mark.parametrize(
    ("tried", "move", "reason"),
    [
        (Tried(NOW, Result.REACHED, Outcome.SATISFIED), Move.SATISFY, None),
        (Tried(NOW, Result.REACHED, Outcome.UNSATISFIED), Move.SEND_BACK, Reason.UNSATISFIED),
        (Tried(NOW, Result.REACHED, Outcome.SUSPICIOUS), Move.SEND_BACK, Reason.SUSPICIOUS),
        (Tried(NOW, Result.WRONG_NUMBER), Move.SEND_BACK, Reason.WRONG_NUMBER),
        (Tried(NOW, Result.NO_ANSWER), Move.PUT_OFF, None),
        (Tried(NOW, Result.BUSY), Move.PUT_OFF, None),
        (Tried(NOW, Result.REFUSED), Move.PUT_OFF, None),
    ],
)
def test_each_result_has_its_own_consequence(tried: Tried, move: Move, reason: Reason | None) -> None:
    step = outcomes.next_step(tried, [], FLOORING, HOURS)
    assert (step.move, step.rectify) == (move, reason)


def test_a_callback_is_promised_first_of_all() -> None:
    at = NOW + timedelta(hours=3)
    step = outcomes.next_step(Tried(NOW, Result.CALLBACK, callback_at=at), [], FLOORING, HOURS)
    assert (step.next_at, step.rank) == (at, Rank.CALLBACK)


def test_the_last_attempt_in_vain_goes_back_to_the_dealer() -> None:
    before = [local("2026-11-02 10:00"), local("2026-11-02 14:00")]
    step = outcomes.next_step(Tried(local("2026-11-03 18:00"), Result.BUSY), before, FLOORING, HOURS)
    assert (step.move, step.rectify) == (Move.SEND_BACK, Reason.UNREACHABLE)


def test_a_dealer_closes_nothing() -> None:
    moves = {move for (state, move) in MOVES if state is State.WITH_DEALER}
    assert moves == {Move.REPORT, Move.WAIVE}
    assert MOVES[State.WITH_DEALER, Move.REPORT] is State.REVISIT
    with pytest.raises(Conflict):
        outcomes.after(State.CLOSED, Move.REPORT)
    with pytest.raises(Conflict):
        outcomes.after(State.WITH_DEALER, Move.SATISFY)


@given(st.lists(st.tuples(st.sampled_from(Result), st.sampled_from(Outcome)), max_size=12), st.booleans())
def test_visited_is_whoever_was_reached_and_the_latest_outcome_counts(
    history: list[tuple[Result, Outcome]], unreachable: bool
) -> None:
    told = [(result, outcome if result is Result.REACHED else None) for result, outcome in history]
    visited, standing = outcomes.standing(told, unreachable=unreachable)
    reached = [outcome for result, outcome in told if result is Result.REACHED]
    assert visited is bool(reached)
    if reached:
        assert standing.value == reached[-1]
    else:
        assert standing in (Standing.NONE, Standing.REFUSED, Standing.UNREACHABLE)


INSTANTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda at: at.replace(tzinfo=UTC))


@given(
    st.sampled_from(Result),
    st.sampled_from(Outcome),
    INSTANTS,
    st.lists(st.integers(1, 400), max_size=6),
    st.integers(1, 60 * 24 * 50),
)
def test_each_attempt_leads_somewhere_and_the_last_one_in_vain_to_the_dealer(
    result: Result, outcome: Outcome, first: datetime, spaces: list[int], minutes: int
) -> None:
    """Whatever is said after however many calls in vain: it is called again, goes back with a reason, or is closed."""
    in_vain = [HOURS.next_open(first)]
    for hours in spaces:
        in_vain.append(HOURS.next_open(in_vain[-1] + timedelta(hours=hours)))
    now = HOURS.next_open(in_vain.pop() + timedelta(hours=1))
    later = HOURS.next_open(now + timedelta(minutes=minutes))
    tried = Tried(
        now,
        result,
        outcome if result is Result.REACHED else None,
        later if result is Result.CALLBACK else None,
        later if result is Result.NOT_INSTALLED else None,
    )
    step = outcomes.next_step(tried, in_vain, FLOORING, HOURS)
    for state in outcomes.CALLABLE:
        assert outcomes.after(state, step.move) is not state or state is State.RETRY
    assert (step.rectify is not None) is (step.move is Move.SEND_BACK)
    if step.move is Move.PUT_OFF and result is not Result.REFUSED:
        assert step.next_at is not None
        assert step.next_at > now
        assert HOURS.includes(step.next_at)
    else:
        assert step.next_at is None
    if result in outcomes.IN_VAIN:
        enough = plan.is_unreachable([*in_vain, now], FLOORING, HOURS)
        assert step.rectify is (Reason.UNREACHABLE if enough else None)
    else:
        assert step.rectify is not Reason.UNREACHABLE


# --- coverage ---------------------------------------------------------------------------------------------

ONES = st.builds(coverage.counted_as, st.sampled_from(State), st.booleans(), st.sampled_from(Standing))


@given(st.lists(ONES), st.lists(ONES))
def test_figures_add_up_in_any_order(some: list[Figures], others: list[Figures]) -> None:
    assert coverage.total([*some, *others]) == coverage.total(some) + coverage.total(others)
    assert coverage.total(some) - coverage.total(some) == Figures()
    whole = coverage.total([*some, *others])
    assert 0 <= whole.coverage <= 1
    assert 0 <= whole.open <= whole.people
    assert whole.people == len(some) + len(others)


def test_the_pace_keeps_days_for_second_calls() -> None:
    last = coverage.ends_on(date(2026, 10, 1))
    assert last == date(2026, 11, 30)
    shown = coverage.pace(Figures(people=100, visited=20), date(2026, 11, 7), date(2026, 11, 16), last)
    assert (shown.due, shown.daily, shown.days_left) == (50, 6, 15)
    assert coverage.done_on(Figures(people=100, visited=20), 40, 5, date(2026, 11, 16)) == date(2026, 11, 26)
    assert coverage.done_on(Figures(people=100, visited=20), 0, 5, date(2026, 11, 16)) is None


@given(
    st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 40), st.integers(0, 70), st.integers(0, 10)
)
def test_the_pace_rises_to_everybody_and_never_beyond(
    people: int, visited: int, length: int, today: int, spare: int
) -> None:
    opened = date(2026, 11, 1)
    last = opened + timedelta(days=length)
    shown = Figures(people=people, visited=min(visited, people))
    here, tomorrow = (
        coverage.pace(shown, opened, opened + timedelta(days=today + n), last, spare) for n in (0, 1)
    )
    assert 0 <= here.due <= tomorrow.due <= people
    assert 0 < here.share <= tomorrow.share <= 1
    missing = people - shown.visited
    assert here.daily * max(here.days_left, 1) >= missing
    assert here.days_left == max(length - today + 1, 0)
    if today >= max(length - spare, 0):
        assert here.due == people
