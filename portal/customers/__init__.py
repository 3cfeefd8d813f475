"""Customers: one for each person at a dealer or store, found over all months; links for headquarters."""

from portal.customers.models import Customer
from portal.customers.queries import find, get_customer, links_of, with_purchases
from portal.customers.rules import Found, Person, Purchase, as_seen
from portal.customers.service import let_go, take_in

__all__ = [
    "Customer",
    "Found",
    "Person",
    "Purchase",
    "as_seen",
    "find",
    "get_customer",
    "let_go",
    "links_of",
    "take_in",
    "with_purchases",
]
