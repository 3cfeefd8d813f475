"""The database's walls alone: tried on the tables themselves, with the application out of the way."""

import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.access import act_as, actor_or_none
from portal.checks import UNWALLED
from portal.core.db import db, finish, look_as, raw, within
from portal.core.errors import Conflict
from portal.core.jobs import later
from portal.core.scope import CLOSED, Scope, current_scope, enter
from tests.conftest import NOW, an_app
from tests.factories import World, a_world

TABLES = text(
    """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
       WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') ORDER BY 1"""
)
SIDE_TABLES = {"customer_search"}
"""Closed to portal_app altogether; one definer function that filters by itself reads each."""
WHOLE_NETWORK = {"unit", "holiday", "rulebook_version"}
"""Read by the whole network: names of units, calendar, rules."""


def _tables() -> list[str]:
    return [
        name
        for name in db.session.scalars(TABLES)
        if name not in UNWALLED and not name.startswith("procrastinate")
    ]


def test_every_table_of_a_network_is_walled_and_force_is_on(app):
    rows = db.session.execute(
        text(
            """SELECT c.relname, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c
               JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')"""
        )
    ).all()
    walled = {name for name, security, forced in rows if security and forced}
    assert set(_tables()) - SIDE_TABLES == walled


def test_side_tables_are_closed_to_the_application(app):
    for name in SIDE_TABLES & set(db.session.scalars(TABLES)):
        with pytest.raises(DBAPIError), db.session.begin_nested():
            db.session.execute(text(f"SELECT 1 FROM {name}"))


def test_the_application_acts_as_a_role_that_owns_nothing(app):
    role, powerful = db.session.execute(
        text(
            "SELECT current_user, (SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user)"
        )
    ).one()
    assert (role, powerful) == ("portal_app", False)
    owned = db.session.scalar(text("SELECT count(*) FROM pg_class WHERE relowner = 'portal_app'::regrole"))
    assert owned == 0


def test_nothing_stated_means_nothing_seen(app, world: World):
    for scope in (CLOSED, Scope(world.network.id, "", "")):
        finish(good=False)
        look_as(scope)
        for name in set(_tables()) - SIDE_TABLES - (WHOLE_NETWORK if scope.network else set()):
            assert db.session.scalar(text(f"SELECT count(*) FROM {name}")) == 0, name


def test_a_setting_that_was_used_once_means_nothing_too(app, world: World):
    """After a transaction the setting reads '' and not NULL: the cast must not raise, the table must be empty."""
    look_as(world.actors["supervisor"].scope)
    assert db.session.scalar(text("SELECT count(*) FROM unit"))
    finish(good=True)
    look_as(CLOSED)
    assert db.session.scalar(text("SELECT count(*) FROM unit")) == 0


def test_another_network_sees_no_row_of_this_one(app, world: World, other: World):
    look_as(other.actors["supervisor"].scope)
    for name in set(_tables()) - SIDE_TABLES:
        found = db.session.scalar(
            text(f"SELECT count(*) FROM {name} WHERE network_id = :n"), {"n": world.network.id}
        )
        assert found == 0, name


def test_a_sibling_sees_no_row_outside_its_subtree(app, world: World):
    for who in ("clerk2", "store", "region2", "channel"):
        scope = world.actors[who].scope
        finish(good=False)
        look_as(scope)
        for name in set(_tables()) - SIDE_TABLES - WHOLE_NETWORK:
            found = db.session.scalar(
                text(f"SELECT count(*) FROM {name} WHERE unit_path < :low OR unit_path >= :high"),
                {"low": scope.low, "high": scope.high},
            )
            assert found == 0, (who, name)


@pytest.mark.parametrize("column", ["network_id", "unit_path"])
def test_no_row_moves_out_of_its_wall(app, world: World, other: World, column):
    scope = world.actors["clerk"].scope
    look_as(scope)
    value = other.network.id if column == "network_id" else world.units["D2"].unit_path
    with pytest.raises(DBAPIError, match="row-level security"), db.session.begin_nested():
        db.session.execute(text(f"UPDATE obligation SET {column} = :value"), {"value": value})


