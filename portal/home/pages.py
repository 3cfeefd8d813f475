"""Each role's start page, the menu of the phone, help. And what every page shows of the rail."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template, request
from flask.blueprints import BlueprintSetupState

from portal import sanctions
from portal.access import PUBLIC, SIGNED_IN, Actor, Role, Room, actor_or_none, current_actor
from portal.core import clock
from portal.core.texts import language
from portal.home import queries, rules

room = Room("home", __name__)
CIRCULARS = 3
"""The newest ones on every board; the others on their own page."""


@room.get("/", needs=SIGNED_IN)
def start() -> str:
    """The start page of the role that acts."""
    found = queries.start(current_actor(), clock.now(), language())
    circulars = sanctions.list_circulars(current_actor().network_id, limit=CIRCULARS).items
    return render_template(f"home/start_{found.kind}.html", start=found, circulars=circulars)


@room.get("/menu", needs=SIGNED_IN)
def menu() -> str:
    return render_template("home/menu.html")


@room.get("/help", needs=PUBLIC)
def help() -> str:  # noqa: A001 - the page's name
    actor = actor_or_none()
    return render_template("home/help.html", people=queries.superiors_of(actor) if actor else [])


def navigation(actor: Actor) -> dict[str, Any]:
    """The rail and the bottom bar of whoever acts, for the context of every page."""
    here, reach, waiting = request.path, queries.reach(actor), queries.waiting(actor, clock.now())
    badges = {place: rules.Badge(each.count, each.late) for place, each in waiting.items()}
    unread = badges.pop(queries.NOTICES, None)
    return {
        "nav": rules.nav(actor.role, reach, here, badges),
        "tabbar": rules.tabs(actor.role, reach, here, badges),
        "search_endpoint": queries.endpoint_of(actor, "/search") or queries.endpoint_of(actor, "/customers"),
        "unread": (unread.count if unread else 0) if reach(queries.NOTICES) else None,
    }


# ---------------------------------------------------------------- words that templates of all rooms use


@room.app_template_filter("role_words")
def role_words(role: Role) -> Any:
    return rules.ROLE_WORDS[Role(role)]


@room.app_template_filter("phone_words")
def phone_words(phone: str) -> str:
    return rules.phone_words(phone)


@room.app_template_filter("month_words")
def month_words(month: date) -> str:
    return rules.month_words(month, language())


@room.app_template_filter("month_and_year")
def month_and_year(month: date) -> str:
    return rules.month_and_year(month, language())


@room.app_template_filter("clock_words")
def clock_words(moment: datetime) -> str:
    return rules.clock_words(moment, clock.zone(), language())


@room.app_template_filter("zone_words")
def zone_words(zone: str) -> str:
    return queries.zone_words(ZoneInfo(zone), language())


@room.record
def offer_navigation(state: BlueprintSetupState) -> None:
    state.app.extensions["navigation"] = navigation
