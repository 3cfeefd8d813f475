"""Cases as those who may see them see them: headquarters' sanction people all, a party its own once it is told."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, func, or_, select

from portal import accounts, network, rulebook
from portal.access import Actor, Role
from portal.core.db import db, within
from portal.core.errors import NotFound
from portal.core.numbers import whole
from portal.core.paging import LIMIT, Page, paged
from portal.rulebook import Who
from portal.sanctions.models import Breach, Case, Step
from portal.sanctions.rules import STANDS, Measure, State, facts_words

ALL_CASES = (Role.SANCTION_OFFICER, Role.SANCTION_APPROVER, Role.FINANCE, Role.EXECUTIVE)
ANSWERS_FOR = {
    Role.DEALER_PRINCIPAL: (Who.DEALER, Who.STORE),
    Role.REGIONAL_MANAGER: (Who.REGIONAL_MANAGER,),
    Role.CHANNEL_MANAGER: (Who.CHANNEL_MANAGER,),
}
"""Whoever speaks for a unit in a case that names no person."""


@dataclass(frozen=True)
class CaseView:
    """A case with what stands beside it. `facts`: (code, when, lazy words); `linked`: ids of those of one breach."""

    case: Case
    unit_code: str
    unit_name: str
    person_name: str | None
    title: rulebook.Words | None
    consequence: rulebook.Words | None
    wording: rulebook.Requirement | None  # the clause as the regulation has it
    facts: list[tuple[str, datetime | None, Any]]
    linked: list[int]
    source: str  # what says so: 'obligation:17', or 'proposal:…' by hand

    @property
    def clock_id(self) -> int | None:
        """The clock that was missed: its page is the evidence."""
        kind, _, key = self.source.partition(":")
        return whole(key) if kind == "obligation" else None

    @property
    def measures(self) -> list[Measure]:
        return self.case.planned


def _as_party(role: Role, person: Any, low: Any, high: Any) -> ColumnElement[bool]:
    own: list[ColumnElement[bool]] = [Case.person_id == person]
    spoken_for = ANSWERS_FOR.get(role)
    if spoken_for:
        own.append(
            and_(
                Case.person_id.is_(None),
                Case.who.in_([each.value for each in spoken_for]),
                Case.about_path >= low,
                Case.about_path < high,
            )
        )
    return and_(Case.told_at.is_not(None), or_(*own))


def may_see(actor: Actor) -> ColumnElement[bool]:
    """Which cases this actor may see; nobody sees one about oneself before being told."""
    return seen_by(actor.role, actor.person_id or 0, actor.scope.low, actor.scope.high)


def seen_by(role: Role, person: Any, low: Any, high: Any) -> ColumnElement[bool]:
    """`may_see` of this role's actor; the others are its person and paths, or parameters for them."""
    if role not in ALL_CASES:
        return _as_party(role, person, low, high)
    return or_(Case.told_at.is_not(None), Case.person_id.is_(None), Case.person_id != person)


def is_party(actor: Actor, case: Case) -> bool:
    """Whether it is this actor's own case: the person named, or whoever speaks for the unit."""
    if case.told_at is None or actor.person_id is None:
        return False
    if case.person_id is not None:
        return case.person_id == actor.person_id
    spoken_for = ANSWERS_FOR.get(actor.role, ())
    return case.against in spoken_for and actor.scope.low <= case.about_path < actor.scope.high


def get_case(actor: Actor, case_id: int) -> Case:
    """Raises NotFound, also for a case that this actor may not see."""
    found = db.session.scalar(select(Case).where(Case.id == case_id, may_see(actor)))
    if found is None:
        raise NotFound()
    return found


def lock_case(case_id: int) -> Case:
    """The case locked until the transaction ends and read anew; with headquarters' eyes. Raises NotFound."""
    chosen = select(Case).where(Case.id == case_id).with_for_update()
    found = db.session.scalar(chosen, execution_options={"populate_existing": True})
    if found is None:
        raise NotFound()
    return found


def list_cases(
    actor: Actor,
    *,
    state: State | None = None,
    unit_id: int | None = None,
    rule: str | None = None,
    breach_id: int | None = None,
    person_id: int | None = None,
    cursor: str | None = None,
    limit: int = LIMIT,
    newest_first: bool = False,
) -> Page[Case]:
    """The cases that this actor may see; `rule` is the rulebook's key or the requirement's id."""
    chosen = select(Case).where(may_see(actor))
    if state is not None:
        chosen = chosen.where(Case.state == state.value)
    if unit_id is not None:
        chosen = chosen.where(Case.about_unit_id == unit_id)
    if rule is not None:
        chosen = chosen.where(or_(Case.rule == rule, Case.requirement == rule))
    if breach_id is not None:
        chosen = chosen.where(Case.breach_id == breach_id)
    if person_id is not None:
        chosen = chosen.where(Case.person_id == person_id)
    return paged(chosen, [Case.id], cursor, limit, newest_first=newest_first)


