"""Which pages there are for whoever acts, the badges of the rail, and who stands above."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import Flask, current_app
from sqlalchemy import Executable
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from portal import accounts, clocks, network, notices, return_visits, sanctions
from portal.access import Actor, Permission, Role, need_of
from portal.clocks import Kind
from portal.core.waiting import Waiting, statement
from portal.core.waiting import waiting as waits_at
from portal.home import rules
from portal.home.rules import FILERS, Action, ContactLine

NOTICES = "/notices"
APART = (Kind.RECTIFICATION, Kind.RECTIFICATION_COMMENT, Kind.TOP_UP, Kind.ESCALATION)
"""Duties that do not wait at the place of filing."""
WITH_CASES = (
    Role.SANCTION_OFFICER,
    Role.SANCTION_APPROVER,
    Role.FINANCE,
    Role.DEALER_PRINCIPAL,
    Role.REGIONAL_MANAGER,
    Role.CHANNEL_MANAGER,
)
"""Whose rail says how many sanction cases wait, and whose start page which."""


def endpoint_of(actor: Actor, path: str) -> str | None:
    """The page that answers a GET of `path`, if there is one and this actor may open it."""
    return _reached(actor.capabilities, path)


def _reached(granted: frozenset[Permission], path: str) -> str | None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - a key, not its proxy
    return _endpoint(app, granted, path)


@lru_cache(maxsize=8192)
def _endpoint(app: Flask, granted: frozenset[Permission], path: str) -> str | None:
    """Routes and their needs never change while the application runs, and every page asks for those of its rail."""
    try:
        endpoint, _values = app.url_map.bind("").match(path, method="GET")
    except (RequestRedirect, HTTPException):
        return None
    need = need_of(app, endpoint)
    return (
        str(endpoint) if need is not None and (not isinstance(need, Permission) or need in granted) else None
    )


def reach(actor: Actor) -> Callable[[str], str | None]:
    """path → the same path if this actor can open it, else None."""
    return reach_with(actor.capabilities)


def reach_with(granted: frozenset[Permission]) -> Callable[[str], str | None]:
    """The same for whoever has these permissions."""
    return lambda path: path if _reached(granted, path) else None


def actions(reached: Callable[[str], str | None], *wanted: tuple[str, Any]) -> list[Action]:
    return [Action(path, words) for path, words in wanted if reached(path)]


def waiting(actor: Actor, now: datetime) -> Mapping[str, Waiting]:
    """What waits for whoever acts, by the place in the rail that it belongs to; of notices the unread ones."""
    asked = _rail(actor.unit_kind, actor.role, actor.capabilities)
    low, high = actor.scope.low, actor.scope.high
    return waits_at(asked, actor.person_id, actor.membership_id, actor.unit_id, low, high, now)


@lru_cache(maxsize=128)
def _rail(unit_kind: str, role: Role, granted: frozenset[Permission]) -> Executable:
    filing = "/files" if unit_kind in FILERS else "/region" if unit_kind == "region" else "/regions"
    rows = {
        filing: clocks.waits(*APART),
        "/rectifications": return_visits.waits(granted),
        "/sanctions": sanctions.waits(role) if role in WITH_CASES else None,
        "/handed-on": sanctions.to_carry_out(role),
        NOTICES: notices.waits(),
    }
    return statement({place: waits for place, waits in rows.items() if waits is not None})


def superiors_of(actor: Actor) -> list[ContactLine]:
    """Who answers for the units above mine, the nearest first."""
    above = [unit for unit in network.superiors(actor.unit_path) if unit.id != actor.unit_id]
    people = accounts.contacts_of(actor.network_id, [unit.id for unit in above])
    lines = []
    for unit in reversed(above):
        for person in people.get(unit.id, ()):
            if person.role in (
                Role.DEALER_PRINCIPAL,
                Role.REGIONAL_MANAGER,
                Role.CHANNEL_MANAGER,
                Role.HQ_SUPERVISOR,
            ):
                lines.append(ContactLine(rules.ROLE_WORDS[person.role], person.name, person.phone))
                break
    return lines
