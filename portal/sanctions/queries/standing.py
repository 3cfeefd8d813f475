"""What executed measures left of a unit's rights, and the circulars that everybody reads."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from portal import network, rulebook
from portal.access import Actor
from portal.core.db import db, within
from portal.core.paging import LIMIT, Page, paged
from portal.core.scope import Scope
from portal.network import Unit
from portal.sanctions.models import Case, Circular, Effect
from portal.sanctions.queries.cases import may_see
from portal.sanctions.rules import MeasureKind, franchise_of

LASTING = (
    MeasureKind.MARKETING_SUPPORT_CANCELLED,
    MeasureKind.FRANCHISE_SUSPENDED,
    MeasureKind.FRANCHISE_CANCELLED,
    MeasureKind.DEALER_DISQUALIFIED,
)


@dataclass(frozen=True)
class Standing:
    """`franchise`: active, suspended, cancelled, disqualified; `since` the latest of what is in force; `until`: when a
    suspension ends by itself (exclusive)."""

    franchise: str
    marketing_support: str  # active or cancelled
    since: datetime | None
    until: datetime | None
    case_ids: list[int]


def _in_force(unit: Unit, now: datetime) -> Sequence[Effect]:
    """Lasting measures against the unit or a dealer above it; a suspension ends by itself.

    Headquarters' eyes, for a store does not see its dealer's.
    """
    office = network.get_network(unit.network_id)
    above = [int(part) for part in unit.unit_path.rstrip(".").split(".")]
    chosen = (
        select(Effect)
        .where(
            Effect.network_id == unit.network_id,
            Effect.about_unit_id.in_(above),
            Effect.person_id.is_(None),
            Effect.kind.in_([each.value for each in LASTING]),
            Effect.applied_at.is_not(None),
            Effect.undone_at.is_(None),
            or_(Effect.until.is_(None), Effect.until > now),
        )
        .order_by(Effect.applied_at, Effect.id)
    )
    with within(Scope.below(unit.network_id, office.root_path)):
        return db.session.scalars(chosen).all()


def lasting(unit: Unit, now: datetime) -> list[MeasureKind]:
    """Which measures bind the unit now."""
    return [MeasureKind(each.kind) for each in _in_force(unit, now)]


def standing(actor: Actor, unit: Unit, now: datetime) -> Standing:
    """What the unit may still do, and the cases behind it that this actor may see."""
    found = _in_force(unit, now)
    kinds = [MeasureKind(each.kind) for each in found]
    seen = (
        select(Case.id).where(Case.id.in_([each.case_id for each in found]), may_see(actor)).order_by(Case.id)
    )
    franchise = franchise_of(kinds)
    ends = [each.until for each in found if each.kind == MeasureKind.FRANCHISE_SUSPENDED.value]
    supported = MeasureKind.MARKETING_SUPPORT_CANCELLED not in kinds
    return Standing(
        franchise=franchise,
        marketing_support="active" if supported else "cancelled",
        since=max((each.applied_at for each in found if each.applied_at), default=None),
        until=max(filter(None, ends), default=None)
        if franchise == "suspended" and None not in ends
        else None,
        case_ids=list(db.session.scalars(seen)),
    )


def may_file(unit: Unit, now: datetime) -> bool:
    """False for a disqualified dealer and its stores: they read, appeal and pay, and file nothing new."""
    return not any(each.kind == MeasureKind.DEALER_DISQUALIFIED.value for each in _in_force(unit, now))


def effects_of(case_id: int, *, lock: bool = False) -> Sequence[Effect]:
    """What a case holds and does now: effects that were undone are left out. Headquarters' eyes."""
    chosen = select(Effect).where(Effect.case_id == case_id, Effect.undone_at.is_(None))
    if lock:
        chosen = chosen.with_for_update()
    return db.session.scalars(chosen.order_by(Effect.round, Effect.place)).all()


def top_ups_of(unit_ids: Collection[int]) -> Sequence[Effect]:
    """Every top-up that these units ever owed, but for those that fell: what one deposit paid does not pay another."""
    chosen = select(Effect).where(
        Effect.kind == MeasureKind.TOP_UP.value,
        Effect.about_unit_id.in_(unit_ids),
        Effect.applied_at.is_not(None),
        Effect.undone_at.is_(None),
    )
    return db.session.scalars(chosen.order_by(Effect.applied_at, Effect.id)).all()


def running_effects(kind: MeasureKind, *, lock: bool = False) -> Sequence[Effect]:
    """Applied, and still waiting for something: top-ups to be paid, shares whose statement has not come.

    `lock`: for whoever changes them; those that somebody else holds are left out.
    """
    chosen = select(Effect).where(
        Effect.kind == kind.value,
        Effect.applied_at.is_not(None),
        Effect.settled_at.is_(None),
        Effect.undone_at.is_(None),
    )
    if lock:
        chosen = chosen.with_for_update(skip_locked=True)
    return db.session.scalars(chosen.order_by(Effect.id), execution_options={"populate_existing": lock}).all()


@dataclass(frozen=True)
class CircularView:
    number: str
    at: datetime
    title: rulebook.Words | None
    requirement: str
    party_name: str | None
    withdrawn_at: datetime | None


def list_circulars(network_id: int, *, cursor: str | None = None, limit: int = LIMIT) -> Page[CircularView]:
    """Public criticism of this network, the newest first; what was withdrawn says so."""
    page = paged(
        select(Circular).where(Circular.network_id == network_id),
        [Circular.id],
        cursor,
        limit,
        newest_first=True,
    )
    versions = {each.rulebook_version for each in page.items}
    books = {each: rulebook.at_version(network_id, each) for each in versions}
    items = []
    for each in page.items:
        broken = books[each.rulebook_version].breach(each.rule)
        title = broken.title if broken else None
        items.append(
            CircularView(each.number, each.at, title, each.requirement, each.party_name, each.withdrawn_at)
        )
    return Page(items, page.next_cursor)
