"""The rules that a month's visits are called by, as the room's own rules want them."""

from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from portal import clocks, network, rulebook
from portal.core.errors import NotFound
from portal.core.texts import lazy
from portal.return_visits.rules.plan import Hours, Plan
from portal.rulebook import ReturnVisits


@dataclass(frozen=True)
class Calling:
    """A rulebook's return visits, with its version, the network's calling hours, and the retry plan."""

    book: ReturnVisits
    version: int
    hours: Hours
    plan: Plan


def calling_or_none(network_id: int, month: date) -> Calling | None:
    """By the rulebook in force for the month of purchase; None where it has no return visits. Raises NoRulebook."""
    found = rulebook.in_force(network_id, month)
    book = found.book.return_visits
    if book is None:
        return None
    hours = Hours(
        zone=ZoneInfo(network.get_network(network_id).time_zone),
        begins=book.calls_from,
        ends=book.calls_to,
        on_holidays=book.calls_on_holidays,
        holidays={} if book.calls_on_holidays else network.holidays(network_id),
    )
    plan = Plan(book.attempts, book.attempt_days, book.attempt_gap, book.next_attempt_within_days)
    return Calling(book, found.version, hours, plan)


def calling(network_id: int, month: date) -> Calling:
    """The same for a month that has visits. Raises NotFound where its rulebook has none."""
    found = calling_or_none(network_id, month)
    if found is None:
        raise NotFound("no_return_visits", lazy("This network's rulebook has no return visits."))
    return found


def calling_now(network_id: int, now: datetime) -> Calling | None:
    """The rules of the month that is being filed: its calling hours hold for whatever is called today."""
    return calling_or_none(network_id, clocks.running_month(network_id, now))
