"""The pages of money, by a browser without script; each page that is opened is also inspected."""

import io
from collections.abc import Callable
from typing import Any

from portal import ledger
from tests.conftest import Hands
from tests.factories import World
from tests.sanctions.court import Court

Browse = Callable[..., Any]


def deposit(browser: Any, unit: str, amount: str, reference: str) -> Any:
    form = {"amount": amount, "reference": reference}
    return browser.send(f"/margin/{unit}/deposits", form, page=f"/margin/{unit}")


def test_finance_posts_a_deposit_once_and_the_dealer_sees_it(world: World, browser_as: Browse) -> None:
    finance = browser_as(world.actors["finance"])
    assert deposit(finance, "D1", "２０,000.00", "B-1").status_code == 302
    again = deposit(finance, "D1", "20000", "B-1")
    assert again.status_code == 409
    assert "已经入账" in again.text
    wrong = deposit(finance, "D1", "nothing", "B-2")
    assert wrong.status_code == 422
    assert "<title>错误：" in wrong.text
    everybody = finance.page("/margin")
    assert "¥20,000.00" in everybody.text
    principal = browser_as(world.actors["principal"])
    assert principal.get("/margin").headers["Location"] == "/margin/D1"
    own = principal.page("/margin/D1")
    assert "¥20,000.00" in own.headings[0]
    assert "B-1" in own.text
    assert "/margin/D1/deposits" not in own.html
    english = principal.page("/margin/D1?lang=en")
    assert "Brand margin of" in english.headings[0]


def test_nobody_sees_anothers_margin(world: World, other: World, browser_as: Browse) -> None:
    principal = browser_as(world.actors["principal"])
    for place in ("/margin/D2", "/margin/R1", "/margin/HQ", "/margin/D2/statement.pdf", "/margin/entries/1"):
        assert principal.get(place).status_code == 404
    assert browser_as(world.actors["officer"]).get("/margin").status_code == 403
    assert browser_as(world.actors["executive"]).get("/posting").status_code == 403


def test_statements_on_paper_and_as_a_workbook(world: World, browser_as: Browse) -> None:
    finance = browser_as(world.actors["finance"])
    deposit(finance, "D1", "1234.50", "B-1")
    paper = finance.get("/margin/D1/statement.pdf?since=2026-11-01&until=2026/11/30")
    assert paper.data.startswith(b"%PDF")
    sheet = finance.get("/margin/D1/statement.xlsx")
    assert sheet.data.startswith(b"PK")
    assert "attachment" in sheet.headers["Content-Disposition"]
    odd = finance.page("/margin/D1?since=yesterday")
    assert "2026-11-05" in odd.text
    assert "没有" in finance.page("/margin/D1?until=2026-10-01").text


def test_an_entry_shows_both_sides_to_finance_and_its_own_to_the_dealer(
    world: World, browser_as: Browse
) -> None:
    finance, principal = browser_as(world.actors["finance"]), browser_as(world.actors["principal"])
    deposit(finance, "D1", "100", "B-1")
    entry = next(link for link in finance.page("/margin/D1").links if "/entries/" in link)
    assert "银行存款" in finance.page(entry).text
    assert "银行存款" not in principal.page(entry).text


def test_a_months_statement_is_all_or_nothing(world: World, browser_as: Browse) -> None:
    finance = browser_as(world.actors["finance"])

    def send(text: str, month: str = "2026-10") -> Any:
        form = {"month": month, "file": (io.BytesIO(text.encode()), "c.csv")}
        return finance.send("/posting/commissions", form, page="/posting", content_type="multipart/form-data")

    wrong = send("person,amount\nnobody@nowhere.example,5\n")
    assert wrong.status_code == 422
    assert "没有导入" in wrong.text
    assert send("who\n1\n").status_code == 422
    good = f"person,amount\n{world.email('region')},10000\n"
    early = send(good, "2099-12")
    assert early.status_code == 422
    assert "还没有开始" in early.text
    assert send(good).status_code == 302
    assert send(good).status_code == 409
    assert "¥10,000.00" in browser_as(world.actors["region"]).page("/commission").headings[0]
    assert "¥10,000.00" in finance.page("/margin").text
    person = world.actors["region"].person_id
    assert "¥10,000.00" in finance.page(f"/commission?person={person}").text
    assert browser_as(world.actors["clerk"]).get(f"/commission?person={person}").status_code == 404
    paper = browser_as(world.actors["region"]).get("/commission/statement.pdf?lang=en")
    assert paper.data.startswith(b"%PDF")
    assert finance.get(f"/commission/statement.xlsx?person={person}").data.startswith(b"PK")


def test_finance_pays_back_and_undoes_by_the_opposite(world: World, browser_as: Browse) -> None:
    finance = browser_as(world.actors["finance"])
    deposit(finance, "D1", "500", "B-1")
    form = {"r-amount": "600", "r-reference": "R-1", "r-reason": "退出"}
    assert finance.send("/margin/D1/refund", form, page="/margin/D1").status_code == 409
    assert finance.send("/margin/D1/refund", form | {"r-reason": ""}, page="/margin/D1").status_code == 422
    assert finance.send("/margin/D1/refund", form | {"r-amount": "200"}, page="/margin/D1").status_code == 302
    assert "¥300.00" in finance.page("/margin/D1").headings[0]
    entry = next(link for link in finance.page("/margin/D1").links if "/entries/" in link)
    assert finance.send(f"{entry}/reverse", {"reason": ""}, page=entry).status_code == 422
    assert finance.send(f"{entry}/reverse", {"reason": "写错了"}, page=entry).status_code == 302
    assert "¥500.00" in finance.page("/margin/D1").headings[0]
    assert "/reverse" not in browser_as(world.actors["principal"]).page(entry).html


def test_lists_turn_pages_and_take_filters(world: World, browser_as: Browse) -> None:
    finance = browser_as(world.actors["finance"])
    deposit(finance, "D2", "30000", "B-1")
    assert "宁波顺达" in finance.page("/margin?q=D2").text
    short = finance.page("/margin?state=short").text
    assert "杭州恒居" in short
    assert "宁波顺达" not in short
    assert finance.get("/margin?q=%00").status_code == 422
    assert finance.get("/margin?cursor=x").status_code == 422


def test_finance_alone_does_not_undo_what_a_case_took(
    world: World, api_as: Browse, at: Hands, browser_as: Browse
) -> None:
    court = Court(world, api_as, at)
    court.margin("D1", 500_000)
    case = court.propose(rule="R033", unit="D1", measures=[{"kind": "margin_forfeited", "amount": 200_000}])
    court.final(case["id"])
    court.step(case["id"], "execute")
    world.as_("finance")
    taken = [each for each in ledger.transactions_of_case(int(case["id"])) if each.purpose == "forfeit"]
    entry = f"/margin/entries/{taken[0].id}"
    finance = browser_as(world.actors["finance"])
    assert "/reverse" not in finance.page(entry).html
    for lang, words in (("zh", f"属于案件 {case['number']}"), ("en", f"belongs to case {case['number']}")):
        refused = finance.send(f"{entry}/reverse?lang={lang}", {"reason": "I like them"}, page="/margin/D1")
        assert refused.status_code == 409
        assert words in refused.text
    assert court.balances("D1") == {"margin": 300_000}
