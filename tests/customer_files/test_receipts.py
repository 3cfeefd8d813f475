"""Receipts as PDF: the same one gives the same bytes, and what the typeface has not is seen to be missing."""

from collections.abc import Callable
from typing import Any

import pytest

from portal.core.paper import MISSING_SIGN, characters, fonts, printable
from tests.customer_files.test_pages import REASONS, file_month, person
from tests.factories import World

RECEIPT = "/receipts/HZ-202610-D1-01"


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_pdf(world: World, browser_as: Callable[..., Any], at: Any, lang: str) -> None:
    at.forward(microseconds=123456)
    browser = browser_as(world.actors["principal"])
    file_month(browser, person(1), person(2), **REASONS)
    first, second = (browser.get(f"{RECEIPT}.pdf?lang={lang}") for _ in range(2))
    assert first.mimetype == "application/pdf"
    assert first.data[:5] == b"%PDF-"
    assert first.data == second.data
    assert b"pdfaid" in first.data
    assert "HZ-202610-D1-01.pdf" in first.headers["Content-Disposition"]


def test_pdf_of_a_consolidation(world: World, browser_as: Callable[..., Any]) -> None:
    browser = browser_as(world.actors["region"])
    page = browser.page("/region/2026-10/submit")
    form = {given["name"]: given["value"] for given in page.inputs if given.get("name") in ("seen", "number")}
    form |= {"reason-D1": "在途", "reason-D2": "在途"}
    answer = browser.post("/region/2026-10/submit", data=page.guard | form)
    assert browser.get(f"{answer.headers['Location']}.pdf").data[:5] == b"%PDF-"


def test_rare_characters_are_replaced_and_said(
    world: World, browser_as: Callable[..., Any], monkeypatch: Any
) -> None:
    browser = browser_as(world.actors["principal"])
    file_month(browser, person(1), **REASONS)
    known = characters()
    assert ord("杭") in known
    assert ord("𠮷") not in known
    assert printable({"name": ["张𠮷平", "王芳"]}) == ({"name": [f"张{MISSING_SIGN}平", "王芳"]}, True)
    assert printable("王芳 #evil[x] $1") == ("王芳 #evil[x] $1", False)
    monkeypatch.setattr(world.units["D1"], "name", "𠮷祥地板 #evil[x]")
    assert browser.get(f"{RECEIPT}.pdf").data[:5] == b"%PDF-"


@pytest.mark.parametrize("who", ["clerk2", "region2", "clerk3"])
def test_others_do_not_see_it(world: World, browser_as: Callable[..., Any], who: str) -> None:
    file_month(browser_as(world.actors["principal"]), person(1), **REASONS)
    for address in (RECEIPT, f"{RECEIPT}.pdf", "/receipts/HZ-000000-XX-01", "/receipts/x.pdf"):
        assert browser_as(world.actors[who]).get(address).status_code == 404


@pytest.mark.parametrize("who", ["finance", "admin", "officer"])
def test_roles_that_never_see_receipts(world: World, browser_as: Callable[..., Any], who: str) -> None:
    file_month(browser_as(world.actors["principal"]), person(1), **REASONS)
    assert browser_as(world.actors[who]).get(RECEIPT).status_code == 403


def test_late(world: World, browser_as: Callable[..., Any], at: Any) -> None:
    at("2026-11-07 09:00:00")
    browser = browser_as(world.actors["principal"])
    page = browser.page(file_month(browser, person(1), **REASONS))
    assert "逾期 1 天 9 小时" in page.text


def test_the_typeface_is_the_one_that_comes_with_us() -> None:
    assert fonts().families() == ["Noto Sans SC", "Noto Serif SC"]
