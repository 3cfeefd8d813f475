"""Reading the audit trail, newest first; the index by time keeps a page's cost the same however long it grows."""

from zoneinfo import ZoneInfo

from sqlalchemy import select

from portal import accounts
from portal.audit.rules import Asked
from portal.core.db import db
from portal.core.events import Event
from portal.core.paging import LIMIT, Page, paged


def list_events(asked: Asked, zone: ZoneInfo, cursor: str | None = None, limit: int = LIMIT) -> Page[Event]:
    """Events that I may see and that fit all filters. `person` is an e-mail, a mobile number or a name."""
    chosen = select(Event)
    if asked.person:
        found = accounts.person_by_identifier(accounts.identifier(asked.person))
        chosen = chosen.where(Event.person_id == found.id if found else Event.doer == asked.person)
    for column, wanted in (
        (Event.action, asked.action),
        (Event.kind, asked.kind),
        (Event.object_id, asked.object_id),
        (Event.via, asked.via),
    ):
        if wanted:
            chosen = chosen.where(column == wanted)
    low, high = asked.span(zone)
    if low is not None:
        chosen = chosen.where(Event.at >= low)
    if high is not None:
        chosen = chosen.where(Event.at < high)
    return paged(chosen, [Event.at, Event.id], cursor, limit, newest_first=True)


def unit_names(paths: set[str]) -> dict[str, str]:
    """The names of the units that events happened at, by path."""
    rows = db.session.execute(
        db.text("SELECT unit_path, name FROM unit WHERE unit_path = ANY(:paths)"), {"paths": sorted(paths)}
    )
    return {row.unit_path: row.name for row in rows}
