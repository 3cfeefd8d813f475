"""Margins that are to be topped up: how much was asked for, how much came in, how long there is."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from portal import ledger
from portal.access import Actor
from portal.core.db import db, within
from portal.network import Unit
from portal.sanctions.models import Case
from portal.sanctions.queries.cases import may_see
from portal.sanctions.queries.standing import top_ups_of


@dataclass(frozen=True)
class TopUp:
    """One that runs, in minor units; `number` is its case's, empty for whoever may not see the case."""

    amount: int
    paid: int
    since: datetime
    until: datetime
    number: str

    @property
    def left(self) -> int:
        return self.amount - self.paid


def paid_top_ups(units: Collection[int]) -> Mapping[int, ledger.Paid]:
    """How much of each top-up of these units has come in, by the effect's id. Headquarters' eyes."""
    orders: dict[int, list[ledger.Order]] = defaultdict(list)
    for each in top_ups_of(units):
        assert each.applied_at is not None
        orders[each.about_unit_id].append(ledger.Order(each.id, each.applied_at, each.amount_minor or 0))
    paid: dict[int, ledger.Paid] = {}
    for unit, owed in orders.items():
        paid |= ledger.paid_of(owed, ledger.deposits_of(unit, min(each.since for each in owed)))
    return paid


def running_top_ups(actor: Actor, unit: Unit) -> Sequence[TopUp]:
    """What this unit is still to pay in, the earliest limit first; also what came in since the last sweep."""
    with within(actor.whole_network):
        effects = [each for each in top_ups_of([unit.id]) if each.settled_at is None]
        paid = paid_top_ups([unit.id]) if effects else {}
    if not effects:
        return []
    chosen = select(Case.id, Case.number).where(
        Case.id.in_({each.case_id for each in effects}), may_see(actor)
    )
    numbers = {row.id: row.number for row in db.session.execute(chosen)}
    found = [
        TopUp(
            amount=each.amount_minor or 0,
            paid=paid[each.id].amount,
            since=each.applied_at,
            until=each.until,
            number=numbers.get(each.case_id, ""),
        )
        for each in effects
        if each.applied_at is not None and each.until is not None and paid[each.id].whole_at is None
    ]
    return sorted(found, key=lambda each: each.until)
