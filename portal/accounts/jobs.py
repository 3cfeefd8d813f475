"""By the clock: what is kept for a day or a week only is forgotten."""

from portal import network
from portal.accounts import service
from portal.core import clock, idempotency
from portal.core.db import within
from portal.core.jobs import job
from portal.core.scope import Scope


@job("accounts.forget", cron="17 * * * *")
def forget() -> None:
    """Counts of requests and of wrong passwords, ended sessions, and the kept answers of every network."""
    service.forget_old_counts(clock.now())
    for each in network.list_networks():
        with within(Scope.below(each.id, each.root_path)):
            idempotency.forget_old()
