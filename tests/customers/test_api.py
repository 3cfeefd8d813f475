"""GET /customers, as API.md has it."""

import pytest

from tests.customers.filed import LI, OCTOBER, WANG, a_file, filed


def test_the_shape_of_an_answer(world, api_as):
    file_id = filed(world, "clerk", "D1", [WANG | {"order_no": "SO-1"}])
    answer = api_as(world.actors["clerk"]).get("/customers?q=王建国")
    assert answer.status_code == 200
    (item,) = answer.json["items"]
    assert item.pop("id").isdigit()
    assert item == {
        "name": "王建国",
        "phone": "13812345678",
        "address": "浙江省杭州市西湖区文三路128号5栋2单元",
        "unit": "D1",
        "submitted": True,
        "purchases": [
            {
                "month": "2026-10",
                "product_model": "KT-60A",
                "purchase_date": "2026-10-12",
                "quantity": 1,
                "order_no": "SO-1",
                "file": str(file_id),
                "row": 2,
            }
        ],
    }
    assert answer.json["next_cursor"] is None
    assert answer.json["narrow"] is False


@pytest.mark.parametrize("who", ["region", "channel", "agent", "supervisor"])
def test_those_above_see_phones_and_addresses_in_part(world, api_as, who):
    filed(world, "clerk", "D1", [WANG])
    (item,) = api_as(world.actors[who]).get("/customers?q=13812345678").json["items"]
    assert (item["name"], item["phone"], item["address"]) == ("王建国", "138****5678", "浙江省杭州市西湖区…")


@pytest.mark.parametrize("who", ["officer", "approver", "finance", "executive", "admin"])
def test_others_of_headquarters_may_not(world, api_as, who):
    answer = api_as(world.actors[who]).get("/customers")
    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize("who", ["clerk2", "clerk3", "region2", "store2"])
def test_a_sibling_finds_nothing(world, api_as, who):
    filed(world, "clerk", "D1", [WANG])
    client = api_as(world.actors[who])
    for query in ("", "?q=王建国", "?unit=D1", "?month=2026-10", "?model=KT-60A", "?q=5678"):
        assert client.get(f"/customers{query}").json["items"] == [], query


def test_another_network_finds_nothing(world, other, api_as):
    filed(world, "clerk", "D1", [WANG])
    for who in ("clerk", "region", "agent"):
        assert api_as(other.actors[who]).get("/customers?q=13812345678").json["items"] == []


def test_before_the_submission_only_to_who_files_it(world, api_as):
    world.as_("clerk")
    file_id = a_file(world, "D1", [WANG], state="ready")
    (item,) = api_as(world.actors["clerk"]).get("/customers?q=王建国").json["items"]
    assert (item["id"], item["submitted"], item["purchases"][0]["row"]) == (f"d{file_id}-2", False, 2)
    assert api_as(world.actors["region"]).get("/customers?q=王建国").json["items"] == []


def test_pages(world, api_as):
    filed(world, "clerk", "D1", [WANG, LI])
    client = api_as(world.actors["region"])
    first = client.get("/customers?limit=1").json
    second = client.get(f"/customers?limit=1&cursor={first['next_cursor']}").json
    assert [each["name"] for each in first["items"] + second["items"]] == ["王建国", "李梅"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("month=2026-13", "invalid_month"),
        ("month=x", "invalid_month"),
        ("limit=0", "invalid"),
        ("limit=201", "invalid"),
        ("cursor=x", "invalid_cursor"),
        ("q=" + "长" * 201, "invalid"),
        ("q=%00", "invalid_text"),
    ],
)
def test_what_is_not_as_it_should_be_is_422(world, api_as, query, code):
    answer = api_as(world.actors["clerk"]).get(f"/customers?{query}")
    assert (answer.status_code, answer.json["code"]) == (422, code)


@pytest.mark.parametrize(
    "q", ["%25", "_", "\\", "'", "%27; DROP TABLE customer", "😀", "(", "[", "*", "|", "%F0%9F%98%80a"]
)
def test_odd_letters_find_nothing_and_break_nothing(world, api_as, q):
    filed(world, "clerk", "D1", [WANG])
    answer = api_as(world.actors["region"]).get(f"/customers?q={q}")
    assert (answer.status_code, answer.json["items"]) == (200, [])


def test_filters_of_the_address(world, api_as):
    filed(world, "clerk", "D1", [WANG])
    client = api_as(world.actors["agent"])

    def count(query):
        return len(client.get(f"/customers?{query}").json["items"])

    assert count("unit=R1") == count("unit=D1") == count("month=2026-10") == count("model=KT-60A") == 1
    assert count("unit=D2") == count("unit=nobody") == count("month=2026-09") == count("model=KT") == 0
    assert count(f"month={OCTOBER:%Y-%m}&model=KT-60A&unit=C1&q=5678") == 1
