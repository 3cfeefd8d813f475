"""What rooms below are told when a file moves, in the same transaction."""

from collections.abc import Iterable
from datetime import date

from portal import customers, notices, return_visits
from portal.access import Actor
from portal.core import month as months
from portal.customer_files.models import CustomerFile
from portal.customer_files.queries import part_ids
from portal.network import Unit

SUBJECTS = {
    "customer_file:returned": "Your customer file for %(month)s was returned",
    "customer_file:reminded": "Your customer file for %(month)s is still missing",
}
"""Events → the message as it stands in the catalogues; translated where it is read."""


def let_go(actor: Actor, file: CustomerFile, unit: Unit) -> None:
    """A dealer's file was taken back or returned: its rows and its parts' are no purchases any more."""
    if unit.kind == "dealer":
        customers.let_go(actor, [file.id, *part_ids(file.id)])
        return_visits.look_later([unit.id], file.month)


def tell(actor: Actor, units: Iterable[Unit], what: str, month: date, note: str = "") -> None:
    """A message in the portal to those who answer for these units."""
    written = months.text(month)
    notices.tell(
        actor,
        unit_ids=[unit.id for unit in units],
        kind=what,
        subject=SUBJECTS[what],
        params={"month": written},
        link=f"/files/{written}",
        note=note,
    )