def count_by_state(actor: Actor) -> Mapping[str, int]:
    """How many cases of each state this actor may see: the tabs of the boards."""
    rows = db.session.execute(select(Case.state, func.count()).where(may_see(actor)).group_by(Case.state))
    return {row.state: row[1] for row in rows}


def cases_of_breach(breach_id: int, *, lock: bool = False) -> Sequence[Case]:
    """The cases of one breach; locked in the order of their ids, as whoever locks several of them does."""
    chosen = select(Case).where(Case.breach_id == breach_id).order_by(Case.id)
    if lock:
        chosen = chosen.with_for_update()
    return db.session.scalars(chosen, execution_options={"populate_existing": lock}).all()


def decided_against(case: Case, since: datetime) -> Sequence[Case]:
    """Earlier decisions against the same party that stand, from `since` on: the history, and the ladder's steps."""
    chosen = select(Case).where(
        Case.party == case.party,
        Case.id != case.id,
        Case.approved_at >= since,
        Case.state.in_([each.value for each in STANDS]),
        Case.decision.is_distinct_from("revoked"),
    )
    return db.session.scalars(chosen.order_by(Case.approved_at)).all()


def to_close(now: datetime) -> Sequence[Case]:
    """Executed and revoked cases whose time to be closed has come; locked ones are left out."""
    chosen = (
        select(Case)
        .where(
            Case.state.in_([State.EXECUTED.value, State.REVOKED.value]),
            Case.step_due_at <= now,
            Case.review_at.is_(None),
        )
        .order_by(Case.id)
        .limit(500)
    )
    return db.session.scalars(chosen.with_for_update(skip_locked=True)).all()


def steps_of(actor: Actor, case: Case) -> Sequence[Step]:
    """What was done in a case that this actor may see: the party reads it from the day it was told."""
    chosen = select(Step).where(Step.case_id == case.id)
    if actor.role not in ALL_CASES and case.told_at is not None:
        chosen = chosen.where(Step.at >= case.told_at)
    with within(actor.whole_network):
        return db.session.scalars(chosen.order_by(Step.id)).all()


def view(actor: Actor, case: Case) -> CaseView:
    return views(actor, [case])[0]


def views(actor: Actor, cases: Sequence[Case]) -> list[CaseView]:
    """Cases with their facts, names and links, in a constant number of queries."""
    keys = {case.breach_id for case in cases}
    with within(
        actor.whole_network
    ):  # the facts are told with the case; the breach itself stays at headquarters
        found = db.session.scalars(select(Breach).where(Breach.id.in_(keys)))
        breaches = {each.id: each for each in found}
    linked: dict[int, list[int]] = defaultdict(list)
    beside = select(Case.breach_id, Case.id).where(Case.breach_id.in_(keys), may_see(actor)).order_by(Case.id)
    for breach_id, case_id in db.session.execute(beside):
        linked[breach_id].append(case_id)
    units = network.units_by_id(case.about_unit_id for case in cases)
    names = accounts.names_of(case.person_id for case in cases if case.person_id is not None)
    versions = {case.rulebook_version for case in cases}
    books = {each: rulebook.at_version(actor.network_id, each) for each in versions}
    zone = ZoneInfo(actor.time_zone)
    shown = []
    for case in cases:
        book = books[case.rulebook_version]
        broken = book.breach(case.rule)
        consequence = book.consequence(case.rule, case.who)
        shown.append(
            CaseView(
                case=case,
                unit_code=units[case.about_unit_id].code,
                unit_name=units[case.about_unit_id].name,
                person_name=names.get(case.person_id) if case.person_id is not None else None,
                title=broken.title if broken else None,
                consequence=consequence.text if consequence else None,
                wording=rulebook.REQUIREMENTS.get(case.requirement),
                facts=facts_words(_facts(breaches[case.breach_id]), zone),
                linked=[each for each in linked[case.breach_id] if each != case.id],
                source=breaches[case.breach_id].source,
            )
        )
    return shown


def _facts(breach: Breach) -> list[dict[str, Any]]:
    facts = list(breach.facts)
    if breach.cured_at is not None:
        facts.append({"code": "cured", "at": breach.cured_at.isoformat()})
    if breach.retracted_at is not None:
        facts.append({"code": "retracted", "at": breach.retracted_at.isoformat(), "text": breach.retraction})
    return facts
