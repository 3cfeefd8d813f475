"""What a page of customers costs with many of them, under row-level security: buffers and plans, not milliseconds.

PORTAL_CROWD=200000 makes more of them, PORTAL_CROWD_SHOW=1 with -s prints each plan.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest
from sqlalchemy import event

from portal import customers
from portal.access import Actor, Role, act_as
from portal.core.db import db, libpq_url, look_as
from portal.core.scope import CLOSED, enter
from tests.conftest import an_app
from tests.customers.crowd import RARE, a_crowd
from tests.customers.filed import OCTOBER

SIZE = int(os.environ.get("PORTAL_CROWD", "30000"))
MOST_BUFFERS = 1000
pytestmark = pytest.mark.slow


@dataclass
class Cost:
    statement: str
    buffers: int
    nodes: list[str]
    ms: float


def nodes_of(plan: dict[str, Any]) -> list[str]:
    mine = [
        f"{plan['Node Type']} {plan.get('Index Name') or plan.get('Relation Name') or plan.get('Function Name') or ''}"
    ]
    return mine + [node for inner in plan.get("Plans", []) for node in nodes_of(inner)]


@pytest.fixture(scope="module")
def crowd(cloned, tmp_path_factory) -> Iterator[Any]:
    url = os.environ.get("PORTAL_CROWD_URL")
    if not url:
        url = cloned("crowd")
        with psycopg.connect(url, autocommit=True) as connection:
            a_crowd(connection, SIZE)
    made = an_app(libpq_url(url, role=None), tmp_path_factory.mktemp("crowd"))
    with made.app_context():
        yield made
        db.session.remove()
        db.engine.engine.dispose()
    act_as(None)
    enter(CLOSED)


def actor(kind: str, path: str, role: Role) -> Actor:
    unit_id = int(path.rstrip(".").split(".")[-1])
    made = Actor(
        person_id=None,
        name="test",
        membership_id=None,
        network_id=1001,
        network_code="n1001",
        time_zone="Asia/Shanghai",
        root_path="10010000.",
        unit_id=unit_id,
        unit_code=kind,
        unit_kind=kind,
        unit_name=kind,
        unit_path=path,
        role=role,
    )
    act_as(made)
    look_as(made.scope)
    return made


WHO = {
    "headquarters": ("10010000.", Role.HQ_AGENT),
    "region": ("10010000.10010007.", Role.REGIONAL_MANAGER),
    "dealer": ("10010000.10010007.1001000703.", Role.DEALER_CLERK),
}
ASKED: dict[str, dict[str, Any]] = {
    "list": {},
    "month": {"month": OCTOBER},
    "model": {"model": "KT-90A"},
    "month and model": {"month": OCTOBER, "model": "KT-90A"},
    "no such model": {"model": "nothing"},
    "rare name": {"q": RARE},
    "part of it": {"q": RARE[1:3]},
    "two letters": {"q": "建国"},
    "one letter": {"q": "王"},
    "common address": {"q": "中山东路"},
    "common, longer": {"q": "上海市浦东新区中山东路"},
    "whole address": {"q": "上海市浦东新区中山东路128号阳光花园12栋2单元1203室"},
    "first digits": {"q": "138"},
    "two digits": {"q": "13"},
    "last digits": {"q": "678"},
    "four digits": {"q": "4321"},
    "six digits": {"q": "765432"},
    "order number": {"q": f"SO{SIZE // 3:010d}"},
    "end of an order number": {"q": f"{SIZE // 3:06d}"},
    "nobody": {"q": "魑魅魍魉"},
    "with month": {"q": "建国", "month": OCTOBER},
    "with month and model": {"q": "王", "month": OCTOBER, "model": "KT-90A"},
}


@pytest.fixture
def costs() -> Iterator[list[Cost]]:
    """Each statement's plan and buffers, taken as it runs."""
    kept: list[Cost] = []
    busy = False

    def explain(connection, cursor, statement, parameters, context, executemany):
        nonlocal busy
        if busy or not statement.lstrip().startswith(("SELECT", "WITH")) or "set_config" in statement:
            return
        busy = True
        with connection.connection.driver_connection.cursor() as own:
            own.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
            (found,) = own.fetchone()[0]
        plan = found["Plan"]
        buffers = plan.get("Shared Hit Blocks", 0) + plan.get("Shared Read Blocks", 0)
        kept.append(Cost(statement, buffers, nodes_of(plan), found["Execution Time"]))
        busy = False

    engine = db.engine
    event.listen(engine, "before_cursor_execute", explain)
    yield kept
    event.remove(engine, "before_cursor_execute", explain)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("asked", ASKED)
def test_a_page_costs_little_however_many_there_are(crowd, costs, who, asked):
    path, role = WHO[who]
    mine = actor(who, path, role)
    customers.find(mine, **ASKED[asked])  # warm
    costs.clear()
    found = customers.find(mine, **ASKED[asked])
    if os.environ.get("PORTAL_CROWD_SHOW"):
        for cost in costs:
            print(
                f"{who:12} {asked:24} {len(found.items):3} hits {cost.buffers:5} buffers {cost.ms:7.2f} ms {cost.nodes}"
            )
    assert len(costs) <= 6
    for cost in costs:
        assert cost.buffers <= MOST_BUFFERS, (cost.buffers, cost.statement)
        assert not [node for node in cost.nodes if node.startswith("Seq Scan") and "customer" in node], (
            cost.nodes
        )
    db.session.rollback()
