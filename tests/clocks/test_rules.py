"""The arithmetic of time, against a slow and obvious model."""

import calendar as plain
import os
import subprocess
import sys
import time as machine
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask_babel import Babel, force_locale
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.clocks import rules
from portal.clocks.rules import Level, MonthState, State, Window, Windows
from portal.core import month as months
from portal.core import texts

BEIJING = ZoneInfo("Asia/Shanghai")
ZONES = [
    "Asia/Shanghai",
    "UTC",
    "America/Los_Angeles",
    "Pacific/Kiritimati",
    "Europe/Berlin",
    "America/Havana",  # the clock changes at midnight, both ways
    "America/Asuncion",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",  # half an hour
    "Asia/Kathmandu",
    "Pacific/Apia",  # a day that was left out
]
NO_HOLIDAYS: dict[date, bool] = {}

reporting_months = st.dates(date(2005, 1, 1), date(2079, 12, 31)).map(lambda day: day.replace(day=1))
zones = st.sampled_from(ZONES).map(ZoneInfo)


def at(written: str, zone: ZoneInfo = BEIJING) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=zone).astimezone(UTC)


# --- the slow, obvious model ------------------------------------------------------------------------------


def first_instant_after(day: date, zone: ZoneInfo) -> datetime:
    """Walk through the hours in quarters until a clock on the wall there shows another, later day."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=2)
    while moment.astimezone(zone).date() <= day:
        moment += timedelta(minutes=15)
    return moment


def model_day(month: date, day: int) -> date:
    year, number = (month.year + 1, 1) if month.month == 12 else (month.year, month.month + 1)
    return date(year, number, min(day, plain.monthrange(year, number)[1]))


@settings(max_examples=150, deadline=None)
@given(month=reporting_months, zone=zones, dealer=st.integers(1, 31), region=st.integers(1, 31))
def test_windows_end_when_the_wall_shows_the_next_day(
    month: date, zone: ZoneInfo, dealer: int, region: int
) -> None:
    found = rules.month_calendar(
        month, Windows(dealer=Window(dealer), region=Window(region)), zone, NO_HOLIDAYS
    )
    assert found.dealer_due_at == first_instant_after(model_day(month, dealer), zone)
    assert found.region_due_at == first_instant_after(model_day(month, region), zone)
    assert found.opened_at == first_instant_after(model_day(month, 1) - timedelta(days=1), zone)
    lock = first_instant_after(model_day(month, 20), zone)
    assert found.locked_at == max(lock, found.dealer_due_at, found.region_due_at)
    assert all(moment.tzinfo is UTC for moment in (found.opened_at, found.dealer_due_at, found.locked_at))


@settings(max_examples=150, deadline=None)
@given(
    month=reporting_months,
    day=st.integers(1, 31),
    odd_days=st.dictionaries(st.integers(0, 40), st.booleans(), max_size=12),
    inclusive=st.booleans(),
    shift=st.booleans(),
    zone=zones,
)
def test_a_deadline_on_a_day_off_moves_only_where_the_rulebook_says_so(
    month: date, day: int, odd_days: dict[int, bool], inclusive: bool, shift: bool, zone: ZoneInfo
) -> None:
    holidays = {model_day(month, 1) + timedelta(days=n): workday for n, workday in odd_days.items()}
    windows = Windows(dealer=Window(day), inclusive=inclusive, shift=shift)
    last = model_day(month, day) if inclusive else model_day(month, day) - timedelta(days=1)
    while shift and not holidays.get(last, last.isoweekday() not in (6, 7)):
        last += timedelta(days=1)
    found = rules.month_calendar(month, windows, zone, holidays)
    assert found.dealer_due_at == first_instant_after(last, zone)


def test_make_up_workdays_and_the_october_holiday() -> None:
    # 2026: 1 to 7 October off, Saturday the 10th worked
    holidays = {date(2026, 10, day): False for day in range(1, 8)} | {date(2026, 10, 10): True}
    month = date(2026, 9, 1)
    stays = rules.month_calendar(month, Windows(), BEIJING, holidays)
    assert stays.dealer_due_at == at("2026-10-06T00:00")
    moves = rules.month_calendar(month, Windows(region=Window(10), shift=True), BEIJING, holidays)
    assert moves.dealer_due_at == at("2026-10-09T00:00")
    assert moves.region_due_at == at("2026-10-11T00:00")


def test_a_day_may_end_earlier_than_24() -> None:
    found = rules.month_calendar(
        date(2026, 10, 1), Windows(dealer=Window(5, timedelta(hours=18))), BEIJING, NO_HOLIDAYS
    )
    assert found.dealer_due_at == at("2026-11-05T18:00")
    assert found.opened_at == at("2026-11-01T00:00")


def test_a_lock_never_lies_before_a_deadline() -> None:
    found = rules.month_calendar(date(2026, 10, 1), Windows(lock=Window(6)), BEIJING, NO_HOLIDAYS)
    assert found.locked_at == found.region_due_at


@settings(max_examples=100, deadline=None)
@given(month=reporting_months, zone=zones, seconds=st.integers(-40 * 86_400, 80 * 86_400))
def test_month_state_follows_the_calendar(month: date, zone: ZoneInfo, seconds: int) -> None:
    found = rules.month_calendar(month, Windows(), zone, NO_HOLIDAYS)
    now = found.opened_at + timedelta(seconds=seconds)
    state = rules.month_state(now, found)
    day = now.astimezone(zone).date()
    opens, locks = model_day(month, 1), model_day(month, 20)
    wanted = MonthState.NOT_OPEN if day < opens else MonthState.OPEN if day <= locks else MonthState.LOCKED
    assert state is wanted
    assert rules.month_state(now, found, sealed=True) is MonthState.SEALED
    unlocked = rules.month_state(now, found, unlocked_until=now + timedelta(seconds=1))
    assert unlocked is (MonthState.NOT_OPEN if wanted is MonthState.NOT_OPEN else MonthState.OPEN)


def test_a_unit_that_joins_before_the_deadline_owes_the_month() -> None:
    due_at = at("2026-11-06T00:00")
    assert rules.owes(at("2026-11-05T23:59:59"), due_at)
    assert not rules.owes(due_at, due_at)


def test_a_network_elsewhere_has_its_own_midnight() -> None:
    kiritimati = rules.month_calendar(
        date(2026, 10, 1), Windows(), ZoneInfo("Pacific/Kiritimati"), NO_HOLIDAYS
    )
    assert kiritimati.dealer_due_at == datetime(2026, 11, 5, 10, tzinfo=UTC)
    angeles = rules.month_calendar(date(2026, 10, 1), Windows(), ZoneInfo("America/Los_Angeles"), NO_HOLIDAYS)
    assert angeles.dealer_due_at == datetime(2026, 11, 6, 8, tzinfo=UTC)  # after the change of 1 November
    assert angeles.opened_at == datetime(2026, 11, 1, 7, tzinfo=UTC)  # before it


# --- the 64 verdicts (security.md F1) ---------------------------------------------------------------------

SERVER_ZONES = ["UTC", "Asia/Shanghai", "America/Los_Angeles", "Pacific/Kiritimati"]
Verdict = tuple[str, date, int, str, MonthState, State]
VERDICTS: list[Verdict] = [
    # what, reporting month, dealer's day, the network's wall, what the month takes, the dealer's duty if filed then
    ("5th 23:59:58", date(2026, 10, 1), 5, "2026-11-05T23:59:58", MonthState.OPEN, State.MET),
    ("5th 23:59:59", date(2026, 10, 1), 5, "2026-11-05T23:59:59", MonthState.OPEN, State.MET),
    ("5th 23:59:59.999", date(2026, 10, 1), 5, "2026-11-05T23:59:59.999", MonthState.OPEN, State.MET),
    ("6th 00:00:00", date(2026, 10, 1), 5, "2026-11-06T00:00:00", MonthState.OPEN, State.LATE),
    (
        "a moment before the 1st",
        date(2026, 10, 1),
        5,
        "2026-10-31T23:59:59.999999",
        MonthState.NOT_OPEN,
        State.MET,
    ),
    ("1st 00:00", date(2026, 10, 1), 5, "2026-11-01T00:00:00", MonthState.OPEN, State.MET),
    ("end of 28 days", date(2027, 1, 1), 31, "2027-02-28T23:59:59.999", MonthState.LOCKED, State.MET),
    ("end of 29 days", date(2028, 1, 1), 29, "2028-02-29T23:59:59.999", MonthState.LOCKED, State.MET),
    ("after 29 days", date(2028, 1, 1), 29, "2028-03-01T00:00:00", MonthState.LOCKED, State.LATE),
    ("end of 30 days", date(2026, 10, 1), 31, "2026-11-30T23:59:59.999", MonthState.LOCKED, State.MET),
    ("end of 31 days", date(2026, 9, 1), 31, "2026-10-31T23:59:59.999", MonthState.LOCKED, State.MET),
    ("29 Feb 2028 opens nothing", date(2028, 2, 1), 5, "2028-02-29T12:00:00", MonthState.NOT_OPEN, State.MET),
    ("31 Dec", date(2026, 12, 1), 5, "2026-12-31T23:59:59.999", MonthState.NOT_OPEN, State.MET),
    ("1 Jan", date(2026, 12, 1), 5, "2027-01-01T00:00:00", MonthState.OPEN, State.MET),
    ("before the lock", date(2026, 10, 1), 5, "2026-11-20T23:59:59.999", MonthState.OPEN, State.LATE),
    ("the lock", date(2026, 10, 1), 5, "2026-11-21T00:00:00", MonthState.LOCKED, State.LATE),
]
assert len(VERDICTS) * len(SERVER_ZONES) == 64


@contextmanager
def server_zone(name: str) -> Iterator[None]:
    """The machine's own time zone, which must change nothing."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = name
    machine.tzset()
    try:
        yield
    finally:
        if before is None:
            del os.environ["TZ"]
        else:
            os.environ["TZ"] = before
        machine.tzset()


