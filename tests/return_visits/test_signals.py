"""Signals: worked out when a file is filed and again when its month is consolidated; no dealer sees them (R045)."""

from datetime import date
from typing import Any

import pytest

from portal import clocks, network
from portal.core import clock
from portal.core.db import db, raw
from portal.customer_files import service as files
from portal.network import UnitLine
from portal.return_visits import Signal, queries, service, signals_by_dealer, signals_of_rows
from portal.return_visits.models import FiledSignal
from portal.return_visits.rules.outcomes import Rank
from tests.conftest import Hands
from tests.customer_files.filing import row, submitted
from tests.factories import World
from tests.return_visits.calling import OCTOBER, consolidated, next_call, signals_worked_out, visits
from tests.return_visits.inventions import Town

NOVEMBER = date(2026, 11, 1)


def plain(number: int, **changes: Any) -> dict[str, Any]:
    """A customer in whom there is nothing to see."""
    home = f"杭州市西湖区文三路{number}号{number}幢{number}室"
    phone = f"139{(number * 48_611_893 + 17_003) % 100_000_000:08d}"
    return row(number, **{"phone": phone, "address": home, **changes})


def seen(world: World, dealer: str = "D1", month: date = OCTOBER) -> dict[str, set[str]]:
    """Codes by name, as headquarters keeps them."""
    world.as_("supervisor")
    chosen = db.select(FiledSignal).where(
        FiledSignal.dealer_id == world.units[dealer].id, FiledSignal.month == month
    )
    found = db.session.scalars(chosen, execution_options={"populate_existing": True})
    return {each.name: {one["code"] for one in each.seen} for each in found}


def test_R045_signals_say_what_was_seen_and_set_the_order(world: World) -> None:
    own = world.actors["clerk"].phone
    planted = [
        plain(1, phone="13711110001", customer_name="连一"),
        plain(2, phone="13711110004", customer_name="连二"),
        plain(3, phone="13711110009", customer_name="连三"),
        plain(4, phone="13922220000", customer_name="甲"),
        plain(5, phone="13922220000", customer_name="乙"),
        plain(6, phone=own, customer_name="自己人"),
    ]
    other = plain(30, phone="13922220000", customer_name="丙")
    consolidated(world, {"D1": [*planted, *(plain(20 + n) for n in range(4))], "D2": [other]})
    signals_worked_out(world)
    found = seen(world)
    assert found == {
        **{name: {"phones_in_sequence"} for name in ("连一", "连二", "连三")},
        **{name: {"phone_under_several_names", "phone_at_several_dealers"} for name in ("甲", "乙")},
        "自己人": {"phone_of_own_people"},
    }
    assert set(seen(world, "D2")) == {"丙"}
    by_visit = {each.name: {one["code"] for one in each.signals or []} for each in visits(world)}
    assert {name: codes for name, codes in by_visit.items() if codes} == found | seen(world, "D2")
    first = next_call(world)
    assert first is not None
    assert first.rank == Rank.SUSPICIOUS


def test_they_are_there_when_the_file_is_filed_and_go_with_it(world: World) -> None:
    shared = {"phone": "13922220000"}
    mine = submitted(world.as_("clerk"), [plain(1, **shared), plain(2)])
    signals_worked_out(world)
    assert seen(world) == {}
    theirs = submitted(world.as_("clerk2"), [plain(3, **shared)])
    signals_worked_out(world)
    # the dealer that filed first gets its signal too
    assert set(seen(world)) == {row(1)["customer_name"]}
    assert set(seen(world, "D2")) == {row(3)["customer_name"]}
    region = world.as_("region")
    dealers = [world.units["D1"], world.units["D2"]]
    assert signals_by_dealer(region, OCTOBER, dealers) == {
        unit.id: {Signal.PHONE_UNDER_SEVERAL_NAMES: 1, Signal.PHONE_AT_SEVERAL_DEALERS: 1} for unit in dealers
    }
    assert list(signals_of_rows(region, OCTOBER, dealers[0], mine.id, [1, 2])) == [1]
    files.withdraw(world.as_("clerk2"), theirs.id, "填错了")
    signals_worked_out(world)
    assert seen(world) == seen(world, "D2") == {}


def test_each_links_to_the_other_records_as_far_as_ones_eyes_reach(world: World) -> None:
    consolidated(world, {"D1": [plain(1, phone="13922220000")], "D2": [plain(2, phone="13922220000")]})
    submitted(world.as_("clerk3"), [plain(3, phone="13922220000")])
    signals_worked_out(world)

    def others(who: str) -> set[tuple[str, bool]]:
        actor = world.as_(who)
        [person] = queries.heaviest(actor, OCTOBER, world.units["D1"])
        found = queries.records(person.seen)
        return {(each.dealer_code, each.visit_id is not None) for each in found.values()}

    assert others("supervisor") == {("D2", True), ("D3", False)}
    assert {code for code, _ in others("region")} == {"D2"}


@pytest.mark.parametrize("who", ["principal", "clerk", "store", "clerk2", "region2", "finance", "admin"])
def test_nobody_else_sees_them(world: World, who: str) -> None:
    consolidated(world, {"D1": [plain(1, phone="13922220000"), plain(2, phone="13922220000")]})
    signals_worked_out(world)
    assert seen(world)
    actor, dealer = world.as_(who), world.units["D1"]
    assert signals_by_dealer(actor, OCTOBER, [dealer]) == {}
    assert queries.doubtful_people(actor, OCTOBER, [dealer]) == {}
    assert queries.heaviest(actor, OCTOBER, dealer) == []
    assert signals_of_rows(actor, OCTOBER, dealer, 1, [1]) == {}
    if actor.unit_kind != "headquarters":
        assert db.session.scalar(db.select(db.func.count()).select_from(FiledSignal)) == 0


