"""A large consolidation's visits."""

from datetime import date, datetime

from portal.access import current_actor
from portal.core.db import within
from portal.core.jobs import job
from portal.return_visits import service


@job("return_visits.open")
def open_visits(consolidation_id: int, month: str, at: str) -> None:
    """One statement; what is there already stays as it is, so that twice is the same as once."""
    actor = current_actor()
    with within(actor.whole_network):
        service.write_visits(actor, consolidation_id, date.fromisoformat(month), datetime.fromisoformat(at))
