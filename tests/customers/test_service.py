"""People of filed files become customers, once, and go again when the file does."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError

from portal import customers
from portal.core.db import db, finish
from portal.customers import service
from portal.customers.models import Customer, CustomerFacet, CustomerLink, CustomerSource
from tests.customers.filed import LI, OCTOBER, SEPTEMBER, WANG, a_file, becomes, filed


def everybody():
    return db.session.scalars(select(Customer).order_by(Customer.id)).all()


def names(found):
    return [each.name for each in found.items]


def test_one_customer_for_each_person_whatever_was_bought(world):
    filed(world, "clerk", "D1", [WANG, WANG | {"product_model": "KT-90A", "order_no": "SO-2026-0012"}, LI])
    wang, li = sorted(everybody(), key=lambda each: each.name, reverse=True)
    assert (wang.name, wang.first_month, wang.last_month, wang.orders) == (
        "王建国",
        OCTOBER,
        OCTOBER,
        ["SO-2026-0012"],
    )
    assert li.name == "李梅"
    person = customers.with_purchases(wang)
    assert [each.product_model for each in person.purchases] == ["KT-60A", "KT-90A"]


def test_taking_in_twice_is_once(world):
    file_id = filed(world, "clerk", "D1", [WANG])
    customers.take_in(world.as_("clerk"), [file_id])
    assert len(everybody()) == 1
    assert len(customers.find(world.as_("clerk"), q="王建国").items[0].purchases) == 1


def test_another_month_adds_a_purchase_and_the_latest_address_counts(world):
    filed(world, "clerk", "D1", [WANG | {"address": "新地址1号"}])
    filed(world, "clerk", "D1", [WANG | {"address": "旧地址2号"}], month=SEPTEMBER)
    (wang,) = everybody()
    assert (wang.first_month, wang.last_month, wang.address) == (SEPTEMBER, OCTOBER, "新地址1号")
    assert [each.month for each in customers.with_purchases(wang).purchases] == [OCTOBER, SEPTEMBER]


def test_a_newer_version_takes_the_older_ones_place(world):
    first = filed(world, "clerk", "D1", [WANG, LI])
    becomes(first, "superseded")
    filed(world, "clerk", "D1", [WANG | {"quantity": 2}])
    found = customers.find(world.as_("clerk"))
    assert names(found) == ["王建国"]
    assert [each.quantity for each in found.items[0].purchases] == [2]
    assert names(customers.find(world.as_("clerk"), q="李梅")) == []


def test_a_withdrawn_file_takes_its_people_along_and_its_stores_parts(world):
    actor = world.as_("clerk")
    part = a_file(world, "S1", [LI])
    whole = a_file(world, "D1", [WANG])
    customers.take_in(actor, [whole, part])
    assert sorted(names(customers.find(actor))) == ["李梅", "王建国"]
    becomes(whole, "withdrawn")
    customers.let_go(actor, [whole])
    region = world.as_("region")
    assert names(customers.find(region)) == []
    assert names(customers.find(region, q="王建国")) == []
    assert db.session.scalar(select(CustomerFacet.facet).limit(1)) is None


def test_what_was_consolidated_stays_beside_its_amendment_and_counts_once(world):
    first = filed(world, "clerk", "D1", [WANG, LI])
    becomes(first, "consolidated")
    second = filed(world, "clerk", "D1", [WANG, WANG | {"product_model": "KT-90A"}])
    found = customers.find(world.as_("region"), q="王建国").items[0]
    assert [(each.product_model, each.file_id) for each in found.purchases] == [
        ("KT-60A", second),
        ("KT-90A", second),
    ]
    becomes(second, "withdrawn")
    customers.let_go(world.as_("clerk"), [second])
    found = customers.find(world.as_("region"), q="王建国").items[0]
    assert [each.file_id for each in found.purchases] == [first]


def test_a_person_that_comes_back_keeps_its_number(world):
    first = filed(world, "clerk", "D1", [WANG])
    (before,) = everybody()
    becomes(first, "returned")
    customers.let_go(world.as_("region"), [first])
    filed(world, "clerk", "D1", [WANG])
    (again,) = everybody()
    assert again.id == before.id


def test_a_large_file_is_taken_in_by_a_job(world, monkeypatch):
    asked = []
    monkeypatch.setattr(service, "SMALL", 1)
    monkeypatch.setattr(service, "later", lambda name, **ids: asked.append((name, ids)))
    file_id = filed(world, "clerk", "D1", [WANG, LI])
    assert asked == [("customers.refresh", {"file_ids": [file_id]})]
    assert everybody() == []
    service.refresh(world.as_("clerk"), asked[0][1]["file_ids"])
    service.refresh(world.as_("clerk"), asked[0][1]["file_ids"])
    assert len(everybody()) == 2


def test_a_file_that_went_before_its_job_ran_leaves_nobody(world, monkeypatch):
    monkeypatch.setattr(service, "SMALL", 0)
    monkeypatch.setattr(service, "later", lambda name, **ids: None)
    file_id = filed(world, "clerk", "D1", [WANG])
    becomes(file_id, "withdrawn")
    customers.let_go(world.as_("clerk"), [file_id])
    service.refresh(world.as_("clerk"), [file_id])
    assert names(customers.find(world.as_("region"))) == []


def test_the_job_waits_in_the_transaction_that_wanted_it(world):
    filed(world, "clerk", "D1", [WANG])
    waiting = db.session.execute(
        text("SELECT task_name FROM procrastinate_jobs ORDER BY id DESC LIMIT 1")
    ).scalar()
    assert waiting == "customers.link"


# --- links ----------------------------------------------------------------------------------------------------------


def linked(world, *pairs):
    files = [(who, filed(world, who, unit, rows)) for who, unit, rows in pairs]
    for who, file_id in files:
        service.link(world.as_(who), [file_id])
        service.link(world.as_(who), [file_id])
    return [file_id for _, file_id in files]


def test_the_same_phone_at_two_dealers_is_linked_for_headquarters_alone(world):
    linked(
        world,
        ("clerk", "D1", [WANG, LI]),
        ("clerk2", "D2", [WANG]),
        ("clerk3", "D3", [LI | {"customer_name": "李某"}]),
    )
    for who in ("clerk", "region", "channel"):
        world.as_(who)
        assert db.session.scalars(select(CustomerLink)).all() == []
    world.as_("agent")
    found = {(each.phone, each.same_name) for each in db.session.scalars(select(CustomerLink))}
    assert found == {("13812345678", True), ("13987654321", False)}
    wang = db.session.scalars(select(Customer).where(Customer.name == "王建国").order_by(Customer.id)).first()
    (link,) = customers.links_of(wang)
    assert link.same_name
    assert link.customer.unit_id == world.units["D2"].id


def test_a_dealer_and_its_store_are_one_house(world):
    linked(world, ("clerk", "D1", [WANG]), ("clerk", "S1", [WANG]))
    world.as_("agent")
    assert db.session.scalars(select(CustomerLink)).all() == []


def test_a_link_goes_when_the_other_file_does(world):
    _first, second = linked(world, ("clerk", "D1", [WANG]), ("clerk2", "D2", [WANG]))
    becomes(second, "withdrawn")
    customers.let_go(world.as_("clerk2"), [second])
    service.link(world.as_("clerk2"), [second])
    world.as_("agent")
    assert db.session.scalars(select(CustomerLink)).all() == []


def test_the_job_acts_for_headquarters_and_then_no_more(world):
    filed(world, "clerk2", "D2", [WANG])
    file_id = filed(world, "clerk", "D1", [WANG])
    actor = world.as_("clerk")
    service.link(actor, [file_id])
    assert len(everybody()) == 1


# --- walls ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["clerk2", "region2", "clerk3", "store3"])
def test_others_see_nobody(world, who):
    filed(world, "clerk", "D1", [WANG])
    actor = world.as_(who)
    assert everybody() == []
    assert db.session.scalars(select(CustomerSource)).all() == []
    for asked in (
        {},
        {"q": "王建国"},
        {"q": "1381234"},
        {"month": OCTOBER},
        {"unit": "D1"},
        {"q": "王", "unit": "D1"},
    ):
        assert customers.find(actor, **asked).items == [], asked


def test_another_network_sees_nobody(world, other):
    filed(world, "clerk", "D1", [WANG])
    for who in ("agent", "region", "clerk"):
        actor = other.as_(who)
        assert customers.find(actor).items == []
        assert customers.find(actor, q="13812345678").items == []


def test_nobody_reads_the_search_table_itself(world):
    world.as_("agent")
    for statement in ("SELECT FROM customer_search", "DELETE FROM customer_search"):
        with pytest.raises(ProgrammingError, match="permission denied"), db.session.begin_nested():
            db.session.execute(text(statement))


def test_the_finder_goes_by_the_settings_and_not_by_its_arguments(world):
    filed(world, "clerk", "D1", [WANG])
    ask = text("SELECT count(*) FROM find_customers('王建国', :below, '', 10)")
    world.as_("region2")
    for below in (world.network.root_path, world.units["D1"].unit_path, "", "0", "z"):
        assert db.session.scalar(ask, {"below": below}) == 0
    db.session.execute(
        text("SELECT set_config('portal.network', '', true), set_config('portal.scope_from', '', true)")
    )
    assert db.session.scalar(ask, {"below": ""}) == 0
    finish(good=False)
