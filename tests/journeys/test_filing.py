"""A month in a real browser: a clerk files in Chinese on a phone, the regional manager consolidates in English.

Every page that is opened is also looked at by axe.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.customer_files.filing import csv_of, row, rows, submitted
from tests.factories import PASSWORD, World
from tests.journeys.filing_house import House, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MONTH = "2026-10"
PHONE, DESK = (390, 844), (1440, 900)
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def house(cloned: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served(cloned, tmp_path_factory.mktemp("filing")) as made:
        yield made
        print(f"\n{len(made.opened)} pages looked at")


def a_file(folder: Path, *given: dict[str, Any]) -> Path:
    place = folder / "十月客户.csv"
    place.write_bytes(csv_of(*given))
    return place


FAULTY = (row(1), row(2, phone="1390000"), row(3, purchase_date="下周"), row(4))


def test_a_clerk_files_in_chinese_on_a_phone(house: House, sit: Open, tmp_path: Path) -> None:
    world = house.a_world("clerk2")
    page = sit(PHONE, "zh-CN")
    page.goto(f"{house.address}/login")
    house.look(page)
    house.sign_in(page, world, "clerk2")
    expect(page.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    house.look(page)
    page.goto(f"{house.address}/files/{MONTH}")
    house.look(page)
    page.locator(f"a[href^='/files/{MONTH}/upload']").first.click()
    house.look(page)
    with page.expect_navigation(url=re.compile("/check")):
        page.set_input_files("#file", a_file(tmp_path, *FAULTY))
        page.locator("form[data-upload] button[type=submit]").first.click()
    house.look(page)
    cells = page.locator(".cell-fix")
    expect(cells).to_have_count(2)
    cells.nth(0).fill("13900000002")
    cells.nth(1).fill("2026-10-08")
    page.locator(f"form[action^='/files/{MONTH}/check'] button.btn-primary").click()
    page.locator(f"a[href^='/files/{MONTH}/submit']").first.click()
    house.look(page)
    page.fill("#reason-S3", "门店装修，本月停业")
    page.locator(
        "button.btn-lg[type=submit]"
    ).click()  # the declaration is not ticked yet: the browser says so
    assert page.evaluate("document.querySelector('input[name=declared]').matches(':invalid:focus')")
    page.check("input[name=declared]")
    page.locator("button.btn-lg[type=submit]").click()
    page.wait_for_url(re.compile("/receipts/HZ-202610-D2"))
    expect(page.locator("main")).to_contain_text("HZ-202610-D2-01")
    expect(page.locator("main")).to_contain_text("按时")
    house.look(page)
    printed = page.request.get(f"{house.address}/receipts/HZ-202610-D2-01.pdf")
    assert printed.status == 200
    assert printed.body()[:5] == b"%PDF-"


def test_a_manager_consolidates_in_english(house: House, sit: Open) -> None:
    def furnish(world: World) -> None:
        submitted(world.as_("clerk"), rows(5))
        submitted(world.as_("clerk2"), rows(4, 100))

    world = house.a_world("region", furnish=furnish)
    page = sit(DESK, "en-US")
    house.sign_in(page, world, "region")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    house.look(page)
    board = f"{house.address}/region/{MONTH}"
    page.goto(board)
    house.look(page)
    for dealer in ("D1", "D2"):
        page.locator(f"input[name=dealer][value={dealer}]").check()
    page.locator("button[name=what][value=check]").first.click()
    house.look(page)
    page.locator("main form button.btn-primary").click()
    page.wait_for_url(re.compile(f"/region/{MONTH}"))
    expect(page.get_by_text("All files are there and checked")).to_be_visible()
    page.goto(f"{board}/D2")
    house.look(page)
    assert "13000010100" not in page.content(), "phones are masked"
    page.locator("input[name=row]").first.check()
    page.locator("form[data-select] button[type=submit]").first.click()
    house.look(page)
    page.fill("#reason", "Addresses without house numbers")
    page.locator("input[id^=reason-]").first.fill("Which building?")
    page.locator("main form button.btn-primary").click()
    page.wait_for_url(re.compile(f"/region/{MONTH}"))
    page.goto(f"{board}/bulk?what=remind&dealer=D2")
    house.look(page)
    page.locator("main form button.btn-primary").click()
    page.wait_for_url(re.compile(f"/region/{MONTH}"))
    page.goto(f"{board}/submit")
    house.look(page)
    page.locator("main form button.btn-lg").click()  # without a reason
    expect(page.locator(".errsum")).to_be_visible()
    house.look(page)
    page.fill("#reason-D2", "Comes back mended next week")
    page.locator("main form button.btn-lg").click()
    page.wait_for_url(re.compile("/receipts/HQ-202610-R1"))
    expect(page.locator("main")).to_contain_text("on time")
    house.look(page)


def test_a_clerk_files_without_script(house: House, sit: Open, tmp_path: Path) -> None:
    world = house.a_world("clerk3")
    page = sit(PHONE, "zh-CN", script=False)
    house.sign_in(page, world, "clerk3")
    page.goto(f"{house.address}/files/{MONTH}/upload")
    page.set_input_files("#file", a_file(tmp_path, *FAULTY))
    page.locator("form[data-upload] button[type=submit]").first.click()
    page.wait_for_url(re.compile("/check"))
    cells = page.locator(".cell-fix")
    cells.nth(0).fill("13900000002")
    cells.nth(1).fill("2026-10-08")
    page.locator(f"form[action^='/files/{MONTH}/check'] button.btn-primary").click()
    page.locator(f"a[href^='/files/{MONTH}/submit']").first.click()
    page.check("input[name=declared]")
    page.locator("button.btn-lg[type=submit]").click()
    page.wait_for_url(re.compile("/receipts/HZ-202610-D3"))


def test_a_nil_return_with_its_reason(house: House, sit: Open) -> None:
    world = house.a_world("clerk3")
    page = sit(PHONE, "zh-CN")
    house.sign_in(page, world, "clerk3")
    page.goto(f"{house.address}/files/{MONTH}/nil")
    house.look(page)
    page.locator("main form button.btn-primary").click()
    assert page.evaluate("document.querySelector('#reason').matches(':invalid:focus')"), (
        "the browser asks for it"
    )
    page.fill("#reason", "装修停业")
    page.locator("main form button.btn-primary").click()
    page.wait_for_url(re.compile("/submit"))
    house.look(page)
    page.check("input[name=declared]")
    page.locator("button.btn-lg[type=submit]").click()
    page.wait_for_url(re.compile("/receipts/HZ-202610-D3"))


def test_signing_in_with_the_keyboard_alone(house: House, sit: Open) -> None:
    """From the top of the page by Tab: skip link first, then what is seen, in its order; no trap; focus is seen."""
    world = house.a_world("region")
    page = sit(DESK, "en-US")
    page.goto(f"{house.address}/login")
    reached: list[str] = []
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.name || document.activeElement.tagName"))
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        shadow = page.evaluate("getComputedStyle(document.activeElement).boxShadow")
        assert outline != "none" or shadow != "none", f"the focus on {reached[-1]} is not seen"
        if reached[-1] == "identifier":
            page.keyboard.type(world.email("region"))
        if reached[-1] == "password":
            page.keyboard.type(PASSWORD)
            page.keyboard.press("Enter")
            break
    page.wait_for_url(f"{house.address}/", wait_until="networkidle")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "#main"
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
