"""What a page of a statement reads does not grow with what is stored: blocks and plans under the walls."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from portal import ledger
from portal.access import act_as
from portal.core.db import db, libpq_url, look_as
from portal.core.scope import CLOSED, enter
from portal.ledger.queries import pages as listed
from tests.conftest import NOW, an_app
from tests.factories import World, a_world
from tests.ledger.crowd import OWN, fill
from tests.performance.explained import explained

pytestmark = pytest.mark.slow
SIZE = 60_000
MOST_BUFFERS = 1_000


@pytest.fixture(scope="module")
def full(cloned: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A network with many postings."""
    url = cloned("postings")
    app = an_app(libpq_url(url, role=None), tmp_path_factory.mktemp("postings"))
    with app.app_context():
        world = a_world("pg", now=NOW)
        db.session.remove()
        with psycopg.connect(url, autocommit=True) as connection:
            fill(connection, world.network.id, SIZE, NOW)
        yield world
        db.session.remove()
        db.engine.dispose()
    act_as(None)
    enter(CLOSED)


def at_work(world: World, who: str) -> ledger.Owner:
    actor = world.actors[who]
    act_as(actor)
    look_as(actor.scope)
    return ledger.unit_owner(world.units["D1"])


LOOKS: dict[str, Callable[[ledger.Owner], Any]] = {
    "balances": ledger.balances,
    "balances of a past moment": lambda owner: ledger.balances(owner, NOW - timedelta(days=300)),
    "the newest entries": lambda owner: ledger.entries(owner, newest_first=True),
    "entries of a span": lambda owner: ledger.entries(
        owner, since=NOW - timedelta(days=300), until=NOW - timedelta(days=270)
    ),
    "a year's statement": lambda owner: ledger.statement(owner, NOW - timedelta(days=365), NOW),
    "deposits since": lambda owner: ledger.deposits_of(owner.unit_id, NOW - timedelta(days=30)),
}


@pytest.mark.parametrize("who", ["finance", "principal"])
@pytest.mark.parametrize("look", LOOKS)
def test_looks_at_an_account_touch_few_blocks(full: World, who: str, look: str) -> None:
    owner = at_work(full, who)
    with explained(db.engine) as costs:
        LOOKS[look](owner)
    for cost in costs:
        assert cost.buffers <= MOST_BUFFERS, cost
        assert "ledger_posting" not in cost.whole_tables, cost
        assert "ledger_transaction" not in cost.whole_tables, cost


def test_the_postings_of_the_crowd_are_true(full: World) -> None:
    owner = at_work(full, "finance")
    assert ledger.prove().sound
    assert [each.balance for each in ledger.balances(owner)] == [OWN * 100, 0, 0]


@pytest.mark.parametrize("look", [listed.open_holds, listed.short_withholdings, listed.waiting])
def test_the_boards_of_finance_read_no_posting_that_they_do_not_show(
    full: World, look: Callable[[], Any]
) -> None:
    at_work(full, "finance")
    with explained(db.engine) as costs:
        look()
    assert all(cost.buffers <= MOST_BUFFERS for cost in costs), costs
