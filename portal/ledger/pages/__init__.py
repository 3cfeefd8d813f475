"""Money as its owners and finance see it: margins, commissions, statements, what waits to be posted."""

from portal.ledger.pages import finance, margins, people
from portal.ledger.pages.door import room

__all__ = ["finance", "margins", "people", "room"]
