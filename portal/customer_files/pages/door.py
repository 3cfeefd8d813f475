"""The room of all these pages, and what an address names: a month, a unit that is filed for, a region."""

from datetime import date

from flask import request

from portal import network
from portal.access import Actor, Room, current_actor
from portal.core import month as months
from portal.core.errors import Invalid, NotFound
from portal.customer_files import service
from portal.network import Unit

room = Room("customer_files", __name__)
FILERS = ("dealer", "store")


def month_of(written: str) -> date:
    """The month of an address. Raises NotFound."""
    try:
        return months.parse(written)
    except Invalid as error:
        raise NotFound() from error


def filer() -> Unit:
    """The dealer or store that is looked at: my own, or with ?unit= one of my stores. Raises NotFound."""
    actor = current_actor()
    if actor.unit_kind not in FILERS:
        raise NotFound()
    try:
        return service.filing_unit(actor, request.args.get("unit") or None)
    except Invalid as error:
        raise NotFound() from error


def unit_code(unit: Unit) -> str | None:
    """What `unit=` says in the addresses of this unit's pages: nothing for my own."""
    return None if unit.id == current_actor().unit_id else unit.code


def region_named(actor: Actor, code: str | None) -> Unit | None:
    """The region that is asked for, my own by default; None for all below. Raises NotFound."""
    if not code:
        return network.get_unit(actor.unit_id) if actor.unit_kind == "region" else None
    region = network.unit_below(actor.unit_path, code)
    if region is None or region.kind != "region":
        raise NotFound()
    return region


def region_code(region: Unit) -> str | None:
    """What `region=` says in the addresses of this region's pages: nothing for my own."""
    return None if region.id == current_actor().unit_id else region.code
