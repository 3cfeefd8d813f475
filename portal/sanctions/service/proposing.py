"""An officer adopts a draft, or proposes a case by hand; either way the party is told and may speak."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from sqlalchemy.dialects.postgresql import insert

from portal import accounts, network, rulebook
from portal.access import Actor, Role
from portal.core import clock
from portal.core.db import db, within
from portal.core.errors import FieldError, Invalid, NotAllowed
from portal.core.texts import lazy
from portal.network import Unit
from portal.rulebook import Answerable, Breach, Procedure, Who
from portal.sanctions import queries, rules
from portal.sanctions.models import Breach as BreachRow
from portal.sanctions.models import Case, SanctionNumber
from portal.sanctions.rules import Measure, Move, State
from portal.sanctions.service.reporting import HISTORY, draft, month_of
from portal.sanctions.service.steps import (
    REFUSED,
    Held,
    approvers_needed,
    fitting,
    holding,
    move_on,
    papers,
    refuse_hands,
    stored,
    tell_party,
)

TOLD = "You are told of sanction case %(number)s: you may state your side before it is decided"
BY_UNIT = {
    "store": Who.STORE,
    "dealer": Who.DEALER,
    "region": Who.REGIONAL_MANAGER,
    "channel": Who.CHANNEL_MANAGER,
    "headquarters": Who.CUSTOMER_SERVICE,
}
BY_ROLE = {Role.REGIONAL_MANAGER: Who.REGIONAL_MANAGER, Role.CHANNEL_MANAGER: Who.CHANNEL_MANAGER}
MANAGES = {"region": Role.REGIONAL_MANAGER, "channel": Role.CHANNEL_MANAGER}


@dataclass(frozen=True)
class Proposal:
    """What an officer proposes; `rule` is the rulebook's key or the requirement's id, `unit` a code, `person` an
    id, e-mail or phone. Without measures those of the rulebook, at the ladder's step."""

    rule: str
    facts: str
    unit: str | None = None
    person: str | None = None
    documents: Sequence[str] = ()
    measures: Sequence[Measure] | None = None


@dataclass(frozen=True)
class _Target:
    unit: Unit
    person_id: int | None
    who: Who

    @property
    def party(self) -> str:
        return f"u{self.unit.id}" if self.person_id is None else f"p{self.person_id}"


def adopt(
    actor: Actor,
    case_id: int,
    *,
    facts: str | None = None,
    documents: Sequence[str] | None = None,
    measures: Sequence[Measure] | None = None,
    note: str = "",
) -> Case:
    """Adopt a draft: whoever does is its proposer; the party is told. Raises NotFound, NotAllowed, Invalid, Conflict.

    The ladder's step is counted anew: what was decided since the draft counts.
    """
    kept = papers(documents) if documents is not None else None
    with holding(actor, case_id, Move.PROPOSE) as held:
        case = held.case
        fitting(measures, case.against)
        state = rules.after(case.at, Move.PROPOSE)
        _climb(case, held.procedure, untouched=measures is None and case.proposed_at is None)
        month = f"{held.now.astimezone(ZoneInfo(actor.time_zone)):%Y-%m}"
        wanted = rules.in_month(measures if measures is not None else case.planned, month)
        fitting(wanted, case.against)
        changed = stored(wanted) != case.measures or facts not in (None, case.words) or kept is not None
        case.measures = stored(wanted)
        case.words = case.words if facts is None else facts
        case.documents = case.documents if kept is None else kept
        return _proposed(actor, held, state, note, heard_anew=changed)


