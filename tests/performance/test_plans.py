"""Hot queries with 200,000 rows in each large table, under row-level security: no table is read from end to end, and no
query touches more than 1,000 blocks. (Customers and their search: tests/customers/test_speed.py.)"""

import os
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from portal import clocks, network, notices, rulebook, sanctions
from portal.access import Actor, Role, act_as
from portal.audit import queries as trail
from portal.audit.rules import Asked
from portal.clocks import queries as duties
from portal.core.db import db, finish, libpq_url, look_as
from portal.core.scope import CLOSED, enter
from portal.customer_files import queries as files
from portal.home.queries import places
from portal.return_visits.queries import coverage, visits
from portal.return_visits.rules.outcomes import State as VisitState
from portal.sanctions.queries import pages as courts
from portal.sanctions.queries.pages import Tab
from tests.conftest import NOW, an_app
from tests.customers import crowd
from tests.performance import filled
from tests.performance.explained import explained

pytestmark = pytest.mark.slow
SIZE = int(os.environ.get("PORTAL_CROWD", "200000"))
MOST_BUFFERS = 1_000
LARGE = {
    *("customer_file_row", "customer_file_problem", "customer_file", "obligation", "notice", "event"),
    *("breach", "sanction_case", "sanction_effect", "circular", "visit", "visit_day"),
}
OCTOBER = date(2026, 10, 1)
ROOT = "10010000."
REGION = "10010000.10010007."
DEALER = "10010000.10010007.1001000703."

MORE = """
INSERT INTO customer_file_problem (network_id, unit_path, file_id, row_no, "column", code, severity, value)
SELECT network_id, unit_path, file_id, row_no, 'phone', 'invalid_phone',
       CASE WHEN row_no % 3 = 0 THEN 'error' ELSE 'warning' END, 'x' || row_no % 50
FROM customer_file_row WHERE network_id = 1001;
INSERT INTO obligation (network_id, unit_path, kind, rule, rulebook_version, source, unit_id, subject, month, opened_at,
                        due_at, first_due_at, closed_at, judged_at, breached_at, planned_at)
SELECT f.network_id, f.unit_path, 'customer_file', 'windows.dealer', 1, 'R041', f.unit_id, to_char(f.month, 'YYYY-MM'),
       f.month, f.month + interval '1 month', f.month + interval '1 month 5 days', f.month + interval '1 month 5 days',
       CASE WHEN f.month < '2026-10-01' THEN f.month + interval '1 month 4 days' END,
       CASE WHEN f.month < '2026-10-01' THEN f.month + interval '1 month 4 days' END, NULL,
       f.month + interval '1 month'
FROM customer_file f WHERE f.network_id = 1001;
INSERT INTO obligation (network_id, unit_path, kind, rule, rulebook_version, source, unit_id, subject, month, opened_at,
                        due_at, first_due_at, closed_at, judged_at, breached_at, planned_at)
SELECT f.network_id, f.unit_path, 'returned_file', 'returned', 1, 'R041', f.unit_id, f.id || '-' || i, f.month,
       f.month + interval '1 month', f.month + interval '1 month 1 day' + i * interval '1 minute',
       f.month + interval '1 month 1 day', f.month + interval '1 month 3 days', f.month + interval '1 month 3 days',
       f.month + interval '1 month 2 days', f.month + interval '1 month'
FROM customer_file f, generate_series(1, {size} / 4800) i  -- no dealer had forty files a month returned to it
WHERE f.network_id = 1001 AND (i <= 3 OR f.unit_id <> 1001000703);
INSERT INTO notice (network_id, unit_path, membership_id, at, sender, kind, subject, params, note, link, read_at)
SELECT u.network_id, u.unit_path, u.id, now() - i * interval '1 hour', 'x', 'file', 'x', '{{}}', '', '',
       CASE WHEN i > 20 THEN now() END
FROM unit u, generate_series(1, {size} / 200) i WHERE u.network_id = 1001 AND u.kind = 'dealer';
INSERT INTO event (network_id, unit_path, at, person_id, doer, via, action, kind, object_id, before, after)
SELECT f.network_id, f.unit_path, f.received_at - i * interval '1 minute', f.unit_id, 'x', 'page',
       CASE WHEN i = 1 THEN 'customer_file:refused' ELSE 'customer_file:received' END, 'customer_file', f.id::text,
       '{{}}', '{{}}'
FROM customer_file f, generate_series(1, {size} / 4800) i WHERE f.network_id = 1001;
"""


