"""The one plan for all deadlines: when whoever still owes is reminded, and when superiors are told (R037, R039).

A clock is looked at when something may have come due for it: `look` says what is to be done now, and when to look
again. A sweep that comes late finds one reminder, the newest, and none where the deadline has passed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from portal.clocks.rules.calendar import DAY, end_of_day
from portal.clocks.rules.working import WorkingTime

LAST = timedelta(minutes=30)
"""What would fall outside of the hours is sent so long before they end: a sweep may come late."""
MOMENT = timedelta(microseconds=1)
BEFORE_HOLIDAY = "before_holiday"
OVERDUE = "overdue"
UNHELD = "unheld"


@dataclass(frozen=True)
class Step:
    """One reminder of a clock; `name` is the plan's: "before:2880" (minutes), "before_holiday"."""

    name: str
    at: datetime


@dataclass(frozen=True, eq=False)
class Plan:
    """A rulebook's reminders and escalation with the network's time. Compared by identity: made once a sweep.

    `before`: how long before a limit; `from_time`, `to_time`: the hours in which anybody is told of anything;
    `levels`: how long each superior in turn has; `on_days_off`: what is overdue is told of on days off, too.
    """

    before: tuple[timedelta, ...]
    before_holiday: bool
    from_time: timedelta
    to_time: timedelta
    levels: tuple[timedelta, ...]
    on_days_off: bool
    time: WorkingTime

    def opens(self, day: date) -> datetime:
        return end_of_day(day, self.time.zone, self.from_time)

    def closes(self, day: date) -> datetime:
        return end_of_day(day, self.time.zone, self.to_time)

    def day_of(self, at: datetime) -> date:
        return at.astimezone(self.time.zone).date()


def next_allowed(at: datetime, plan: Plan, *, days_off: bool = True) -> datetime:
    """`at`, or the next instant at which the network lets people be told; without `days_off` a workday's."""
    day = plan.day_of(at)
    for _ in range(366):
        if (days_off or plan.time.works_on(day)) and at < plan.closes(day):
            return max(at, plan.opens(day))
        day += DAY
    return at  # a year without a workday: better told than not


def last_allowed(at: datetime, plan: Plan) -> datetime:
    """`at`, or where that is outside of the hours, half an hour before they last ended."""
    day = plan.day_of(at)
    if plan.opens(day) <= at < plan.closes(day):
        return at
    if at < plan.opens(day):
        day -= DAY
    return max(plan.opens(day), plan.closes(day) - LAST)


def reminders(plan: Plan, planned_at: datetime, due_at: datetime) -> Sequence[Step]:
    """The reminders of a clock that runs since `planned_at`, the earliest first; of two at once the nearer one.

    A limit on a day off is also reminded of on the morning of the last workday before it.
    """
    at: dict[datetime, str] = {}
    last = plan.day_of(due_at - MOMENT)
    if plan.before_holiday and any(plan.time.week) and not plan.time.works_on(last):
        for _ in range(31):
            last -= DAY
            if plan.time.works_on(last):
                at[plan.opens(last)] = BEFORE_HOLIDAY
                break
    for length in sorted(plan.before, reverse=True):
        at[last_allowed(due_at - length, plan)] = f"before:{length // timedelta(minutes=1)}"
    return [Step(at[moment], moment) for moment in sorted(at) if planned_at < moment < due_at]


@dataclass(frozen=True)
class Look:
    """What a look at one clock found. `remind`: the step to send now; `breach`: it is past due and not yet marked;
    `overdue`: its holder is told, and the superior's clock begins; `next_at`: when to look again, None: never."""

    remind: str = ""
    breach: bool = False
    overdue: bool = False
    next_at: datetime | None = None


@lru_cache(maxsize=4096)
def look(
    now: datetime,
    plan: Plan,
    planned_at: datetime,
    due_at: datetime,
    awaited_until: datetime | None = None,
    breached: bool = False,
) -> Look:
    """Look at a clock that is owed and runs. Thousands share their times: each look is worked out once."""
    if now < due_at:
        return _before(now, plan, planned_at, due_at)
    if awaited_until is not None and now < awaited_until:
        return Look(next_at=awaited_until)
    told_at = next_allowed(now, plan, days_off=plan.on_days_off)
    if told_at > now:
        return Look(breach=not breached, next_at=told_at)
    return Look(breach=not breached, overdue=True)


def _before(now: datetime, plan: Plan, planned_at: datetime, due_at: datetime) -> Look:
    steps = reminders(plan, planned_at, due_at)
    passed = [step for step in steps if step.at <= now]
    next_at = next((step.at for step in steps if step.at > now), due_at)
    if not passed:
        return Look(next_at=next_at)
    allowed = next_allowed(now, plan)
    if allowed > now:  # it was missed, and it is night: in the morning, if that is still before the limit
        return Look(next_at=min(allowed, next_at))
    return Look(remind=passed[-1].name, next_at=next_at)
