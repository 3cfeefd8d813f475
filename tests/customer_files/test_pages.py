"""The pages of customer files, by a browser without script; each page that is opened is also inspected."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from portal.app import Portal
from portal.core.db import db
from tests.customer_files.form import GOOD, csv_of, with_cell
from tests.factories import World

MONTH = "/files/2026-10"
BOARD = "/region/2026-10"
Browse = Callable[..., Any]


def person(place: int, **cells: str) -> list[str]:
    """A good row of its own: another name, phone and order number."""
    return with_cell(
        customer_name=cells.pop("customer_name", f"客户{place}"),
        phone=cells.pop("phone", f"138000{place:05d}"),
        order_no=cells.pop("order_no", f"SO-{place}"),
        **cells,
    )


def sheet(*rows: list[str]) -> tuple[io.BytesIO, str]:
    return io.BytesIO(csv_of(*rows)), "十月客户.csv"


def upload(browser: Any, *rows: list[str], address: str = MONTH, unit: str = "") -> Any:
    return browser.send(f"{address}/upload{unit}", {"file": sheet(*rows)}, content_type="multipart/form-data")


def hidden(page: Any, name: str) -> str:
    return next(str(given["value"]) for given in page.inputs if given.get("name") == name)


def submit(browser: Any, address: str = MONTH, unit: str = "", **more: str) -> Any:
    page = browser.page(f"{address}/submit{unit}")
    form = {"file": hidden(page, "file"), "seen": hidden(page, "seen"), "declared": "y", **more}
    return browser.post(f"{address}/submit{unit}", data=page.guard | form)


def file_month(browser: Any, *rows: list[str], **more: str) -> str:
    """Upload and submit; gives the address of the receipt."""
    assert upload(browser, *rows).status_code == 302
    answer = submit(browser, **more)
    assert answer.status_code == 302, answer.text
    return str(answer.headers["Location"])


REASONS = {"reason-S1": "停业装修", "reason-S2": "停业装修"}


@contextmanager
def counted(app: Portal) -> Iterator[list[str]]:
    """Every statement that is sent meanwhile."""
    sent: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    event.listen(db.engine.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine.engine, "before_cursor_execute", note)


# --- the dealer ----------------------------------------------------------------------------------------------------


def test_months(world: World, browser_as: Browse) -> None:
    page = browser_as(world.actors["principal"]).page("/files")
    assert "2026 年 10 月" in page.text
    assert "杭州西湖店" in page.text
    assert MONTH in page.links


def test_month_before_anything(world: World, browser_as: Browse) -> None:
    page = browser_as(world.actors["principal"]).page(MONTH)
    assert page.headings[0] == "10 月客户档案"
    assert "还剩 2 天 14 小时" in page.text
    assert "取消后续营销政策支持" in page.text
    assert f"{MONTH}/upload" in page.links
    english = browser_as(world.actors["principal"]).page(f"{MONTH}?lang=en")
    assert "Customer file of October" in english.headings[0]


def test_upload_check_submit_receipt(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    answer = upload(browser, person(1), person(2))
    assert answer.headers["Location"] == f"{MONTH}/check"
    page = browser.page(f"{MONTH}/check")
    assert "没有错误，可以提交" in page.text
    page = browser.page(f"{MONTH}/submit")
    assert "2 家门店没有报送" in page.text
    refused = submit(browser)
    assert refused.status_code == 422
    assert "请说明杭州西湖店没有报送的原因" in refused.text
    answer = submit(browser, **REASONS)
    page = browser.page(answer.headers["Location"])
    assert "HZ-202610-D1-01" in page.text
    assert "按时，早 2 天 14 小时" in page.text
    assert "2026-11-03 10:00:00（北京时间）" in page.text
    assert re.search(r"sha256 [0-9a-f]{64}", page.text)
    assert "region.qy" in page.text  # who checks it next


def test_submit_twice_gives_the_same_receipt(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    upload(browser, person(1))
    page = browser.page(f"{MONTH}/submit")
    form = (
        page.guard | {"file": hidden(page, "file"), "seen": hidden(page, "seen"), "declared": "y"} | REASONS
    )
    places = {browser.post(f"{MONTH}/submit", data=form).headers["Location"] for _ in range(2)}
    assert places == {"/receipts/HZ-202610-D1-01"}


def test_the_declaration_is_asked_for(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    upload(browser, person(1))
    page = browser.page(f"{MONTH}/submit")
    form = page.guard | {"file": hidden(page, "file"), "seen": hidden(page, "seen")} | REASONS
    answer = browser.post(f"{MONTH}/submit", data=form)
    assert answer.status_code == 422
    assert "错误：" in answer.text
    assert "停业装修" in answer.text  # what was typed stays


def test_what_changed_since_the_last_look_is_shown(world: World, browser_as: Browse) -> None:
    mine, other = browser_as(world.actors["principal"]), browser_as(world.actors["clerk"])
    upload(mine, person(1))
    page = mine.page(f"{MONTH}/submit")
    form = (
        page.guard | {"file": hidden(page, "file"), "seen": hidden(page, "seen"), "declared": "y"} | REASONS
    )
    upload(other, person(1), person(2))
    answer = mine.post(f"{MONTH}/submit", data=form)
    assert answer.status_code == 409  # the version that was looked at is gone: look again
    assert "打开本页之后，档案有了变化" in answer.text
    assert "第 2 版" in answer.text


def test_mend_many_rows_in_one_form(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    upload(browser, person(1, phone="1380000001"), person(2, quantity="两箱半"), person(3))
    page = browser.page(f"{MONTH}/check")
    assert page.title.startswith("错误：")
    assert "2 行需要修改" in page.text
    assert {"#f-2-phone", "#f-3-quantity"} <= set(page.links)
    assert {"f-2-phone", "f-3-quantity"} <= set(page.ids)
    form = {
        "file": hidden(page, "file"),
        "o-2-phone": hidden(page, "o-2-phone"),
        "v-2-phone": "13800000011",
        "o-3-quantity": hidden(page, "o-3-quantity"),
        "v-3-quantity": "2",
    }
    answer = browser.post(f"{MONTH}/check?tab=bad", data=page.guard | form)
    assert answer.status_code == 302
    page = browser.page(f"{MONTH}/check")
    assert "2 行已保存并重新校验" in page.text
    assert "没有错误，可以提交" in page.text


def test_a_value_that_is_still_wrong_stays_in_the_field(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    upload(browser, person(1, phone="1380000001"))
    page = browser.page(f"{MONTH}/check")
    form = {"file": hidden(page, "file"), "o-2-phone": "1380000001", "v-2-phone": "13800"}
    browser.post(f"{MONTH}/check?tab=bad", data=page.guard | form)
    page = browser.page(f"{MONTH}/check")
    assert hidden(page, "v-2-phone") == "13800"


def test_two_people_mend_one_cell(world: World, browser_as: Browse) -> None:
    mine, other = browser_as(world.actors["principal"]), browser_as(world.actors["clerk"])
    upload(mine, person(1, phone="1380000001"))
    seen = mine.page(f"{MONTH}/check")
    form = {"file": hidden(seen, "file"), "o-2-phone": "1380000001"}
    other.page(f"{MONTH}/check")
    assert (
        other.post(
            f"{MONTH}/check", data=other.page(f"{MONTH}/check").guard | form | {"v-2-phone": "13800000012"}
        ).status_code
        == 302
    )
    answer = mine.post(f"{MONTH}/check", data=seen.guard | form | {"v-2-phone": "13800000013"})
    assert answer.status_code == 409
    assert "13800000012" in answer.text


def test_a_new_version_meanwhile_keeps_what_was_typed(world: World, browser_as: Browse) -> None:
    mine, other = browser_as(world.actors["principal"]), browser_as(world.actors["clerk"])
    upload(mine, person(1, phone="1380000001"))
    seen = mine.page(f"{MONTH}/check")
    upload(other, person(1, phone="1380000009"))
    form = {"file": hidden(seen, "file"), "o-2-phone": "1380000001", "v-2-phone": "13800000013"}
    answer = mine.post(f"{MONTH}/check", data=seen.guard | form)
    assert answer.status_code == 409
    assert "13800000013" in answer.text
    assert "第 2 版" in answer.text


def test_leave_a_row_out_and_take_it_in(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    upload(browser, person(1, phone="1380000001"), person(2))
    page = browser.page(f"{MONTH}/check")
    form = {"file": hidden(page, "file"), "leave_out": "2", "w-2": ""}
    assert browser.post(f"{MONTH}/check", data=page.guard | form).status_code == 422
    assert browser.post(f"{MONTH}/check", data=page.guard | form | {"w-2": "客户退单"}).status_code == 302
    page = browser.page(f"{MONTH}/check?tab=excluded")
    assert "客户退单" in page.text
    page = browser.page(f"{MONTH}/rows/2")
    answer = browser.post(
        f"{MONTH}/rows/2", data=page.guard | {"file": hidden(page, "file"), "do": "take_in"}
    )
    assert answer.status_code == 302
    assert "1 行需要修改" in browser.page(f"{MONTH}/check").text


def test_one_row_with_all_its_columns(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    upload(browser, person(1))
    page = browser.page(f"{MONTH}/rows/2")
    form = {"file": hidden(page, "file"), "do": "save", "o-2-remarks": "送货上门", "v-2-remarks": "周末联系"}
    assert browser.post(f"{MONTH}/rows/2", data=page.guard | form).status_code == 302
    assert hidden(browser.page(f"{MONTH}/rows/2"), "v-2-remarks") == "周末联系"
    for row in ("99", "0", "x", "99999999999999999999"):
        assert browser.get(f"{MONTH}/rows/{row}").status_code == 404


def test_one_correction_for_all_equal_values(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    upload(browser, person(1, quantity="一箱"), person(2, quantity="一箱"), person(3))
    page = browser.page(f"{MONTH}/check")
    assert "相同的值一次改完" in page.text
    form = {"file": hidden(page, "file"), "column": "quantity", "wrong": "一箱", "right": "1"}
    assert browser.post(f"{MONTH}/check/equal", data=page.guard | form).status_code == 302
    assert "没有错误" in browser.page(f"{MONTH}/check").text


def test_annotated_file_and_template(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    upload(browser, person(1, phone="1380000001"))
    for address in (f"{MONTH}/annotated.xlsx", "/files/template.xlsx", "/files/template.xlsx?month=2026-10"):
        answer = browser.get(address)
        assert answer.data[:2] == b"PK"
        assert "attachment" in answer.headers["Content-Disposition"]
    assert browser.get("/files/2026-09/annotated.xlsx").status_code == 404


def test_a_file_that_is_refused(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    answer = browser.send(
        f"{MONTH}/upload",
        {"file": (io.BytesIO(b"PK\x03\x04nonsense"), "坏.xlsx")},
        content_type="multipart/form-data",
    )
    assert answer.status_code == 422
    assert "文件没有收下" in answer.text
    assert browser.send(f"{MONTH}/upload", {}, content_type="multipart/form-data").status_code == 422


def test_unknown_headings_are_mapped_once(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    headings = ["业主", "联系电话", "地址", "产品型号", "购买日期", "购买区域", "拿了几箱", "订单号", "备注"]

    def send(*rows: list[str]) -> Any:
        content = io.BytesIO(csv_of(*rows, headings=headings))
        return browser.send(
            f"{MONTH}/upload", {"file": (content, "客户.csv")}, content_type="multipart/form-data"
        )

    answer = send(person(1))
    assert "/mapping?" in answer.headers["Location"]
    page = browser.page(answer.headers["Location"])
    assert "拿了几箱" in page.text
    form = {"held": hidden(page, "held")}
    half = browser.post(f"{MONTH}/mapping", data=page.guard | form | {"m-1": "phone"})
    assert half.status_code == 422
    assert "还缺" in half.text
    names = [
        "customer_name",
        "phone",
        "address",
        "product_model",
        "purchase_date",
        "purchase_region",
        "quantity",
        "order_no",
        "remarks",
    ]
    chosen = {f"m-{place}": name for place, name in enumerate(names)}
    answer = browser.post(f"{MONTH}/mapping", data=page.guard | form | chosen)
    assert answer.headers["Location"] == f"{MONTH}/check", answer.text
    assert send(person(1), person(2)).headers["Location"] == f"{MONTH}/check"  # remembered
    gone = browser.get(f"{MONTH}/mapping?held=nonsense")
    assert gone.headers["Location"] == f"{MONTH}/upload"


def test_by_hand(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    page = browser.page(f"{MONTH}/by-hand")
    names = [
        "customer_name",
        "phone",
        "address",
        "product_model",
        "purchase_date",
        "purchase_region",
        "quantity",
        "order_no",
        "remarks",
    ]
    first = {f"r-0-{name}": value for name, value in zip(names, GOOD, strict=True)}
    more = browser.post(f"{MONTH}/by-hand", data=page.guard | {"rows": "1", "add": "1"} | first)
    assert more.status_code == 200
    assert "王芳" in more.text
    assert 'name="r-1-phone"' in more.text
    second = {f"r-1-{name}": value for name, value in zip(names, person(2, phone="138"), strict=True)}
    wrong = browser.post(f"{MONTH}/by-hand", data=page.guard | {"rows": "2"} | first | second)
    assert wrong.status_code == 422
    assert "#r-1-phone" in wrong.text
    assert "客户2" in wrong.text
    answer = browser.post(
        f"{MONTH}/by-hand", data=page.guard | {"rows": "2"} | first | second | {"r-1-phone": "13800000002"}
    )
    assert answer.headers["Location"] == f"{MONTH}/check"
    assert hidden(browser.page(f"{MONTH}/by-hand"), "r-1-phone") == "13800000002"
    removed = browser.post(
        f"{MONTH}/by-hand", data=page.guard | {"rows": "2", "remove": "0"} | first | second
    )
    assert "王芳" not in removed.text
    assert browser.post(f"{MONTH}/by-hand", data=page.guard | {"rows": "1"}).status_code == 422


def test_nil_return(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["clerk2"])
    assert browser.send(f"{MONTH}/nil", {"reason": " "}).status_code == 422
    answer = browser.send(f"{MONTH}/nil", {"reason": "本月没有销售"})
    assert answer.headers["Location"] == f"{MONTH}/submit"
    answer = submit(browser, **{"reason-S3": "停业"})
    assert "零申报" in browser.page(answer.headers["Location"]).text


def test_a_fall_of_more_than_half_is_asked_about(world: World, browser_as: Browse, at: Any) -> None:
    browser = browser_as(world.actors["principal"])
    file_month(browser, *(person(place) for place in range(1, 6)), **REASONS)
    at("2026-12-02 10:00:00")
    november, browser = "/files/2026-11", browser_as(world.actors["principal"])
    rows = [person(9, purchase_date="2026-11-05")]
    assert upload(browser, *rows, address=november).status_code == 302
    page = browser.page(f"{november}/submit")
    assert "是否漏报" in page.text
    assert submit(browser, november, **REASONS).status_code == 422
    assert submit(browser, november, complete="y", **REASONS).status_code == 302


def test_withdraw_and_correct(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    file_month(browser, person(1), **REASONS)
    page = browser.page(f"{MONTH}/withdraw")
    form = {"file": hidden(page, "file")}
    assert browser.post(f"{MONTH}/withdraw", data=page.guard | form).status_code == 422
    for _ in range(2):
        assert (
            browser.post(f"{MONTH}/withdraw", data=page.guard | form | {"reason": "漏了两户"}).status_code
            == 302
        )
    page = browser.page(MONTH)
    assert "已撤回" in page.text
    answer = browser.post(f"{MONTH}/revise", data=page.guard | form)
    assert answer.headers["Location"].startswith(f"{MONTH}/check")
    assert "第 2 版" in browser.page(f"{MONTH}/check").text


def test_a_dealer_acts_for_its_store(world: World, browser_as: Browse) -> None:
    browser = browser_as(world.actors["principal"])
    assert upload(browser, person(1), unit="?unit=S1").headers["Location"] == f"{MONTH}/check?unit=S1"
    answer = submit(browser, unit="?unit=S1")
    assert answer.headers["Location"] == "/receipts/HZ-202610-S1-01"
    for code in ("S3", "D2", "R1", "nothing"):
        assert browser.get(f"{MONTH}?unit={code}").status_code == 404
    assert "下属门店的档案 门店" in browser.page(MONTH).text


def test_stores_see_only_themselves(world: World, browser_as: Browse) -> None:
    file_month(browser_as(world.actors["principal"]), person(1), **REASONS)
    store = browser_as(world.actors["store"])
    assert store.page(MONTH).headings[0] == "10 月客户档案"
    assert store.get("/receipts/HZ-202610-D1-01").status_code == 404


def test_closed_months(world: World, browser_as: Browse, at: Any) -> None:
    browser = browser_as(world.actors["principal"])
    assert "本月尚未开放填报" in browser.page("/files/2026-11").text
    at("2026-11-25 10:00:00")
    browser = browser_as(world.actors["principal"])
    page = browser.page(MONTH)
    assert "锁定" in page.text
    assert upload(browser, person(1)).status_code == 409
    for month in ("2026-13", "26-1", "x"):
        assert browser.get(f"/files/{month}").status_code == 404


# --- the region ----------------------------------------------------------------------------------------------------


@pytest.fixture
def filed(world: World, browser_as: Browse) -> World:
    """D1 has filed two customers, one with a hint; D2 has errors."""
    file_month(browser_as(world.actors["principal"]), person(1), person(2, address="杭州"), **REASONS)
    upload(browser_as(world.actors["clerk2"]), person(3, phone="138"))
    return world


def test_board(filed: World, browser_as: Browse, at: Any) -> None:
    page = browser_as(filed.actors["region"]).page(BOARD)
    assert "浙江区 · 2 家经销商" in page.text
    assert "待核对" in page.text
    assert "有错误未改" in page.text
    assert page.text.index("宁波顺达地板") < page.text.index("杭州恒居建材")
    assert any(link.startswith("tel:139") for link in page.links)
    assert "扣当期提成 10%" in page.text
    one = browser_as(filed.actors["region"]).page(f"{BOARD}?state=submitted")
    assert "宁波顺达地板" not in one.text
    assert "没有符合" in browser_as(filed.actors["region"]).page(f"{BOARD}?q=没有这家").text
    at("2026-11-06 09:30:00")
    late = browser_as(filed.actors["region"]).page(BOARD)
    assert "逾期 9 小时 30 分" in late.text
    assert "宁波顺达地板" in browser_as(filed.actors["region"]).page(f"{BOARD}?time=late").text


def test_board_by_pages(filed: World, browser_as: Browse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.customer_files.pages.board.LONGEST_PAGE", 1)
    browser = browser_as(filed.actors["region"])
    page = browser.page(BOARD)
    following = next(link for link in page.links if "cursor=" in link)
    second = browser.page(following)
    assert ("宁波顺达地板" in page.text) != ("宁波顺达地板" in second.text)


def test_whose_board(filed: World, browser_as: Browse) -> None:
    assert browser_as(filed.actors["region2"]).get(f"{BOARD}?region=R1").status_code == 404
    assert browser_as(filed.actors["clerk"]).get(BOARD).status_code == 403
    assert browser_as(filed.actors["supervisor"]).get(BOARD).headers["Location"] == "/regions/2026-10"
    assert "杭州恒居建材" in browser_as(filed.actors["supervisor"]).page(f"{BOARD}?region=R1").text
    assert browser_as(filed.actors["region"]).get("/region").headers["Location"] == BOARD
    assert browser_as(filed.actors["region2"]).get(f"{BOARD}/D1").status_code == 404


def test_a_dealers_file(filed: World, browser_as: Browse) -> None:
    for who in ("region", "channel", "supervisor", "agent"):
        page = browser_as(filed.actors[who]).page(f"{BOARD}/D1")
        assert "138****0001" in page.text
        assert "13800000001" not in page.html
        assert "文三路" not in page.text
        draft = browser_as(filed.actors[who]).page(f"{BOARD}/D2")
        assert "客户3" not in draft.text
    assert browser_as(filed.actors["executive"]).get(f"{BOARD}/D1").status_code == 403


def test_check_and_return(filed: World, browser_as: Browse) -> None:
    region = browser_as(filed.actors["region"])
    page = region.page(f"{BOARD}/D1")
    form = page.guard | {"file": hidden(page, "file"), "note": "看过了"}
    assert region.post(f"{BOARD}/D1/check", data=form).status_code == 302
    assert "已核对" in region.page(f"{BOARD}/D1").text
    page = region.page(f"{BOARD}/D1/return?row=3")
    form = page.guard | {"file": hidden(page, "file"), "row": "3"}
    assert region.post(f"{BOARD}/D1/return", data=form | {"reason": "地址不全"}).status_code == 422
    assert (
        region.post(
            f"{BOARD}/D1/return", data=form | {"reason": "地址不全", "reason-3": "写到门牌号"}
        ).status_code
        == 302
    )
    dealer = browser_as(filed.actors["principal"])
    page = dealer.page(MONTH)
    assert "地址不全" in page.text
    answer = dealer.post(f"{MONTH}/revise", data=page.guard | {"file": hidden(page, "file")})
    page = dealer.page(answer.headers["Location"])
    assert "写到门牌号" in page.text
    assert "退回的行" in page.text


def test_several_at_once(filed: World, browser_as: Browse) -> None:
    region = browser_as(filed.actors["region"])
    page = region.page(f"{BOARD}/bulk?what=check&dealer=D1&dealer=D2")
    assert "还没有提交" in page.text
    form = page.guard | {"what": "check", "dealer": ["D1", "D2"]}
    assert region.post(f"{BOARD}/bulk", data=form).status_code == 302
    assert "已核对 1 份" in region.page(BOARD).text
    page = region.page(f"{BOARD}/bulk?what=remind")
    assert "宁波顺达地板" in next(words for words in [page.text])
    answer = region.post(
        f"{BOARD}/bulk", data=page.guard | {"what": "remind", "dealer": ["D2"], "note": "请尽快"}
    )
    assert answer.status_code == 302
    assert "已提醒 1 家" in region.page(BOARD).text
    page = region.page(f"{BOARD}/bulk?what=return&dealer=D1")
    assert (
        region.post(f"{BOARD}/bulk", data=page.guard | {"what": "return", "dealer": "D1"}).status_code == 422
    )
    assert region.get(f"{BOARD}/bulk?what=explode&dealer=D1").status_code == 404
    assert (
        browser_as(filed.actors["channel"]).get(f"{BOARD}/bulk?what=check&dealer=D1&region=R1").status_code
        == 403
    )


def test_consolidate(filed: World, browser_as: Browse) -> None:
    region = browser_as(filed.actors["region"])
    page = region.page(f"{BOARD}/submit")
    assert "1 家经销商缺报" in page.text
    form = page.guard | {"seen": hidden(page, "seen"), "number": hidden(page, "number")}
    assert region.post(f"{BOARD}/submit", data=form).status_code == 422
    form |= {"reason-D2": "数据还在改"}
    places = {region.post(f"{BOARD}/submit", data=form).headers["Location"] for _ in range(2)}
    assert places == {"/receipts/HQ-202610-R1-01"}
    page = region.page(places.pop())
    assert "2 户" in page.text
    assert "没有新的档案" in region.page(f"{BOARD}/submit").text
    assert "已汇总" in region.page(BOARD).text
    assert browser_as(filed.actors["executive"]).page("/receipts/HQ-202610-R1-01").headings
    assert browser_as(filed.actors["clerk"]).get("/receipts/HQ-202610-R1-01").status_code == 404
    assert browser_as(filed.actors["region2"]).get("/receipts/HQ-202610-R1-01").status_code == 404


def test_what_changed_on_the_board_is_shown(filed: World, browser_as: Browse) -> None:
    region = browser_as(filed.actors["region"])
    page = region.page(f"{BOARD}/submit")
    form = page.guard | {"seen": hidden(page, "seen"), "number": "0", "reason-D2": "数据还在改"}
    file_month(browser_as(filed.actors["clerk2"]), person(3), **{"reason-S3": "停业"})
    answer = region.post(f"{BOARD}/submit", data=form)
    assert answer.status_code == 409


def test_summary(filed: World, browser_as: Browse) -> None:
    for who in ("region", "supervisor"):
        assert browser_as(filed.actors[who]).get(f"{BOARD}/summary.xlsx").data[:2] == b"PK"
    assert browser_as(filed.actors["channel"]).get(f"{BOARD}/summary.xlsx").status_code == 403


def test_all_regions(filed: World, browser_as: Browse) -> None:
    for who, seen in (("supervisor", 3), ("executive", 3), ("channel", 2)):
        page = browser_as(filed.actors[who]).page("/regions/2026-10")
        assert page.headings[0] == f"10 月：{seen} 个区域中 0 个已汇总"
        assert f"{BOARD}?region=R1" in page.links
    assert browser_as(filed.actors["region"]).get("/regions/2026-10").headers["Location"] == BOARD


def test_files_for_those_above(filed: World, browser_as: Browse) -> None:
    page = browser_as(filed.actors["agent"]).page("/files?month=2026-10")
    assert "杭州恒居建材" in page.text
    assert f"{BOARD}/D1?version=1" in page.links


def test_nothing_of_another_network(filed: World, other: World, browser_as: Browse) -> None:
    browser = browser_as(other.actors["supervisor"])
    assert browser.get("/receipts/HZ-202610-D1-01").status_code == 404
    assert "杭州恒居建材有限公司" in browser.page(f"{BOARD}?region=R1").text  # its own unit of the same name
    assert "待核对" not in browser.page(f"{BOARD}/D1").text


# --- the number of queries -----------------------------------------------------------------------------------------


def test_queries_do_not_grow(world: World, browser_as: Browse, app: Portal) -> None:
    """The same page with one row and with forty, one dealer filed and two: as many queries."""
    dealer, other, region = (browser_as(world.actors[who]) for who in ("principal", "clerk2", "region"))
    pages = {dealer: [MONTH, "/files", f"{MONTH}/check", f"{MONTH}/submit", f"{MONTH}/upload"]}

    def count(browser: Any, address: str) -> int:
        browser.get(address)
        db.session.remove()
        with counted(app) as sent:
            browser.page(address)
        return len(sent)

    upload(dealer, person(1))
    few = {address: count(dealer, address) for address in pages[dealer]}
    upload(dealer, *(person(place) for place in range(1, 41)))
    many = {address: count(dealer, address) for address in pages[dealer]}
    assert many == few
    submit(dealer, **REASONS)
    above = [BOARD, f"{BOARD}/D1", f"{BOARD}/submit"]
    few = {address: count(region, address) for address in above}
    upload(other, *(person(place) for place in range(50, 90)))
    submit(other, **{"reason-S3": "停业"})
    many = {address: count(region, address) for address in above}
    assert many == few
    everything = {**few, **{address: count(dealer, address) for address in (MONTH, "/files")}}
    assert max(everything.values()) < 60, everything


def test_all_regions_ask_as_much_as_one(world: World, browser_as: Browse, app: Portal) -> None:
    counts = []
    for who in ("channel", "supervisor"):  # two regions, three regions
        browser = browser_as(world.actors[who])
        browser.get("/regions/2026-10")
        db.session.remove()
        with counted(app) as sent:
            browser.page("/regions/2026-10")
        # not the rail's badges, which differ by role
        counts.append(
            len([each for each in sent if not re.search("rectification|sanction_case|AS place", each)])
        )
    assert counts[0] == counts[1]
