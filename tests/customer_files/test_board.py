"""The region's board when it is long: order, cities, pages, and all that a filter finds (DESIGN-UX 7)."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from portal import network
from portal.app import Portal
from portal.core import clock
from portal.core.errors import Invalid
from portal.network import UnitLine
from tests.customer_files.filing import rows, submitted
from tests.factories import World, commander

Browse = Callable[..., Any]
BOARD = "/region/2026-10"
MORE = (
    ("A1", "安吉竹海建材", "湖州市"),
    ("A2", "宝山木业", "杭州市"),
    ("A3", "长兴地板", "湖州市"),
    ("A4", "德清家居", "杭州市"),
)


@pytest.fixture
def region(world: World, browser_as: Browse) -> Any:
    """Region R1 with six dealers; D1 has filed two customers, D2 three."""
    admin = commander(world.network)
    lines = [UnitLine(row, "dealer", code, name, "R1", city) for row, (code, name, city) in enumerate(MORE)]
    network.import_units(admin, world.network.root_path, lines, clock.now().replace(year=2025))
    submitted(world.as_("clerk"), rows(2))
    submitted(world.as_("clerk2"), rows(3, 50))
    return browser_as(world.actors["region"])


def order(page: Any) -> list[str]:
    return [str(given["value"]) for given in page.inputs if given.get("name") == "dealer"]


def test_orders(region: Any) -> None:
    urgent = order(region.page(BOARD))
    assert urgent == ["A1", "A2", "A3", "A4", "D1", "D2"]
    assert order(region.page(f"{BOARD}?sort=nonsense")) == urgent
    assert order(region.page(f"{BOARD}?sort=-customers"))[:2] == ["D2", "D1"]
    assert order(region.page(f"{BOARD}?sort=customers"))[-1] == "D2"
    assert order(region.page(f"{BOARD}?sort=-submitted"))[-1] in ("A1", "A2", "A3", "A4")
    names = order(region.page(f"{BOARD}?sort=name"))
    assert names[:2] == ["A1", "A2"], "安 before 宝, as pinyin has it"
    assert order(region.page(f"{BOARD}?sort=-name")) == names[::-1]


def test_heads_say_how_it_is_sorted(region: Any) -> None:
    page = region.page(f"{BOARD}?sort=-customers")
    assert page.html.count('aria-sort="descending"') == 1
    assert "sort=customers" in page.html
    assert 'aria-sort="' not in region.page(BOARD).html


def test_cities(region: Any) -> None:
    page = region.page(BOARD)
    assert page.html.index("杭州市") < page.html.index("湖州市")
    assert order(region.page(f"{BOARD}?city=湖州市")) == ["A1", "A3"]
    assert order(region.page(f"{BOARD}?city=没有")) == []


@pytest.mark.parametrize("sort", ["", "name", "-name", "customers", "-customers", "submitted", "-submitted"])
def test_pages_forth_and_back(region: Any, monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    everything = order(region.page(f"{BOARD}?sort={sort}"))
    monkeypatch.setattr("portal.customer_files.pages.board.LONGEST_PAGE", 2)
    page, seen = region.page(f"{BOARD}?sort={sort}"), []
    for place in range(3):
        seen += order(page)
        words = f"第 {2 * place + 1} 至 {2 * place + 2} 家，共 6 家"
        assert words in page.text
        following = [link for link in page.links if "cursor=" in link]
        assert bool(following) == (place < 2)
        if following:
            page = region.page(following[0])
    assert seen == everything
    back = region.page(next(link for link in page.links if "before=" in link))
    assert order(back) == everything[2:4]
    first = region.page(next(link for link in back.links if "before=" in link))
    assert order(first) == everything[:2]
    assert not [link for link in first.links if "before=" in link]


def test_all_that_the_filter_finds(region: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.customer_files.pages.board.LONGEST_PAGE", 1)
    page = region.page(f"{BOARD}?city=湖州市")
    assert "选择符合条件的全部 2 家" in page.text
    two = region.page(f"{BOARD}/bulk?what=remind&city=湖州市&dealer=A1&all=1")
    assert order(two) == ["A1", "A3"]
    everybody = region.page(f"{BOARD}/bulk?what=check&all=1")
    assert order(everybody) == ["D1", "D2"]
    assert "跳过 4 家" in everybody.text
    assert "安吉竹海建材: 还没有提交" in everybody.text
    ticked = region.page(f"{BOARD}/bulk?what=remind&city=湖州市&dealer=A1")
    assert order(ticked) == ["A1"]


def test_no_second_step_where_one_page_holds_all(region: Any) -> None:
    assert "选择符合条件" not in region.page(BOARD).text


def test_a_city_by_import(app: Portal, world: World, tmp_path: Path) -> None:
    file = tmp_path / "units.csv"
    file.write_text("kind,code,name,parent,city\ndealer,A9,九溪地板,R1,杭州市\n", encoding="utf-8")
    runner = app.test_cli_runner()
    assert isinstance(runner, CliRunner)
    done = runner.invoke(args=["network", "import", world.network.code, "--units", str(file)])
    assert done.exit_code == 0, done.output
    unit = network.unit_below(world.network.root_path, "A9")
    assert unit is not None
    assert unit.city == "杭州市"
    admin, path = commander(world.network), world.network.root_path
    network.import_units(admin, path, [UnitLine(2, "dealer", "A9", "九溪木业", "R1")], clock.now())
    assert unit.city == "杭州市", "a file without the column leaves the city as it is"
    network.import_units(admin, path, [UnitLine(2, "dealer", "A9", "九溪木业", "R1", "")], clock.now())
    assert unit.city == ""
    with pytest.raises(Invalid) as refused:
        network.import_units(
            admin, path, [UnitLine(2, "dealer", "A9", "九溪木业", "R1", "杭" * 101)], clock.now()
        )
    assert re.search("city", str(refused.value.errors[0].detail))
