"""Which pages there are for whoever acts, the badges of the rail, and who stands above."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from flask import current_app
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, RequestRedirect

from portal import accounts, clocks, network, return_visits, sanctions
from portal.access import Actor, Permission, Role, need_of
from portal.clocks import Kind
from portal.home import rules
from portal.home.rules import FILERS, Action, Badge, ContactLine

WITH_CASES = (
    Role.SANCTION_OFFICER,
    Role.SANCTION_APPROVER,
    Role.FINANCE,
    Role.DEALER_PRINCIPAL,
    Role.REGIONAL_MANAGER,
    Role.CHANNEL_MANAGER,
)
"""Whose rail says how many sanction cases wait."""


def endpoint_of(actor: Actor, path: str) -> str | None:
    """The page that answers a GET of `path`, if there is one and this actor may open it."""
    endpoint = _endpoint(current_app.url_map, path)
    if endpoint is None:
        return None
    need = need_of(current_app, endpoint)
    allowed = need is not None and (not isinstance(need, Permission) or actor.may(need))
    return endpoint if allowed else None


@lru_cache(maxsize=2048)
def _endpoint(pages: Map, path: str) -> str | None:
    """Routes never change while the application runs, and every page asks for those of its rail."""
    try:
        endpoint, _values = pages.bind("").match(path, method="GET")
    except (RequestRedirect, HTTPException):
        return None
    return str(endpoint)


def reach(actor: Actor) -> Callable[[str], str | None]:
    """path → the same path if this actor can open it, else None; asked for once for each request."""
    known: dict[str, str | None] = {}

    def ask(path: str) -> str | None:
        if path not in known:
            known[path] = path if endpoint_of(actor, path) else None
        return known[path]

    return ask


def actions(reached: Callable[[str], str | None], *wanted: tuple[str, Any]) -> list[Action]:
    return [Action(path, words) for path, words in wanted if reached(path)]


def badges(actor: Actor, now: datetime) -> Mapping[str, Badge]:
    """How many of my unit's duties are still open, at the entry that they belong to."""
    apart = (Kind.RECTIFICATION, Kind.TOP_UP, Kind.ESCALATION)
    owed = [duty for duty in clocks.duties_of(actor.unit_id) if duty.kind not in apart]
    waiting, late = return_visits.rectifications_waiting(actor, now)
    fixes = {"/rectifications": Badge(waiting, late)} if waiting else {}
    fixes |= _cases(actor, now)
    if not owed:
        return fixes
    place = (
        "/files" if actor.unit_kind in FILERS else "/region" if actor.unit_kind == "region" else "/regions"
    )
    return fixes | {
        place: Badge(len(owed), any(duty.due_at <= now and duty.paused_at is None for duty in owed))
    }


def _cases(actor: Actor, now: datetime) -> dict[str, Badge]:
    """Sanction cases that wait for those who decide, or for the party."""
    if actor.role not in WITH_CASES:
        return {}
    count, late = sanctions.waiting(actor, now)
    return {"/sanctions": Badge(count, late)} if count else {}


def unread(actor: Actor) -> int | None:
    """Unread notices; None where there is no page of notices."""
    return 0 if endpoint_of(actor, "/notices") else None


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
