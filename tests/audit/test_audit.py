"""The audit trail's page and its filters; nobody but the administrator sees it, and nobody changes it."""

import ast
from datetime import date
from zoneinfo import ZoneInfo

import pytest

from config.settings import ROOT
from portal.audit import rules
from portal.core import events
from portal.core.db import finish
from portal.sanctions.rules import Move


@pytest.fixture
def done(world, at):
    at("2026-11-02 23:59:59")
    events.record(
        world.as_("clerk"), "customer_file:submitted", kind="customer_file", object_id=7, after={"rows": 3}
    )
    at("2026-11-03 00:00:00")
    events.record(
        world.as_("region"),
        "customer_file:returned",
        kind="customer_file",
        object_id=7,
        before={"state": "submitted"},
        after={"state": "returned", "reason": "第 3 行", "rows": [{"row": 3, "reason": "x"}]},
    )
    at("2026-11-03 12:00:00")
    events.record(world.as_("agent"), "customer:looked", kind="customer", object_id=9)
    finish(good=True)
    return world


def actions(page):
    """Action names as the table shows them, in its order."""
    table = page.html.partition("<tbody>")[2]
    found = [action for action in rules.ACTION_WORDS if f">{action}<" in table]
    return sorted(found, key=lambda action: table.index(f">{action}<"))


def test_newest_first_with_before_and_after(done, browser_as):
    page = browser_as(done.actors["admin"]).page("/audit?kind=customer_file")
    assert page.headings == ["审计日志"]
    assert actions(page) == ["customer_file:returned", "customer_file:submitted"]
    assert "<del>已提交</del>" in page.html, "states in words"
    assert "第 3 行" in page.text
    assert "文件已退回" in page.text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("person=clerk@qy.example", ["customer_file:submitted"]),
        ("person=CLERK@qy.example", ["customer_file:submitted"]),
        ("person=region.qy", ["customer_file:returned"]),
        ("person=nobody", []),
        ("action=customer:looked", ["customer:looked"]),
        ("kind=customer_file&object_id=7", ["customer_file:returned", "customer_file:submitted"]),
        ("kind=customer_file&object_id=8", []),
        ("since=2026-11-03&until=2026-11-03&kind=customer_file", ["customer_file:returned"]),
        ("until=2026-11-02&kind=customer_file", ["customer_file:submitted"]),
        (
            "since=0001-01-01&until=9999-12-31&kind=customer_file",
            ["customer_file:returned", "customer_file:submitted"],
        ),
        ("since=9999-12-31", []),
        ("until=0001-01-01", []),
        ("via=api&kind=customer", []),
        ("via=page&kind=customer", ["customer:looked"]),
    ],
)
def test_filters(done, browser_as, query, found):
    assert actions(browser_as(done.actors["admin"]).page(f"/audit?{query}")) == found


def test_odd_filters_are_told_so(done, browser_as):
    client = browser_as(done.actors["admin"])
    for query in ("since=x", "until=2026-02-30", "cursor=x"):
        assert client.get(f"/audit?{query}").status_code == 422
    assert client.page("/audit?person=%25' OR 1=1").headings == ["审计日志"]


@pytest.mark.parametrize(
    "who", ["clerk", "region", "channel", "agent", "supervisor", "executive", "finance", "officer"]
)
def test_for_administrators_alone(done, browser_as, who):
    assert browser_as(done.actors[who]).get("/audit").status_code == 403


def test_another_networks_administrator_sees_nothing_of_it(done, other, browser_as):
    assert actions(browser_as(other.actors["admin"]).page("/audit?kind=customer_file")) == []


def test_pages_go_on(done, browser_as):
    actor = done.as_("admin")
    for number in range(60):
        events.record(actor, "unit:renamed", kind="unit", object_id=number)
    finish(good=True)
    client = browser_as(done.actors["admin"])
    page = client.page("/audit?kind=unit&lang=en")
    (following,) = [link for link in page.links if "cursor=" in link and "lang=" not in link]
    assert "60 entries" not in page.text
    assert client.page(following).headings


def test_changes_keep_the_order_in_which_they_were_written():
    found = rules.changes({"a": 1, "b": None}, {"b": True, "c": {"x": [1, 2]}}, ZoneInfo("Asia/Shanghai"))
    assert [(each.name, each.before, each.after) for each in found] == [
        ("a", "1", None),
        ("b", "—", "✓"),
        ("c", None, "x: 1; 2"),
    ]


def test_a_span_ends_with_its_last_day():
    zone = ZoneInfo("Asia/Shanghai")
    low, high = rules.Asked(since=date(2026, 10, 1), until=date(2026, 10, 1)).span(zone)
    assert low
    assert high
    assert (low.isoformat(), high.isoformat()) == (
        "2026-10-01T00:00:00+08:00",
        "2026-10-02T00:00:00+08:00",
    )


def test_instants_stand_on_the_networks_clock():
    (found,) = rules.changes({}, {"due_at": "2026-11-05T16:00:00+00:00"}, ZoneInfo("Asia/Shanghai"))
    assert found.after == "2026-11-06 00:00:00"


def test_every_action_that_is_recorded_has_words():
    """An administrator reads words, not codes: each literal action that the code records is named."""
    recorded = set()
    for source in (ROOT / "portal").rglob("*.py"):
        for call in ast.walk(ast.parse(source.read_text())):
            if isinstance(call, ast.Call) and getattr(call.func, "attr", "") == "record":
                for given in [
                    *call.args[1:2],
                    *(each.value for each in call.keywords if each.arg == "action"),
                ]:
                    recorded |= {
                        str(part.value)
                        for part in ast.walk(given)
                        if isinstance(part, ast.Constant) and ":" in str(part.value)
                    }
    recorded = {action for action in recorded if not action.endswith(":")} | {
        f"sanction_case:{move}" for move in Move
    }
    assert len(recorded) > 60
    assert sorted(recorded - set(rules.ACTION_WORDS)) == []
