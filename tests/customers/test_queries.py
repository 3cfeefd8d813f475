"""Search and list: what is found by what, in which order, and what is not yet filed."""

import pytest

from portal import customers
from portal.core.errors import Invalid
from tests.customers.filed import LI, OCTOBER, SEPTEMBER, WANG, a_file, becomes, filed


def names(found):
    return [each.name for each in found.items]


@pytest.fixture
def two(world):
    filed(
        world,
        "clerk",
        "D1",
        [
            WANG | {"order_no": "SO-2026/0012"},
            LI,
            {"customer_name": "Anna Smith", "phone": "057188886666", "address": "ＡＢ座"},
        ],
    )
    return world


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("王建国", ["王建国"]),
        ("建国", ["王建国"]),
        ("王", ["王建国"]),
        ("国", []),  # one letter: how a name begins
        ("西湖区文三路", ["王建国"]),
        ("128号5栋", ["王建国"]),
        ("文三路128号5栋2单元", ["王建国"]),
        ("浙江省杭州市", ["王建国", "李梅"]),
        ("13812345678", ["王建国"]),
        ("138 1234 5678", ["王建国"]),
        ("138-1234-5678", ["王建国"]),
        ("+8613812345678", ["王建国"]),
        ("138", ["王建国"]),
        ("13", ["王建国", "李梅"]),
        ("1", ["王建国", "李梅"]),
        ("5678", ["王建国"]),
        ("678", ["王建国"]),
        ("2345", ["王建国"]),
        ("234567", ["王建国"]),
        ("123", []),  # within a phone, but neither end nor four
        ("128", ["王建国"]),  # within an address
        ("SO-2026/0012", ["王建国"]),
        ("so2026/00", ["王建国"]),
        ("0012", ["王建国"]),
        ("26/0", ["王建国"]),
        ("anna", ["Anna Smith"]),
        ("ANNA smith", ["Anna Smith"]),
        ("AB座", ["Anna Smith"]),
        ("05718888", ["Anna Smith"]),
        ("%", []),
        ("_建国", []),
        ("王%国", []),
        ("\\", []),
        ("'", []),
        ("@", []),
        ("^王", []),
        ("=2026-10|", []),
        ("国\n1381", []),
        ("不存在的人", []),
        ("99999999999", []),
        ("  ", ["王建国", "李梅", "Anna Smith"]),
    ],
)
def test_found_by(two, q, found):
    assert sorted(names(customers.find(two.as_("region"), q=q))) == sorted(found)


def test_a_longer_text_than_any_token(two):
    assert customers.find(two.as_("region"), q="文三路128号5栋2单元" * 9).items == []


def test_filters(two):
    filed(two, "clerk", "D1", [WANG | {"product_model": "KT-90A"}], month=SEPTEMBER)
    filed(two, "clerk2", "D2", [LI])
    region = two.as_("region")

    def found(**asked):
        return sorted(names(customers.find(region, **asked)))

    assert found(month=SEPTEMBER) == ["王建国"]
    assert found(month=OCTOBER, unit="D2") == ["李梅"]
    assert found(model="KT-90A") == ["王建国"]
    assert found(model="KT-90A", month=OCTOBER) == []
    assert found(model="KT-90A", month=SEPTEMBER, q="王建") == ["王建国"]
    assert found(model="KT-90A", q="李梅") == []
    assert found(unit="D2", q="李梅") == ["李梅"]
    assert found(unit="D3") == found(unit="nonsense") == found(unit="HQ") == []
    assert len(found(unit="R1")) == 4
    assert found(model="KT") == []


@pytest.mark.parametrize("asked", [{}, {"month": OCTOBER}, {"q": "家庭"}, {"q": "家庭", "model": "KT-60A"}])
def test_pages_hold_everybody_once(world, asked):
    rows = [
        {"customer_name": f"家庭{n:02d}", "phone": f"1380000{n:04d}", "address": "某路"} for n in range(23)
    ]
    filed(world, "clerk", "D1", rows[:12])
    filed(world, "clerk2", "D2", rows[12:])
    region, seen, cursor = world.as_("region"), [], None
    for _ in range(9):
        page = customers.find(region, **asked, limit=5, cursor=cursor)
        assert len(page.items) <= 5
        seen += names(page)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert sorted(seen) == [row["customer_name"] for row in rows]


def test_a_common_fragment_gives_fifty_and_says_so(world):
    rows = [
        {"customer_name": f"张{n:03d}", "phone": f"1390000{n:04d}", "address": "解放路"} for n in range(230)
    ]
    filed(world, "clerk", "D1", rows[:150])
    filed(world, "clerk", "D1", rows[150:], month=SEPTEMBER)
    actor = world.as_("clerk")
    found = customers.find(actor, q="解放路", limit=200)
    assert found.narrow
    assert len(found.items) == 50
    assert found.next_cursor is None
    found = customers.find(actor, q="张00", limit=200)
    assert not found.narrow
    assert len(found.items) == 10


@pytest.mark.parametrize("cursor", ["x", "c.x", "d.x", "c.WzFd", "d.WzFd", ".", "c.Wzks", "e.", "c.W10"])
def test_a_cursor_that_is_not_ours_is_refused(two, cursor):
    with pytest.raises(Invalid):
        customers.find(two.as_("clerk"), cursor=cursor)


def test_a_file_before_its_submission_is_found_by_whoever_files_it(world):
    world.as_("clerk")
    draft = a_file(world, "D1", [WANG, LI], state="ready")
    a_file(world, "S1", [WANG | {"customer_name": "王店"}], state="needs_correction")
    actor = world.as_("clerk")
    assert names(customers.find(actor, q="王")) == ["王建国", "王店"]
    assert names(customers.find(actor, q="8765")) == ["李梅"]
    assert names(customers.find(actor, unit="S1")) == ["王店"]
    assert names(customers.find(actor, month=SEPTEMBER)) == []
    found = customers.find(actor).items
    assert [(each.id, each.draft) for each in found[:2]] == [(f"d{draft}-2", True), (f"d{draft}-3", True)]
    for who in ("region", "channel", "agent", "clerk2"):
        assert customers.find(world.as_(who), q="王").items == []
    assert names(customers.find(world.as_("store"), q="王")) == ["王店"]


def test_drafts_and_customers_go_on_in_one_list(world):
    rows = [{"customer_name": f"户{n}", "phone": f"1380000000{n}", "address": ""} for n in range(7)]
    filed(world, "clerk", "D1", rows[:3], month=SEPTEMBER)
    a_file(world, "D1", rows[3:], state="ready")
    actor, seen, cursor = world.as_("clerk"), [], None
    for _ in range(9):
        page = customers.find(actor, limit=2, cursor=cursor)
        seen += names(page)
        cursor = page.next_cursor
        if not cursor:
            break
    assert seen == ["户3", "户4", "户5", "户6", "户0", "户1", "户2"]


def test_an_older_draft_and_a_superseded_one_are_nobodys(world):
    world.as_("clerk")
    older = a_file(world, "D1", [WANG], state="ready")
    becomes(older, "superseded")
    a_file(world, "D1", [LI], state="ready")
    assert names(customers.find(world.as_("clerk"))) == ["李梅"]


def test_a_submitted_file_is_no_draft_any_more(world):
    filed(world, "clerk", "D1", [WANG])
    found = customers.find(world.as_("clerk"), q="王建国").items
    assert [each.draft for each in found] == [False]