def test_a_dealer_cannot_write_what_headquarters_writes(app, world: World):
    look_as(world.actors["clerk"].scope)
    changed = db.session.execute(text("UPDATE unit SET name = 'mine'"))
    assert changed.rowcount == 0
    with pytest.raises(DBAPIError, match="row-level security"), db.session.begin_nested():
        db.session.execute(
            text(
                'INSERT INTO holiday (network_id, unit_path, "on", works, name) '
                "VALUES (:n, :p, '2030-01-01', true, 'x')"
            ),
            {"n": world.network.id, "p": world.units["D1"].unit_path},
        )


def test_the_audit_trail_can_only_grow(app, world: World):
    look_as(world.actors["supervisor"].scope)
    for statement in ("UPDATE event SET action = 'x'", "DELETE FROM event", "TRUNCATE event"):
        with pytest.raises(DBAPIError), db.session.begin_nested():
            db.session.execute(text(statement))


def test_unique_constraints_carry_the_network(app):
    """Unique and foreign keys ignore row-level security: without the network they would answer about hidden rows.

    The queue's own locks are named by our ids.
    """
    rows = db.session.execute(
        text(
            """SELECT c.relname, i.relname,
                 (SELECT array_agg(a.attname::text) FROM pg_attribute a
                  WHERE a.attrelid = c.oid AND a.attnum = ANY (x.indkey)) AS columns
               FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
               JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE x.indisunique AND n.nspname = 'public' AND c.relrowsecurity
               AND c.relname <> 'procrastinate_jobs'"""
        )
    ).all()
    identity = {
        ("id",),
        ("token_id", "method", "path", "key"),
    }  # of our own making: nobody can ask for another's
    bare = [
        (table, index)
        for table, index, columns in rows
        if "network_id" not in columns
        and tuple(columns) not in identity
        and set(columns) not in map(set, identity)
    ]
    assert bare == []


def test_foreign_keys_between_walled_tables_carry_the_network(app):
    rows = db.session.execute(
        text(
            """SELECT k.conname,
                 (SELECT array_agg(a.attname::text) FROM pg_attribute a
                  WHERE a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)) AS columns
               FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
               WHERE k.contype = 'f' AND c.relrowsecurity AND f.relrowsecurity"""
        )
    ).all()
    assert [name for name, columns in rows if "network_id" not in columns] == []


def test_definer_functions_have_a_fixed_search_path(app):
    loose = db.session.scalars(
        text(
            """SELECT p.proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
               WHERE n.nspname = 'public' AND p.prosecdef
               AND NOT EXISTS (SELECT 1 FROM unnest(coalesce(p.proconfig, '{}')) s
                               WHERE s LIKE 'search_path=%, pg_temp')"""
        )
    ).all()
    assert loose == []


def test_a_temporary_table_cannot_slip_under_a_definer_function(app, world):
    """Where pg_temp is searched first, its trigger would act as portal_owner."""
    scope = world.actors["clerk"].scope
    given = {"network": scope.network, "low": scope.low, "high": scope.high}
    for statement in (
        """SELECT set_config('portal.network', CAST(:network AS text), true),
                  set_config('portal.scope_from', :low, true), set_config('portal.scope_to', :high, true)""",
        "CREATE TEMP TABLE acted (who text)",
        """CREATE TEMP TABLE customer_search (customer_id bigint PRIMARY KEY, network_id bigint, unit_path text,
                                              facets text[], body text)""",
        """CREATE FUNCTION pg_temp.act() RETURNS trigger LANGUAGE plpgsql AS
           'BEGIN INSERT INTO pg_temp.acted VALUES (current_user); RETURN NEW; END'""",
        "CREATE TRIGGER act BEFORE INSERT ON pg_temp.customer_search FOR EACH ROW EXECUTE FUNCTION pg_temp.act()",
        "GRANT ALL ON pg_temp.customer_search, pg_temp.acted TO PUBLIC",
        """INSERT INTO customer (network_id, unit_path, unit_id, name, phone, address)
           SELECT network_id, unit_path, id, 'n', '13800000000', 'a' FROM unit
           WHERE unit_path >= :low AND unit_path < :high ORDER BY unit_path LIMIT 1""",
    ):
        db.session.execute(text(statement), {name: given[name] for name in given if f":{name}" in statement})
    assert db.session.scalars(text("SELECT who FROM pg_temp.acted")).all() == []


