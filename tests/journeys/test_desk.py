"""An agent at the call desk, in a real browser: ten calls with the keyboard alone; a dealer who reports on a phone."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.journeys.desk_house import House, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PEOPLE = 14


@pytest.fixture(scope="module")
def house(cloned: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served(cloned, tmp_path_factory.mktemp("desk"), PEOPLE) as made:
        yield made


@pytest.fixture
def sit(house: House, browser: Browser) -> Iterator[Callable[..., Page]]:
    """A page of somebody who has signed in; a fault of the script fails the test."""
    opened: list[Any] = []
    faults: list[str] = []

    def enter(who: str, width: int = 1366, height: int = 768) -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
        opened.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        house.sign_in(page, who)
        return page

    yield enter
    for context in opened:
        context.close()
    assert faults == []


def begin(page: Page, house: House) -> None:
    page.goto(f"{house.address}/calls")
    page.locator(".page-h__a .btn-primary").click()
    page.wait_for_url(re.compile(r"/calls/\d+"))


def name_of(page: Page) -> str:
    return page.locator("#h-name").inner_text()


def press(page: Page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def questions(page: Page) -> None:
    """The four required ones: yes, yes, 5, 5."""
    press(page, "ArrowDown", "ArrowRight", "ArrowDown", "ArrowRight")
    press(page, "ArrowDown", "ArrowLeft", "ArrowDown", "ArrowLeft")


def save(page: Page) -> str:
    """Save and wait for the next customer; the focus stands on the name and it is said."""
    before = page.url
    page.keyboard.press("Control+Enter")
    page.wait_for_function("before => location.href !== before", arg=before)
    return page.url


def test_ten_calls_with_the_keyboard_alone(sit, house: House):
    page = sit("agent")
    page.goto(f"{house.address}/calls")
    button = page.locator(".page-h__a .btn-primary")
    button.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/calls/\d+"))
    page.mouse.move(0, 0)
    seen = []
    ways: list[Callable[[], None]] = [
        lambda: (questions(page), press(page, "1"))[0],
        lambda: press(page, "4", "1"),
        lambda: press(page, "4", "2"),
        lambda: press(page, "4", "5", "Space"),
        lambda: press(page, "3", "ArrowRight", "ArrowRight"),
        lambda: (questions(page), press(page, "2", "Space", "Escape", "n"), page.keyboard.type("有响声1234"))[
            0
        ],
        lambda: press(page, "4", "3"),
        lambda: press(page, "4", "Escape", "4", "4"),
        lambda: (
            press(page, "n"),
            page.keyboard.type("pcj 12"),
            press(page, "Escape"),
            questions(page),
            press(page, "1"),
        )[0],
        lambda: (questions(page), press(page, "1"))[0],
    ]
    for way in ways:
        expect(page.locator("#h-name")).to_be_focused()
        seen.append(name_of(page))
        way()
        save(page)
        expect(page.locator("[data-say]")).to_contain_text("已保存")
    assert len(set(seen)) == 10
    expect(page.locator(".call__q")).to_contain_text("今日 10 / 60")
    page.goto(f"{house.address}/coverage/2026-10")
    expect(page.locator("h1")).to_contain_text("%")
    press(page, "Tab")
    begin(page, house)
    press(page, "p")
    page.wait_for_url(re.compile(r"/calls$"))


def test_a_wrong_save_is_put_right_with_the_keyboard_alone(sit, house: House):
    """The form begins with what was saved; the same keys as on the call screen; the first save stays in sight."""
    page = sit("agent")
    begin(page, house)
    wrong = name_of(page)
    press(page, "3", "ArrowRight")
    save(page)
    page.locator(".call__q a", has_text="更正").first.focus()
    press(page, "Enter")
    page.wait_for_url(re.compile(r"/correct$"))
    expect(page.locator("h1")).to_contain_text(wrong)
    expect(page.locator("#h-name")).to_be_focused()
    assert page.locator("#o-suspicious").is_checked()
    questions(page)
    press(page, "2", "Space", "Escape", "n")
    page.keyboard.type("声音大 12")
    press(page, "Control+Enter")
    page.wait_for_url(re.compile(r"/calls/\d+$"))
    expect(page.locator("main")).to_contain_text("已更正")
    expect(page.locator("main")).to_contain_text("声音大 12")


def test_keys_are_off_while_typing_and_composing(sit, house: House):
    page = sit("agent2")
    begin(page, house)
    press(page, "n")
    page.keyboard.type("1234 jpc")
    assert page.input_value("#note") == "1234 jpc"
    assert page.locator("input[name=outcome]:checked").count() == 0
    press(page, "Escape")
    page.evaluate(
        "document.querySelector('#h-name').dispatchEvent(new KeyboardEvent('keydown',"
        " {key: '1', isComposing: true, bubbles: true}))"
    )
    assert page.locator("input[name=outcome]:checked").count() == 0
    press(page, "1")
    assert page.locator("#o-satisfied").is_checked()
    page.uncheck("#keys-on")
    press(page, "2")
    assert page.locator("#o-satisfied").is_checked()
    page.check("#keys-on")
    page.locator("#h-name").focus()
    press(page, "j")
    expect(page.locator("#skip_reason")).to_be_focused()
    press(page, "Escape")
    page.locator("#h-name").focus()
    press(page, "/")
    expect(page.locator("#find")).to_be_focused()
    page.locator("#h-name").focus()
    press(page, "?")
    expect(page.locator("#h-keys")).to_be_focused()


def test_without_the_network_nothing_typed_is_lost(sit, house: House):
    page = sit("agent2")
    begin(page, house)
    here = page.url
    page.fill("#note", "说到一半")
    page.context.set_offline(True)
    press(page, "Control+Enter")
    expect(page.locator("[data-lost]")).to_contain_text("网络断开")
    assert page.input_value("#note") == "说到一半"
    assert page.url == here
    page.context.set_offline(False)
    press(page, "Control+Enter")
    expect(page.locator(".errsum")).to_be_visible()
    assert page.input_value("#note") == "说到一半"


def test_the_draft_comes_back_after_the_page_was_closed(sit, house: House):
    page = sit("agent2")
    begin(page, house)
    here = page.url
    page.fill("#note", "没有存下")
    page.goto(f"{house.address}/coverage")
    page.goto(here)
    assert page.input_value("#note") == "没有存下"


def test_the_dock_is_always_in_sight(sit, house: House):
    page = sit("agent2")
    begin(page, house)
    for choice in ("1", "2", "3", "4"):
        press(page, "Escape", "Escape", choice)
        box = page.locator("[data-save]").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 768
        assert page.locator("#note").bounding_box()["y"] < 768
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


PAGES = [
    "/calls",
    "/calls?state=waiting&month=2026-10",
    "/coverage/2026-10",
    "/coverage/2026-10?by=dealer",
    "/rectifications?state=",
]


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (390, 844)])
def test_axe_finds_nothing(sit, house: House, width: int, height: int):
    page = sit("supervisor", width, height)
    begin(page, house)
    held = page.url
    places = [*PAGES, "/calls/team", "/months/2026-10", held.removeprefix(house.address)]
    page.goto(f"{house.address}/rectifications?state=")
    first = page.locator("td.h a").first
    if first.count():
        places.append(str(first.get_attribute("href")))
    other = page.goto(f"{house.address}/calls?state=retry") and page.locator("td.h a").first
    if other and other.count():
        places += [str(other.get_attribute("href")), f"{other.get_attribute('href')}/correct"]
    for theme in ("light", "dark"):
        page.context.add_cookies([{"name": "theme", "value": theme, "url": house.address}])
        for place in places:
            page.goto(f"{house.address}{place}")
            if place.startswith("/calls/") and page.locator("#o-none").count():
                page.locator("label[for=o-unsatisfied]").click()
            found = Axe().run(page)
            assert found.violations_count == 0, f"{place} {theme}: {found.generate_report()}"
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place


def test_a_dealer_reports_on_a_phone(sit, house: House, tmp_path: Path):
    page = sit("clerk", 390, 844)
    page.goto(f"{house.address}/rectifications")
    page.locator("td.h a").first.click()
    picture = tmp_path / "photo.jpg"
    made = io.BytesIO()
    Image.new("RGB", (800, 600), "peru").save(made, "JPEG")
    picture.write_bytes(made.getvalue())
    page.fill("#action", "师傅上门重铺")
    page.set_input_files("#files", [str(picture)])
    page.locator("button[value=photos]").click()
    expect(page.locator(".shots img")).to_have_count(1)
    assert page.input_value("#action") == "师傅上门重铺"
    page.locator("form .btn-primary").last.click()
    expect(page.locator("main")).to_contain_text("已回报")
    expect(page.locator(".shots img")).to_have_count(1)
