"""What pages say of clocks; and the words of time that every room's templates use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g
from flask_babel import lazy_gettext as _

from portal import accounts, network, rulebook, sanctions
from portal.access import Actor, Permission, current_actor
from portal.clocks import queries, rules
from portal.clocks.models import Obligation
from portal.clocks.pages.door import room
from portal.clocks.rules import Due, Kind, State
from portal.clocks.service import escalating, telling, unheld
from portal.core import clock
from portal.core.texts import language
from portal.network import Unit
from portal.rulebook import Answerable, Rulebook

KIND_WORDS = {
    Kind.CUSTOMER_FILE: _("Customer file"),
    Kind.PART_FILE: _("Store’s part of the file"),
    Kind.CONSOLIDATION: _("Monthly consolidation"),
    Kind.RETURNED_FILE: _("Returned file"),
    Kind.RECTIFICATION: _("Rectification"),
    Kind.RECTIFICATION_COMMENT: _("Comment on a rectification"),
    Kind.CASE_STEP: _("Step of a sanction case"),
    Kind.STATEMENT: _("Statement in a sanction case"),
    Kind.ACKNOWLEDGEMENT: _("Acknowledgement of a decision"),
    Kind.APPEAL: _("Appeal in a sanction case"),
    Kind.TOP_UP: _("Brand margin to be topped up"),
    Kind.HANDED_ON: _("Measure to be carried out"),
    Kind.REFUND: _("Brand margin to be paid back"),
    Kind.ESCALATION: _("To be seen to"),
}
STATE_TAGS = {
    State.BREACHED: ("bad", _("Overdue")),
    State.OPEN: ("info", _("Running")),
    State.MET: ("ok", _("On time")),
    State.LATE: ("bad", _("Done late")),
    State.WAIVED: ("mute", _("Waived")),
}
LAPSED = {
    Kind.STATEMENT: _("Decided without it"),
    Kind.ACKNOWLEDGEMENT: _("Counts as received"),
    Kind.APPEAL: _("Not appealed"),
}
"""How a right stands whose time is over."""
CONSEQUENCES = {
    Kind.STATEMENT: _("The case is decided without the party’s statement"),
    Kind.ACKNOWLEDGEMENT: _("The decision counts as received"),
    Kind.APPEAL: _("The decision stands and takes effect"),
    Kind.TOP_UP: _("Finance and the sanction officers are told; it goes up to the superior"),
    Kind.HANDED_ON: _("Executives are told"),
    Kind.CASE_STEP: _("Executives are told"),
    Kind.REFUND: _("Executives are told"),
}
"""What follows where no rule of the rulebook says it."""
PLACES = {"dealer": "/files/{month}", "store": "/files/{month}", "region": "/region/{month}"}


# --- words of time, for all templates -------------------------------------------------------------------------------


@room.app_template_global("time_left")
def time_left(
    due_at: datetime,
    *,
    judged_at: datetime | None = None,
    opened_at: datetime | None = None,
    long: bool = False,
) -> Due:
    """A limit for the macro `limit`; with `opened_at` its levels are shares of that time, as for promises."""
    return rules.due_as_shown(
        clock.now(),
        due_at,
        ZoneInfo(current_actor().time_zone),
        language(),
        judged_at=judged_at,
        thresholds=queries.thresholds_of(_levels(), since=opened_at, until=due_at),
        minutes_too=long,
    )


def _levels() -> Rulebook:
    """The rulebook of the month that is being filed says when a limit is a warning; read once for a page."""
    known: Rulebook | None = g.get("levels")
    if known is None:
        network_id = current_actor().network_id
        known = g.levels = rulebook.current(network_id, queries.running_month(network_id, clock.now()))
    return known


@room.app_template_filter("deadline_words")
def deadline_words(due_at: datetime) -> str:
    """'11月5日（周三）24:00'."""
    return rules.deadline_words(due_at, ZoneInfo(current_actor().time_zone), language(), now=clock.now())


@room.app_template_filter("at_words")
def at_words(at: datetime) -> str:
    """'11-05 17:58', another year's with its year."""
    local = clock.local(at)
    return (
        f"{local:%m-%d %H:%M}" if local.year == clock.local(clock.now()).year else f"{local:%Y-%m-%d %H:%M}"
    )


# --- clocks -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One clock of a list, or of its own page."""

    duty: Obligation
    unit: Unit
    person: str
    kind: Any
    about: str  # what it is about beyond its month: a case, or whose duty was missed
    state: tuple[str, Any]
    limit: Due
    first_due: str  # the limit before an extension or pause, "" where it is the same
    why: Sequence[tuple[Any, str, str]]  # (what was decided, who, why)
    follows: Sequence[Answerable]
    otherwise: Any  # what follows where no rule says it
    unheld: bool
    href: str


