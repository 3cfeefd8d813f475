"""When a customer may be called, and when again: pure arithmetic of calling hours (R040, R045).

Every instant is an aware UTC datetime; days and hours are the network's, by the clock on its wall.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
FURTHEST = 400  # days: no calendar has more days off in a row


@dataclass(frozen=True)
class Hours:
    """The calling hours of a network: from `begins` until `ends` after midnight, on each day that is no holiday.

    `holidays`: day -> is it a workday, for days that are not what their weekday says; `on_holidays`: call then too.
    """

    zone: ZoneInfo
    begins: timedelta
    ends: timedelta
    on_holidays: bool = True
    holidays: Mapping[date, bool] = field(default_factory=dict)

    def is_calling_day(self, day: date) -> bool:
        return self.on_holidays or self.holidays.get(day, True)

    def at(self, day: date, since_midnight: timedelta) -> datetime:
        """That time on the wall of `day`, in UTC."""
        return (datetime.combine(day, time.min) + since_midnight).replace(tzinfo=self.zone).astimezone(UTC)

    def opens(self, day: date) -> datetime:
        return self.at(day, self.begins)

    def closes(self, day: date) -> datetime:
        return self.at(day, self.ends)

    def day_of(self, moment: datetime) -> date:
        return moment.astimezone(self.zone).date()

    def includes(self, moment: datetime) -> bool:
        """May a customer be called now? The end is exclusive."""
        day = self.day_of(moment)
        return self.is_calling_day(day) and self.opens(day) <= moment < self.closes(day)

    def next_day(self, day: date, many: int = 1) -> date:
        """The `many`-th calling day after `day`."""
        for _ in range(FURTHEST):
            day += DAY
            many -= self.is_calling_day(day)
            if many <= 0:
                break
        return day

    def next_open(self, moment: datetime) -> datetime:
        """`moment` itself inside calling hours, else when they begin next."""
        if self.includes(moment):
            return moment
        day = self.day_of(moment)
        if self.is_calling_day(day) and moment < self.opens(day):
            return self.opens(day)
        return self.opens(self.next_day(day))


@dataclass(frozen=True)
class Plan:
    """A rulebook's plan for customers who do not answer: so many attempts, on so many days, so far apart."""

    attempts: int
    days: int
    gap: timedelta
    within_days: int


def counted(tries: Iterable[datetime], gap: timedelta) -> list[datetime]:
    """The attempts that count: each at least `gap` after the one before that counted."""
    kept: list[datetime] = []
    for each in sorted(tries):
        if not kept or each - kept[-1] >= gap:
            kept.append(each)
    return kept


def is_unreachable(tries: Iterable[datetime], plan: Plan, hours: Hours) -> bool:
    """Tried often enough, on enough days and at different hours, always in vain."""
    kept = counted(tries, plan.gap)
    return len(kept) >= plan.attempts and len({hours.day_of(each) for each in kept}) >= plan.days


def latest_next(last: datetime, plan: Plan, hours: Hours) -> datetime:
    """The exclusive end of the time for the next attempt: the plan's n-th calling day after the last one."""
    return hours.closes(hours.next_day(hours.day_of(last), plan.within_days))


def next_attempt_at(tries: Sequence[datetime], plan: Plan, hours: Hours) -> datetime:
    """From when to try again after `tries` in vain (one at least): the same day while enough days are left for the
    plan, else the next calling day, at an hour that was not tried yet."""
    kept = counted(tries, plan.gap)
    last = max(tries)
    days = {hours.day_of(each) for each in kept}
    left = max(plan.attempts - len(kept), 1)
    same_day = last + plan.gap
    if (
        left > plan.days - len(days)
        and hours.includes(same_day)
        and hours.day_of(same_day) == hours.day_of(last)
    ):
        return same_day
    day = hours.next_day(hours.day_of(last))
    return hours.at(day, _other_hour(kept, plan.gap, hours))


def _other_hour(tries: Sequence[datetime], gap: timedelta, hours: Hours) -> timedelta:
    """The earliest time of the calling day that lies `gap` from each time tried, or at least from the last one."""
    times = [_since_midnight(each, hours.zone) for each in tries]
    for tried in (times, times[-1:]):
        for start in sorted([hours.begins, *(each + gap for each in tried)]):
            fits = all(abs(start - each) >= gap for each in tried)
            if fits and hours.begins <= start < hours.ends:
                return start
    return hours.begins


def _since_midnight(moment: datetime, zone: ZoneInfo) -> timedelta:
    local = moment.astimezone(zone)
    return timedelta(hours=local.hour, minutes=local.minute, seconds=local.second)


def ready_on(
    purchases: Iterable[tuple[date | None, date]], after_installation: timedelta, after_purchase: timedelta
) -> date:
    """The first day on which a person may be called: (installed on, bought on) of each purchase, the last counts.

    A floor that is not laid cannot be judged: so many days after it was laid, else after it was bought.
    """
    return max(
        installed + after_installation if installed else bought + after_purchase
        for installed, bought in purchases
    )
