"""The return visits of the months before: one is sealed, one is all but done and waits to be closed.

What says something (who was not satisfied, refused, or could not be reached) is called, put right and signed through
the services like everything else. Who was content at the first call, some 1,200 people a month, is written set-based as
those calls would have left it: through the services they would take longer than the rest of the demonstration.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import BigInteger, bindparam, select, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from portal import network, return_visits
from portal.access import Actor, Role, act_as
from portal.core import clock
from portal.core import month as months
from portal.core.db import db, look_as
from portal.demonstration.invention import ZONE
from portal.return_visits import Outcome, Report, Result, Said, Visit

if TYPE_CHECKING:
    from portal.demonstration.load import Play

ANSWERS = {
    "purchase_true": True,
    "delivered_complete": True,
    "installation": 5,
    "service": 5,
    "trouble": "none",
}
SPREAD = 18
"""Days over which a month's calls are spread."""


@dataclass(frozen=True)
class Step:
    """What happens to one customer: days and hour after the month's visits opened; `said` None: the dealer reports."""

    day: int
    hour: int
    said: Said | None = None
    waived: str = ""
    new_phone: bool = False


Story = tuple[Step, ...]


def _reached(outcome: Outcome, note: str, wish: str = "") -> Said:
    score = 5 if outcome is Outcome.SATISFIED else 2
    return Said(
        Result.REACHED, outcome, answers=ANSWERS | {"service": score}, note=note, wish=wish, seconds=140
    )


def _not(result: Result, note: str = "") -> Said:
    return Said(result, note=note, seconds=25)


CONTENT = _reached(Outcome.SATISFIED, "处理好了，满意")
CREAKS = _reached(Outcome.UNSATISFIED, "走路有响声，客厅两处踢脚线松动", "尽快上门处理")
GAPS = _reached(Outcome.UNSATISFIED, "接缝处有缝隙，约好的师傅没来", "换一个师傅")
ODD = _reached(Outcome.SUSPICIOUS, "说家里没有换过地板，电话是别人登记的")
REFUSED = _not(Result.REFUSED, "不愿意接受回访")
SIGNED = "客户明确拒绝回访，录音留存，同意关闭"
STORIES: tuple[Story, ...] = (
    (Step(2, 10, CREAKS), Step(4, 9), Step(5, 15, CONTENT)),
    (Step(3, 14, REFUSED), Step(6, 10, waived=SIGNED)),
    (Step(4, 11, GAPS), Step(6, 10), Step(7, 16, GAPS), Step(9, 9), Step(10, 11, CONTENT)),
    (Step(5, 16, ODD), Step(7, 11), Step(8, 10, CONTENT)),
    (Step(6, 9, _not(Result.WRONG_NUMBER, "空号")), Step(8, 15, new_phone=True), Step(9, 17, CONTENT)),
    (Step(7, 10, CREAKS), Step(9, 14), Step(11, 11, CONTENT)),
    (
        Step(8, 9, _not(Result.NO_ANSWER)),
        Step(9, 15, _not(Result.NO_ANSWER)),
        Step(11, 19, _not(Result.NO_ANSWER)),
        Step(13, 10, waived="三次不同时段均无人接听，经销商确认客户长期在国外"),
    ),
    (Step(9, 15, GAPS), Step(11, 9), Step(13, 10, CONTENT)),
    (Step(12, 9, CREAKS), Step(14, 16), Step(15, 14, CONTENT)),
    (Step(13, 17, _not(Result.BUSY)), Step(14, 10, CONTENT)),
)
UNDER_WAY: tuple[Story, ...] = (
    (Step(20, 10, REFUSED),),
    (Step(21, 16, REFUSED),),
    (Step(22, 11, CREAKS),),
    (Step(16, 9, GAPS), Step(18, 10), Step(19, 15, GAPS), Step(21, 9), Step(28, 11, GAPS)),
)
"""Of the month that waits to be closed: two to be signed, one at a silent dealer, one for the regional manager."""

