"""A large consolidation's visits, and the signals of whoever was filed."""

from datetime import date, datetime

from portal import network
from portal.access import Actor, current_actor
from portal.core.db import look_as, within
from portal.core.jobs import job
from portal.core.scope import Scope
from portal.return_visits import service


@job("return_visits.open")
def open_visits(consolidation_id: int, month: str, at: str) -> None:
    """One statement; what is there already stays as it is, so that twice is the same as once."""
    actor = current_actor()
    with within(actor.whole_network):
        service.write_visits(actor, consolidation_id, date.fromisoformat(month), datetime.fromisoformat(at))


@job("return_visits.free_pools", cron="*/10 * * * *", patient=True)
def free_pools() -> None:
    """Whoever leaves may have been handed customers: nobody else would call them."""
    for each in network.list_networks():
        look_as(Scope.below(each.id, each.root_path))
        head = network.unit_by_code("HQ")
        assert head is not None
        service.free_pools(Actor.commanding(each, head, "clock"), each.root_path)


@job("return_visits.signals", patient=True)
def signals(dealer_ids: list[int], month: str) -> None:
    service.look(current_actor(), dealer_ids, date.fromisoformat(month))


@job("return_visits.signals_of_visit", patient=True)
def signals_of_visit(visit_id: int) -> None:
    service.look_at_visit(current_actor(), visit_id)
