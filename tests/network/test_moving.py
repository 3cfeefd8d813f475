"""A unit moves with all its rows (architecture.md, Tenancy): seen from its new place and no longer from the old one."""

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from portal import network
from portal.access import Actor, act_as
from portal.accounts import actor_of_membership
from portal.core import clock, events
from portal.core.db import MOVING, db, finish, look_as, outside
from portal.core.jobs import later
from portal.core.scope import CLOSED, Scope, enter
from portal.network import UnitLine
from tests.conftest import NOW, ApiClient, an_app
from tests.factories import World, a_world, commander
from tests.tenancy.marked import MONTH, furnish

MOVE = text("SELECT move_rows_of_unit(:unit)")
PATHS = text(
    """SELECT c.relname AS name, a.attname AS path FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname IN ('unit_path', 'about_path')
       WHERE c.relkind = 'r' AND has_table_privilege('portal_app', c.oid, 'SELECT') ORDER BY 1, 2"""
)


def move(world: World, code: str, parent: str, kind: str = "dealer") -> None:
    unit = world.units[code]
    network.import_units(
        commander(world.network),
        world.network.root_path,
        [UnitLine(2, kind, code, unit.name, parent)],
        clock.now(),
    )


def rows_of(world: World, path: str) -> dict[str, list[str]]:
    """What stands at `path` and below it in each table, without the paths themselves; with headquarters' eyes."""
    look_as(Scope.below(world.network.id, world.network.root_path))
    found = {}
    for name, column in db.session.execute(PATHS).all():
        rows = db.session.scalars(
            text(
                f"SELECT (to_jsonb(t) - 'unit_path' - 'about_path')::text FROM {name} t "
                f"WHERE network_id = :network AND {column} >= :low AND {column} < :high"
            ),
            {"network": world.network.id, "low": path, "high": f"{path[:-1]}/"},
        ).all()
        found[f"{name}.{column}"] = sorted(_unmoved(each) if name == "unit" else each for each in rows)
    return found


def _unmoved(row: str) -> str:
    """A unit without its parent, which is what a move changes."""
    return json.dumps({name: value for name, value in json.loads(row).items() if name != "parent_id"})


def seen_by(world: World, who: str, low: str) -> int:
    """How many rows below `low` this person's eyes see, in all walled tables but those that the network shares."""
    scope = world.actors[who].scope
    look_as(scope)
    total = 0
    for name, column in db.session.execute(PATHS).all():
        if name not in ("unit", "membership", "customer_search"):
            total += db.session.scalar(
                text(f"SELECT count(*) FROM {name} WHERE {column} >= :low AND {column} < :high"),
                {"low": low, "high": f"{low[:-1]}/"},
            )
    return total


def test_every_column_with_a_path_goes_along(app):
    """The function finds `unit_path` and `about_path` in the catalogue: a path by another name would stay behind."""
    others = db.session.execute(
        text(
            """SELECT c.relname, a.attname FROM pg_class c
               JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
               JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname LIKE '%\\_path'
               WHERE c.relkind IN ('r', 'p') AND a.attname NOT IN ('unit_path', 'about_path')"""
        )
    ).all()
    assert others == [("network", "root_path")], "a network's root never moves"


def test_all_rows_of_a_dealer_follow_it_to_another_region(world: World, api_as: Callable[..., ApiClient]):
    furnish(world, api_as)
    old = world.units["D1"].unit_path
    before = rows_of(world, old)
    filled = {place for place, rows in before.items() if rows}
    assert len(filled) >= 20, "the dealer has something in most tables"
    seen = seen_by(world, "region", old)
    assert seen > 0
    move(world, "D1", "R2")
    new = network.unit_by_code("D1").unit_path
    assert new == f"{world.units['R2'].unit_path}{world.units['D1'].id:04d}."
    after = rows_of(world, new)
    events = after.pop("event.unit_path")
    assert [each for each in events if '"unit:moved"' in each], "the move itself stands in the trail"
    assert [each for each in events if '"unit:moved"' not in each] == before.pop("event.unit_path")
    assert after == before
    assert not any(rows_of(world, old).values())
    assert seen_by(world, "region", old) == seen_by(world, "region", new) == 0
    assert seen_by(world, "region2", new) >= seen
    assert seen_by(world, "clerk3", new) == 0, "a sibling in the new region"


