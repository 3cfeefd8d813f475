"""How the database finds what is hot: an index under row-level security, never the whole table."""

import pytest
from sqlalchemy import text

from portal.core import clock
from portal.core.db import db
from portal.return_visits import queries, service
from portal.return_visits.service import claiming
from tests.factories import World
from tests.return_visits.calling import OCTOBER, consolidated, rows


def plan_of(statement: object, **given: object) -> str:
    db.session.execute(text("SET LOCAL enable_seqscan = off"))  # a small table would be read whole otherwise
    rows_ = db.session.execute(text(f"EXPLAIN {statement}"), given)
    return "\n".join(row[0] for row in rows_)


@pytest.mark.parametrize("pool", [0, 1])
def test_the_next_call_comes_from_the_end_of_an_index(world: World, pool: int) -> None:
    consolidated(world, {"D1": rows(5)})
    actor = world.as_("agent")
    given = {
        "network": actor.network_id,
        "person": actor.person_id,
        "now": clock.now(),
        "skipped_too": False,
        "pool": pool,
        "rank": 4,
    }
    for statement in (claiming._TAKE, claiming._PROBE):
        plan = plan_of(statement.text, **given)
        assert "ix_visit_queue" in plan
        assert "Seq Scan on visit" not in plan
        assert "Sort" not in plan.split("Limit")[-1]  # the index has the order


def test_coverage_and_lists_use_their_indexes(world: World) -> None:
    consolidated(world, {"D1": rows(5)})
    head = world.as_("supervisor")
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    seen: list[str] = []
    connection = db.session.connection()

    def look(chosen: object) -> None:
        compiled = chosen.compile(connection, compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
        seen.append(plan_of(str(compiled).replace("%%", "%")))

    from portal.return_visits.models import Visit, VisitCount  # noqa: PLC0415

    look(queries.coverage._chosen(VisitCount, OCTOBER, head.unit_path, VisitCount.unit_id))
    look(
        db.select(Visit.id)
        .where(Visit.month == OCTOBER)
        .order_by(Visit.month.desc(), Visit.about_path.desc(), Visit.id.desc())
        .limit(51)
    )
    look(
        db.select(Visit.id)
        .where(Visit.state == "revisit")
        .order_by(Visit.month.desc(), Visit.about_path.desc(), Visit.id.desc())
        .limit(51)
    )
    assert "pk_visit_count" in seen[0]
    assert "ix_visit_by_month" in seen[1]
    # of two indexes in the list's order the planner takes one by what the last autovacuum saw of a rolled back table
    assert "ix_visit_by_state" in seen[2] or "ix_visit_by_month" in seen[2]
    assert all("Seq Scan" not in plan for plan in seen)
    assert all("Sort" not in plan for plan in seen[1:])
    assert service.count_due(head.network_id, clock.now()) == 5