_CONTENT = text(
    """
    WITH agent AS (
        SELECT * FROM jsonb_to_recordset(:agents) AS a(place int, id bigint, membership bigint, name text)),
    called AS (
        SELECT v.*, a.id AS agent_id, a.membership, a.name AS agent,
               (greatest(CAST(v.next_at AT TIME ZONE :zone AS date), CAST(v.opened_at AT TIME ZONE :zone AS date) + 1)
                + abs(hashtext('day' || v.id)) % :spread) + time '08:40'
               + interval '1 second' * (abs(hashtext('hour' || v.id)) % 39000) AS local
        FROM visit v JOIN agent a ON a.place = abs(hashtext('agent' || v.id)) % :many
        WHERE v.network_id = :network AND v.month = :month AND v.state = 'waiting' AND v.id <> ALL(:others)),
    timed AS (SELECT c.*, least(c.local, CAST(:last AS timestamp)) AT TIME ZONE :zone AS at FROM called c),
    attempts AS (
        INSERT INTO visit_attempt (network_id, unit_path, visit_id, about_path, round, at, agent_id, agent, result,
                                   outcome, answers, rulebook_version, score, seconds)
        SELECT network_id, unit_path, id, about_path, 0, at, agent_id, agent, 'reached', 'satisfied', :answers,
               :version, 5, 70 + id % 120 FROM timed ORDER BY at, id),
    trail AS (
        INSERT INTO event (network_id, unit_path, at, person_id, membership_id, doer, via, action, kind, object_id,
                           before, after)
        SELECT network_id, unit_path, at, agent_id, membership, agent, 'web', 'visit:attempted', 'visit', id::text,
               '{}', :after FROM timed ORDER BY at, id),
    closed AS (
        UPDATE visit v SET state = 'closed', visited = true, standing = 'satisfied', attempts = 1, closed_at = t.at,
               next_at = NULL, rank = 4, last_agent = t.agent_id
        FROM timed t WHERE v.network_id = t.network_id AND v.id = t.id),
    counted AS (
        INSERT INTO visit_count AS c (network_id, unit_path, month, unit_id, region_id, slot, visited, satisfied,
                                      closed)
        SELECT network_id, about_path, month, unit_id, region_id, agent_id % 8, count(*), count(*), count(*)
        FROM timed GROUP BY 1, 2, 3, 4, 5, 6
        ON CONFLICT (network_id, month, unit_id, region_id, slot) DO UPDATE SET visited = c.visited + excluded.visited,
            satisfied = c.satisfied + excluded.satisfied, closed = c.closed + excluded.closed)
    INSERT INTO visit_day AS d (network_id, unit_path, month, kind, unit_id, day, slot, visited, satisfied, closed)
    SELECT t.network_id, u.unit_path, t.month, w.kind, u.id, CAST(t.at AT TIME ZONE :zone AS date), t.agent_id % 8,
           count(*), count(*), count(*)
    FROM timed t
    CROSS JOIN LATERAL (VALUES ('dealer', t.unit_id), ('region', t.region_id)) AS w(kind, id)
    JOIN unit u ON u.network_id = t.network_id AND u.id = w.id
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    ON CONFLICT (network_id, month, kind, unit_id, day, slot) DO UPDATE SET visited = d.visited + excluded.visited,
        satisfied = d.satisfied + excluded.satisfied, closed = d.closed + excluded.closed
    """
).bindparams(
    bindparam("agents", type_=JSONB),
    bindparam("answers", type_=JSONB),
    bindparam("after", type_=JSONB),
    bindparam("others", type_=ARRAY(BigInteger)),
)


def calls(play: "Play", month: date, *, done: bool) -> None:
    """A consolidated month is called to its end; `done`: it is sealed, else the last ones are still under way."""
    stories = STORIES * 3 if done else UNDER_WAY + STORIES * 2
    head = play.actors["HQ"]
    look_as(head.scope)
    here = select(Visit).where(Visit.month == month).order_by(Visit.about_path, Visit.id)
    everybody = db.session.scalars(here).all()
    gap = len(everybody) // (len(stories) + 1)
    told = [(everybody[(place + 1) * gap], story) for place, story in enumerate(stories)]
    opened = clock.local(everybody[0].opened_at).date()
    _content(play, month, [visit.id for visit, _ in told])
    acts = [
        (
            datetime.combine(opened + timedelta(days=step.day), time(step.hour, 5 + place), ZONE),
            visit.id,
            step,
        )
        for place, (visit, story) in enumerate(told)
        for step in story
    ]
    for at, visit_id, step in sorted(acts, key=lambda each: each[:2]):
        _act(play, at, visit_id, step)
    if done:
        with play.at(datetime.combine(months.after(months.after(month)), time(9, 30), ZONE), "HQ") as actor:
            return_visits.seal(actor, month)


def _content(play: "Play", month: date, others: list[int]) -> None:
    agents = play.people[Role.HQ_AGENT]
    ruled = return_visits.calling(play.network.id, month)
    last = months.after(months.after(month)) - timedelta(days=1)
    given = {
        "network": play.network.id,
        "month": month,
        "zone": ZONE.key,
        "spread": SPREAD,
        "last": datetime.combine(last, time(19, 30)),
        "agents": [
            {"place": place, "id": agent.person_id, "membership": agent.membership_id, "name": agent.name}
            for place, agent in enumerate(agents)
        ],
        "many": len(agents),
        "others": others,
        "answers": ANSWERS,
        "after": {
            "result": "reached",
            "outcome": "satisfied",
            "state": "closed",
            "next_at": None,
            "round": 0,
        },
        "version": ruled.version,
    }
    db.session.execute(_CONTENT, given)
    db.session.expire_all()


def _act(play: "Play", at: datetime, visit_id: int, step: Step) -> None:
    if step.waived:
        with play.at(at, "HQ") as actor:
            return_visits.waive(actor, visit_id, step.waived)
    elif step.said is None:
        _report(play, at, visit_id, f"136{visit_id:08d}" if step.new_phone else None)
    else:
        _call(play, at, visit_id, step.said)


def _call(play: "Play", at: datetime, visit_id: int, said: Said) -> None:
    """By an agent who did not call before, where that is asked for."""
    with clock.standing_at(at):
        agents = play.people[Role.HQ_AGENT]
        look_as(agents[0].scope)
        before = return_visits.get_visit(visit_id).last_agent
        agent: Actor = next(each for each in agents if each.person_id != before)
        act_as(agent)
        look_as(agent.scope)
        return_visits.claim(agent, visit_id)
        return_visits.log_attempt(agent, visit_id, said)
        db.session.flush()


def _report(play: "Play", at: datetime, visit_id: int, phone: str | None) -> None:
    look_as(play.actors["HQ"].scope)
    found = return_visits.rectification_of(visit_id)
    assert found is not None
    unit = network.get_unit(found.unit_id)
    with play.at(at, unit.code) as dealer:
        words = Report("师傅当天上门，重新固定踢脚线并补胶", "客户在场确认", phone=phone)
        return_visits.report(dealer, found.id, words)
