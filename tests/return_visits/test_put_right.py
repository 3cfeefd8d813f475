"""Calls that are put right more than once, by somebody else, or while another month of the same person is under way."""

from datetime import date

import pytest

from portal import clocks, return_visits
from portal.core import clock
from portal.core.db import db
from portal.return_visits import Visit, queries, service
from portal.return_visits.forms import as_typed
from portal.return_visits.models import Rectification
from portal.return_visits.service.rectifying import Report
from tests.conftest import Hands
from tests.customer_files.filing import row
from tests.factories import World
from tests.return_visits.calling import consolidated, counts_are_right, next_call, reach, rows, said, visits

NOVEMBER = date(2026, 11, 1)
DUTIES = db.text(
    "SELECT kind FROM obligation WHERE kind LIKE 'rectification%' AND closed_at IS NULL ORDER BY kind"
)


def at_the_dealer(world: World) -> list[tuple[str, int, str]]:
    """State, rounds and reason of each rectification."""
    world.as_("supervisor")
    db.session.expire_all()
    found = db.session.scalars(db.select(Rectification).order_by(Rectification.id))
    return [(each.state, each.rounds, each.reason) for each in found]


def owed(world: World) -> list[str]:
    world.as_("supervisor")
    return list(db.session.scalars(DUTIES))


def fresh(world: World, month: date | None = None) -> Visit:
    db.session.expire_all()
    return (visits(world, month) if month else visits(world))[0]


def one_month_later(world: World, at: Hands) -> Visit:
    """The customer of October buys again in November; October is still under way."""
    at("2026-12-15 10:00")
    clocks.open_months(world.network, clock.now())
    again = row(0, purchase_date="2026-11-05", order_no="N1")
    consolidated(world, {"D1": [again]}, NOVEMBER)
    return visits(world, NOVEMBER)[0]


@pytest.fixture
def called(month: World, at: Hands) -> Visit:
    """The first customer of October was unsatisfied, which was put right to suspicious a minute later."""
    visit = visits(month)[0]
    agent = month.as_("agent")
    return_visits.claim(agent, visit.id)
    reach(agent, visit, "unsatisfied", note="门没装好", wish="重装")
    at.forward(minutes=1)
    return_visits.correct(
        month.as_("agent"), visit.id, said("reached", "suspicious", reason="denies_purchase")
    )
    at.forward(minutes=1)
    return visit


def test_r045_put_right_twice_it_is_still_the_same_round(month: World, called: Visit) -> None:
    return_visits.correct(month.as_("agent"), called.id, said("reached", "unsatisfied", note="地板有响声"))
    assert at_the_dealer(month) == [("open", 1, "unsatisfied")]
    assert owed(month) == ["rectification"]
    counts_are_right(month)


def test_r045_put_right_to_no_answer_the_dealer_owes_nothing(month: World, called: Visit) -> None:
    return_visits.correct(month.as_("agent"), called.id, said("no_answer"))
    assert [state for state, *_ in at_the_dealer(month)] == ["closed"]
    assert owed(month) == []
    assert fresh(month).state == "retry"


def test_r045_after_a_supervisors_correction_it_is_still_another_agents_revisit(month: World) -> None:
    visit = visits(month)[0]
    agent = month.as_("agent")
    return_visits.claim(agent, visit.id)
    reach(agent, visit, "satisfied")
    logged = return_visits.correct(
        month.as_("supervisor"), visit.id, said("reached", "unsatisfied", note="有响声")
    )
    assert logged.rectification
    return_visits.report(month.as_("clerk"), logged.rectification.id, Report("已修"))
    assert fresh(month).not_agent == month.actors["agent"].person_id


def test_what_was_put_right_by_a_dealer_is_asked_about_by_itself(world: World, at: Hands) -> None:
    """October has a rectification of its own: November's call does not answer for it, and closes nothing of it."""
    at("2026-11-03 10:00")
    consolidated(world, {"D1": rows(1)})
    first = next_call(world)
    assert first
    logged = reach(world.as_("agent"), first, "unsatisfied", note="有响声")
    assert logged.rectification
    return_visits.report(world.as_("clerk"), logged.rectification.id, Report("已换"))
    again = next_call(world, "agent2")
    assert again
    return_visits.log_attempt(world.as_("agent2"), again.id, said("no_answer"))
    november = one_month_later(world, at)
    return_visits.claim(world.as_("agent"), november.id)
    reach(world.as_("agent"), november, "satisfied")
    october = fresh(world)
    assert (october.state, october.joined_to) == ("retry", None)
    assert at_the_dealer(world) == [("reported", 1, "unsatisfied")]


def test_a_reason_signed_for_one_month_closes_no_other(world: World, at: Hands) -> None:
    at("2026-11-03 10:00")
    consolidated(world, {"D1": rows(1)})
    first = next_call(world)
    assert first
    return_visits.log_attempt(world.as_("agent"), first.id, said("no_answer"))
    november = one_month_later(world, at)
    return_visits.claim(world.as_("agent"), november.id)
    assert fresh(world).joined_to == november.id
    return_visits.release(world.as_("agent"), november.id, "busy")
    service.waive(world.as_("supervisor"), november.id, "只为11月签字")
    assert (fresh(world).state, fresh(world, NOVEMBER).state) == ("retry", "closed")


def test_the_form_that_puts_right_holds_what_was_saved(month: World, at: Hands) -> None:
    """The promised time, the day from which on, and whether questions were left: nothing is ticked that nobody said."""
    ruled = queries.calling(month.network.id, visits(month)[0].month)
    answers = {"purchase_true": True, "delivered_complete": True, "installation": 5, "service": 4}
    back = clock.now()
    shown = as_typed(said("callback", callback_at=back), ruled.book, ruled.hours)
    assert shown["callback_other"] == f"{back.astimezone(ruled.hours.zone):%Y-%m-%dT%H:%M}"
    assert "declined" not in shown
    assert (
        as_typed(said("not_installed", not_before=back), ruled.book, ruled.hours)["not_before"]
        == f"{back.astimezone(ruled.hours.zone):%Y-%m-%d}"
    )
    assert "declined" not in as_typed(said("reached", "satisfied", answers=answers), ruled.book, ruled.hours)
    assert as_typed(said("reached", "satisfied"), ruled.book, ruled.hours)["declined"] == "y"