def lock_kept_apart(month: date, day: int) -> rules.MonthCalendar:
    """The usual month with another day for dealers, its lock still on the 20th."""
    usual = rules.month_calendar(month, Windows(), BEIJING, NO_HOLIDAYS)
    other = rules.month_calendar(month, Windows(dealer=Window(day)), BEIJING, NO_HOLIDAYS)
    return rules.MonthCalendar(
        month, usual.opened_at, other.dealer_due_at, usual.region_due_at, usual.locked_at
    )


def verdict(month: date, day: int, moment: datetime) -> tuple[MonthState, State]:
    found = lock_kept_apart(month, day)
    judged = rules.judged_at(
        submitted_at=moment, received_at=moment, changed_at=None, checked_at=None, due_at=found.dealer_due_at
    )
    state = rules.state_of(moment, due_at=found.dealer_due_at, judged_at=judged)
    return rules.month_state(moment, found), state


@pytest.mark.parametrize("server", SERVER_ZONES)
@pytest.mark.parametrize("row", VERDICTS, ids=lambda row: row[0])
def test_R041_verdict_does_not_depend_on_the_server(row: Verdict, server: str) -> None:
    _, month, day, wall, takes, duty = row
    with server_zone(server):
        stamp = at(wall).timestamp()  # a server takes a number from its clock, in whatever zone it stands
        moment = datetime.fromtimestamp(stamp, UTC)
        assert abs((moment - at(wall)).total_seconds()) < 0.000_001
        assert verdict(month, day, moment) == (takes, duty)
        assert verdict(month, day, moment.astimezone()) == (takes, duty)  # the server's own wall


