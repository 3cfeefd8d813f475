"""Each page of the month as each role comes to it in the demonstration: axe, nothing over the edge, one language.

The crawl itself is done without a browser; the browser then looks once at each kind of page, in Chinese on a phone by
daylight and in English on a desk in the dark.
"""

import gzip
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from portal.demonstration import cast
from tests.journeys.demonstration_house import (
    EVERYBODY,
    PEOPLE,
    ROOMS,
    Dictionary,
    Found,
    Theatre,
    left_over,
    open_theatre,
)

pytestmark = [pytest.mark.slow]
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
VIEWS = {"zh": (390, 844, "zh-CN", "light"), "en": (1440, 900, "en-US", "dark")}
HEAVIEST = 80 * 1024
TARGETS = """() => [...document.querySelectorAll(
  'main .btn, main button, main input, main select, main textarea, main summary, .chips a, .tabbar a, .top a')]
  .filter(el => !el.matches('[type=hidden], [type=checkbox], [type=radio], .drop-in, .visually-hidden'))
  .map(el => [el, el.getBoundingClientRect()])
  .filter(([el, box]) => box.width > 1 && box.height > 0 && box.height < 43.5)
  .map(([el, box]) => `${el.tagName} ${el.className} ${Math.round(box.height)} px ${el.textContent.trim()}`)"""
SMALL_TYPE = """() => [...document.querySelectorAll('input, select, textarea')]
  .filter(el => el.offsetParent && !el.matches('[type=hidden], [type=checkbox], [type=radio]'))
  .filter(el => parseFloat(getComputedStyle(el).fontSize) < 16).map(el => el.name)"""


@pytest.fixture(scope="module")
def theatre(cloned: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    with open_theatre(cloned, tmp_path_factory.mktemp("demonstration")) as made:
        yield made


@pytest.fixture(scope="module")
def dictionary() -> Dictionary:
    return Dictionary.read()


PEOPLE_OF = {who: role for role, who in PEOPLE.items()}
NAMES = frozenset({"中文", "English", *cast.UNITS.split(), *cast.PEOPLE.split()})
"""What stands on a page as it is in both languages: names are data."""


def test_every_role_has_its_pages(theatre: Theatre) -> None:
    """Whoever is named on the sign-in page gets in; each role finds a start page, a menu and help."""
    for who in EVERYBODY:
        theatre.client(who, "zh")
    for who in (*PEOPLE.values(), "clerk@zhongli.example"):
        endpoints = {page.endpoint for page in theatre.pages(who)}
        assert {"home.start", "home.menu", "home.help", "accounts.account"} <= endpoints, who
        faults = [
            f"{page.path}: {page.status}"
            for page in theatre.pages(who)
            if page.room in ROOMS and page.status not in (200, 404)
        ]
        assert not faults, f"{who} {faults}"


def test_no_english_on_a_chinese_page(theatre: Theatre, dictionary: Dictionary) -> None:
    pages = [page for who in (*PEOPLE.values(), "clerk@zhongli.example") for page in theatre.pages(who)]
    wrong = [
        f"{page.path}: {words}" for page in pages for words in left_over(page.html, dictionary.english, NAMES)
    ]
    assert not wrong, "\n".join(dict.fromkeys(wrong))
    assert len(pages) > 300


def test_no_chinese_on_an_english_page(theatre: Theatre, dictionary: Dictionary) -> None:
    """But for data: the names, addresses and words that people have written."""
    kinds = [
        page for page in theatre.kinds() if page.room != "ledger"
    ]  # vouchers keep the words of their writer
    pages = [(page, theatre.in_english(page)) for page in kinds]
    wrong = [
        f"{page.path}: {words}"
        for page, html in pages
        for words in left_over(html, dictionary.chinese, NAMES)
    ]
    assert not wrong, "\n".join(dict.fromkeys(wrong))
    assert len(pages) > 80


def test_a_dealers_page_is_light(theatre: Theatre) -> None:
    """With all styles and scripts at most 80 kB on the wire (DESIGN-UX 11)."""
    client, heavy = theatre.client("clerk@hengju.example", "zh"), []
    parts: dict[str, int] = {}
    for page in theatre.pages("clerk@hengju.example"):
        weight = len(gzip.compress(page.html.encode()))
        for part in re.findall(r'<(?:link rel="stylesheet" href|script [^>]*src)="([^"]+)"', page.html):
            if part not in parts:
                answer = client.get(part, headers={"Accept-Encoding": "gzip"})
                assert answer.headers.get("Content-Encoding") == "gzip", part
                parts[part] = len(answer.data)
                answer.close()
            weight += parts[part]
        if weight > HEAVIEST:
            heavy.append(f"{page.path}: {weight / 1024:.0f} kB")
    assert len(parts) >= 4
    assert not heavy, "\n".join(heavy)


@pytest.mark.browser
@pytest.mark.parametrize("language", ["zh", "en"])
def test_axe_finds_nothing(theatre: Theatre, browser: Browser, language: str) -> None:
    width, height, locale, scheme = VIEWS[language]
    chosen: dict[Any, Found] = {}
    for found in theatre.kinds():
        if found.room in ROOMS or found.endpoint in ("docs", "error"):
            shape = {"home.start": PEOPLE_OF.get(found.who), "customer_files.check": found.telling}
            chosen.setdefault((found.endpoint, shape.get(found.endpoint)), found)
    by_person: dict[str, list[Found]] = {}
    for found in chosen.values():
        by_person.setdefault(found.who, []).append(found)
    wrong: list[str] = []
    looked = 0

    def fault(error: Any) -> None:
        wrong.append(f"script: {error}")

    for who, pages in by_person.items():
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale=locale, color_scheme=scheme
        )
        for cookie in theatre.client(who, language)._cookies.values():
            context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": theatre.address}])
        page = context.new_page()
        page.on("pageerror", fault)
        for found in pages:
            page.goto(theatre.address + found.path)
            wrong += look(page, phone=language == "zh")
            looked += 1
        context.close()
    print(f"\n{looked} pages looked at in {language}")
    assert not wrong, "\n".join(wrong)
    assert looked >= 35


def look(page: Page, *, phone: bool) -> list[str]:
    at: str = page.url
    said: list[str] = []
    violations = Axe().run(page, options=RULES).response["violations"]
    said += [f"{at} axe {each['id']}: {each['nodes'][0]['html'][:200]}" for each in violations]
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    if over > 0:
        said.append(f"{at} runs {over} px over the edge")
    if phone:
        said += [f"{at} target: {each}" for each in page.evaluate(TARGETS)]
        said += [f"{at} type below 16 px: {each}" for each in page.evaluate(SMALL_TYPE)]
        page.set_viewport_size({"width": 360, "height": 740})
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            said.append(f"{at} runs {over} px over the edge of 360")
        page.set_viewport_size({"width": 390, "height": 844})
    return said
