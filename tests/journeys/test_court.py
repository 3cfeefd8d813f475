"""A case in a real browser: the clock finds the breach, people decide in turn, the dealer appeals on the phone, the
ledger and the statement say what came of it (R047). Every page of both rooms is also looked at by axe.
"""

import io
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from python_calamine import CalamineWorkbook

from tests.factories import World
from tests.journeys.filing_house import House, served

pytestmark = [pytest.mark.browser, pytest.mark.slow]
PHONE, DESK = (390, 844), (1440, 900)
Open = Callable[..., Page]
PEOPLE = ("officer", "approver", "approver2", "finance", "principal", "region", "executive")


@pytest.fixture(scope="module")
def house(cloned: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with served(cloned, tmp_path_factory.mktemp("court"), "court") as made:
        yield made
        print(f"\n{len(made.opened)} pages looked at")


@pytest.fixture(scope="module")
def world(house: House) -> World:
    return house.a_world(*PEOPLE)


class Seat:
    """One person before the browser."""

    def __init__(self, house: House, page: Page) -> None:
        self.house, self.page = house, page

    def go(self, address: str) -> None:
        self.page.goto(f"{self.house.address}{address}")
        self.house.look(self.page)

    def press(self, form: str) -> None:
        """Send the form of this address, and look at what comes."""
        with self.page.expect_navigation():
            self.page.locator(f"form[action$='{form}'] button[type=submit]").click()
        self.house.look(self.page)

    def says(self, *words: str) -> None:
        for each in words:
            expect(self.page.locator("main")).to_contain_text(each)


@pytest.fixture
def seat(house: House, sit: Open, world: World) -> Callable[..., Seat]:
    def enter(who: str, size: tuple[int, int] = DESK, locale: str = "zh-CN") -> Seat:
        page = sit(size, locale)
        house.sign_in(page, world, who)
        return Seat(house, page)

    return enter


def decided(at: Seat, opinion: str, note: str, form: str, **measures: str) -> None:
    """Choose, say why, look at it once more, and do it."""
    at.page.check(f"#opinion-{opinion}")
    at.page.fill("#note", note)
    for name, value in measures.items():
        field = at.page.locator(f"#m-1-{name}")
        if not field.is_visible():
            at.page.locator(f"form[action$='/{form}'] details > summary").click()
        field.fill(value)
    at.press(f"/{form}")
    at.says("核对")
    at.press(f"/{form}")


def test_r047_from_the_clock_to_the_ledger(house: House, world: World, seat: Callable[..., Seat]) -> None:
    finance = seat("finance")
    finance.go("/margin/D1")
    finance.page.fill("#amount", "20,000.00")
    finance.page.fill("#reference", "BANK-1")
    finance.press("/margin/D1/deposits")

    house.hands("2026-11-06 00:00:30")
    house.sweep()
    house.hands("2026-11-06 09:00")

    officer = seat("officer")
    officer.go("/sanctions?state=draft")
    officer.page.locator("tr", has_text="杭州恒居").locator("a").first.click()
    number = re.search(r"CF-2026-\d{4}", officer.page.url)
    assert number is not None
    case = f"/sanctions/{number[0]}"
    officer.says("2026-11-05 24:00", "R047")
    officer.page.locator("form[action$='/propose'] details > summary").click()
    officer.page.select_option("#m-0-kind", "marketing_support_cancelled")
    officer.page.select_option("#m-1-kind", "margin_forfeited")
    officer.page.fill("#m-1-amount", "5000")
    officer.page.fill("#facts", "10月档案至今未报，区域经理两次催办未果。")
    officer.press("/propose")

    dealer = seat("principal", PHONE)
    dealer.go("/sanctions")
    dealer.go(case)
    dealer.page.fill("#text", "公司搬迁，电脑 11月4日才装好。")
    dealer.press("/statement")

    house.hands.forward(hours=3)
    approver = seat("approver")
    approver.go("/sanctions")
    approver.go(case)
    approver.says("公司搬迁")
    decided(approver, "approve", "事实清楚，逾期未报。", "approve")

    officer = seat("officer")
    officer.go("/sanctions?state=serve")
    officer.go(case)
    officer.press("/serve")
    finance = seat("finance")
    finance.go("/margin/D1")
    finance.says("¥5,000.00", "¥15,000.00")
    finance.go("/posting")
    finance.says(number[0])

    dealer = seat("principal", PHONE)
    dealer.go(case)
    printed = dealer.page.request.get(f"{house.address}{case}/decision.pdf")
    assert (printed.status, printed.body()[:5]) == (200, b"%PDF-")
    dealer.press("/acknowledge")
    dealer.page.fill("#grounds", "搬迁证明已补交，请从轻。")
    dealer.press("/appeal")
    dealer.says("搬迁证明")

    house.hands.forward(days=1)
    first = seat("approver")
    first.go("/appeals")
    first.go(case)
    expect(first.page.locator("form[action$='/decide']")).to_have_count(0)  # who approved does not hear it
    hearer = seat("approver2")
    hearer.go("/sanctions")
    hearer.go(case)
    decided(hearer, "varied", "搬迁属实，从轻处理。", "decide", amount="2000")
    hearer.says("变更")

    finance = seat("finance")
    finance.go("/sanctions")
    finance.go(case)
    finance.press("/execute")
    finance.go("/margin/D1")
    finance.says("¥18,000.00", number[0])
    assert "R047" in _statement(finance, "/margin/D1/statement.xlsx")

    dealer = seat("principal", PHONE)
    dealer.go("/margin/D1")
    dealer.says("¥18,000.00")
    told = _statement(dealer, "/margin/D1/statement.xlsx")
    assert {number[0], "R047", "-2000.0", "18000.0"} <= set(told)
    dealer.go("/units/D1/standing")
    dealer.says("已取消")
    dealer.go(case)
    dealer.says("生效中")


def _statement(at: Seat, address: str) -> list[str]:
    sent = at.page.request.get(f"{at.house.address}{address}")
    assert sent.status == 200
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(sent.body())).get_sheet_by_index(0)
    return [str(cell) for row in sheet.to_python() for cell in row]


