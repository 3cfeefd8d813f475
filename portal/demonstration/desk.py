"""The return visits of the demonstration: two agents at the phone, and what the dealers made of it."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from portal import network, return_visits
from portal.access import Actor, Role, act_as
from portal.core import clock
from portal.core.db import db, look_as
from portal.demonstration import cast
from portal.demonstration.invention import ZONE, Inventor

if TYPE_CHECKING:
    from portal.demonstration.load import Play


def calls(play: "Play") -> None:
    """The two agents call Shanghai's customers: the evening of the fifth, the morning of the sixth."""
    chance = Inventor("calls").chance
    begun = moment = datetime(2026, 11, 5, 18, 40, tzinfo=ZONE)
    for turn in range(cast.CALLS):
        agents = play.people[Role.HQ_AGENT]
        agent = agents[turn % len(agents)]
        moment += timedelta(seconds=chance.randrange(70, 220))
        if moment.hour >= 20:
            moment = datetime(2026, 11, 6, 8, 31, tzinfo=ZONE)
        with clock.standing_at(moment):
            act_as(agent)
            look_as(agent.scope)
            visit = return_visits.claim_next(agent)
            if visit is None:
                break
            return_visits.log_attempt(agent, visit.id, _said(turn, moment, chance.randrange(60, 200)))
            db.session.flush()
    _rectifications(play, begun)


def _rectifications(play: "Play", begun: datetime) -> None:
    """Two dealers have already reported what they did about it."""
    with play.at("2026-11-06 09:05", "SH") as actor:
        listed = return_visits.list_rectifications(actor).items
        fresh = [each.id for each in listed if each.state == "open" and each.first_opened_at >= begun]
    for number in fresh[:2]:
        with play.at("2026-11-06 09:12", _owner_of(play, number, actor)) as dealer:
            report = return_visits.Report("当天上门查看，已重新调整踢脚线并补胶", "客户当面确认没有问题")
            return_visits.report(dealer, number, report)


def _owner_of(play: "Play", rectification_id: int, superior: Actor) -> str:
    look_as(superior.scope)
    unit = network.get_unit(return_visits.get_rectification(rectification_id).unit_id)
    return unit.code


def _said(turn: int, moment: datetime, seconds: int) -> return_visits.Said:
    """What came of a call; every kind of result comes up."""
    result, outcome, note = cast.RESULTS[turn % len(cast.RESULTS)]
    callback = moment + timedelta(minutes=45) if result == "callback" else None
    later = (moment + timedelta(days=6)).replace(hour=9, minute=0) if result == "not_installed" else None
    return return_visits.Said(
        return_visits.Result(result),
        return_visits.Outcome(outcome) if outcome else None,
        score=5 if outcome == "satisfied" else None,
        note=note,
        seconds=seconds,
        callback_at=callback,
        not_before=later,
    )