@pytest.fixture(scope="module")
def full(cloned: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A brand of 200 dealers with two years behind it."""
    url = cloned("full")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SET session_replication_role = replica"
        )  # no trigger, no foreign key: the rows alone
        connection.execute(crowd.UNITS)
        names = {"surnames": crowd.SURNAMES, "surname_count": len(crowd.SURNAMES), "given": crowd.GIVEN}
        connection.execute(
            crowd.ROWS.format(n=SIZE, network=1001, rare=crowd.RARE, given_count=len(crowd.GIVEN), **names)
        )
        connection.execute(MORE.format(size=SIZE))
        for rows in (filled.CASES, filled.CLOCKS, filled.VISITS):
            connection.execute(rows.format(size=SIZE))
        connection.execute("VACUUM ANALYZE")
    app = an_app(libpq_url(url, role=None), tmp_path_factory.mktemp("full"))
    with app.app_context():
        rulebook.install(an_actor("headquarters"), 1001, ROOT, "flooring", date(2024, 1, 1))
        finish(good=True)
        yield
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)


ROLES = {
    "headquarters": Role.HQ_SUPERVISOR,
    "officer": Role.SANCTION_OFFICER,
    "approver": Role.SANCTION_APPROVER,
    "finance": Role.FINANCE,
    "executive": Role.EXECUTIVE,
    "agent": Role.HQ_AGENT,
    "region": Role.REGIONAL_MANAGER,
    "dealer": Role.DEALER_CLERK,
    "principal": Role.DEALER_PRINCIPAL,
}
KINDS = {"region": "region", "dealer": "dealer", "principal": "dealer"}
PATHS = {"headquarters": ROOT, "region": REGION, "dealer": DEALER}


def an_actor(who: str) -> Actor:
    kind = KINDS.get(who, "headquarters")
    path = PATHS[kind]
    unit_id = int(path.rstrip(".").split(".")[-1])
    actor = Actor(
        person_id=None,
        name="test",
        membership_id=unit_id,
        network_id=1001,
        network_code="n1001",
        time_zone="Asia/Shanghai",
        root_path=ROOT,
        unit_id=unit_id,
        unit_code=kind,
        unit_kind=kind,
        unit_name=kind,
        unit_path=path,
        role=ROLES[who],
    )
    act_as(actor)
    look_as(actor.scope)
    return actor


def a_file(actor: Actor) -> Any:
    return files.list_files(actor, month=OCTOBER).items[0]


def regions(path: str) -> Any:
    return network.units_below(path, kind="region")


ZONE = ZoneInfo("Asia/Shanghai")
HOT: dict[str, tuple[str, Callable[[Actor], Any]]] = {
    "the board of a region": ("region", lambda me: files.list_boards(regions(REGION), OCTOBER, REGION)),
    "the board of all regions": ("headquarters", lambda me: files.list_boards(regions(ROOT), OCTOBER, ROOT)),
    "files, all": ("headquarters", files.list_files),
    "files of a month": ("region", lambda me: files.list_files(me, month=OCTOBER)),
    "files in a state": ("region", lambda me: files.list_files(me, state="submitted")),
    "files, mine": ("dealer", files.list_files),
    "my months": ("dealer", lambda me: files.list_months(me.unit_id)),
    "rows of a file": ("dealer", lambda me: files.list_rows(a_file(me), whole=True)),
    "problems of a file": ("dealer", lambda me: files.list_problems(a_file(me), whole=True)),
    "errors of a file": ("dealer", lambda me: files.list_problems(a_file(me), whole=True, severity="error")),
    "what stands wrong in many rows": ("dealer", lambda me: files.list_wrong_values(a_file(me))),
    "sums of a file": ("dealer", lambda me: files.totals_of([a_file(me).id])),
    "clocks, all": ("headquarters", lambda me: duties.list_obligations(me, NOW)),
    "clocks, mine": ("dealer", lambda me: duties.list_obligations(me, NOW)),
    "clocks of a region": ("region", lambda me: duties.list_obligations(me, NOW)),
    "clocks that run": ("headquarters", lambda me: duties.list_obligations(me, NOW, state=clocks.State.OPEN)),
    "clocks of a month": ("region", lambda me: duties.list_obligations(me, NOW, month=OCTOBER)),
    "what a unit owes": ("dealer", lambda me: duties.duties_of(me.unit_id)),
    "what headquarters owes": ("headquarters", lambda me: duties.duties_of(me.unit_id, limit=100)),
    "a month's clocks": ("headquarters", lambda me: duties.month_duties(OCTOBER)),
    "a sweep with nothing due": (
        "headquarters",
        lambda me: clocks.sweep(network.get_network(me.network_id), NOW),
    ),
    "unread notices": ("dealer", notices.unread),
    "notices": ("dealer", notices.list_notices),
    "the trail": ("headquarters", lambda me: trail.list_events(Asked(), ZONE)),
    "the trail of an action": (
        "headquarters",
        lambda me: trail.list_events(Asked(action="customer_file:refused"), ZONE),
    ),
    "the trail of a common action": (
        "headquarters",
        lambda me: trail.list_events(Asked(action="customer_file:received"), ZONE),
    ),
    "the trail of an object": (
        "headquarters",
        lambda me: trail.list_events(Asked(kind="customer_file", object_id=str(a_file(me).id)), ZONE),
    ),
    "the trail of some days": (
        "headquarters",
        lambda me: trail.list_events(Asked(since=date(2026, 1, 1), until=date(2026, 12, 31)), ZONE),
    ),
    **{f"the rail of {who}": (who, lambda me: places.waiting(me, NOW)) for who in ROLES},
    **{f"cases {tab.value}": ("officer", lambda me, tab=tab: courts.board(me, tab, NOW)) for tab in Tab},
    "cases to judge": ("approver", lambda me: courts.to_do(me, NOW, limit=8)),
    "cases counted": ("officer", lambda me: courts.counts(me, list(Tab), NOW)),
    "cases of a state": ("officer", lambda me: sanctions.list_cases(me, state=sanctions.State.CLOSED)),
    "my cases": ("principal", sanctions.list_cases),
    "my open cases": ("principal", lambda me: courts.to_do(me, NOW, limit=8)),
    "circulars": ("dealer", lambda me: sanctions.list_circulars(me.network_id)),
    "whether one may file": ("dealer", lambda me: sanctions.may_file(network.get_unit(me.unit_id), NOW)),
    "visits": ("agent", lambda me: visits.list_visits(me, visits.Filters(), NOW)),
    "visits of a month and state": (
        "agent",
        lambda me: visits.list_visits(me, visits.Filters(OCTOBER, VisitState.WAITING), NOW),
    ),
    "visits that are held": (
        "agent",
        lambda me: visits.list_visits(me, visits.Filters(state=VisitState.CLAIMED), NOW),
    ),
    "the queue ahead": ("agent", lambda me: visits.queue_ahead(1, NOW)),
    "coverage of all dealers": ("headquarters", lambda me: coverage.by_dealer(OCTOBER, ROOT)),
    "coverage of all regions": ("headquarters", lambda me: coverage.by_region(OCTOBER, ROOT)),
    "coverage of a region": ("region", lambda me: coverage.by_dealer(OCTOBER, REGION)),
    "coverage of the own dealer": ("dealer", lambda me: coverage.total(OCTOBER, DEALER)),
}


@pytest.mark.parametrize("name", HOT)
def test_a_hot_query_has_its_index(full: None, name: str) -> None:
    who, ask = HOT[name]
    actor = an_actor(who)
    ask(actor)  # what is read once for a process is read
    db.session.rollback()
    with explained(db.engine) as costs:
        ask(actor)
    db.session.rollback()
    assert costs
    if os.environ.get("PORTAL_CROWD_SHOW"):
        print(name, [(cost.buffers, sorted(cost.whole_tables)) for cost in costs])
    for cost in costs:
        assert not cost.whole_tables & LARGE, cost.statement
        assert cost.buffers <= MOST_BUFFERS, (cost.buffers, cost.statement)
