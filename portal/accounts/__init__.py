"""People, sign-in, memberships, API tokens."""

from portal.accounts.api import by_token
from portal.accounts.models import Membership, Person
from portal.accounts.pages import by_session, sign_in_page, start
from portal.accounts.queries import (
    Contact,
    actor_of_membership,
    contacts_of,
    memberships_in,
    memberships_of,
    names_of,
    person_by_identifier,
    person_in,
)
from portal.accounts.rules import REQUESTS, UPLOADS, PersonLine, identifier
from portal.accounts.service import count, forget_old_counts, import_people, issue_token, set_password

__all__ = [
    "REQUESTS",
    "UPLOADS",
    "Contact",
    "Membership",
    "Person",
    "PersonLine",
    "actor_of_membership",
    "by_session",
    "by_token",
    "contacts_of",
    "count",
    "forget_old_counts",
    "identifier",
    "import_people",
    "issue_token",
    "memberships_in",
    "memberships_of",
    "names_of",
    "person_by_identifier",
    "person_in",
    "set_password",
    "sign_in_page",
    "start",
]