def test_no_view_looks_past_the_walls(app):
    loose = db.session.scalars(
        text(
            """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
               WHERE n.nspname = 'public' AND c.relkind IN ('v', 'm')
               AND NOT coalesce(c.reloptions, '{}') @> '{security_invoker=true}'"""
        )
    ).all()
    assert loose == []


def test_other_eyes_last_as_long_as_their_block(app, world: World):
    clerk = world.as_("clerk")
    with within(clerk.whole_network):
        everything = db.session.scalar(text("SELECT count(*) FROM obligation"))
    mine = db.session.scalar(text("SELECT count(*) FROM obligation"))
    assert 0 < mine < everything
    act_as(None)


def test_borrowed_eyes_are_given_back_when_an_exception_passes(app, world: World):
    """What catches the exception goes on in the same transaction: it must not go on with headquarters' eyes."""
    clerk = world.as_("clerk")
    mine = db.session.scalar(text("SELECT count(*) FROM obligation"))
    with suppress(Conflict), within(clerk.whole_network):
        assert db.session.scalar(text("SELECT count(*) FROM obligation")) > mine
        raise Conflict("refused", "A rule says no.")
    assert db.session.scalar(text("SELECT count(*) FROM obligation")) == mine
    act_as(None)


def test_borrowed_eyes_are_given_back_by_the_rollback_of_a_statement_that_failed(app, world: World):
    clerk = world.as_("clerk")
    mine = db.session.scalar(text("SELECT count(*) FROM obligation"))
    with pytest.raises(DBAPIError), db.session.begin_nested(), within(clerk.whole_network):
        db.session.execute(text("SELECT 1 / 0"))
    assert db.session.scalar(text("SELECT count(*) FROM obligation")) == mine
    act_as(None)


def test_the_owner_is_bound_too(app, world: World):
    """FORCE: a migration that changes rows without stating a scope changes none."""
    finish(good=False)
    look_as(CLOSED)
    with suppress(Conflict), db.session.begin_nested():
        db.session.execute(text("SET LOCAL ROLE portal_owner"))
        assert db.session.execute(text("UPDATE obligation SET due_at = due_at")).rowcount == 0
        assert db.session.scalar(text("SELECT count(*) FROM customer")) == 0
        raise Conflict("undone", "The role ends with the savepoint.")
    assert db.session.scalar(text("SELECT current_user")) == "portal_app"


def test_a_copy_into_a_walled_table_is_refused(app, world: World):
    """Hence the temporary table before each import."""
    look_as(world.actors["clerk"].scope)
    with (
        pytest.raises(psycopg.errors.FeatureNotSupported, match="row-level security"),
        db.session.begin_nested(),
    ):
        raw().execute("COPY customer (network_id) FROM STDIN")


def test_foreign_keys_tell_nothing_of_another_network(app, world: World, other: World):
    """A unit of another network and one that never was: the same refusal, by the same constraint."""
    scope = world.actors["clerk"].scope
    said = set()
    for unit_id in (other.units["D1"].id, 2**40):
        look_as(scope)
        with pytest.raises(IntegrityError) as refused, db.session.begin_nested():
            db.session.execute(
                text(
                    "INSERT INTO customer (network_id, unit_path, unit_id, name, phone, address) "
                    "VALUES (:network, :path, :unit, 'n', '13800000000', 'a')"
                ),
                {"network": scope.network, "path": scope.low, "unit": unit_id},
            )
        said.add(refused.value.orig.diag.constraint_name)
    assert len(said) == 1


