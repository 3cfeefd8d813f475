"""The list of customers, one customer, and the search of the top bar. The same functions as the API."""

from datetime import date
from typing import Any

from flask import render_template, request, url_for

from portal import network, rulebook
from portal.access import Actor, Permission, Room, current_actor
from portal.core import clock
from portal.core import month as months
from portal.core.api import refuse_odd_text
from portal.core.errors import FieldError, Invalid
from portal.core.texts import lazy
from portal.customers import queries, rules
from portal.customers.rules import Found

room = Room("customers", __name__)
MONTHS = 24  # offered in the filter; any other may be asked for in the address
LONGEST = 200
NEXT_BELOW = {"headquarters": "region", "channel": "region", "region": "dealer", "dealer": "store"}


@room.get("/customers", needs=Permission.CUSTOMER_READ)
def customers() -> str:
    """By dealer, with filters for dealer, month and model."""
    return _page("customers/list.html", "customers.customers")


@room.get("/search", needs=Permission.CUSTOMER_READ)
def search() -> str:
    """By part of a name, address, order number or phone, over all months."""
    return _page("customers/search.html", "customers.search")


@room.get("/customers/<key:customer_id>", needs=Permission.CUSTOMER_READ)
def customer(customer_id: int) -> str:
    actor = current_actor()
    found = queries.get_customer(customer_id)
    whole = actor.sees_whole_phones
    person = rules.as_seen(queries.with_purchases(found), whole=whole)
    links = queries.links_of(found) if actor.at_headquarters else []
    units = network.units_by_id([found.unit_id, *(each.customer.unit_id for each in links)])
    return render_template(
        "customers/detail.html",
        person=person,
        unit=units[found.unit_id],
        above=[each for each in network.superiors(found.unit_path) if each.unit_path >= actor.unit_path],
        links=links,
        units=units,
        kept_links=actor.at_headquarters,
        masked=not whole,
    )


def _page(template: str, endpoint: str) -> str:
    actor = current_actor()
    asked = {name: request.args.get(name, "").strip() for name in ("q", "month", "unit", "model")}
    refuse_odd_text(dict(request.args))
    too_long = next((name for name, words in asked.items() if len(words) > LONGEST), None)
    if too_long:
        detail = lazy("This text is too long.")
        raise Invalid("too_long", detail, [FieldError(f"/{too_long}", "too_long", detail)])
    month = months.parse(asked["month"]) if asked["month"] else None
    cursor = request.args.get("cursor") or None
    idle = endpoint == "customers.search" and not asked["q"]
    found = (
        Found([])
        if idle
        else queries.find(
            actor,
            q=asked["q"],
            month=month,
            unit=asked["unit"] or None,
            model=asked["model"] or None,
            cursor=cursor,
        )
    )
    kept: dict[str, Any] = {name: words for name, words in asked.items() if words}
    return render_template(
        template,
        asked=asked,
        idle=idle,
        items=[rules.as_seen(each, whole=actor.sees_whole_phones) for each in found.items],
        narrow=found.narrow,
        later_page=cursor is not None,
        next_href=url_for(endpoint, cursor=found.next_cursor, **kept) if found.next_cursor else "",
        first_href=url_for(endpoint, **kept) if cursor else "",
        plain_href=url_for("customers.customers"),
        filtered=bool(kept),
        month_choices=_months(month),
        unit_choices=_units(actor, asked["unit"]),
        models=_models(actor, asked["model"]),
    )


def _months(chosen: date | None) -> list[date]:
    """The last two years' months, and the one that is asked for."""
    month = clock.local(clock.now()).date().replace(day=1)
    offered = []
    for _ in range(MONTHS):
        offered.append(month)
        month = months.before(month)
    return offered if chosen is None or chosen in offered else [chosen, *offered]


def _units(actor: Actor, chosen: str) -> list[tuple[str, str]]:
    """Code and name of what stands right below me, and of the unit that is asked for."""
    kind = NEXT_BELOW.get(actor.unit_kind)
    offered = [(each.code, each.name) for each in network.names_below(actor.unit_path, kind)] if kind else []
    if chosen and all(code != chosen for code, _name in offered):
        asked_for = network.unit_below(actor.unit_path, chosen)
        offered = [(asked_for.code, asked_for.name), *offered] if asked_for else offered
    return offered


def _models(actor: Actor, chosen: str) -> list[tuple[str, str]]:
    """The models of the rulebook's product list; empty where the network has none (then any model can be typed)."""
    month = clock.local(clock.now()).date().replace(day=1)
    columns: Any = rulebook.current(actor.network_id, months.before(month)).columns
    listed = next((list(each.allowed) for each in columns if each.name == "product_model"), [])
    offered = listed if not listed or not chosen or chosen in listed else [chosen, *listed]
    return [(each, each) for each in offered]