PAGES: dict[str, list[str]] = {
    "officer": [
        "/sanctions",
        *(
            f"/sanctions?state={tab}"
            for tab in ("draft", "serve", "execute", "review", "soon", "proposed", "done", "all")
        ),
        "/sanctions/new",
        "/appeals",
        "/circulars",
        "/units/D1/standing",
        "/units/R1/standing",
        "/",
    ],
    "approver2": ["/sanctions", "/sanctions?state=appealed", "/"],
    "finance": [
        "/sanctions",
        "/sanctions?state=short",
        "/margin",
        "/margin?state=short",
        "/margin/D1",
        "/posting",
        "/",
    ],
    "executive": ["/sanctions", "/margin", "/circulars", "/"],
    "region": ["/sanctions", "/commission", "/circulars", "/"],
    "principal": ["/sanctions", "/sanctions?state=done", "/margin/D1", "/margin/S1", "/circulars", "/"],
}


@pytest.mark.parametrize(("size", "locale"), [(DESK, "zh-CN"), (PHONE, "en-US")])
def test_axe_finds_nothing_on_any_page(
    house: House, seat: Callable[..., Seat], size: tuple[int, int], locale: str
) -> None:
    for who, pages in PAGES.items():
        at = seat(who, size, locale)
        for address in pages:
            at.go(address)
        if who in ("finance", "principal"):
            at.go("/margin/D1")
            voucher: Any = at.page.locator("a[href^='/margin/entries/']").first.get_attribute("href")
            at.go(voucher)
        if who != "region":
            at.go("/sanctions?state=all")
            case: Any = at.page.locator("a[href^='/sanctions/CF-']").first.get_attribute("href")
            at.go(case)