def propose(actor: Actor, proposal: Proposal) -> Case:
    """Propose a case by hand (R033, R035, R036, R038); cases of those who answer with the party are drafted.

    Raises Invalid: `unknown_rule`, `unknown_unit`, `unknown_person`, `not_answerable`, `invalid_measures`.
    """
    now = clock.now()
    zone = ZoneInfo(actor.time_zone)
    in_force = rulebook.in_force(actor.network_id, now.astimezone(zone).date().replace(day=1))
    breach = in_force.book.breach(proposal.rule)
    if breach is None:
        raise _wrong("rule", "unknown_rule", lazy("The rulebook has no such rule."))
    kept = papers(proposal.documents)
    target, answers = _target(actor, proposal, breach)
    if actor.person_id is None:
        raise NotAllowed("no_person", REFUSED["no_person"])
    with within(actor.whole_network):
        broken = BreachRow(
            network_id=actor.network_id,
            unit_path=actor.root_path,
            rule=breach.key,
            requirement=breach.source,
            source=f"proposal:{uuid4()}",
            rulebook_version=in_force.version,
            about_unit_id=target.unit.id,
            about_path=target.unit.unit_path,
            occurred_at=now,
            reported_at=now,
            facts=[],
        )
        db.session.add(broken)
        db.session.flush()
        case = Case(
            network_id=actor.network_id,
            unit_path=actor.root_path,
            about_unit_id=target.unit.id,
            about_path=target.unit.unit_path,
            person_id=target.person_id,
            party=target.party,
            who=target.who.value,
            number="",
            breach_id=broken.id,
            rule=breach.key,
            requirement=answers.source if answers else breach.source,
            ladder=breach.group or breach.key,
            rulebook_version=in_force.version,
            state=State.DRAFT.value,
            step=1,
            measures=[],
            history=[],
            words=proposal.facts,
            documents=kept,
            occurred_at=now,
            drafted_at=now,
        )
        refuse_hands(actor, case, Move.PROPOSE)
        procedure = in_force.book.sanctions.procedure
        _climb(case, procedure, untouched=False)
        month = f"{now.astimezone(zone):%Y-%m}"
        ruled = rules.planned(answers.step(case.step), month) if answers else []
        wanted = list(proposal.measures) if proposal.measures is not None else ruled
        if not wanted:
            raise _wrong("measures", "required", lazy("Say the measures."))
        fitting(wanted, target.who)
        case.measures = stored(rules.in_month(wanted, month))
        case.number = next_number(actor, now)
        db.session.add(case)
        db.session.flush()
        held = Held(case, now, procedure)
        _proposed(actor, held, rules.after(case.at, Move.PROPOSE), "", heard_anew=True)
        of = network.get_network(actor.network_id)
        draft(
            actor,
            of,
            breach.key,
            in_force.version,
            [broken.id],
            month_of(now, zone),
            now,
            but=[target.who],
            words=proposal.facts,
            documents=kept,
        )
    return case


def _proposed(actor: Actor, held: Held, state: State, note: str, *, heard_anew: bool) -> Case:
    """Proposed by this actor: the party is told and has its time to speak."""
    case, now = held.case, held.now
    case.proposed_by, case.proposed_at = actor.person_id, now
    case.told_at = case.told_at or now
    case.first_approved_at = case.first_approved_by = None
    if heard_anew or case.stated_at is None:
        case.stated_at, case.statement_due_at = None, now + held.procedure.statement
    case.approvers_needed = approvers_needed(case, held.procedure, case.planned)
    move_on(actor, held, Move.PROPOSE, state, note)
    tell_party(actor, case, TOLD)
    return case


def _climb(case: Case, procedure: Procedure, *, untouched: bool) -> None:
    """The history and the ladder's step as they are now; a draft that nobody touched takes that step's measures."""
    found = queries.decided_against(case, case.occurred_at - max(HISTORY, procedure.ladder_within))
    case.history = [
        {
            "id": each.id,
            "number": each.number,
            "rule": each.rule,
            "requirement": each.requirement,
            "at": each.approved_at.isoformat(),
            "state": each.state,
            "measures": each.measures,
        }
        for each in found
        if each.approved_at is not None and each.approved_at >= case.occurred_at - HISTORY
    ]
    earlier = [
        each.approved_at for each in found if each.ladder == case.ladder and each.approved_at is not None
    ]
    step = rules.nth(earlier, clock.now(), clock.now() - case.occurred_at + procedure.ladder_within)
    if untouched and step != case.step:
        book = rulebook.at_version(case.network_id, case.rulebook_version)
        answers = book.answerable(case.rule, case.against)
        if answers is not None and answers.ladder:
            zone = ZoneInfo(network.get_network(case.network_id).time_zone)
            case.measures = stored(rules.planned(answers.step(step), month_of(case.occurred_at, zone)))
    case.step = step


