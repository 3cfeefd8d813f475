"""The rulebook's pages: read by every role in both languages, with sources, anchors and versions."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from flask_babel import refresh

from portal import rulebook
from tests.factories import PEOPLE, World


@pytest.mark.parametrize("who", [line.split()[0] for line in PEOPLE.strip().splitlines()])
def test_everybody_reads_the_rulebook(world: World, browser_as: Callable[..., Any], who: str) -> None:
    page = browser_as(world.actors[who]).page("/rulebook")
    assert "地板品牌售后服务与客户档案规则" in page.headings[0]


def test_in_plain_chinese_with_sources(world: World, browser_as: Callable[..., Any]) -> None:
    page = browser_as(world.actors["clerk"]).page("/rulebook")
    assert "次月 5 日 24:00 前" in page.text
    assert "取消后续营销政策支持（由总部认定）" in page.text
    assert "经销商每月 5 日前将上月客户档案报区域经理" in page.text  # R041's wording
    for anchor in ("rule-window_dealer", "rule-customer_file_missing", "rule-column_phone", "source-R047"):
        assert anchor in page.ids
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    for english in ("By 24:00", "Required", "Measures", "days", "hours"):
        assert english not in page.text


def test_in_plain_english(world: World, browser_as: Callable[..., Any]) -> None:
    page = browser_as(world.actors["region"]).page("/rulebook?lang=en")
    assert "By 24:00 of day 8 of the month after" in page.text
    assert "10 % of the current commission is withheld" in page.text
    assert "3 attempts on at least 2 days, 4 hours apart" in page.text
    assert not [sign for sign in page.headings[0] if "\u4e00" <= sign <= "\u9fff"]


def test_what_headquarters_keeps_for_itself_is_not_told(world: World, browser_as: Callable[..., Any]) -> None:
    page = browser_as(world.actors["clerk"]).page("/rulebook?lang=en")
    assert "signal" not in page.text.lower()
    assert "Am I speaking with" not in page.text


def test_versions(world: World, browser_as: Callable[..., Any]) -> None:
    document = rulebook.shipped("flooring")
    document["calendar"]["windows"]["dealer"]["day"] = 6
    admin = world.as_("admin")
    rulebook.install(admin, world.network.id, world.network.root_path, document, date(2026, 12, 1))
    browser = browser_as(world.actors["principal"])
    now = browser.page("/rulebook")
    assert "次月 5 日" in now.text
    assert "待生效" in now.text
    assert "/rulebook/2" in now.links
    later = browser.page("/rulebook/2")
    assert "次月 6 日" in later.text
    assert "这不是 2026 年 10 月档案现行的版本" in later.text


@pytest.mark.parametrize("version", ["3", "0", "x", "99999999999999999999", "-1", "1.0"])
def test_no_such_version(world: World, browser_as: Callable[..., Any], version: str) -> None:
    assert browser_as(world.actors["clerk"]).get(f"/rulebook/{version}").status_code == 404


def test_every_shipped_book_has_its_page(world: World, browser_as: Callable[..., Any]) -> None:
    admin = world.as_("admin")
    for key in rulebook.shipped_keys():
        rulebook.install(admin, world.network.id, world.network.root_path, key, date(2026, 12, 1))
    browser = browser_as(world.actors["admin"])
    for each in rulebook.list_versions(world.network.id):
        for lang in ("zh", "en"):
            refresh()  # the app context of a test outlives its requests, and with it the language
            page = browser.page(f"/rulebook/{each.version}?lang={lang}")
            assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
            chinese = [sign for sign in page.headings[0] if "\u4e00" <= sign <= "\u9fff"]
            assert bool(chinese) is (lang == "zh")