def test_nothing_of_a_request_stays_on_its_thread(app, world: World, api_as):
    """A context variable outlives the request: whoever works on this thread next must not have the last one's eyes."""
    assert api_as(world.actors["supervisor"]).get("/me").status_code == 200
    assert (actor_or_none(), current_scope()) == (None, CLOSED)
    assert api_as(world.actors["supervisor"]).get("/customers?cursor=nonsense").status_code >= 400
    assert (actor_or_none(), current_scope()) == (None, CLOSED)


def test_jobs_of_another_network_are_not_seen(app, world: World, other: World):
    """The worker, which states no network, sees all of them; whoever has stated one sees its own (decisions 0017)."""
    for each in (world, other):
        each.as_("clerk")
        later("customers.refresh", file_ids=[1])
    waiting = "SELECT DISTINCT args #>> '{travels,scope,0}' FROM procrastinate_jobs WHERE status = 'todo'"
    look_as(CLOSED)
    both = {str(each.network.id) for each in (world, other)}
    assert set(db.session.scalars(text(waiting))) >= both
    for each in (world, other):
        look_as(each.actors["supervisor"].scope)
        assert db.session.scalars(text(waiting)).all() == [str(each.network.id)]
        for change in ("UPDATE procrastinate_jobs SET priority = 9", "DELETE FROM procrastinate_jobs"):
            where = " WHERE args #>> '{travels,scope,0}' <> :network"
            changed = db.session.execute(text(change + where), {"network": str(each.network.id)})
            assert changed.rowcount == 0
    for change in ("UPDATE procrastinate_events SET type = 'started'", "DELETE FROM procrastinate_events"):
        with pytest.raises(DBAPIError, match="permission denied"), db.session.begin_nested():
            db.session.execute(text(change))
    act_as(None)


@pytest.mark.slow
def test_ten_thousand_transactions_on_five_connections_never_mix_up_whose_eyes_they_have(
    cloned: Callable[[str], str], tmp_path: Path
):
    """Ten threads, a pool of five, two networks, one in ten raises in the middle: no row of the other is ever seen."""
    app = an_app(cloned("mixed"), tmp_path, portal_pool_size=5)
    with app.app_context():
        worlds = [a_world(code, now=NOW) for code in ("ma", "mb")]
        scopes = [
            (each.network.id, each.actors[who].scope)
            for each in worlds
            for who in ("clerk", "region", "supervisor")
        ]
        db.session.remove()
    act_as(None)
    look = text("SELECT DISTINCT network_id, unit_path FROM obligation")
    mixed, raised, seen = [], [], []

    class Upset(Exception):
        pass

    def transact(number: int) -> None:
        chance = random.Random(number)
        for turn in range(1000):
            network_id, scope = chance.choice(scopes)
            with app.app_context():
                try:
                    look_as(scope)
                    rows = db.session.execute(look).all()
                    seen.append(len(rows))
                    mixed.extend(
                        row for row in rows if row[0] != network_id or not scope.low <= row[1] < scope.high
                    )
                    if turn % 10 == 0:
                        raise Upset
                    finish(good=True)
                except Upset:
                    raised.append(number)
                    if turn % 20:
                        finish(good=False)
                    db.session.remove()
                    look_as(CLOSED)
                    mixed.extend(db.session.execute(look).all())
                finally:
                    db.session.remove()

    with app.app_context():
        pool = db.engine.pool
        pool._max_overflow = 0  # five, and not one more
        with ThreadPoolExecutor(10) as threads:
            list(threads.map(transact, range(10)))
        assert pool.size() == 5
        assert pool.checkedout() == 0
        db.engine.dispose()
    enter(CLOSED)
    assert len(seen) == 10_000
    assert len(raised) == 1_000
    assert min(seen) > 0
    assert mixed == []