def next_number(actor: Actor, now: datetime) -> str:
    """CF-2026-0001: counted for each network and year, without gaps."""
    year = now.astimezone(ZoneInfo(actor.time_zone)).year
    values = {"network_id": actor.network_id, "unit_path": actor.root_path, "year": year, "last": 1}
    taken = insert(SanctionNumber).values(values)
    taken = taken.on_conflict_do_update(
        index_elements=["network_id", "year"], set_={"last": SanctionNumber.last + 1}
    )
    return f"CF-{year}-{db.session.scalar(taken.returning(SanctionNumber.last)):04d}"


# --- against whom ----------------------------------------------------------------------------------------------


def _wrong(field: str, code: str, detail: object) -> Invalid:
    return Invalid(code, detail, [FieldError(f"/{field}", code, detail)])


def _target(actor: Actor, proposal: Proposal, breach: Breach) -> tuple[_Target, Answerable | None]:
    unit = network.unit_below(actor.root_path, proposal.unit) if proposal.unit else None
    if proposal.unit and unit is None:
        raise _wrong("unit", "unknown_unit", lazy("There is no such unit."))
    if proposal.person:
        target = _person(actor, proposal.person, unit, breach)
    elif unit is not None:
        target = _of_unit(actor, unit, breach)
    else:
        raise _wrong("unit", "required", lazy("Say the unit or the person."))
    answers = next((each for each in breach.answerable if each.who is target.who), None)
    if answers is None and proposal.measures is None:
        raise _wrong("rule", "not_answerable", lazy("By this rule somebody else answers. Say the measures."))
    return target, answers


def _of_unit(actor: Actor, unit: Unit, breach: Breach) -> _Target:
    """A region's or channel's case is its manager's, where there is one."""
    who = BY_UNIT[unit.kind]
    role = MANAGES.get(unit.kind)
    if role is None:
        return _Target(unit, None, who)
    managers = [
        membership.person_id
        for membership, _, at in accounts.memberships_in(actor.network_id)
        if at.id == unit.id and membership.role == role.value
    ]
    return _Target(unit, managers[0] if managers else None, who)


def _person(actor: Actor, written: str, unit: Unit | None, breach: Breach) -> _Target:
    """A person in a role for which the rule has an answer, else in the first one; at `unit`, if it is named."""
    person_id = accounts.person_in(actor.network_id, written)
    roles = [
        (membership, of)
        for membership, of in (accounts.memberships_of(person_id) if person_id is not None else [])
        if of.id == actor.network_id and (unit is None or membership.unit_id == unit.id)
    ]
    if person_id is None or not roles:
        raise _wrong("person", "unknown_person", lazy("Nobody of this name works there."))
    answering = {each.who for each in breach.answerable}

    def place(membership: accounts.Membership) -> tuple[bool, bool, int]:
        who = BY_ROLE.get(Role(membership.role), Who.EMPLOYEE)
        return (who not in answering, who is Who.EMPLOYEE, membership.id)

    chosen = min((membership for membership, _ in roles), key=place)
    who = BY_ROLE.get(Role(chosen.role), Who.EMPLOYEE)
    if who not in answering and Who.EMPLOYEE in answering:
        who = Who.EMPLOYEE
    return _Target(network.get_unit(chosen.unit_id), person_id, who)
