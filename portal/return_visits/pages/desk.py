"""What the call screen shows: the customer in hand, the queue beside it, the dealer, the history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from portal import accounts, clocks, network
from portal.access import Actor
from portal.accounts import Contact
from portal.clocks import Due
from portal.core import clock
from portal.core.errors import FieldError
from portal.core.texts import gettext, language
from portal.network import Unit
from portal.return_visits import queries
from portal.return_visits.models import Attempt, Visit
from portal.return_visits.pages import shown
from portal.return_visits.queries import Calling, Purchase
from portal.return_visits.queries import pages as looks
from portal.return_visits.rules import desk
from portal.return_visits.rules.coverage import Figures
from portal.return_visits.rules.desk import Choice, Question

SHOWN_AHEAD = 12
SECTIONS: dict[int, str] = {0: "callback", 1: "revisit", 2: "retry", 3: "suspicious", 4: "waiting"}


@dataclass(frozen=True)
class Ahead:
    """A customer of the queue beside the call."""

    visit: Visit
    section: str
    right: Any
    late: bool
    sub: str


@dataclass(frozen=True)
class Saved:
    """A call that I saved just now: to put right what was saved wrongly."""

    attempt: Attempt
    visit: Visit
    tag: shown.Tag
    at: str


@dataclass(frozen=True)
class QueueShown:
    """The left column."""

    ahead: Sequence[Ahead]
    promised: Sequence[Ahead]
    saved: Sequence[Saved]
    calls: int
    goal: int

    @property
    def share(self) -> float:
        return min(100.0, round(100 * self.calls / self.goal, 1)) if self.goal else 0.0


@dataclass(frozen=True)
class DealerShown:
    unit: Unit
    region: Unit | None
    contact: Contact | None
    above: Contact | None
    figures: Figures
    bar: list[tuple[float, str]]


@dataclass(frozen=True)
class SamePhone:
    visit: Visit
    dealer: str
    tag: shown.Tag
    same_name: bool


@dataclass(frozen=True)
class Form:
    """The fields of a call: what stands in them and what is wrong."""

    typed: Mapping[str, str]
    faults: Mapping[str, Any]
    questions: Sequence[Question]
    callbacks: Sequence[tuple[Choice, str]]
    reasons: Mapping[str, Mapping[str, Any]]
    results: Mapping[str, Any]
    skips: Mapping[str, Any]
    limit: str  # until when the dealer would have to put it right
    call: int  # which call of this round it is
    calls: int
    last: bool  # one more without an answer and the dealer has to bring the number

    def get(self, name: str) -> str:
        return self.typed.get(name, "")


@dataclass(frozen=True)
class DeskShown:
    """Everything on the call screen."""

    visit: Visit
    number: str
    mates: Sequence[Visit]
    limit: Due
    lease_until: datetime
    what: str
    bought: Sequence[Purchase]
    script: Mapping[str, str]
    version: int
    form: Form
    queue: QueueShown
    dealer: DealerShown
    history: Sequence[shown.CallShown]
    rounds: Sequence[Any]
    rectification: Any
    age: Any  # of the rectification
    same_phone: Sequence[SamePhone]
    signals: Sequence[shown.SignalShown]
    just: Saved | None = None
    draft_at: str = ""
    faults: Sequence[FieldError] = field(default=())


def ruled_now(actor: Actor, now: datetime) -> Calling:
    """The rules of today's calls. Raises NotFound where the network's rulebook has no return visits."""
    return queries.calling(actor.network_id, clocks.running_month(actor.network_id, now))


def today(ruled: Calling, now: datetime) -> datetime:
    """When the network's day began."""
    return ruled.hours.at(ruled.hours.day_of(now), timedelta())


# --- the queue --------------------------------------------------------------------------------------------


def queue_shown(actor: Actor, now: datetime, but: int | None = None) -> QueueShown:
    """What comes next for this agent; `but` is the one in hand."""
    assert actor.person_id is not None
    ruled = ruled_now(actor, now)
    ahead = [each for each in queries.queue_ahead(actor.person_id, now, SHOWN_AHEAD + 1) if each.id != but]
    promised = looks.promised(actor.person_id, now)
    both = [*ahead[:SHOWN_AHEAD], *promised]
    bought, units = queries.purchases_of(both), network.units_by_id(each.unit_id for each in both)

    def line(visit: Visit) -> Ahead:
        due = visit.rank == 0 and visit.next_at is not None
        right = shown.soon(visit.next_at) if due and visit.next_at else _kind(visit)
        call = shown.call_words(visit) if due else ""
        parts = (call, units[visit.unit_id].name, shown.bought_words(bought[visit.id]))
        late = due and visit.next_at is not None and visit.next_at <= now
        return Ahead(visit, SECTIONS[visit.rank], right, late, " · ".join(part for part in parts if part))

    saved = [
        Saved(attempt, visit, shown.said_tag(attempt.result, attempt.outcome), shown.soon(attempt.at))
        for attempt, visit in looks.saved_by(actor.person_id, today(ruled, now))
    ]
    return QueueShown(
        ahead=[line(each) for each in ahead[:SHOWN_AHEAD]],
        promised=[line(each) for each in promised],
        saved=saved,
        calls=queries.calls_since(actor.person_id, today(ruled, now)),
        goal=ruled.book.daily_goal,
    )


def _kind(visit: Visit) -> Any:
    if visit.round:
        return gettext("Revisit")
    return gettext("Call %(num)d", num=visit.attempts + 1) if visit.attempts else gettext("First")


# --- the form ---------------------------------------------------------------------------------------------


