"""What the pages show of visits, calls and times: small frozen things for the templates, words by gettext."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import lazy_gettext as _

from portal import accounts, clocks, network
from portal.access import Actor, current_actor
from portal.clocks import Due, Obligation
from portal.core import clock
from portal.core.masking import mask_address, mask_numbers, mask_phone
from portal.core.texts import gettext, language, ngettext
from portal.network import Unit
from portal.return_visits import queries
from portal.return_visits.models import Attempt, Visit
from portal.return_visits.queries import Purchase, Recorded
from portal.return_visits.queries.pages import MOST_COUNTED
from portal.return_visits.rules import coverage, desk, signals
from portal.return_visits.rules.outcomes import (
    CALLABLE,
    Outcome,
    Reason,
    RectificationState,
    Result,
    State,
)
from portal.return_visits.rules.signals import Signal
from portal.rulebook import ReturnVisits

Tag = tuple[str, Any, str | None]
"""kind, words, icon: as the macro `tag` wants them."""

STATE_TAGS: Mapping[State, Tag] = {
    State.WAITING: ("mute", _("Waiting"), None),
    State.CLAIMED: ("info", _("Being called"), "phone"),
    State.RETRY: ("warn", _("Call again"), None),
    State.WITH_DEALER: ("bad", _("With the dealer"), "tool"),
    State.REVISIT: ("info", _("Revisit"), None),
    State.CLOSED: ("ok", _("Closed"), None),
}
RECTIFICATION_TAGS: Mapping[RectificationState, Tag] = {
    RectificationState.OPEN: ("warn", _("To be put right"), "tool"),
    RectificationState.REPORTED: ("info", _("Reported, headquarters calls"), "phone"),
    RectificationState.CLOSED: ("ok", _("Closed"), None),
}
OUTCOME_TAGS: Mapping[Outcome, Tag] = {
    Outcome.SATISFIED: ("ok", _("Satisfied"), "smile"),
    Outcome.UNSATISFIED: ("bad", _("Unsatisfied"), "frown"),
    Outcome.SUSPICIOUS: ("odd", _("Suspicious"), None),
}
OUTCOMES = {str(each) for each in Outcome}
RESULTS: Mapping[Result, Any] = {
    Result.NO_ANSWER: _("No answer"),
    Result.BUSY: _("Busy"),
    Result.WRONG_NUMBER: _("Wrong number"),
    Result.REFUSED: _("Refused"),
    Result.CALLBACK: _("Call back later"),
    Result.NOT_INSTALLED: _("Not installed yet"),
}
REASON_TAGS: Mapping[Reason, Tag] = {
    Reason.UNSATISFIED: ("bad", _("Unsatisfied"), "frown"),
    Reason.SUSPICIOUS: ("odd", _("Suspicious"), None),
    Reason.WRONG_NUMBER: ("warn", _("Wrong number"), "phoneoff"),
    Reason.UNREACHABLE: ("warn", _("Never reached"), "phoneoff"),
}


def zone() -> ZoneInfo:
    return ZoneInfo(current_actor().time_zone)


def limit(
    due_at: datetime,
    *,
    long: bool = False,
    judged_at: datetime | None = None,
    paused_at: datetime | None = None,
) -> Due:
    """A limit as the macro `limit` wants it."""
    return clocks.due_as_shown(
        clock.now(),
        due_at,
        zone(),
        language(),
        minutes_too=long,
        judged_at=judged_at,
        paused_at=paused_at,
    )


def age(begun: datetime, ended: datetime | None = None) -> Any:
    """How long something has been going on, by days of the calendar: "for 13 days"."""
    days = (clock.local(ended or clock.now()).date() - clock.local(begun).date()).days
    return ngettext("for %(num)d day", "for %(num)d days", days) if days else gettext("since today")


def limit_of(owed: Obligation | None) -> Due | None:
    """The limit of a clock that runs, as it stands after extensions and pauses."""
    return limit(owed.due_at, long=True, paused_at=owed.paused_at) if owed is not None else None


def month_end(month: date) -> datetime:
    """The exclusive end of a month's calls, in the network's zone."""
    day = coverage.ends_on(month) + timedelta(days=1)
    return datetime(day.year, day.month, day.day, tzinfo=zone())


def moment(at: datetime) -> str:
    """'11-05 17:58', another year's with its year."""
    local = clock.local(at)
    same = local.year == clock.local(clock.now()).year
    return local.strftime("%m-%d %H:%M" if same else "%Y-%m-%d %H:%M")


