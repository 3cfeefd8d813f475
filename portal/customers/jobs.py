"""Large files' people, and the links that headquarters keeps."""

from portal.access import current_actor
from portal.core.jobs import job
from portal.customers import service


@job("customers.refresh", patient=True)
def refresh(file_ids: list[int]) -> None:
    service.refresh(current_actor(), file_ids)


@job("customers.link", patient=True)
def link(file_ids: list[int]) -> None:
    service.link(current_actor(), file_ids)
