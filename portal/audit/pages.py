"""The audit trail for administrators: who did what to what, when, from where, before and after."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import render_template, request, url_for

from portal.access import Permission, Room, current_actor
from portal.audit import queries, rules
from portal.audit.rules import Asked
from portal.core import clock
from portal.core.api import refuse_odd_text
from portal.core.errors import FieldError, Invalid
from portal.core.texts import lazy

room = Room("audit", __name__)
TEXTS = ("person", "action", "kind", "object_id", "via")


@room.get("/audit", needs=Permission.AUDIT_READ)
def audit() -> str:
    refuse_odd_text(dict(request.args))
    texts = {name: request.args.get(name, "").strip()[:200] for name in TEXTS}
    asked = Asked(**texts, since=_day("since"), until=_day("until"))
    kept: dict[str, Any] = {
        name: words for name in (*TEXTS, "since", "until") if (words := request.args.get(name, "").strip())
    }
    cursor = request.args.get("cursor") or None
    page = queries.list_events(asked, ZoneInfo(current_actor().time_zone), cursor)
    known = {*rules.ACTION_WORDS, asked.action} - {""}
    zone = ZoneInfo(current_actor().time_zone)
    return render_template(
        "audit/list.html",
        asked=asked,
        items=[(event, rules.changes(event.before, event.after, zone)) for event in page.items],
        units=queries.unit_names({event.unit_path for event in page.items}),
        action_words=rules.ACTION_WORDS,
        kind_words=rules.KIND_WORDS,
        name_words=rules.NAME_WORDS,
        kinds=sorted({*rules.KIND_WORDS, asked.kind} - {""}),
        via_words=rules.VIA_WORDS,
        actions=sorted(known),
        filtered=bool(kept),
        next_href=url_for("audit.audit", cursor=page.next_cursor, **kept) if page.next_cursor else "",
        first_href=url_for("audit.audit", **kept) if cursor else "",
        plain_href=url_for("audit.audit"),
    )


def _day(name: str) -> date | None:
    written = request.args.get(name, "").strip()
    try:
        return date.fromisoformat(written) if written else None
    except ValueError as error:
        detail = lazy("Write the day as year, month and day, for example 2026-10-31.")
        raise Invalid("invalid_date", detail, [FieldError(f"/{name}", "invalid_date", detail)]) from error


@room.app_template_filter("audit_time")
def audit_time(moment: datetime) -> str:
    """To the second, on the network's clock."""
    return f"{clock.local(moment):%Y-%m-%d %H:%M:%S}"
