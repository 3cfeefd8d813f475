"""Start pages, menu, help, and the frame of every page (each page that a test opens is inspected, too)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from portal import clocks, customer_files, notices
from portal.core import clock
from portal.core.db import db
from portal.core.waiting import Waiting
from portal.home import queries
from tests.conftest import PageClient
from tests.customer_files.filing import rows, submitted
from tests.factories import World
from tests.pages import Page

EVERYBODY = (
    "agent supervisor officer approver finance executive admin channel region principal clerk store"
).split()


@pytest.mark.parametrize("who", EVERYBODY)
@pytest.mark.parametrize("lang", ["zh", "en"])
def test_each_role_has_a_start_page(
    world: World, browser_as: Callable[..., PageClient], who: str, lang: str
) -> None:
    client = browser_as(world.actors[who])
    for address in ("/", "/menu", "/help", "/account", "/switch"):
        page = client.page(f"{address}?lang={lang}")
        assert page.title


def test_the_dealers_page_says_what_is_due_and_when(
    world: World, browser_as: Callable[..., PageClient]
) -> None:
    page = browser_as(world.actors["clerk"]).page("/")
    assert page.headings == ["待办 1 项，最近一项还剩 2 天 14 小时"]
    assert "11月5日（周四）24:00" in page.text
    assert "region.qy" in page.text  # whom to call


def test_the_same_in_english(world: World, browser_as: Callable[..., PageClient]) -> None:
    page = browser_as(world.actors["clerk"]).page("/?lang=en")
    assert page.headings == ["1 thing to do: 2 days 14 h left"]
    assert "October" in page.text


def test_overdue_is_said(world: World, browser_as: Callable[..., PageClient], at: Any) -> None:
    client = browser_as(world.actors["clerk"])
    at("2026-11-06 09:30:00")
    client = browser_as(world.actors["clerk"])
    page = client.page("/")
    assert "逾期 9 小时 30 分" in page.text
    assert "11月20日 24:00 前仍可补报" in page.text


def test_a_regional_manager_sees_the_dealers(world: World, browser_as: Callable[..., PageClient]) -> None:
    page = browser_as(world.actors["region"]).page("/")
    assert page.headings == ["10 月：2 家经销商中 0 家已提交"]
    assert "杭州恒居建材有限公司" in page.text
    assert "南京雅居" not in page.text


def test_headquarters_sees_the_regions(world: World, browser_as: Callable[..., PageClient]) -> None:
    page = browser_as(world.actors["supervisor"]).page("/")
    assert page.headings == ["10 月：3 个区域中 0 个已汇总"]
    assert "浙江区" in page.text


def test_an_agent_begins_with_the_next_call(world: World, browser_as: Callable[..., PageClient]) -> None:
    page = browser_as(world.actors["agent"]).page("/")
    assert page.headings == ["目前没有到点的回访"]
    assert "Next call" not in page.text
    assert "整改逾期" in page.text


def test_what_waits_for_a_sanction_officer_stands_on_the_start_page(
    world: World, browser_as: Callable[..., PageClient], at: Any
) -> None:
    at("2026-11-06 09:30:00")
    with db.session.begin_nested():
        clocks.sweep_all(clock.now())
    page = browser_as(world.actors["officer"]).page("/")
    assert page.headings[0].startswith("待办 ")
    assert "经销商未按时上报客户档案" in page.text
    assert "待提议" in page.text


def test_a_principal_sees_the_brand_margin_and_what_is_lacking(
    world: World, browser_as: Callable[..., PageClient]
) -> None:
    page = browser_as(world.actors["principal"]).page("/")
    assert "品牌保证金" in page.text
    assert "尚缺 ¥20,000.00" in page.text


@pytest.mark.parametrize("who", EVERYBODY)
def test_no_link_of_a_start_page_is_refused(
    world: World, browser_as: Callable[..., PageClient], who: str
) -> None:
    client = browser_as(world.actors[who])
    for href in set(client.page("/").links):
        if not href.startswith("/"):
            continue
        assert client.get(href).status_code in (200, 302, 303), href


def test_queries_are_constant(world: World, browser_as: Callable[..., PageClient]) -> None:
    asked: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    found = {}
    event.listen(db.engine.engine, "before_cursor_execute", note)
    try:
        for who in ("channel", "region", "clerk", "store"):
            client = browser_as(world.actors[who])
            asked.clear()
            client.page("/")
            found[who] = len(asked)
    finally:
        event.remove(db.engine.engine, "before_cursor_execute", note)
    assert max(found.values()) <= 34, found


def test_help_is_open_to_everybody(app: Any) -> None:
    page = app.test_client().page("/help")
    assert page.headings == ["帮助与联系"]


def test_a_chosen_theme_is_kept_without_script(world: World, browser_as: Callable[..., PageClient]) -> None:
    client = browser_as(world.actors["clerk"])
    assert 'data-bs-theme="auto"' in client.get("/").text
    answer = client.send("/theme", {"theme": "dark", "next": "/menu"}, page="/")
    assert answer.headers["Location"].endswith("/menu")
    assert 'data-bs-theme="dark"' in client.get("/").text


def test_the_language_switch_goes_back_to_the_same_page(
    world: World, browser_as: Callable[..., PageClient]
) -> None:
    client = browser_as(world.actors["clerk"])
    answer = client.send("/language", {"lang": "en", "next": "/help"}, page="/help")
    assert answer.headers["Location"].endswith("/help")
    assert 'lang="en"' in client.get("/help").text


def test_wechat_is_told_how_to_open_a_browser(app: Any) -> None:
    told = app.test_client().get("/help", headers={"User-Agent": "Mozilla/5.0 MicroMessenger/8.0"})
    assert "您正在微信中打开本页" in told.text
    assert "您正在微信中打开本页" not in app.test_client().get("/help").text


def test_an_error_says_what_to_do_and_what_to_quote(
    world: World, browser_as: Callable[..., PageClient]
) -> None:
    answer = browser_as(world.actors["clerk"]).get("/no-such-page")
    assert answer.status_code == 404
    page = Page(answer.text)
    assert page.headings == ["页面不存在，或不在您的查看范围内"]
    assert "编号" in page.text


def test_whoever_is_lost_keeps_the_rail(
    app: Any, world: World, browser_as: Callable[..., PageClient]
) -> None:
    rail = 'href="/files"'
    assert rail in browser_as(world.actors["clerk"]).get("/no-such-page").text
    assert rail not in app.test_client().get("/no-such-page").text


def test_the_bell_says_what_is_unread(world: World, browser_as: Callable[..., PageClient]) -> None:
    unit = world.units["D1"].id
    for who in ("supervisor", "region"):
        notices.tell(world.as_(who), unit_ids=[unit], kind="customer_file:reminded", subject="File received")
    page = browser_as(world.actors["clerk"]).page("/?lang=en")
    assert "Notices: 2 unread" in page.html
    assert "Notices: 0 unread" in browser_as(world.actors["clerk2"]).page("/?lang=en").html


def test_what_waits_is_asked_for_once(world: World, browser_as: Callable[..., PageClient]) -> None:
    """One statement for the badges of all rooms, the same for each role however much waits."""
    for who in EVERYBODY:
        found = queries.waiting(world.as_(who), clock.now())
        assert all(each.count > 0 for each in found.values())
    owed = queries.waiting(world.as_("clerk"), clock.now())
    assert owed["/files"] == Waiting(1, late=False)


def test_a_returned_file_counts_down_to_its_own_limit(
    world: World, browser_as: Callable[..., PageClient], at: Any
) -> None:
    """R048: filed in time and sent back after the deadline: nothing is overdue, the mending has 48 hours."""
    file = submitted(world.as_("clerk"), rows(2))
    at("2026-11-06 09:30:00")
    customer_files.return_file(world.as_("region"), file.id, "地址不全", [])
    page = browser_as(world.actors["clerk"]).page("/")
    assert "逾期" not in page.text
    assert "截止 11月8日（周日）09:30" in page.text
    assert "继续处理 10 月档案" in page.text
    board = browser_as(world.actors["region"]).page("/")
    assert "逾期 9 小时 30 分" in board.text  # the other dealer
    assert board.text.count("逾期 9 小时 30 分") == 1
