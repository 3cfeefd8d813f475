"""The sweep of each minute."""

import structlog

from portal.clocks import service
from portal.core import clock
from portal.core.jobs import job

log = structlog.get_logger("clocks")


@job("clocks.sweep", cron="* * * * *")
def sweep() -> None:
    """Mark what is past due in every network; safe to run twice, late, or at once with another."""
    for swept in service.sweep_all(clock.now()):
        if swept.counts:
            log.info("swept", network=swept.network, **swept.counts)
