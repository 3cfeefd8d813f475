"""What a unit may still do, and the cases behind it."""

from collections.abc import Sequence

from flask import render_template

from portal import network
from portal.access import Permission, current_actor
from portal.core import clock
from portal.core.errors import NotFound
from portal.network import Unit
from portal.sanctions import queries
from portal.sanctions.pages import shown
from portal.sanctions.pages.door import room
from portal.sanctions.queries import pages as listed
from portal.sanctions.rules import measure_words


@room.app_template_global("running_top_ups")
def running_top_ups(unit: Unit) -> Sequence[queries.TopUp]:
    """For the page of a margin, which stands below this room."""
    return queries.running_top_ups(current_actor(), unit)


@room.get("/units/<code>/standing", needs=Permission.STANDING_READ)
def standing(code: str) -> str:
    actor, now = current_actor(), clock.now()
    unit = network.unit_below(actor.unit_path, code)
    if unit is None:
        raise NotFound()
    found = queries.standing(actor, unit, now)
    return render_template(
        "sanctions/standing.html",
        unit=unit,
        standing=found,
        cases=queries.views(actor, listed.numbered(actor, found.case_ids)) if found.case_ids else [],
        may_file=queries.may_file(unit, now),
        state_tags=shown.STATE_TAGS,
        measure_words=measure_words,
    )
