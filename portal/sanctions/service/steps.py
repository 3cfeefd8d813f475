"""What every step of a case goes through, whatever door it came by: found, locked, hands looked at, written down."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from portal import accounts, documents, ledger, network, notices, rulebook
from portal.access import Actor, Role
from portal.core import clock
from portal.core.db import db, within
from portal.core.errors import FieldError, Invalid, NotAllowed, NotFound
from portal.core.texts import lazy
from portal.rulebook import Procedure, Who
from portal.sanctions import queries, rules
from portal.sanctions.models import Case
from portal.sanctions.rules import HEARING, OF_PARTY, Measure, Move, State, Times
from portal.sanctions.service.reporting import write_step

ENDS_REVIEW = HEARING | {Move.PROPOSE, Move.REJECT, Move.WITHDRAW}
"""Whoever takes these steps has looked at the case again."""
ENDS_OTHERS = frozenset({Move.REJECT, Move.REVOKE, Move.FALL, Move.WITHDRAW})
"""With these steps the cases that hang on it are put up for review: they touch the whole breach."""
REFUSED = {
    "four_eyes": lazy("Proposer, approver and whoever hears the appeal are different persons."),
    "own_case": lazy("Nobody decides on a case of the own unit or person."),
    "no_person": lazy("A person decides this, by name."),
    "not_party": lazy("This is for whom the case is about."),
}


@dataclass(frozen=True)
class Held:
    """A case locked for one step."""

    case: Case
    now: datetime
    procedure: Procedure

    @property
    def times(self) -> Times:
        return Times(self.procedure.statement, self.procedure.approval, self.procedure.appeal)


@contextmanager
def holding(actor: Actor, case_id: int, move: Move) -> Iterator[Held]:
    """The one place: found with the actor's own eyes, locked, and refused to hands that may not (403).

    What follows is written with headquarters' eyes. Raises NotFound or NotAllowed.
    """
    found = queries.get_case(actor, case_id)
    with within(actor.whole_network):
        if move in ENDS_OTHERS:  # in one order: of two at once the second waits, neither for the other
            queries.cases_of_breach(found.breach_id, lock=True)
        case = queries.lock_case(case_id)
        refuse_hands(actor, case, move)
        book = rulebook.at_version(case.network_id, case.rulebook_version)
        yield Held(case, clock.now(), book.sanctions.procedure)
        db.session.flush()


def refuse_hands(actor: Actor, case: Case, move: Move) -> None:
    """Four eyes, and nobody in the own case. Raises NotAllowed."""
    refused = rules.refused_hand(
        move,
        actor.person_id,
        party=case.person_id,
        proposed_by=case.proposed_by,
        first_approved_by=case.first_approved_by,
        approved_by=case.approved_by,
    )
    if move in OF_PARTY:
        refused = None if queries.is_party(actor, case) else "not_party"
    elif refused is None and _works_at(actor, case):
        refused = "own_case"
    if refused is not None:
        raise NotAllowed(refused, REFUSED[refused])


def _works_at(actor: Actor, case: Case) -> bool:
    """Whether the person also works at the unit that the case is about, or below it; headquarters' own is no such."""
    if actor.person_id is None or case.about_path == case.unit_path:
        return False
    return any(
        of.id == case.network_id and membership.unit_path.startswith(case.about_path)
        for membership, of in accounts.memberships_of(actor.person_id)
    )


def move_on(actor: Actor, held: Held, move: Move, state: State, note: str) -> Case:
    """The case stands in its new state, with that step's own deadline, written down."""
    case = held.case
    if move is Move.KEEP:
        case.step_due_at = rules.kept_due(state, held.now, held.times)
    elif case.state != state.value or move is Move.STATE:
        stated = case.stated_at is not None
        case.step_due_at = rules.step_due(state, held.now, held.times, stated=stated)
    case.state = state.value
    if move in ENDS_REVIEW:
        case.review_at, case.review_reason = None, ""
    if state in (State.REJECTED, State.CLOSED, State.WITHDRAWN):
        case.closed_at = held.now
    write_step(actor, case, move, note, held.now)
    return case


