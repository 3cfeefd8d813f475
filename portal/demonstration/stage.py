"""What the sign-in page of the demonstration shows: its accounts, and the running month's limits."""

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import gettext as _

from portal import clocks, network
from portal.access import Role
from portal.core import clock
from portal.core.db import look_as
from portal.core.errors import NotFound
from portal.core.scope import CLOSED, Scope
from portal.core.texts import language
from portal.demonstration import cast

FIRST = ("dealer_clerk", "regional_manager", "hq_agent", "hq_supervisor")
"""The three people who judge the portal every day come first."""


@dataclass(frozen=True)
class Account:
    role: str
    name: str
    identifier: str
    password: str
    network: str


def _flooring() -> network.Network | None:
    try:
        return network.network_by_code(cast.FLOORING)
    except NotFound:
        return None


def accounts_shown() -> list[Account]:
    """One for each role, three sanction approvers; none where the demonstration was not loaded."""
    if _flooring() is None:
        return []
    words = current_app.jinja_env.filters["role_words"]
    shown: dict[str, tuple[int, Account]] = {}
    places = {code: name for _kind, code, name, *_rest in map(str.split, cast.all_units())}
    for people, code in ((cast.PEOPLE, cast.FLOORING), (cast.MACHINE_PEOPLE, cast.MACHINES)):
        brand = cast.BRANDS[code][language()]
        for line in people.strip().splitlines():
            mail, name, unit, role = line.split()
            place = FIRST.index(role) if role in FIRST and code == cast.FLOORING else len(FIRST)
            where = f"{brand} · {places.get(unit) or _('Headquarters')}"
            account = Account(str(words(Role(role))), name, mail, cast.PASSWORD, where)
            shown.setdefault(mail, (place, account))
    return [account for _place, account in sorted(shown.values(), key=lambda each: each[0])]


def limits_shown() -> list[tuple[str, str]]:
    """The running month's three limits in the flooring brand."""
    brand = _flooring()
    if brand is None:
        return []
    look_as(Scope.below(brand.id, brand.root_path))
    month = clocks.running_month(brand.id, clock.now())
    found = clocks.calendar(brand.id, month)
    look_as(CLOSED)
    zone = ZoneInfo(brand.time_zone)
    return [
        (_("Dealers file"), clocks.deadline_words(found.dealer_due_at, zone, language())),
        (_("Regions consolidate"), clocks.deadline_words(found.region_due_at, zone, language())),
        (_("The month is locked"), clocks.deadline_words(found.locked_at, zone, language())),
    ]


def start(app: Flask) -> None:
    app.extensions["demo_accounts"] = accounts_shown
    app.extensions["sign_in_limits"] = limits_shown
