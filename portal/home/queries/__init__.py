"""What a start page shows, read through the front doors of the rooms below. The number of queries is constant."""

from datetime import datetime
from zoneinfo import ZoneInfo

from portal import clocks, rulebook
from portal.access import Actor, Permission
from portal.clocks import zone_words
from portal.home.queries.boards import headquarters, plain, superior
from portal.home.queries.desks import caller
from portal.home.queries.filers import filer
from portal.home.queries.moment import Moment, Start
from portal.home.queries.places import NOTICES, endpoint_of, reach, reach_with, superiors_of, waiting
from portal.home.rules import FILERS, SUPERIORS

__all__ = [
    "NOTICES",
    "Start",
    "endpoint_of",
    "reach",
    "reach_with",
    "start",
    "superiors_of",
    "waiting",
    "zone_words",
]


def start(actor: Actor, now: datetime, lang: str) -> Start:
    """The start page of whoever acts, at `now`, in 'zh' or 'en'."""
    zone = ZoneInfo(actor.time_zone)
    month = clocks.running_month(actor.network_id, now)
    try:
        ruled = clocks.ruled(actor.network_id, month)
    except rulebook.NoRulebook:
        ruled = None
    moment = Moment(actor, now, lang, zone, month, ruled)
    if actor.unit_kind in FILERS:
        return filer(moment)
    if actor.unit_kind in SUPERIORS:
        return superior(moment)
    if actor.may(Permission.CONSOLIDATION_READ):
        return headquarters(moment)
    if actor.may(Permission.VISIT_CALL):
        return caller(moment) or plain(moment)
    return plain(moment)