def test_the_new_region_answers_for_it_and_the_old_one_no_longer(
    world: World, api_as: Callable[..., ApiClient]
):
    furnish(world, api_as)
    old_region, new_region, clerk = (api_as(world.actors[who]) for who in ("region", "region2", "clerk"))
    files = [each["id"] for each in clerk.get("/customer-files?limit=200").json["items"]]
    board = old_region.get(f"/consolidations/{MONTH}").json
    assert files
    assert "D1" in [each["unit"] for each in board["dealers"]]
    move(world, "D1", "R2")
    finish(good=True)
    assert [each["id"] for each in clerk.get("/customer-files?limit=200").json["items"]] == files
    assert {old_region.get(f"/customer-files/{each}").status_code for each in files} == {404}
    assert {new_region.get(f"/customer-files/{each}").status_code for each in files} == {200}
    assert {each["code"] for each in new_region.get("/units?kind=dealer").json["items"]} == {"D1", "D3"}
    duties = {each["unit"] for each in new_region.get("/obligations?limit=200").json["items"]}
    assert "D1" in duties
    assert "D1" not in {each["unit"] for each in old_region.get("/obligations?limit=200").json["items"]}
    assert api_as(world.actors["clerk"]).get("/me").status_code == 200
    assert old_region.get("/customers?q=鹤鸣").json["items"] == []
    assert new_region.get("/customers?q=鹤鸣").json["items"]


def test_only_headquarters_moves_and_nothing_of_another_network(world: World, other: World):
    unit = world.units["D1"]
    look_as(Scope.below(world.network.id, world.network.root_path))
    db.session.execute(
        text("UPDATE unit SET parent_id = :parent WHERE id = :id"),
        {"parent": world.units["R2"].id, "id": unit.id},
    )
    for scope in (
        world.actors["channel"].scope,
        world.actors["region"].scope,
        other.actors["supervisor"].scope,
        CLOSED,
    ):
        look_as(scope)
        with pytest.raises(DBAPIError), db.session.begin_nested():
            db.session.execute(MOVE, {"unit": unit.id})
    look_as(Scope.below(world.network.id, world.network.root_path))
    assert (
        db.session.scalar(text("SELECT unit_path FROM unit WHERE id = :id"), {"id": unit.id})
        == unit.unit_path
    )


def test_a_unit_does_not_lie_below_itself(world: World):
    look_as(Scope.below(world.network.id, world.network.root_path))
    region = world.units["R1"]
    given = {"parent": world.units["S1"].id, "id": region.id}
    db.session.execute(text("UPDATE unit SET parent_id = :parent WHERE id = :id"), given)
    with pytest.raises(DBAPIError, match="below itself"), db.session.begin_nested():
        db.session.execute(MOVE, {"unit": region.id})


def test_append_only_tables_still_refuse_everything_else(world: World, api_as: Callable[..., ApiClient]):
    """The owner too, who may move paths: each with the eyes of headquarters, so that there are rows to change."""
    furnish(world, api_as)
    move(world, "D1", "R2")
    for table, change in {
        "event": "action = 'x'",
        "visit_attempt": "note = 'x'",
        "ledger_posting": "amount_minor = 1",
        "ledger_transaction": "reason = 'x'",
        "sanction_step": "note = 'x'",
    }.items():
        for role in ("portal_app", "portal_owner"):
            with pytest.raises(DBAPIError) as refused, db.session.begin_nested():  # noqa: PT012 - the role ends with it
                db.session.execute(text(f"SET LOCAL ROLE {role}"))
                db.session.execute(text(f"UPDATE {table} SET {change}"))
            said = str(refused.value.orig)
            assert "append-only" in said if role == "portal_owner" else "permission denied" in said, (
                table,
                said,
            )