def form_shown(
    visit: Visit, ruled: Calling, typed: Mapping[str, str], faults: Sequence[FieldError], now: datetime
) -> Form:
    given = {name[2:]: words for name, words in typed.items() if name.startswith("a-")}
    in_vain = queries.tried_in_vain(visit)
    due_at = clocks.term_end(visit.network_id, ruled.version, now, ruled.book.rectification)
    return Form(
        typed=typed,
        faults={fault.pointer.lstrip("/").split("/")[0]: fault.detail for fault in faults},
        questions=desk.questions(ruled.book, desk.answers(ruled.book, given), language()),
        callbacks=[(each, _callback_words(each, now)) for each in desk.callback_choices(now, ruled.hours)],
        reasons={"unsatisfied": desk.UNSATISFIED, "suspicious": desk.SUSPICIOUS},
        results={str(result): words for result, words in shown.RESULTS.items()},
        skips=desk.SKIPS,
        limit=shown.moment(due_at),
        call=len(in_vain) + 1,
        calls=ruled.plan.attempts,
        last=len(in_vain) + 1 >= ruled.plan.attempts,
    )


def _callback_words(choice: Choice, now: datetime) -> Any:
    at = clock.local(choice.at)
    if choice.kind == "soon":
        return gettext("in 30 min")
    if choice.kind == "evening":
        return gettext("today %(time)s", time=f"{at:%H:%M}")
    tomorrow = clock.local(now).date() + timedelta(days=1)
    if at.date() == tomorrow:
        return gettext("tomorrow %(time)s", time=f"{at:%H:%M}")
    return f"{shown.day_words(at.date())} {at:%H:%M}"


# --- the whole screen -------------------------------------------------------------------------------------


def desk_shown(
    actor: Actor,
    visit: Visit,
    now: datetime,
    typed: Mapping[str, str] | None = None,
    faults: Sequence[FieldError] = (),
    saved: str = "",
) -> DeskShown:
    """The call screen of the one who holds the visit; `typed` in place of the draft, `saved` the last attempt's id."""
    assert actor.person_id is not None
    assert visit.lease_until is not None
    ruled = queries.calling(actor.network_id, visit.month)
    everybody = queries.same_person(visit)
    mates = [each for each in everybody if each.joined_to == visit.id]
    bought = queries.purchases_of([visit, *mates])
    draft = queries.draft_of(visit.id, actor.person_id) if typed is None else None
    kept: Mapping[str, str] = typed if typed is not None else (draft.typed if draft else {})
    found = queries.of_visit(visit.id)
    queue = queue_shown(actor, now, but=visit.id)
    mine = [*bought[visit.id], *(one for each in mates for one in bought[each.id])]
    unit = network.get_unit(visit.unit_id)
    return DeskShown(
        visit=visit,
        number=desk.visit_number(visit.month, visit.id),
        mates=mates,
        limit=shown.limit(shown.month_end(visit.month)),
        lease_until=visit.lease_until,
        what=shown.call_words(visit),
        bought=mine,
        script=_script(actor, visit, unit, mine, ruled),
        version=ruled.version,
        form=form_shown(visit, ruled, kept, faults, now),
        queue=queue,
        dealer=dealer_shown(actor, visit.month, visit.unit_id, visit.region_id),
        history=shown.calls_shown(everybody, whole=True),
        rounds=queries.rounds_of([found.id])[found.id] if found else [],
        rectification=found,
        age=shown.age(found.first_opened_at) if found else "",
        same_phone=_same_phone(visit, now),
        signals=shown.signals_shown(visit),
        just=next((each for each in queue.saved if str(each.attempt.id) == saved), None),
        draft_at=shown.soon(draft.saved_at) if draft else "",
        faults=faults,
    )


def _script(
    actor: Actor, visit: Visit, unit: Unit, bought: Sequence[Purchase], ruled: Calling
) -> Mapping[str, str]:
    lang = language()
    filled_in = desk.names(
        agent=actor.name,
        brand=actor.network_name if lang == "zh" else actor.network_name_en or actor.network_name,
        customer=visit.name,
        dealer=unit.name,
        products=(each.product_model for each in bought),
        month=visit.month,
        lang=lang,
    )
    found = desk.script(ruled.book, filled_in, lang)
    return found | {"opening": found["revisit" if visit.round else "opening"]}


def dealer_shown(actor: Actor, month: date, unit_id: int, region_id: int) -> DealerShown:
    """The dealer with its month's figures and who answers for it."""
    units = network.units_by_id([unit_id, region_id])
    figures = queries.total(month, units[unit_id].unit_path)
    people = accounts.contacts_of(actor.network_id, [unit_id, region_id])
    counts = [
        ("ok", figures.satisfied),
        ("bad", figures.unsatisfied),
        ("odd", figures.suspicious),
        ("mute", figures.unreachable + figures.refused),
    ]
    whole = figures.people or 1
    return DealerShown(
        unit=units[unit_id],
        region=units.get(region_id),
        contact=next(iter(people.get(unit_id, [])), None),
        above=next(iter(people.get(region_id, [])), None),
        figures=figures,
        bar=[(round(100 * count / whole, 2), f"f-{kind}") for kind, count in counts if count],
    )


def _same_phone(visit: Visit, now: datetime) -> list[SamePhone]:
    found = queries.same_phone(visit)
    units = network.units_by_id(each.unit_id for each in found)
    return [
        SamePhone(
            each, units[each.unit_id].name, shown.STATE_TAGS[each.state_at(now)], each.name == visit.name
        )
        for each in found
        if not (each.name == visit.name and each.unit_id == visit.unit_id and each.month == visit.month)
    ]
