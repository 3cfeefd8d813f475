"""What measures do: money is held when a case is approved and taken when it is executed; the rest takes effect then.

Each effect has a row of its own and a key of its own in the ledger, so that it happens once however often it is asked.
Everything here runs with headquarters' eyes under the case's lock.
"""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from portal import accounts, ledger, network, notices
from portal.access import Actor, Role
from portal.core import events
from portal.core import month as months
from portal.core.db import db
from portal.ledger import Cause, Owner
from portal.sanctions import queries
from portal.sanctions.models import Case, Circular, Effect
from portal.sanctions.rules import FROM_MARGIN, MONEY, Measure, MeasureKind
from portal.sanctions.service.steps import Held

WAITS = {MeasureKind.TOP_UP, MeasureKind.COMMISSION_WITHHELD}
"""These are not settled when they are applied: money or a statement has to come."""
PARTED = {
    MeasureKind.DEALER_DISQUALIFIED: (
        "dealer:disqualified",
        "%(unit)s is disqualified: its customers need another dealer",
    ),
    MeasureKind.FRANCHISE_CANCELLED: (
        "dealer:cancelled",
        "The franchise of %(unit)s is cancelled: its customers need another dealer",
    ),
}
"""The dealer leaves the network: its margin is paid back by the rulebook's terms, its customers need another one."""
LEAVES = frozenset(PARTED)
HANDED_ON: dict[MeasureKind, str] = {
    MeasureKind.MANAGEMENT_RESPONSIBILITY: "Sanction case %(number)s: management responsibility is recorded",
    MeasureKind.DISMISSAL_RECOMMENDED: "Sanction case %(number)s recommends a dismissal",
    MeasureKind.COMPENSATION_CLAIMED: "Sanction case %(number)s: compensation is to be claimed",
    MeasureKind.REFERRED_TO_LEGAL: "Sanction case %(number)s is referred to legal",
}


def plan(actor: Actor, case: Case, held: Held) -> None:
    """A row for each measure that was decided; what is to come out of the margin is put on hold now."""
    newest = select(func.coalesce(func.max(Effect.round), 0)).where(Effect.case_id == case.id)
    turn = (db.session.scalar(newest) or 0) + 1
    for place, measure in enumerate(case.planned, 1):
        effect = Effect(
            network_id=case.network_id,
            unit_path=case.unit_path,
            case_id=case.id,
            round=turn,
            place=place,
            about_unit_id=case.about_unit_id,
            person_id=case.person_id,
            kind=measure.kind.value,
            amount_minor=measure.amount,
            share=measure.share,
            month=months.parse(measure.month) if measure.month else None,
            until=_until(measure, case, held, actor),
        )
        if measure.kind is MeasureKind.COMMISSION_WITHHELD and effect.month is None:
            effect.month = held.now.astimezone(ZoneInfo(actor.time_zone)).date().replace(day=1)
        if measure.kind in FROM_MARGIN and case.person_id is None:
            made = ledger.hold(
                actor, _owner(case), measure.amount, key=f"{_key(case, effect)}:hold", cause=_cause(case)
            )
            effect.hold_id = made.id if made else None
        db.session.add(effect)
    db.session.flush()


def undo(actor: Actor, case: Case, held: Held, reason: str) -> None:
    """The decision fell: holds are given back, what was taken is reversed, what was in force is so no more."""
    cause = Cause(reason, case.id, case.number, case.requirement, case.approved_by)
    for effect in queries.effects_of(case.id, lock=True):
        if effect.transaction_id is not None:
            ledger.reverse(actor, effect.transaction_id, reason)
        elif effect.hold_id is not None:
            ledger.release(actor, effect.hold_id, cause=cause)
        if effect.withholding_id is not None:
            ledger.cancel_withholding(actor, effect.withholding_id, reason)
        effect.undone_at = held.now
    db.session.flush()
    unit = network.get_unit(case.about_unit_id)
    if case.person_id is None and not LEAVES & set(queries.lasting(unit, held.now)):
        ledger.stay(actor, unit, reason, by_case=True)  # another case that fell before may have noted it
    for circular in db.session.scalars(select(Circular).where(Circular.case_id == case.id)):
        circular.withdrawn_at = held.now
    db.session.flush()


def left_to_apply(case: Case) -> list[MeasureKind]:
    return [MeasureKind(each.kind) for each in queries.effects_of(case.id) if each.applied_at is None]


def all_settled(case: Case) -> bool:
    return all(
        each.settled_at is not None for each in queries.effects_of(case.id) if each.applied_at is not None
    )


