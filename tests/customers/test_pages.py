"""The list, one customer, the top bar's search."""

import pytest

from portal.customers import service
from tests.customers.filed import LI, WANG, a_file, filed


@pytest.fixture
def some(world):
    filed(world, "clerk", "D1", [WANG | {"order_no": "SO-1"}, LI])
    return world


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_list_of_a_dealer(some, browser_as, lang):
    page = browser_as(some.actors["clerk"]).page(f"/customers?lang={lang}")
    assert page.headings == ["客户" if lang == "zh" else "Customers"]
    assert "13812345678" in page.text
    assert "文三路128号" in page.text
    assert "SO-1" in page.text


def test_those_above_see_a_part(some, browser_as):
    for who in ("region", "agent"):
        page = browser_as(some.actors[who]).page("/customers")
        assert "138****5678" in page.text
        assert "13812345678" not in page.html
        assert "文三路" not in page.html


def test_filters_stay_in_the_address(some, browser_as):
    client = browser_as(some.actors["region"])
    page = client.page("/customers?unit=D1&month=2026-10&model=KT-60A&q=王")
    assert "王建国" in page.text
    assert "李梅" not in page.text
    assert "没有符合条件的客户" in client.page("/customers?unit=D2").text
    assert client.get("/customers?month=x").status_code == 422
    assert client.get("/customers?cursor=x").status_code == 422


def test_what_is_not_submitted_is_marked(some, browser_as):
    some.as_("clerk")
    a_file(some, "S1", [WANG | {"customer_name": "王店"}], state="ready")
    page = browser_as(some.actors["clerk"]).page("/customers?q=王店")
    assert "未提交" in page.text
    assert not [link for link in page.links if link.startswith("/customers/d")]


def test_pages_go_on(world, browser_as):
    filed(
        world,
        "clerk",
        "D1",
        [{"customer_name": f"户{n}", "phone": f"1390000{n:04d}", "address": ""} for n in range(60)],
    )
    client = browser_as(world.actors["region"])
    page = client.page("/customers")
    (following,) = [link for link in page.links if "cursor=" in link and "lang=" not in link]
    assert "户59" in client.page(following).text


def test_search(some, browser_as):
    client = browser_as(some.actors["clerk"])
    assert client.page("/search").headings == ["搜索"]
    assert client.page("/search?q=5678").headings == ["“5678”找到 1 位客户"]
    assert "没有符合条件的客户" in client.page("/search?q=nobody").text
    assert "&lt;b&gt;" in client.page("/search?q=<b>").html


def test_one_customer(some, browser_as):
    client = browser_as(some.actors["clerk"])
    (address,) = [link for link in client.page("/customers?q=王建国").links if link.startswith("/customers/")]
    page = client.page(address)
    assert page.headings == ["王建国"]
    assert "SO-1" in page.text
    assert "其他经销商" not in page.text
    for who in ("clerk2", "region2"):
        assert browser_as(some.actors[who]).get(address).status_code == 404
    assert "13812345678" not in browser_as(some.actors["region"]).page(address).html
    assert browser_as(some.actors["admin"]).get(address).status_code == 403
    for nonsense in ("/customers/x", "/customers/0", "/customers/99999999999999999999"):
        assert client.get(nonsense).status_code == 404


def test_headquarters_sees_the_same_phone_elsewhere(some, browser_as):
    second = filed(some, "clerk2", "D2", [WANG])
    service.link(some.as_("clerk2"), [second])
    client = browser_as(some.actors["agent"])
    (address, *_) = [
        link for link in client.page("/customers?q=王建国").links if link.startswith("/customers/")
    ]
    page = client.page(address)
    assert "同一号码在其他经销商" in page.text
    assert "姓名相同" in page.text
