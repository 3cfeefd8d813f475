"""The room of all these pages, and what an address names."""

from datetime import date

from flask import request

from portal.access import Room
from portal.core import month as months
from portal.core.api import refuse_odd_text
from portal.core.errors import Invalid, NotFound
from portal.return_visits.rules.outcomes import RectificationState, State

room = Room("return_visits", __name__)
LONGEST = 100


def month_of(written: str) -> date:
    """The month of an address. Raises NotFound."""
    try:
        return months.parse(written)
    except Invalid as error:
        raise NotFound() from error


def asked(*names: str) -> dict[str, str]:
    """The filters of the address by name, "" where one is not given."""
    refuse_odd_text(dict(request.args))
    return {name: request.args.get(name, "").strip()[:LONGEST] for name in names}


def state_named(written: str) -> State | None:
    return State(written) if written in set(State) else None


def rectification_state(written: str) -> RectificationState | None:
    return RectificationState(written) if written in set(RectificationState) else None
