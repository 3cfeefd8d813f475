"""The pages of return visits: the call screen, the queue, coverage, rectifications, the end of a month."""

from portal.return_visits.pages import calling, coverage, months, queue, rectifications
from portal.return_visits.pages.door import room

__all__ = ["calling", "coverage", "months", "queue", "rectifications", "room"]
