"""What is due, when, how long is left, what follows."""

from typing import Any

from flask import render_template, request, url_for

from portal import sanctions
from portal.access import Permission, Role, current_actor
from portal.clocks import queries
from portal.clocks.pages import shown
from portal.clocks.pages.door import room
from portal.clocks.pages.shown import KIND_WORDS, STATE_TAGS
from portal.clocks.rules import RIGHTS, Kind, State
from portal.core import clock
from portal.core.texts import gettext

STEPS_SHOWN = 8


@room.get("/clock", needs=Permission.OBLIGATION_READ)
def obligations() -> str:
    """The clocks of my unit and those below it, the least time left first."""
    actor, now = current_actor(), clock.now()
    judges = actor.role in sanctions.ALL_CASES and actor.role is not Role.EXECUTIVE
    kind = _choice(Kind, request.args.get("kind", Kind.CASE_STEP if judges else ""), None)
    own = request.args.get("of") == "mine"
    unit_id = actor.unit_id if own else None
    overdue = bool(
        queries.list_obligations(actor, now, state=State.BREACHED, kind=kind, unit_id=unit_id, limit=1).items
    )
    wanted = _choice(
        State, request.args.get("state", ""), State.BREACHED if overdue else State.OPEN
    )  # what is overdue comes first
    page = queries.list_obligations(
        actor,
        now,
        state=wanted,
        kind=kind,
        unit_id=unit_id,
        cursor=request.args.get("cursor"),
    )
    lines = shown.lines(actor, page.items, now)
    party = actor.may(Permission.SANCTION_READ) and actor.role not in sanctions.ALL_CASES
    args: dict[str, Any] = {"kind": kind.value if kind else "", "of": "mine" if own else None}
    unseen: tuple[Kind, ...] = ()
    if actor.role not in sanctions.ALL_CASES:
        unseen = (Kind.CASE_STEP, Kind.HANDED_ON, Kind.REFUND, *(() if party else RIGHTS))
    kinds = [each for each in Kind if each not in unseen]
    return render_template(
        "clocks/obligations.html",
        lines=lines,
        steps=sanctions.due_first(actor, limit=STEPS_SHOWN) if party else [],
        state=wanted,
        kind=kind,
        own=own,
        kinds=[("", gettext("All duties")), *((each.value, KIND_WORDS[each]) for each in kinds)],
        tabs=[
            (url_for("clocks.obligations", state=each.value, **args), tag[1], None, each is wanted)
            for each, tag in STATE_TAGS.items()
        ],
        next=url_for("clocks.obligations", state=wanted and wanted.value, cursor=page.next_cursor, **args)
        if page.next_cursor
        else "",
        first=url_for("clocks.obligations", state=wanted and wanted.value, **args)
        if request.args.get("cursor")
        else "",
        overdue=overdue,
    )


def _choice(of: Any, written: str, otherwise: Any) -> Any:
    try:
        return of(written)
    except ValueError:
        return otherwise
