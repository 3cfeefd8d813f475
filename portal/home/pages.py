"""Each role's start page, the menu of the phone, help. And what every page shows of the rail."""

from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from flask import current_app, render_template, request
from flask.blueprints import BlueprintSetupState
from jinja2 import Environment
from markupsafe import Markup

from portal import sanctions
from portal.access import PUBLIC, SIGNED_IN, Actor, Permission, Role, Room, actor_or_none, current_actor
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
    badges = {
        place: rules.Badge(each.count, each.late)
        for place, each in queries.waiting(actor, clock.now()).items()
    }
    unread = badges.pop(queries.NOTICES, None)
    here, reach = rules.place_of(actor.role, request.path), queries.reach(actor)
    env = current_app.jinja_env
    rail, bar = _places(env, actor.role, actor.capabilities, here, frozenset(badges.items()), language())
    return {
        "nav": rail,
        "tabbar": bar,
        "search_endpoint": queries.endpoint_of(actor, "/search") or queries.endpoint_of(actor, "/customers"),
        "unread": (unread.count if unread else 0) if reach(queries.NOTICES) else None,
    }


@lru_cache(maxsize=1024)
def _places(
    env: Environment,
    role: Role,
    granted: frozenset[Permission],
    here: str,
    waiting: frozenset[tuple[str, rules.Badge]],
    _language: str,
) -> tuple[Markup, Markup]:
    """The places of the rail and of the bottom bar, as they stand in the page: put together once for all who see them
    the same."""
    reach, badges = queries.reach_with(granted), dict(waiting)
    words: Any = env.get_template("home/_places.html").module
    return (
        words.rail(rules.nav(role, reach, here, badges)),
        words.bar(rules.tabs(role, reach, here, badges)),
    )


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
