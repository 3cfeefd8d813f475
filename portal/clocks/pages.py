"""What is due, when, how long is left, what follows; and the words of time that every room's templates use."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import g, render_template, request, url_for
from flask_babel import lazy_gettext as _

from portal import accounts, network, rulebook, sanctions
from portal.access import Actor, Permission, Room, current_actor
from portal.clocks import queries, rules
from portal.clocks.models import Obligation
from portal.clocks.rules import Due, Kind, State, Thresholds
from portal.core import clock
from portal.core.texts import gettext, language
from portal.network import Unit
from portal.rulebook import Answerable

room = Room("clocks", __name__)
STEPS_SHOWN = 8

KIND_WORDS = {
    Kind.CUSTOMER_FILE: _("Customer file"),
    Kind.PART_FILE: _("Store’s part of the file"),
    Kind.CONSOLIDATION: _("Monthly consolidation"),
    Kind.RETURNED_FILE: _("Returned file"),
    Kind.RECTIFICATION: _("Rectification"),
    Kind.CASE_STEP: _("Step of a sanction case"),
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


# --- the page -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Line:
    """One clock of the list."""

    duty: Obligation
    unit: Unit
    person: str
    kind: Any
    state: tuple[str, Any]
    limit: Due
    first_due: str  # the limit before an extension, "" where it is the same
    why: str
    follows: Sequence[Answerable]
    href: str


@room.get("/clock", needs=Permission.OBLIGATION_READ)
def obligations() -> str:
    """The clocks of my unit and those below it, the least time left first."""
    actor, now = current_actor(), clock.now()
    kind = _choice(Kind, request.args.get("kind", ""), None)
    own = request.args.get("of") == "mine"
    unit_id = actor.unit_id if own else None
    overdue = bool(
        queries.list_obligations(actor, now, state=State.BREACHED, kind=kind, unit_id=unit_id, limit=1).items
    )
    wanted = _choice(
        State, request.args.get("state", ""), State.BREACHED if overdue else State.OPEN
    )  # what is overdue comes first
    page = queries.list_obligations(
        actor,
        now,
        state=wanted,
        kind=kind,
        unit_id=unit_id,
        cursor=request.args.get("cursor"),
    )
    lines = _lines(actor, page.items, now)
    case_steps = _steps(actor) if actor.may(Permission.SANCTION_READ) else []
    args = {"kind": kind and kind.value, "of": "mine" if own else None}
    return render_template(
        "clocks/obligations.html",
        lines=lines,
        steps=case_steps,
        state=wanted,
        kind=kind,
        own=own,
        kinds=[("", gettext("All duties")), *((each.value, KIND_WORDS[each]) for each in Kind)],
        tabs=[
            (url_for("clocks.obligations", state=each.value, **args), tag[1], None, each is wanted)
            for each, tag in STATE_TAGS.items()
        ],
        next=url_for("clocks.obligations", state=wanted and wanted.value, cursor=page.next_cursor, **args)
        if page.next_cursor
        else "",
        first=url_for("clocks.obligations", state=wanted and wanted.value, **args)
        if request.args.get("cursor")
        else "",
        overdue=overdue,
        steps_first=actor.may(Permission.SANCTION_EXECUTE) or actor.may(Permission.SANCTION_APPROVE),
    )


def _choice(of: Any, written: str, otherwise: Any) -> Any:
    try:
        return of(written)
    except ValueError:
        return otherwise


def _lines(actor: Actor, duties: Sequence[Obligation], now: datetime) -> list[Line]:
    units = network.units_by_id(duty.unit_id for duty in duties)
    names = accounts.names_of(duty.person_id for duty in duties if duty.person_id is not None)
    zone = ZoneInfo(actor.time_zone)
    levels = _monthly_levels()
    lines = []
    for duty in duties:
        state = duty.state_at(now)
        monthly = duty.kind in rules.MONTHLY
        lines.append(
            Line(
                duty=duty,
                unit=units[duty.unit_id],
                person=names.get(duty.person_id, "") if duty.person_id is not None else "",
                kind=KIND_WORDS[duty.kind],
                state=STATE_TAGS[state],
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
                why=duty.waiver_reason or duty.pause_reason or duty.extension_reason or "",
                follows=_follows(actor, duty),
                href=_href(actor, duty, units[duty.unit_id]),
            )
        )
    return lines


def _follows(actor: Actor, duty: Obligation) -> Sequence[Answerable]:
    """What a missed one leads to, by the rulebook under which its clock was started."""
    book = rulebook.at_version(actor.network_id, duty.rulebook_version)
    key = rules.breach_of(book, duty.kind)
    breach = book.breach(key) if key else None
    return breach.answerable if breach else ()


def _href(actor: Actor, duty: Obligation, unit: Unit) -> str:
    """Where it is done, for those who do it themselves."""
    if duty.kind is Kind.RECTIFICATION and actor.may(Permission.RECTIFICATION_READ):
        return f"/rectifications/{duty.subject}"
    if unit.id != actor.unit_id or duty.month is None:
        return ""
    return PLACES.get(unit.kind, "").format(month=f"{duty.month:%Y-%m}")


def _steps(actor: Actor) -> Sequence[sanctions.CaseView]:
    """The next steps of cases that this actor may see, the least time left first."""
    return sanctions.due_first(actor, limit=STEPS_SHOWN)