@pytest.mark.parametrize("server", SERVER_ZONES)
def test_R041_verdicts_in_a_process_of_its_own(server: str) -> None:
    script = (
        "from datetime import UTC, date, datetime;"
        "from zoneinfo import ZoneInfo;"
        "from portal.clocks import rules;"
        "c = rules.month_calendar(date(2026, 10, 1), rules.Windows(), ZoneInfo('Asia/Shanghai'), {});"
        "due = datetime(2026, 11, 5, 16, tzinfo=UTC);"
        "print(c.dealer_due_at == due, rules.on_time(datetime.fromtimestamp(due.timestamp() - .001, UTC), due),"
        " rules.on_time(datetime.fromtimestamp(due.timestamp(), UTC), due),"
        " rules.deadline_words(c.dealer_due_at, ZoneInfo('Asia/Shanghai'), 'en'))"
    )
    root = Path(rules.__file__).parents[3]
    environment = {**os.environ, "TZ": server, "PYTHONPATH": str(root)}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.split(maxsplit=3) == ["True", "True", "False", "Thu 5 Nov, 24:00\n"]


@pytest.mark.parametrize("server", SERVER_ZONES)
def test_R041_a_wall_clock_moved_back_an_hour_wins_no_time(server: str) -> None:
    due_at = at("2026-11-06T00:00")
    hour = timedelta(hours=1)
    with server_zone(server):
        late = at("2026-11-06T00:00:30")
        # the bytes came late, then the clock was set back: the submission cannot be older than its bytes
        judged = rules.judged_at(
            submitted_at=late + timedelta(minutes=1) - hour,
            received_at=late,
            changed_at=None,
            checked_at=late,
            due_at=due_at,
        )
        assert not rules.on_time(judged, due_at)
        # changed after the deadline, then set back
        judged = rules.judged_at(
            submitted_at=late + timedelta(minutes=1) - hour,
            received_at=at("2026-11-05T20:00"),
            changed_at=late,
            checked_at=at("2026-11-05T20:00"),
            due_at=due_at,
        )
        assert not rules.on_time(judged, due_at)
        # what was in time stays in time
        early = at("2026-11-05T23:59:59")
        judged = rules.judged_at(
            submitted_at=early - hour, received_at=early, changed_at=None, checked_at=early, due_at=due_at
        )
        assert rules.on_time(judged, due_at)
        # and what is decided stays decided: a verdict hangs on stored times, not on the clock
        for now in (late, late - hour, late + 24 * hour):
            assert rules.state_of(now, due_at=due_at, judged_at=early) is State.MET
            assert rules.state_of(now, due_at=due_at, judged_at=late) is State.LATE