def test_waiting_jobs_take_the_new_path(world: World):
    clerk = world.as_("clerk")
    later("customers.refresh", file_ids=[1])
    move(world, "D1", "R2")
    new = network.unit_by_code("D1").unit_path
    travels = db.session.scalar(
        text("SELECT args -> 'travels' FROM procrastinate_jobs ORDER BY id DESC LIMIT 1")
    )
    assert travels["scope"] == [world.network.id, new, f"{new[:-1]}/"]
    assert travels["actor"]["unit_path"] == new
    assert clerk.unit_path not in json.dumps(travels)
    act_as(None)


def test_a_region_takes_its_dealers_and_stores_along_and_new_units_find_their_place(world: World):
    lines = [
        UnitLine(2, "store", "S8", "新店", "D8"),
        UnitLine(3, "dealer", "D8", "新经销商", "R1"),
        UnitLine(4, "dealer", "D2", world.units["D2"].name, "R8"),
        UnitLine(5, "region", "R1", world.units["R1"].name, "HQ"),
        UnitLine(6, "region", "R8", "新大区", "C1"),
    ]
    made, changed = network.import_units(
        commander(world.network), world.network.root_path, lines, clock.now()
    )
    assert (made, changed) == (3, 2)
    units = {unit.code: unit for unit in network.units_below(world.network.root_path)}
    for code, chain in {
        "R1": ["HQ"],
        "D1": ["HQ", "R1"],
        "S1": ["HQ", "R1", "D1"],
        "D8": ["HQ", "R1"],
        "S8": ["HQ", "R1", "D8"],
        "R8": ["HQ", "C1"],
        "D2": ["HQ", "C1", "R8"],
        "S3": ["HQ", "C1", "R8", "D2"],
    }.items():
        expected = "".join(f"{units[each].id:04d}." for each in [*chain, code])
        assert units[code].unit_path == expected, code
        assert units[code].parent_id == units[chain[-1]].id


def test_a_move_waits_for_who_is_at_work_with_the_old_path(cloned: Callable[[str], str], tmp_path: Path):
    """On real connections: what a request that began before writes below the old path is moved with the rest."""
    url = cloned("moving")
    app = an_app(url, tmp_path)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    with app.app_context():
        world = a_world("mv", now=NOW)
        clerk = world.as_("clerk")
        db.session.remove()

    def go() -> None:
        with app.app_context():
            move(world, "D1", "R2")
            finish(good=True)
            db.session.remove()

    with app.app_context(), psycopg.connect(url, autocommit=True) as watching:
        act_as(clerk)
        look_as(clerk.scope)
        db.session.execute(text("SELECT 1"))  # a request has begun
        moving = threading.Thread(target=go)
        moving.start()
        while watching.execute(waiting, (MOVING,)).fetchone() == (0,):
            time.sleep(0.01)
        events.record(clerk, "test:written", kind="test", object_id=1)
        with outside() as there:  # does not wait in its turn
            events.record(clerk, "test:outside", kind="test", object_id=2, connection=there)
        finish(good=True)
        db.session.remove()
        moving.join()
        paths = watching.execute("SELECT DISTINCT unit_path FROM event WHERE kind = 'test'").fetchall()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)
    assert paths == [(f"{world.units['R2'].unit_path}{clerk.unit_id:04d}.",)]


def test_who_came_while_a_unit_moved_acts_with_its_new_path(cloned: Callable[[str], str], tmp_path: Path):
    """The statement that says who acts may have waited for the move with the old path in its hands."""
    url = cloned("moved_meanwhile")
    app = an_app(url, tmp_path)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted"
    with app.app_context():
        world = a_world("mw", now=NOW)
        clerk = world.as_("clerk")
        db.session.remove()
    found: list[Actor | None] = []

    def come() -> None:
        with app.app_context():
            found.append(actor_of_membership(clerk.person_id, clerk.membership_id))
            db.session.remove()

    with app.app_context(), psycopg.connect(url, autocommit=True) as watching:
        move(world, "D1", "R2")
        coming = threading.Thread(target=come)
        coming.start()
        while watching.execute(waiting, (MOVING,)).fetchone() == (0,):
            time.sleep(0.01)
        finish(good=True)
        coming.join()
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)
    there = f"{world.units['R2'].unit_path}{clerk.unit_id:04d}."
    assert [each and each.unit_path for each in found] == [there]