def lines(actor: Actor, duties: Sequence[Obligation], now: datetime) -> list[Line]:
    """Clocks with names, words and what follows, in a constant number of queries."""
    origins = queries.by_ids(duty.origin_id for duty in duties if duty.origin_id is not None)
    units = network.units_by_id(duty.unit_id for duty in (*duties, *origins.values()))
    people = {key for duty in duties for key in _people(duty) if key is not None}
    names = accounts.names_of(people) if people else {}
    empty = _unheld(actor, duties, now)
    cases = _cases(actor, duties)
    zone, book, found = ZoneInfo(actor.time_zone), _levels(), []
    for duty in duties:
        origin, case = origins.get(duty.origin_id or 0), cases.get(duty.id)
        unit, lapsed = units[duty.unit_id], _lapsed(duty, now)
        found.append(
            Line(
                duty=duty,
                unit=unit,
                person=names.get(duty.person_id or 0, ""),
                kind=KIND_WORDS[duty.kind],
                about=_about(origin, units) if origin else _subject(duty, case),
                state=("mute", LAPSED[duty.kind]) if lapsed else STATE_TAGS[duty.state_at(now)],
                limit=rules.due_as_shown(
                    now,
                    duty.due_at,
                    zone,
                    language(),
                    judged_at=duty.judged_at,
                    waived_at=duty.waived_at,
                    paused_at=duty.paused_at,
                    lapsed=lapsed,
                    thresholds=queries.thresholds_of(book)
                    if duty.kind in rules.MONTHLY
                    else queries.thresholds_of(book, since=duty.opened_at, until=duty.due_at),
                ),
                first_due=deadline_words(duty.first_due_at) if duty.first_due_at != duty.due_at else "",
                why=_why(duty, names),
                follows=_follows(actor, duty),
                otherwise=CONSEQUENCES.get(duty.kind)
                or (
                    _("Executives are told")
                    if unit.kind == "headquarters"
                    else _("It goes up to the superior")
                ),
                unheld=duty.id in empty,
                href=_href(actor, duty, unit) or (f"/sanctions/{case[0]}" if case else ""),
            )
        )
    return found


def _people(duty: Obligation) -> tuple[int | None, ...]:
    return duty.person_id, duty.extended_by, duty.paused_by, duty.waived_by


def _about(origin: Obligation, units: Mapping[int, Unit]) -> str:
    """What was missed, and by whom: "Customer file 2026-10 · 杭州恒居"."""
    named = str(KIND_WORDS[origin.kind])
    month = f" {origin.month:%Y-%m}" if origin.month else ""
    return f"{named}{month} · {units[origin.unit_id].name}"


def _lapsed(duty: Obligation, now: datetime) -> bool:
    """Whether the time of a party's right is over, unused."""
    over = duty.due_at <= (duty.waived_at or now)
    return duty.kind in rules.RIGHTS and duty.judged_at is None and over


def _unheld(actor: Actor, duties: Sequence[Obligation], now: datetime) -> set[int]:
    """Those of these clocks that nobody holds."""
    owed = [duty for duty in duties if duty.closed_at is None]
    plain = {duty.unit_id for duty in owed if duty.kind not in queries.OF_CASES}
    empty = escalating.unheld(actor.network_id, plain) if plain else set()
    steps: set[str] = set()
    if any(duty.kind is Kind.CASE_STEP for duty in owed):
        steps = unheld.steps_unheld(actor.network_id, actor.unit_id, now)
    return {
        duty.id
        for duty in owed
        if (duty.unit_id in empty and duty.kind not in queries.OF_CASES)
        or (duty.kind is Kind.CASE_STEP and duty.subject in steps)
    }


def _subject(duty: Obligation, case: tuple[str, str] | None) -> str:
    """The case with its party, or the dealer's code of a margin."""
    if case is not None:
        return f"{case[0]} {case[1]}"
    return telling.number_of(duty.subject) if duty.kind is Kind.REFUND else ""


def _cases(actor: Actor, duties: Sequence[Obligation]) -> Mapping[int, tuple[str, str]]:
    """Number and party of the case that each of these clocks is about, as far as this actor may see it."""
    by_id = {duty.id: sanctions.case_of(duty.subject) for duty in duties if duty.kind is Kind.CASE_STEP}
    named = (*rules.RIGHTS, Kind.TOP_UP, Kind.HANDED_ON)
    by_number = {duty.id: telling.number_of(duty.subject) for duty in duties if duty.kind in named}
    if not by_id and not by_number:
        return {}
    views = sanctions.views_of(actor, ids=set(by_id.values()), numbers=set(by_number.values()))
    seen = {each.case.id: each for each in views} | {each.case.number: each for each in views}
    return {
        key: (view.case.number, view.person_name or view.unit_name)
        for key, case in (by_id | by_number).items()
        if (view := seen.get(case)) is not None
    }


def _why(duty: Obligation, names: Mapping[int, str]) -> Sequence[tuple[Any, str, str]]:
    """A superior's decisions that hold: what, who, why."""
    decided = (
        (duty.waived_at, _("Waived"), duty.waived_by, duty.waiver_reason),
        (duty.paused_at, _("Paused"), duty.paused_by, duty.pause_reason),
        (duty.extended_at, _("Extended"), duty.extended_by, duty.extension_reason),
    )
    return [(words, names.get(by or 0, ""), reason or "") for at, words, by, reason in decided if at]


def _follows(actor: Actor, duty: Obligation) -> Sequence[Answerable]:
    """What a missed one leads to, by the rulebook under which its clock was started."""
    book = rulebook.at_version(actor.network_id, duty.rulebook_version)
    key = rules.breach_of(book, duty.kind)
    breach = book.breach(key) if key else None
    return breach.answerable if breach else ()


def _href(actor: Actor, duty: Obligation, unit: Unit) -> str:
    """Where it is done, for those who do it themselves."""
    if duty.kind is Kind.REFUND and actor.may(Permission.LEDGER_READ):
        return f"/margin/{telling.number_of(duty.subject)}"
    if duty.kind is Kind.HANDED_ON and actor.may(Permission.SANCTION_CARRY_OUT):
        return "/handed-on"
    about_rectifications = duty.kind in (Kind.RECTIFICATION, Kind.RECTIFICATION_COMMENT)
    if about_rectifications and actor.may(Permission.RECTIFICATION_READ):
        return f"/rectifications/{duty.subject.partition('-')[0]}"
    if unit.id != actor.unit_id or duty.month is None:
        return ""
    return PLACES.get(unit.kind, "").format(month=f"{duty.month:%Y-%m}")