def apply(actor: Actor, case: Case, held: Held, *, money: bool) -> None:
    """Let what was decided take effect; what moves money only where `money` is true."""
    for effect in queries.effects_of(case.id, lock=True):
        kind = MeasureKind(effect.kind)
        if effect.applied_at is not None or (kind in MONEY and not money):
            continue
        effect.applied_at = held.now
        effect.settled_at = None if kind in WAITS else held.now
        if kind in FROM_MARGIN:
            _take(actor, case, effect)
        elif kind is MeasureKind.COMMISSION_WITHHELD:
            _withhold(actor, case, effect, held.now)
        elif kind is MeasureKind.TOP_UP:
            least = held.now + held.procedure.top_up  # an appeal may have used up the day that was named
            effect.until = max(effect.until or least, least)
        elif kind is MeasureKind.CIRCULAR:
            _publish(actor, case, held)
        elif kind in LEAVES:
            _part_from(actor, case, kind, held.now)
        elif kind in HANDED_ON:
            effect.act_due_at = held.now + held.procedure.handed_on
            _hand_on(actor, case, HANDED_ON[kind])
        db.session.flush()


def _take(actor: Actor, case: Case, effect: Effect) -> None:
    """From the hold, then from what is free since; what is short stands in the effect for finance to see."""
    if effect.amount_minor is None and effect.hold_id is None:
        return  # the whole margin, and there was none
    found = ledger.take(
        actor,
        _owner(case),
        effect.amount_minor,
        hold_id=effect.hold_id,
        key=_key(case, effect),
        cause=_cause(case),
    )
    effect.transaction_id = found.transaction.id if found.transaction else None
    effect.short_minor = found.split.short


def _withhold(actor: Actor, case: Case, effect: Effect, now: datetime) -> None:
    """Ordered for the month; where the region or channel had nobody in the post there is nobody to take it from."""
    assert effect.month is not None
    assert effect.share is not None
    if case.person_id is None:
        effect.settled_at = now
        events.record(
            actor, "commission:nobody", effect, after={"number": case.number, "share": effect.share}
        )
        return
    order = ledger.withhold(
        actor, _owner(case), effect.month, effect.share, key=_key(case, effect), cause=_cause(case)
    )
    effect.withholding_id, effect.short_minor = order.id, order.short_minor or 0
    effect.settled_at = now if order.posted_at is not None else None


def _publish(actor: Actor, case: Case, held: Held) -> None:
    """On every board of the network; the name as far as the rulebook says."""
    values = {
        "network_id": case.network_id,
        "unit_path": case.unit_path,
        "case_id": case.id,
        "number": case.number,
        "at": held.now,
        "rule": case.rule,
        "requirement": case.requirement,
        "rulebook_version": case.rulebook_version,
        "party_name": _name(case) if held.procedure.circular_names_party else None,
    }
    db.session.execute(insert(Circular).values(values).on_conflict_do_nothing())
    notices.tell(
        actor,
        unit_ids=[unit.id for unit in network.units_below(actor.root_path, active=True)],
        kind="circular:published",
        subject="A circular was published: %(number)s",
        params={"number": case.number},
    )


def _part_from(actor: Actor, case: Case, kind: MeasureKind, now: datetime) -> None:
    """The region is told whose customers now need a home, finance what is to be paid back."""
    unit = network.get_unit(case.about_unit_id)
    ledger.leave(actor, unit, now, case.number, case_id=case.id)
    region = network.superior_of_kind(case.about_path, "region")
    above = network.superior_of_kind(case.about_path, "channel")
    told, subject = PARTED[kind]
    notices.tell(
        actor,
        unit_ids=[each.id for each in (region, above) if each],
        roles=[Role.REGIONAL_MANAGER, Role.CHANNEL_MANAGER],
        kind=told,
        subject=subject,
        params={"unit": unit.name},
        link=f"/customers?unit={unit.code}",
    )


def _hand_on(actor: Actor, case: Case, subject: str) -> None:
    office = network.units_below(actor.root_path, kind="headquarters")
    notices.tell(
        actor,
        unit_ids=[unit.id for unit in office],
        roles=[Role.EXECUTIVE],
        kind="sanction_case:handed_on",
        subject=subject,
        params={"number": case.number},
        link="/handed-on",
    )


def _until(measure: Measure, case: Case, held: Held, actor: Actor) -> datetime | None:
    """The end of the day that is named, in the network's zone."""
    if measure.until is None:
        return None
    last = datetime.combine(measure.until + timedelta(days=1), time.min, ZoneInfo(actor.time_zone))
    return last.astimezone(UTC)


def _owner(case: Case) -> Owner:
    if case.person_id is not None:
        found = ledger.person_owner(case.network_id, case.person_id, case.about_unit_id)
        return found or Owner(case.about_unit_id, case.about_path, case.person_id)
    return Owner(case.about_unit_id, case.about_path)


def _cause(case: Case) -> Cause:
    return Cause(case.number, case.id, case.number, case.requirement, case.approved_by)


def _key(case: Case, effect: Effect) -> str:
    return f"case:{case.id}:{effect.round}:{effect.place}"


def _name(case: Case) -> str:
    if case.person_id is not None:
        return accounts.names_of([case.person_id]).get(case.person_id, "")
    return network.get_unit(case.about_unit_id).name