def november(world: World, at: Hands) -> None:
    at("2026-12-03 10:00")
    clocks.open_months(world.network, clock.now())


def in_november(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each | {"purchase_date": "2026-11-05", "order_no": f"N{n}"} for n, each in enumerate(rows)]


def test_a_region_where_the_dealer_never_sold_and_a_jump(world: World, at: Hands) -> None:
    consolidated(world, {"D1": [plain(n) for n in range(12)]})
    november(world, at)
    given = in_november([plain(n) for n in range(100, 130)])
    given[0]["purchase_region"] = "喀什"
    consolidated(world, {"D1": given}, NOVEMBER)
    signals_worked_out(world)
    found = seen(world, month=NOVEMBER)
    assert sum("region_outside_territory" in codes for codes in found.values()) == 1
    assert all("jump_in_customers" in codes for codes in found.values())
    assert len(found) == 30


@pytest.mark.parametrize("code", ["D1", "R1"])
def test_a_territory_is_the_dealers_own_or_its_regions(world: World, code: str) -> None:
    admin, unit = world.as_("admin"), world.units[code]
    parent = network.get_unit(unit.parent_id or 0)
    line = UnitLine(2, unit.kind, unit.code, unit.name, parent.code, territory="杭州、绍兴")
    network.import_units(admin, world.network.root_path, [line], clock.now())
    given = [
        plain(1, purchase_region="杭州市西湖区"),
        plain(2, purchase_region="绍兴"),
        plain(3, purchase_region="温州"),
    ]
    consolidated(world, {"D1": given})
    signals_worked_out(world)
    assert seen(world) == {row(3)["customer_name"]: {"region_outside_territory"}}
    person = queries.heaviest(world.as_("supervisor"), OCTOBER, world.units["D1"])[0]
    assert person.seen[0].params == {"region": "温州", "territory": ["杭州", "绍兴"]}


def test_one_address_counts_however_it_is_written_and_over_months(world: World, at: Hands) -> None:
    home = "杭州市西湖区文三路435号10栋882室"
    consolidated(world, {"D1": [plain(1) | {"address": home}, plain(2)]})
    november(world, at)
    spelled = ["杭州市 西湖区文三路４３５号10栋882室", "杭州市西湖区，文三路435号（10栋）882室"]
    given = in_november([plain(n) | {"address": each} for n, each in enumerate(spelled, 10)])
    consolidated(world, {"D1": given}, NOVEMBER)
    signals_worked_out(world)
    names = {each["customer_name"] for each in given}
    assert {
        name for name, codes in seen(world, month=NOVEMBER).items() if "address_repeated" in codes
    } == names


def test_a_supervisors_order_and_other_signals_stay(world: World, at: Hands) -> None:
    """Only the phone's own signals of an earlier record change with a new one."""
    sequence = [plain(n, phone=f"1371111000{n}") for n in (1, 2, 3)]
    consolidated(world, {"D1": sequence})
    signals_worked_out(world)
    submitted(world.as_("clerk3"), [plain(9, phone="13711110001")])
    signals_worked_out(world)
    assert seen(world)[row(1)["customer_name"]] == {
        "phones_in_sequence",
        "phone_under_several_names",
        "phone_at_several_dealers",
    }
    assert seen(world)[row(2)["customer_name"]] == {"phones_in_sequence"}


def test_planted_inventions_are_found_and_true_customers_hardly_called_first(world: World) -> None:
    """A small made-up year; bench/signals.py measures a large one. What nobody can see is not claimed."""
    codes = [f"X{number}" for number in range(1, 13)]
    admin = world.as_("admin")
    lines = [UnitLine(2, "dealer", code, f"经销商{code}", "R1") for code in codes]
    network.import_units(admin, world.network.root_path, lines, clock.now())
    units = {unit.code: unit for unit in network.units_below(world.network.root_path, kind="dealer")}
    town = Town(7, codes, [date(2026, 8, 1), date(2026, 9, 1), OCTOBER], (20, 40))
    town.plant(8)
    town.file(raw(), units)
    service.look(world.as_("supervisor"), [units[code].id for code in codes], OCTOBER)
    kept = {
        (each.dealer_id, each.phone, each.name): each for each in db.session.scalars(db.select(FiledSignal))
    }
    first = queries.calling(world.network.id, OCTOBER).book.signals.suspicious_from
    marked: dict[str, list[int]] = {}
    more_than_a_jump = 0
    for dealer, one in town.last_month():
        found = kept.get((units[dealer.code].id, one.phone, one.name))
        marked.setdefault(one.planted or "true", []).append(found.weight if found else 0)
        if found and not one.planted:
            more_than_a_jump += {each["code"] for each in found.seen} != {"jump_in_customers"}
    for kind in ("sequence", "one_phone", "staff", "copied", "bulk", "elsewhere"):
        assert min(marked[kind]) > 0, kind
    for kind in ("sequence", "one_phone", "staff", "copied"):
        assert min(marked[kind]) >= first, kind
    true = marked["true"]
    assert sum(weight >= first for weight in true) <= len(true) * 0.03
    assert more_than_a_jump <= len(true) * 0.12
    assert max(marked["careful"]) < first
