"""The rail, the words and the month's rail, without an app."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from portal.access import Role
from portal.home import rules
from portal.home.rules import Badge, Task

SHANGHAI = ZoneInfo("Asia/Shanghai")
HERE = {"/", "/files", "/customers", "/rulebook", "/region"}


def only(*paths: str):
    return lambda path: path if path in paths else None


@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_a_rail_that_begins_at_home_and_a_name(role: Role) -> None:
    assert rules.NAV[role][0].path == "/"
    assert role in rules.ROLE_WORDS
    assert len({entry.path for entry in rules.NAV[role]}) == len(rules.NAV[role])


def test_entries_without_a_page_are_left_out() -> None:
    found = rules.nav(Role.DEALER_CLERK, only("/", "/files"), "/", {})
    assert [item.href for item in found] == ["/", "/files"]


def test_the_bottom_bar_has_four_and_more() -> None:
    everything = rules.tabs(Role.DEALER_PRINCIPAL, lambda path: path, "/files/2026-10", {})
    assert [item.href for item in everything] == ["/", "/files", "/customers", "/complaints", "/menu"]
    assert [item.current for item in everything] == [False, True, False, False, False]


def test_a_page_of_no_tab_lies_under_more() -> None:
    found = rules.tabs(Role.DEALER_PRINCIPAL, lambda path: path, "/rulebook", {})
    assert found[-1].current


@pytest.mark.parametrize(
    ("here", "current"), [("/files", True), ("/files/2026-10", True), ("/filesx", False), ("/", False)]
)
def test_current_is_the_place_and_all_below_it(here: str, current: bool) -> None:
    entry = rules.nav(Role.DEALER_CLERK, only("/files"), here, {})[0]
    assert entry.current is current


@pytest.mark.parametrize(
    ("badge", "words", "css"),
    [(Badge(0, bad=True), "", "n--bad"), (Badge(3), "3", ""), (Badge(120, bad=True), "99+", "n--bad")],
)
def test_badges(badge: Badge, words: str, css: str) -> None:
    item = rules.nav(Role.DEALER_CLERK, only("/files"), "/", {"/files": badge})[0]
    assert (item.badge, item.badge_class) == (words, css)


@pytest.mark.parametrize(
    ("due_at", "zh", "en"),
    [
        (datetime(2026, 11, 5, 16, tzinfo=UTC), "11月5日 24:00", "5 Nov, 24:00"),
        (datetime(2026, 11, 5, 11, 32, tzinfo=UTC), "11月5日 19:32", "5 Nov, 19:32"),
        (datetime(2026, 12, 31, 16, tzinfo=UTC), "12月31日 24:00", "31 Dec, 24:00"),
    ],
)
def test_a_limit_at_midnight_is_24_of_the_day_before(due_at: datetime, zh: str, en: str) -> None:
    assert rules.short_limit(due_at, SHANGHAI, "zh") == zh
    assert rules.short_limit(due_at, SHANGHAI, "en") == en


def test_words_of_time() -> None:
    month = date(2026, 10, 1)
    assert (rules.month_words(month, "zh"), rules.month_words(month, "en")) == ("10 月", "October")
    assert (rules.month_and_year(month, "zh"), rules.month_and_year(month, "en")) == (
        "2026 年 10 月",
        "October 2026",
    )
    assert rules.day_words(date(2025, 11, 4), "zh") == "11月4日 周二"
    assert rules.day_words(date(2025, 11, 4), "en") == "Tuesday 4 November"
    moment = datetime(2025, 11, 4, 8, 20, tzinfo=UTC)
    assert rules.clock_words(moment, SHANGHAI, "zh") == "11月4日 16:20"
    assert rules.clock_words(moment, SHANGHAI, "en") == "4 Nov, 16:20"


@pytest.mark.parametrize(
    ("reached", "late", "states"),
    [(1, False, ["done", "now", "", ""]), (1, True, ["done", "late", "", ""]), (4, False, ["done"] * 4)],
)
def test_the_months_rail(reached: int, late: bool, states: list[str]) -> None:
    stops = [(name, "", "") for name in ("open", "dealers", "regions", "lock")]
    assert [stop.state for stop in rules.rail(stops, reached, late)] == states


@dataclass(frozen=True)
class ALimit:
    words: str
    level: str = "far"
    iso: str = ""
    absolute: str = ""
    levels: str = ""
    stopped: bool = False


def a_task(hour: int) -> Task:
    due_at = datetime(2026, 11, 4, hour, tzinfo=UTC)
    return Task(f"at {hour}", "", f"/files/{hour}", due_at, ALimit(f"{hour} h left"), ("mute", "open"))


def test_least_time_left_first() -> None:
    assert [task.title for task in rules.first_due([a_task(9), a_task(3), a_task(5)])] == [
        "at 3",
        "at 5",
        "at 9",
    ]


def test_the_shares_of_a_bar_sum_up() -> None:
    parts = rules.shares([("ok", 15), ("warn", 5), ("info", 1), ("bad", 3), ("odd", 0)])
    assert [css for _share, css in parts] == ["f-ok", "f-warn", "f-info", "f-bad"]
    assert sum(share for share, _css in parts) == pytest.approx(100, abs=0.05)
    assert rules.shares([("ok", 0)]) == []


@pytest.mark.parametrize(
    ("state", "on_time", "kind"),
    [("submitted", True, "ok"), ("nil", True, "ok"), ("checked", False, "bad"), ("x", None, "bad")],
)
def test_how_a_past_month_ended(state: str, on_time: bool | None, kind: str) -> None:
    assert rules.result_tag(state, on_time)[0] == kind


@pytest.mark.parametrize(
    ("phone", "shown"),
    [("13900004127", "139 0000 4127"), ("138****5678", "138 **** 5678"), ("0571-88001234", "0571-88001234")],
)
def test_phones_are_shown_in_groups(phone: str, shown: str) -> None:
    assert rules.phone_words(phone) == shown