def fitting(measures: Sequence[Measure] | None, who: Who) -> None:
    """Raises Invalid where a measure does not fit its kind or whom it is against, lies too far ahead or is over."""
    found = rules.faults(measures or [], who, clock.local(clock.now()).date())
    if found:
        raise Invalid(
            "invalid_measures",
            lazy("Some measures are not as they should be."),
            [FieldError(f"/measures/{each.place}/{each.field}", each.code, each.detail) for each in found],
        )


def milder(measures: Sequence[Measure] | None, case: Case) -> list[Measure]:
    """The case's measures, or milder ones in their place, of the same month. Raises Invalid `not_milder`."""
    if measures is None:
        return case.planned
    fitting(measures, case.against)
    month = next((each.month for each in case.planned if each.month), None)
    wanted = rules.in_month(measures, month) if month else list(measures)
    if not rules.is_milder(wanted, case.planned, margin_of(case)):
        detail = lazy("Only milder measures may take the place of those proposed.")
        raise Invalid("not_milder", detail, [FieldError("/measures", "not_milder", detail)])
    return wanted


def margin_of(case: Case) -> int:
    """The margin that a case can take from: what is free in it, and what the case itself holds of it."""
    if case.person_id is not None:
        return 0
    owner = ledger.Owner(case.about_unit_id, case.about_path)
    free = sum(each.balance for each in ledger.balances(owner) if each.kind is ledger.AccountKind.MARGIN)
    holds = {each.hold_id for each in queries.effects_of(case.id)} - {None}
    own = ledger.transactions_of_case(case.id) if holds else ()
    return free + sum(each.amount_minor for each in own if each.id in holds)


def approvers_needed(case: Case, procedure: Procedure, measures: Sequence[Measure]) -> int:
    """Two above the rulebook's amount; the whole margin counts as what is in it."""
    return 2 if rules.at_stake(measures, margin_of(case)) > procedure.two_approvers_above else 1


def stored(measures: Sequence[Measure]) -> list[dict[str, object]]:
    return [each.model_dump(mode="json") for each in measures]


def papers(ids: Sequence[str]) -> list[str]:
    """Evidence by the ids of documents. Raises Invalid `unknown_document`."""
    for place, each in enumerate(ids):
        try:
            documents.get_document(int(each) if each.isascii() and each.isdigit() and len(each) < 19 else -1)
        except NotFound as error:
            detail = lazy("There is no such document.")
            pointer = f"/documents/{place}"
            raise Invalid(
                "unknown_document", detail, [FieldError(pointer, "unknown_document", detail)]
            ) from error
    return list(ids)


def tell_party(actor: Actor, case: Case, subject: str) -> None:
    """Tell whom the case is about: the person, or the dealer's principal (a store's case: its dealer's)."""
    params, link = {"number": case.number}, f"/sanctions/{case.number}"
    kind = f"sanction_case:{case.state}"
    if case.person_id is not None:
        notices.tell(actor, person_id=case.person_id, kind=kind, subject=subject, params=params, link=link)
        return
    units, roles = [case.about_unit_id], [Role.DEALER_PRINCIPAL, Role.REGIONAL_MANAGER, Role.CHANNEL_MANAGER]
    if case.against is Who.STORE:
        dealer = network.superior_of_kind(case.about_path, "dealer")
        units = [dealer.id] if dealer else []
    notices.tell(actor, unit_ids=units, roles=roles, kind=kind, subject=subject, params=params, link=link)


def tell_office(actor: Actor, case: Case, roles: Sequence[Role], subject: str) -> None:
    """Tell those at headquarters whose step is next."""
    office = network.units_below(actor.root_path, kind="headquarters")
    notices.tell(
        actor,
        unit_ids=[unit.id for unit in office],
        roles=roles,
        kind=f"sanction_case:{case.state}",
        subject=subject,
        params={"number": case.number},
        link=f"/sanctions/{case.number}",
    )