def soon(at: datetime) -> str:
    """A time of today as its hour, another one with its day."""
    local = clock.local(at)
    return local.strftime("%H:%M") if local.date() == clock.local(clock.now()).date() else moment(at)


def short_day(day: date) -> str:
    return f"{day.month}-{day.day}" if language() == "zh" else f"{day.day} {day:%b}"


def day_words(day: date) -> str:
    return f"{day.month}月{day.day}日" if language() == "zh" else f"{day.day} {day:%b}"


def listed(words: Iterable[Any]) -> str:
    return ("、" if language() == "zh" else ", ").join(map(str, words))


def free_words(text: str | None, whole: bool) -> str:
    """Free words; for whoever may not see numbers, with the numbers in them cut."""
    return text or "" if whole else mask_numbers(text or "")


def percent(share: float) -> str:
    return f"{100 * share:.1f}%"


def count_words(count: int) -> str:
    """A count that was only counted so far: '999+'."""
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else f"{count:,}"


# --- calls ------------------------------------------------------------------------------------------------


def said_tag(result: Result | str, outcome: Outcome | str | None) -> Tag:
    if outcome:
        return OUTCOME_TAGS[Outcome(outcome)]
    found = Result(result)
    return ("warn" if found is Result.WRONG_NUMBER else "mute"), RESULTS[found], "phoneoff"


@dataclass(frozen=True)
class CallShown:
    """One saved call of the history."""

    attempt: Attempt
    tag: Tag
    month: date
    note: str
    reason: Any
    wish: str
    corrected: bool  # put right by a later one
    answers: Sequence[tuple[str, str]]

    @property
    def css(self) -> str:
        return {"ok": "ok", "bad": "bad"}.get(self.tag[0], "")


def calls_shown(everybody: Sequence[Visit], whole: bool) -> list[CallShown]:
    """Every call of these visits of one person, the latest first."""
    by_id = {each.id: each for each in everybody}
    attempts = queries.attempts_of(*by_id)
    corrected = {each.corrects for each in attempts}
    network_id = current_actor().network_id
    books = (
        {each.month: queries.calling(network_id, each.month).book for each in everybody} if attempts else {}
    )
    return [
        _call(each, by_id[each.visit_id].month, books, whole=whole, corrected=each.id in corrected)
        for each in reversed(attempts)
    ]


def _call(
    attempt: Attempt, month: date, books: Mapping[date, ReturnVisits], *, whole: bool, corrected: bool
) -> CallShown:
    return CallShown(
        attempt=attempt,
        tag=said_tag(attempt.result, attempt.outcome),
        month=month,
        note=free_words(attempt.note, whole),
        reason=desk.reason_words(attempt.reason) if attempt.reason else "",
        wish=free_words(attempt.wish, whole),
        corrected=corrected,
        answers=_answers(attempt, books[month], whole=whole),
    )


def _answers(attempt: Attempt, book: ReturnVisits, *, whole: bool) -> list[tuple[str, str]]:
    """(question, answer); a question that the rulebook has no more stands by its name."""
    known = {each.id: each for each in desk.questions(book, attempt.answers, language())}
    found = []
    for name, given in attempt.answers.items():
        each = known.get(name)
        words = dict(each.answers).get(each.given, each.given) if each else str(given)
        found.append((each.words if each else name, free_words(str(words), whole)))
    return found


# --- signals ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SignalShown:
    """What was seen, in words, and the other records that it was seen in; `whole_month`: all of the dealer's."""

    words: str
    records: Sequence[Recorded]
    whole_month: bool


