"""What a page of a statement reads does not grow with what is stored: each look has its index under the walls."""

import pytest
from sqlalchemy import text

from portal import ledger
from portal.core.db import db
from tests.factories import World

PAGE = "SELECT id FROM ledger_posting WHERE {owner} ORDER BY id LIMIT 51"
PAST = """SELECT balance_minor FROM ledger_posting WHERE account_id = :key AND at <= now()
          ORDER BY at DESC, version DESC LIMIT 1"""
LOOKS = {
    "ix_ledger_posting_unit": PAGE.format(owner="unit_id = :key AND person_id IS NULL"),
    "ix_ledger_posting_person": PAGE.format(owner="person_id = :key"),
    "ix_ledger_posting_past": PAST,
}


@pytest.mark.parametrize(("index", "look"), LOOKS.items())
@pytest.mark.parametrize("who", ["finance", "principal"])
def test_each_look_has_its_index_under_the_walls(world: World, index: str, look: str, who: str) -> None:
    finance = world.as_("finance")
    ledger.deposit(finance, world.units["D1"], 500, "B-1")
    world.as_(who)
    db.session.execute(text("SET LOCAL enable_seqscan = off"))
    db.session.execute(text("SET LOCAL enable_bitmapscan = off"))
    db.session.execute(text("SET LOCAL enable_sort = off"))
    plan = "\n".join(db.session.scalars(text(f"EXPLAIN {look}"), {"key": world.units["D1"].id}))
    assert f"using {index}" in plan, plan
    assert "Sort" not in plan, plan
