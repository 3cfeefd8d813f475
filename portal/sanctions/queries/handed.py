"""Measures that people carry out outside of the portal, as a list for those who do."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from portal import accounts
from portal.access import Actor, Permission, Role
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import LIMIT, Page, paged
from portal.core.waiting import NOW, Waits
from portal.network import units_by_id
from portal.sanctions.models import Case, Effect


@dataclass(frozen=True)
class HandedOn:
    """One of them with its case; `by`: who has carried it out."""

    effect: Effect
    case: Case
    unit_code: str
    unit_name: str
    person_name: str | None
    by: str | None


def list_handed_on(
    actor: Actor, *, done: bool | None = None, cursor: str | None = None, limit: int = LIMIT
) -> Page[HandedOn]:
    """Those that stand, the earliest limit first; `done`: only what is carried out, or only what is not."""
    chosen = select(Effect).where(
        Effect.network_id == actor.network_id, Effect.act_due_at.is_not(None), Effect.undone_at.is_(None)
    )
    if done is not None:
        chosen = chosen.where(Effect.acted_at.is_not(None) if done else Effect.acted_at.is_(None))
    page = paged(chosen, [Effect.act_due_at, Effect.id], cursor, limit)
    return Page(_views(page.items), page.next_cursor)


def handed_view(effect: Effect) -> HandedOn:
    """One of them as the list shows it."""
    return _views([effect])[0]


def _views(effects: Sequence[Effect]) -> list[HandedOn]:
    keys = {each.case_id for each in effects}
    cases = {each.id: each for each in db.session.scalars(select(Case).where(Case.id.in_(keys)))}
    units = units_by_id(each.about_unit_id for each in effects)
    people = {key for each in effects for key in (each.person_id, each.acted_by) if key is not None}
    names = accounts.names_of(people) if people else {}
    return [
        HandedOn(
            effect=each,
            case=cases[each.case_id],
            unit_code=units[each.about_unit_id].code,
            unit_name=units[each.about_unit_id].name,
            person_name=names.get(each.person_id or 0),
            by=names.get(each.acted_by or 0),
        )
        for each in effects
    ]


def handed_on(actor: Actor, effect_id: int) -> Effect:
    """Raises NotFound, also for what was not handed on, or is undone."""
    if not actor.may(Permission.SANCTION_CARRY_OUT):
        raise NotFound()
    chosen = select(Effect).where(
        Effect.id == effect_id, Effect.act_due_at.is_not(None), Effect.undone_at.is_(None)
    )
    found = db.session.scalar(chosen)
    if found is None:
        raise NotFound()
    return found


def to_carry_out(role: Role) -> Waits | None:
    """What waits to be carried out, for the rail of those who do."""
    if role is not Role.EXECUTIVE:
        return None
    return select(Effect.act_due_at <= NOW).where(
        Effect.act_due_at.is_not(None), Effect.acted_at.is_(None), Effect.undone_at.is_(None)
    )