# --- judged (API.md) --------------------------------------------------------------------------------------

DUE = at("2026-11-06T00:00")


@pytest.mark.parametrize(
    ("received", "changed", "checked", "submitted", "met"),
    [
        ("05T23:59:59", None, "06T00:10", "06T00:40", True),  # within 30 minutes of the end of the check
        ("05T23:59:59", None, "06T00:10", "06T00:40:01", False),
        ("05T23:59:59", "05T23:59:59.999", "06T00:10", "06T00:11", True),
        ("05T23:59:59", "06T00:00", "06T00:10", "06T00:11", False),  # changed after it
        ("06T00:00", None, "06T00:10", "06T00:11", False),  # the bytes came late
        ("03T10:00", None, "03T10:01", "05T23:59:59", True),  # long checked, still submitted in time
        ("03T10:00", None, "03T10:01", "06T00:00", False),
        ("05T23:59:59", None, None, "05T23:59:59", True),  # submits itself
    ],
)
def test_R041_judged(
    received: str, changed: str | None, checked: str | None, submitted: str, met: bool
) -> None:
    def moment(written: str | None) -> datetime | None:
        return at(f"2026-11-{written}") if written else None

    judged = rules.judged_at(
        submitted_at=at(f"2026-11-{submitted}"),
        received_at=at(f"2026-11-{received}"),
        changed_at=moment(changed),
        checked_at=moment(checked),
        due_at=DUE,
    )
    assert rules.on_time(judged, DUE) is met


moments = st.integers(-200_000, 200_000).map(lambda seconds: DUE + timedelta(seconds=seconds))


@given(
    received=moments,
    changes=st.none() | st.integers(0, 7_200),
    check=st.integers(0, 7_200),
    wait=st.integers(0, 7_200),
)
def test_judged_against_the_sentence_of_the_interface(
    received: datetime, changes: int | None, check: int, wait: int
) -> None:
    changed = None if changes is None else received + timedelta(seconds=changes)
    checked = (changed or received) + timedelta(seconds=check)
    submitted = checked + timedelta(seconds=wait)
    judged = rules.judged_at(
        submitted_at=submitted, received_at=received, changed_at=changed, checked_at=checked, due_at=DUE
    )
    holds = received < DUE and (changed is None or changed < DUE) and wait <= 1_800
    assert judged == (received if holds else submitted)


@given(now=moments, judged=st.none() | moments, waived=st.none() | moments, paused=st.none() | moments)
def test_state_is_one_of_five(
    now: datetime, judged: datetime | None, waived: datetime | None, paused: datetime | None
) -> None:
    found = rules.state_of(now, due_at=DUE, judged_at=judged, waived_at=waived, paused_at=paused)
    if waived:
        assert found is State.WAIVED
    elif judged:
        assert found is (State.MET if judged < DUE else State.LATE)
    elif paused:
        assert found is State.OPEN
    else:
        assert found is (State.OPEN if now < DUE else State.BREACHED)