def signals_shown(visit: Visit) -> list[SignalShown]:
    seen = signals.read(visit.signals)
    found = queries.records(seen)
    return [
        SignalShown(
            str(signals.words(each)),
            [found[record] for record in each.records if record in found],
            each.code in (Signal.JUMP_IN_CUSTOMERS, Signal.REGION_OUTSIDE_TERRITORY),
        )
        for each in seen
    ]


# --- visits in lists --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class VisitLine:
    """A visit in a list: masked, whoever looks."""

    visit: Visit
    number: str
    state: State
    tag: Tag
    unit: Unit
    region: Unit | None
    phone: str
    address: str
    bought: Any
    sub: Any
    next_words: Any
    holder: str
    pool: str
    signals: int


def visit_lines(listed_visits: Sequence[Visit]) -> list[VisitLine]:
    now = clock.now()
    bought = queries.purchases_of(listed_visits)
    units = network.units_by_id(
        [each.unit_id for each in listed_visits] + [each.region_id for each in listed_visits]
    )
    wanted = {each.holder_id for each in listed_visits if each.held_at(now)}
    names = accounts.names_of(
        {*(each for each in wanted if each), *(v.pool for v in listed_visits if v.pool)}
    )
    return [_line(each, bought[each.id], units, names, now) for each in listed_visits]


def _line(
    visit: Visit,
    bought: Sequence[Purchase],
    units: Mapping[int, Unit],
    names: Mapping[int, str],
    now: datetime,
) -> VisitLine:
    state = visit.state_at(now)
    return VisitLine(
        visit=visit,
        number=desk.visit_number(visit.month, visit.id),
        state=state,
        tag=_tag_of(visit, state),
        unit=units[visit.unit_id],
        region=units.get(visit.region_id),
        phone=mask_phone(visit.called_phone),
        address=mask_address(visit.called_address),
        bought=bought_words(bought),
        sub=call_words(visit),
        next_words=next_words(visit, now),
        holder=names.get(visit.holder_id or 0, "") if visit.held_at(now) else "",
        pool=names.get(visit.pool, ""),
        signals=len(visit.signals or ()),
    )


def _tag_of(visit: Visit, state: State) -> Tag:
    if state is State.CLOSED and visit.waived_at is not None:
        return "mute", gettext("Closed without a visit"), "lock"
    if state is State.CLOSED and visit.standing in OUTCOMES:
        return OUTCOME_TAGS[Outcome(str(visit.standing))]
    if state is State.RETRY and visit.standing == "refused":
        return "warn", gettext("Refused"), "phoneoff"
    return STATE_TAGS[state]


def bought_words(bought: Sequence[Purchase]) -> Any:
    """'QY-8206 · 112.4 ㎡', with how many more there are."""
    if not bought:
        return ""
    first = bought[0]
    words = first.product_model
    if first.area is not None:
        words += f" · {first.area.normalize():f} ㎡"
    elif first.quantity:
        words += f" × {first.quantity}"
    return (
        words if len(bought) == 1 else gettext("%(first)s and %(num)d more", first=words, num=len(bought) - 1)
    )


def call_words(visit: Visit) -> Any:
    """Which call comes next: the first, the nth, the revisit after a round."""
    if visit.round:
        return gettext("Revisit, round %(num)d", num=visit.round)
    if visit.attempts:
        return gettext("Call %(num)d", num=visit.attempts + 1)
    return gettext("First call")


def next_words(visit: Visit, now: datetime) -> Any:
    if visit.state not in CALLABLE:
        return ""
    if visit.next_at is None:
        return gettext("not by itself")
    return gettext("now") if visit.next_at <= now else soon(visit.next_at)


def unit_choices(actor: Actor) -> list[tuple[str, str]]:
    """Regions with their dealers below them, as the options of a filter."""
    units = network.units_below(actor.unit_path, active=True)
    return [
        (each.code, each.name if each.kind == "region" else f"　{each.name}")
        for each in units
        if each.kind in ("region", "dealer")
    ]
