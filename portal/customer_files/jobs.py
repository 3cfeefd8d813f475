"""Large files are checked beside the request."""

from portal.access import current_actor
from portal.core.jobs import job
from portal.customer_files import service


@job("customer_files.check")
def check(file_id: int, **_of_an_older_release: object) -> None:
    """Judge a file's rows; run twice is run once."""
    service.check(current_actor(), file_id)
