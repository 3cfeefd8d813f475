"""What was handed to those who act: a list to tick off."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from portal.access import Permission, current_actor
from portal.core.db import finish
from portal.core.errors import Conflict, NotAllowed
from portal.core.texts import gettext
from portal.sanctions import queries, service
from portal.sanctions.forms import tidy
from portal.sanctions.pages.door import room
from portal.sanctions.rules import MeasureKind
from portal.sanctions.rules.measures import WORDS

DONE = "done"


@room.get("/handed-on", needs=Permission.SANCTION_CARRY_OUT)
def handed_on() -> str:
    return _page()


@room.post("/handed-on/<key:effect_id>", needs=Permission.SANCTION_CARRY_OUT)
def carry_out(effect_id: int) -> ResponseReturnValue:
    actor = current_actor()
    queries.handed_on(actor, effect_id)
    note = tidy(request.form.get("note"), 2000)
    if not note:
        return _page(effect_id, gettext("Say what was done: it stands in the case.")), 422
    try:
        service.carry_out(actor, effect_id, note)
    except (Conflict, NotAllowed) as refused:
        finish(good=False)
        return _page(effect_id, refused.detail, note), refused.status
    flash(gettext("Noted: it is carried out."), "ok")
    return redirect(url_for("sanctions.handed_on"))


def _page(wrong: int | None = None, why: object = "", note: str = "") -> str:
    """The list; `wrong`: the one that was refused, with why and with what was typed."""
    done = request.args.get("state") == DONE
    cursor = request.args.get("cursor")
    page = queries.list_handed_on(current_actor(), done=done, cursor=cursor)
    here = url_for("sanctions.handed_on", state=DONE if done else None)
    return render_template(
        "sanctions/handed_on.html",
        items=page.items,
        done=done,
        tabs=[
            (url_for("sanctions.handed_on"), gettext("To be carried out"), None, not done),
            (url_for("sanctions.handed_on", state=DONE), gettext("Carried out"), None, done),
        ],
        next=url_for("sanctions.handed_on", state=DONE if done else None, cursor=page.next_cursor)
        if page.next_cursor
        else "",
        first=here if cursor else "",
        kind_words={kind.value: words for kind, words in WORDS.items() if kind in set(MeasureKind)},
        wrong=wrong,
        why=why,
        note=note,
    )
