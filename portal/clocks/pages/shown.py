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
from portal.clocks.rules import Due, Kind, State, Thresholds
from portal.clocks.service import escalating
from portal.core import clock
from portal.core.texts import language
from portal.network import Unit
from portal.rulebook import Answerable

KIND_WORDS = {
    Kind.CUSTOMER_FILE: _("Customer file"),
    Kind.PART_FILE: _("Store’s part of the file"),
    Kind.CONSOLIDATION: _("Monthly consolidation"),
    Kind.RETURNED_FILE: _("Returned file"),
    Kind.RECTIFICATION: _("Rectification"),
    Kind.RECTIFICATION_COMMENT: _("Comment on a rectification"),
    Kind.CASE_STEP: _("Step of a sanction case"),
    Kind.TOP_UP: _("Brand margin to be topped up"),
    Kind.ESCALATION: _("To be seen to"),
}
STATE_TAGS = {
    State.BREACHED: ("bad", _("Overdue")),
    State.OPEN: ("info", _("Running")),
    State.MET: ("ok", _("On time")),
    State.LATE: ("bad", _("Done late")),
    State.WAIVED: ("mute", _("Waived")),
}
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
    levels = rules.shared_thresholds(opened_at, due_at) if opened_at else _monthly_levels()
    return rules.due_as_shown(
        clock.now(),
        due_at,
        ZoneInfo(current_actor().time_zone),
        language(),
        judged_at=judged_at,
        thresholds=levels,
        minutes_too=long,
    )


def _monthly_levels() -> Thresholds:
    """From the rulebook of the month that is being filed; read once for a page."""
    known: Thresholds | None = g.get("monthly_levels")
    if known is None:
        network_id = current_actor().network_id
        running = queries.running_month(network_id, clock.now())
        known = g.monthly_levels = queries.thresholds_of(rulebook.current(network_id, running))
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
    unheld: bool
    href: str


def lines(actor: Actor, duties: Sequence[Obligation], now: datetime) -> list[Line]:
    """Clocks with names, words and what follows, in a constant number of queries."""
    origins = queries.by_ids(duty.origin_id for duty in duties if duty.origin_id is not None)
    units = network.units_by_id(duty.unit_id for duty in (*duties, *origins.values()))
    people = {key for duty in duties for key in _people(duty) if key is not None}
    names = accounts.names_of(people) if people else {}
    owed = [duty.unit_id for duty in duties if duty.closed_at is None and duty.kind is not Kind.CASE_STEP]
    empty = escalating.unheld(actor.network_id, owed) if owed else set()
    cases = _cases(actor, duties)
    zone, levels, found = ZoneInfo(actor.time_zone), _monthly_levels(), []
    for duty in duties:
        monthly = duty.kind in rules.MONTHLY
        origin, case = origins.get(duty.origin_id or 0), cases.get(duty.id)
        unit = units[duty.unit_id]
        found.append(
            Line(
                duty=duty,
                unit=unit,
                person=names.get(duty.person_id or 0, ""),
                kind=KIND_WORDS[duty.kind],
                about=_about(origin, units) if origin else f"{case[0]} {case[1]}" if case else "",
                state=STATE_TAGS[duty.state_at(now)],
                limit=rules.due_as_shown(
                    now,
                    duty.due_at,
                    zone,
                    language(),
                    judged_at=duty.judged_at,
                    waived_at=duty.waived_at,
                    paused_at=duty.paused_at,
                    thresholds=levels if monthly else rules.shared_thresholds(duty.opened_at, duty.due_at),
                ),
                first_due=deadline_words(duty.first_due_at) if duty.first_due_at != duty.due_at else "",
                why=_why(duty, names),
                follows=_follows(actor, duty),
                unheld=duty.closed_at is None and duty.unit_id in empty,
                href=f"/sanctions/{case[0]}" if case else _href(actor, duty, unit),
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


def _cases(actor: Actor, duties: Sequence[Obligation]) -> Mapping[int, tuple[str, str]]:
    """Number and party of the case that each step belongs to."""
    steps = {duty.id: sanctions.case_of(duty.subject) for duty in duties if duty.kind is Kind.CASE_STEP}
    if not steps:
        return {}
    seen = {each.case.id: each for each in sanctions.views_by_id(actor, list(steps.values()))}
    return {
        key: (view.case.number, view.person_name or view.unit_name)
        for key, case_id in steps.items()
        if (view := seen.get(case_id)) is not None
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
    about_rectifications = duty.kind in (Kind.RECTIFICATION, Kind.RECTIFICATION_COMMENT)
    if about_rectifications and actor.may(Permission.RECTIFICATION_READ):
        return f"/rectifications/{duty.subject.partition('-')[0]}"
    if unit.id != actor.unit_id or duty.month is None:
        return ""
    return PLACES.get(unit.kind, "").format(month=f"{duty.month:%Y-%m}")