@given(paused=moments, length=st.integers(-3_600, 400_000))
def test_a_pause_leaves_as_much_time_as_there_was(paused: datetime, length: int) -> None:
    resumed = paused + timedelta(seconds=length)
    due_at = rules.due_after_pause(DUE, paused, resumed)
    if length >= 0:
        assert due_at - resumed == DUE - paused
    else:
        assert due_at == DUE  # the clock was set back meanwhile: nothing given, nothing taken


# --- words ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def words() -> Iterator[None]:
    app = Flask(__name__)
    texts.compiled()
    app.config.update(
        BABEL_TRANSLATION_DIRECTORIES=str(texts.TRANSLATIONS),
        BABEL_DOMAIN="clocks",
        BABEL_DEFAULT_LOCALE="en",
    )
    Babel(app)
    with app.test_request_context():
        yield


def said(text: object, lang: str) -> str:
    with force_locale(texts.LANGUAGES[lang]):
        return str(text)


def span(days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0) -> timedelta:
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)


@pytest.mark.parametrize(
    ("left", "level", "zh", "en"),
    [
        (span(12, 23), Level.FAR, "还剩 12 天", "12 days left"),
        (span(10, 0, 0, 1), Level.FAR, "还剩 10 天", "10 days left"),
        (span(9, 23, 59), Level.FAR, "还剩 9 天 23 小时", "9 days 23 h left"),
        (span(2, 5), Level.FAR, "还剩 2 天 5 小时", "2 days 5 h left"),
        (span(2, 0, 0, 1), Level.FAR, "还剩 2 天", "2 days left"),
        (span(2), Level.WARN, "还剩 2 天", "2 days left"),
        (span(1, 7, 33, 59), Level.WARN, "还剩 1 天 7 小时", "1 day 7 h left"),
        (span(0, 6, 0, 1), Level.WARN, "还剩 6 小时", "6 h left"),
        (span(0, 6), Level.BAD, "还剩 6 小时", "6 h left"),
        (span(0, 3, 12), Level.BAD, "还剩 3 小时 12 分", "3 h 12 min left"),
        (span(0, 2, 0, 1), Level.BAD, "还剩 2 小时", "2 h left"),
        (span(0, 2), Level.BAD, "还剩 120 分", "120 min left"),
        (span(0, 0, 42, 59), Level.BAD, "还剩 42 分", "42 min left"),
        (span(0, 0, 1), Level.BAD, "还剩 1 分", "1 min left"),
        (span(0, 0, 0, 59), Level.BAD, "还剩不到 1 分", "less than 1 min left"),
        (span(), Level.BAD, "逾期不到 1 分", "less than 1 min overdue"),
        (-span(0, 9, 30, 59), Level.BAD, "逾期 9 小时 30 分", "9 h 30 min overdue"),
        (-span(2), Level.BAD, "逾期 2 天", "2 days overdue"),
    ],
)
def test_time_left_in_words(words: None, left: timedelta, level: Level, zh: str, en: str) -> None:
    shown = rules.due_as_shown(DUE - left, DUE, BEIJING, "zh")
    assert (shown.level, said(shown.words, "zh"), said(shown.words, "en")) == (level, zh, en)
    assert shown.iso == "2026-11-06T00:00:00+08:00"


@pytest.mark.parametrize(
    ("early", "level", "zh", "en"),
    [
        (span(0, 6, 0, 30), Level.OK, "按时，早 6 小时", "on time, 6 h early"),
        (span(0, 0, 0, 1), Level.OK, "按时，早不到 1 分", "on time, less than 1 min early"),
        (span(), Level.BAD, "逾期不到 1 分", "less than 1 min overdue"),
        (-span(2, 0, 3), Level.BAD, "逾期 2 天", "2 days overdue"),
    ],
)
def test_what_was_done_in_words(words: None, early: timedelta, level: Level, zh: str, en: str) -> None:
    shown = rules.due_as_shown(DUE + span(9), DUE, BEIJING, "zh", judged_at=DUE - early)
    assert (shown.level, said(shown.words, "zh"), said(shown.words, "en")) == (level, zh, en)


