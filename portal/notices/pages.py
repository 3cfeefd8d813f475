"""What I was told, newest first; opening one marks it as read."""

from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.access import Permission, Room, current_actor
from portal.core.numbers import whole
from portal.notices import queries, service

room = Room("notices", __name__)


@room.get("/notices", needs=Permission.NOTICE_READ)
def notices() -> str:
    actor = current_actor()
    only_unread = request.args.get("show") == "unread"
    cursor = request.args.get("cursor") or None
    page = queries.list_notices(actor, only_unread=only_unread, cursor=cursor)
    kept: dict[str, Any] = {"show": "unread"} if only_unread else {}
    return render_template(
        "notices/list.html",
        items=page.items,
        waiting=queries.unread(actor),
        only_unread=only_unread,
        newest=page.items[0].id if page.items and not cursor else 0,
        next_href=url_for("notices.notices", cursor=page.next_cursor, **kept) if page.next_cursor else "",
        first_href=url_for("notices.notices", **kept) if cursor else "",
    )


@room.post("/notices/<key:notice_id>/read", needs=Permission.NOTICE_READ)
def read(notice_id: int) -> ResponseReturnValue:
    """Mark as read and go where it leads."""
    notice = service.read(current_actor(), notice_id)
    return redirect(notice.link or url_for("notices.notices"))


@room.post("/notices/read", needs=Permission.NOTICE_READ)
def read_all() -> ResponseReturnValue:
    service.read_all(current_actor(), whole(request.form.get("until", "")) or 0)
    return redirect(url_for("notices.notices"))
