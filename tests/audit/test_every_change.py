"""Every change of state has its entry in the audit trail: found by the database itself, over all rooms."""

from collections import Counter
from collections.abc import Callable

from sqlalchemy import text

from portal.core.db import db, look_as
from portal.core.scope import Scope
from tests.conftest import ApiClient
from tests.factories import World
from tests.tenancy.marked import furnish

STATEFUL = """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace AND n.nspname = 'public'
              JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'state' AND NOT a.attisdropped
              JOIN pg_attribute i ON i.attrelid = c.oid AND i.attname = 'id' AND NOT i.attisdropped
              WHERE c.relkind = 'r' AND c.relname !~ '^procrastinate' ORDER BY 1"""
WATCH = """CREATE FUNCTION pg_temp.watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             INSERT INTO pg_temp.moved VALUES (TG_TABLE_NAME, NEW.id, OLD.state, NEW.state); RETURN NULL; END $$"""


def test_each_state_change_of_the_month_its_visits_and_cases_has_an_entry(
    world: World, api_as: Callable[..., ApiClient]
):
    db.session.execute(text("SET ROLE portal_owner"))
    tables = db.session.scalars(text(STATEFUL)).all()
    db.session.execute(text("CREATE TEMP TABLE moved (kind text, id bigint, was text, now_is text)"))
    db.session.execute(text("GRANT ALL ON pg_temp.moved TO PUBLIC"))
    db.session.execute(text(WATCH))
    for table in tables:
        db.session.execute(
            text(
                f"CREATE TRIGGER watched AFTER UPDATE OF state ON {table} FOR EACH ROW "
                "WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION pg_temp.watch()"
            )
        )
    db.session.execute(text("SET ROLE portal_app"))
    furnish(world, api_as)
    look_as(Scope.below(world.network.id, world.network.root_path))
    moves = Counter(
        (kind, str(number)) for kind, number in db.session.execute(text("SELECT kind, id FROM pg_temp.moved"))
    )
    entries = Counter(
        (kind, number) for kind, number in db.session.execute(text("SELECT kind, object_id FROM event"))
    )
    assert {kind for kind, _ in moves} >= {"customer_file", "visit", "sanction_case"}
    silent = {each: (many, entries[each]) for each, many in moves.items() if entries[each] < many}
    assert silent == {}