def test_page_heads_show_minutes_and_pauses_stop_the_words(words: None) -> None:
    now = DUE - span(1, 7, 33)
    head = rules.due_as_shown(now, DUE, BEIJING, "zh", minutes_too=True)
    assert said(head.words, "zh") == "还剩 1 天 7 小时 33 分"
    paused = rules.due_as_shown(DUE + span(3), DUE, BEIJING, "zh", paused_at=now)
    assert (paused.level, said(paused.words, "zh")) == (Level.FAR, "已暂停，还剩 1 天 7 小时")
    waived = rules.due_as_shown(DUE + span(3), DUE, BEIJING, "zh", waived_at=now)
    assert (waived.level, said(waived.words, "zh")) == (Level.OK, "已免除")


@given(minutes=st.integers(1, 100_000), seconds=st.integers(0, 59))
def test_words_never_promise_more_than_there_is(minutes: int, seconds: int) -> None:
    left = timedelta(minutes=minutes, seconds=seconds)
    lengths = {"day": 1_440, "days": 1_440, "h": 60, "min": 1}
    said_parts = str(rules.span_words(left)).split()
    pairs = list(zip(said_parts[::2], said_parts[1::2], strict=True))
    told = sum(int(number) * lengths[unit] for number, unit in pairs)
    smallest = (
        lengths[pairs[-1][1]]
        if len(pairs) == 2
        else {"day": 1440, "days": 1440, "h": 60, "min": 1}[pairs[-1][1]]
    )
    assert 1 <= len(pairs) <= 2
    assert 0 <= left / timedelta(minutes=1) - told < max(smallest, 60 if told >= 1_440 else 1)


@pytest.mark.parametrize(
    ("due_at", "zh", "en"),
    [
        (at("2025-11-06T00:00"), "11月5日（周三）24:00", "Wed 5 Nov, 24:00"),
        (at("2025-11-05T18:30"), "11月5日（周三）18:30", "Wed 5 Nov, 18:30"),
        (at("2028-03-01T00:00"), "2月29日（周二）24:00", "Tue 29 Feb, 24:00"),
        (at("2027-01-01T00:00"), "12月31日（周四）24:00", "Thu 31 Dec, 24:00"),
    ],
)
def test_a_deadline_is_24_of_its_own_day(due_at: datetime, zh: str, en: str) -> None:
    assert rules.deadline_words(due_at, BEIJING, "zh") == zh
    assert rules.deadline_words(due_at, BEIJING, "en") == en


def test_a_deadline_of_another_year_says_so() -> None:
    due_at, now = at("2025-11-06T00:00"), at("2026-02-01T12:00")
    assert rules.deadline_words(due_at, BEIJING, "zh", now=now) == "2025年11月5日（周三）24:00"
    assert rules.deadline_words(due_at, BEIJING, "en", now=now) == "Wed 5 Nov 2025, 24:00"


def test_a_midnight_that_does_not_exist_is_still_24_of_the_day_before() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 2026-03-29: 00:00 becomes 01:00
    end = rules.end_of_day(date(2026, 3, 28), beirut)
    assert end.astimezone(beirut).hour == 1
    assert rules.deadline_words(end, beirut, "en") == "Sat 28 Mar, 24:00"


def test_the_networks_zone_has_a_name() -> None:
    assert rules.zone_words(BEIJING, "zh") == "北京时间"
    assert rules.zone_words(BEIJING, "en") == "Beijing time"
    assert rules.zone_words(ZoneInfo("Asia/Tokyo"), "en") == "Japan Time"


def test_promises_press_by_the_share_of_their_time() -> None:
    opened = DUE - span(hours=24)
    thresholds = rules.shared_thresholds(opened, DUE, 0.5, 0.85)
    assert rules.level_of(span(hours=12, seconds=1), thresholds) is Level.FAR
    assert rules.level_of(span(hours=12), thresholds) is Level.WARN
    assert rules.level_of(span(hours=3, minutes=36), thresholds) is Level.BAD


def test_months_of_a_year() -> None:
    assert rules.local_month(at("2026-11-01T00:00"), BEIJING) == date(2026, 11, 1)
    assert rules.local_month(at("2026-10-31T23:59:59"), BEIJING) == months.before(date(2026, 11, 1))
